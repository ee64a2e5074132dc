"""The cross-asset features of an asset and one leader."""

from __future__ import annotations

from comove import options
from comove.arrays.calls import block
from comove.options import Floats, Returns

_CROSS_ASSET = ("beta", "correlation", "divergence", "volatility", "relative_momentum")


def cross_asset_features(
    asset_price: object,
    leader_price: object,
    *,
    window_size: int = 30,
    vol_window: int = 20,
    short: int = 5,
    long: int = 20,
    momentum: int = 10,
    min_samples: int | None = None,
    returns: Returns = "simple",
    out: Floats | None = None,
) -> dict[str, Floats]:
    """Five features of an asset and one leader, from their prices on one grid.

    - beta, correlation of the one-row returns over `window_size` rows
    - divergence = clip(rs_short - rs_long, -0.2, 0.2) / 0.2, rs_n the n-row return of the asset minus the leader's
    - volatility: standard deviation (ddof 1) of the leader's returns over `vol_window` rows
    - relative_momentum: the `momentum`-row return of the asset minus the leader's

    Parameters
    ----------
    asset_price : float64, shape (n,) or (n, k)
        Prices, above 0; NaN where there is none. A return needs both neighbouring rows.
    leader_price : float64, shape (n,)
    window_size : int, at least 3
    vol_window : int, at least 2
    short, long, momentum : int, at least 1
        Rows.
    min_samples : int, optional
        Of beta and correlation, as in `rolling_beta`.
    returns : {"simple", "log"}
    out : float64, shape (5, n) or (5, n, k), optional

    Returns
    -------
    dict of float64 arrays of the shape of `asset_price`
        NaN where not defined; nothing is filled.

    Raises
    ------
    ParameterError
        An option out of its bounds.
    DataError
        Shapes that do not fit; a price that is not above 0.

    Notes
    -----
    Constant work a row; precision as `rolling_beta`. Logarithms are those of the pure-Rust libm on every door.
    """
    lookbacks = {"vol_window": vol_window, "short": short, "long": long, "momentum": momentum}
    chosen = options.cross_asset(window_size, min_samples, lookbacks, returns)
    y = options.floats("asset_price", asset_price)
    x = options.series("leader_price", leader_price, len(y))
    return block("cross_asset_features", chosen, y, [x], None, _CROSS_ASSET, out)
