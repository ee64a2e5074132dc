"""The array door: every batch estimator on NumPy arrays.

Inputs are anything NumPy takes: arrays of any numeric dtype and any strides, read-only ones, pandas and Polars
Series, lists. NaN, infinities and None are missing. They are not modified, and copied only where they are not
contiguous float64. `asset` may be two-dimensional, one column an asset, against one benchmark.

The same rows give bit for bit what the Polars expressions and the live objects give. The GIL is released.
"""

from __future__ import annotations

from comove.arrays.features import base_features, cross_asset_features
from comove.arrays.lags import cross_correlation, lag_scan
from comove.arrays.pairs import (
    ewm_beta,
    ewm_corr,
    ewm_cov,
    joint_beta,
    rolling_beta,
    rolling_corr,
    rolling_cov,
    rolling_regression,
    rolling_var,
)
from comove.arrays.spillover import garman_klass, parkinson, rolling_spillover

__all__ = [
    "base_features",
    "cross_asset_features",
    "cross_correlation",
    "ewm_beta",
    "ewm_corr",
    "ewm_cov",
    "garman_klass",
    "joint_beta",
    "lag_scan",
    "parkinson",
    "rolling_beta",
    "rolling_corr",
    "rolling_cov",
    "rolling_regression",
    "rolling_spillover",
    "rolling_var",
]
