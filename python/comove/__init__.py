"""comove: cross-asset influence for crypto markets.

How strongly a coin moves with its leaders, who moves first, how turbulence spreads. The same bits in research, over
Polars frames and NumPy arrays, and live, one tick at a time.
"""

from __future__ import annotations

from comove import arrays, connectedness, data, live, ticks
from comove._comove import __version__
from comove.errors import ComoveError, DataError, OrderError, ParameterError, StateError
from comove.expressions import (
    base_features,
    cross_asset_features,
    cross_correlation,
    ewm_beta,
    ewm_corr,
    ewm_cov,
    garman_klass,
    joint_beta,
    lag_scan,
    parkinson,
    rolling_beta,
    rolling_corr,
    rolling_cov,
    rolling_regression,
    rolling_spillover,
    rolling_var,
)
from comove.features import FeatureRecipe, FeatureStream
from comove.structure import (
    BetaCalculator,
    BetaMetrics,
    LeadLagMetrics,
    LeadLagTracker,
    MarketRegime,
    MarketStructureCoordinator,
    MarketStructureSnapshot,
    PriceData,
    RegimeOptions,
    VolatilitySpillover,
    VolatilitySpilloverMonitor,
)

__all__ = [
    "BetaCalculator",
    "BetaMetrics",
    "ComoveError",
    "DataError",
    "FeatureRecipe",
    "FeatureStream",
    "LeadLagMetrics",
    "LeadLagTracker",
    "MarketRegime",
    "MarketStructureCoordinator",
    "MarketStructureSnapshot",
    "OrderError",
    "ParameterError",
    "PriceData",
    "RegimeOptions",
    "StateError",
    "VolatilitySpillover",
    "VolatilitySpilloverMonitor",
    "__version__",
    "arrays",
    "base_features",
    "connectedness",
    "cross_asset_features",
    "cross_correlation",
    "data",
    "ewm_beta",
    "ewm_corr",
    "ewm_cov",
    "garman_klass",
    "joint_beta",
    "lag_scan",
    "live",
    "parkinson",
    "rolling_beta",
    "rolling_corr",
    "rolling_cov",
    "rolling_regression",
    "rolling_spillover",
    "rolling_var",
    "ticks",
]
