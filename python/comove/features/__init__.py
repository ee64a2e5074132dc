"""Columns for models, made from candles.

`FeatureRecipe` holds the options and builds the columns; `ColumnMetadata` describes one of them. The numbers come from
the Polars door; this layer lays prices on one grid, and is the only one that ever fills a missing value.
"""

from __future__ import annotations

from comove.features.columns import ColumnMetadata
from comove.features.recipe import FeatureRecipe

__all__ = ["ColumnMetadata", "FeatureRecipe"]
