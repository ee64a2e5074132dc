"""Columns for models, made from candles.

`FeatureRecipe` holds the options and builds the columns, `FeatureStream` gives the same rows live; `ColumnMetadata`
describes a column, `BASE_COLUMNS` all that are made of a symbol's own candles, and `audit` shows that none looks ahead.
The numbers come from the doors; this layer lays prices on one grid, and is the only one that ever fills a missing
value.
"""

from __future__ import annotations

from comove.features.base import BASE_COLUMNS
from comove.features.columns import CROSS_ASSET, ColumnMetadata
from comove.features.look_ahead import Audit, LookAhead, audit
from comove.features.recipe import FeatureRecipe
from comove.features.stream import FeatureStream

__all__ = [
    "BASE_COLUMNS",
    "CROSS_ASSET",
    "Audit",
    "ColumnMetadata",
    "FeatureRecipe",
    "FeatureStream",
    "LookAhead",
    "audit",
]
