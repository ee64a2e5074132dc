"""The registry of the base columns: what each is, and what is known about it before any data.

Letters: o h l c v of the candle, r = c / c[-1] - 1, range = h - l; sma mean, sd standard deviation (ddof 1), both of
the last n rows; ema(x, s) alpha = 2 / (s + 1), started at the first value; wilder(x, n) alpha = 1 / n, started at the
mean of the first n; "previous 20" are rows t - 20 to t - 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from comove.features.columns import ColumnMetadata
from comove.options import BASE_COLUMNS as INPUTS
from comove.options import OPTIONAL_COLUMNS

__all__ = ["BASE_COLUMNS", "base_columns"]

_Range = tuple[float | None, float | None]

_ANY: _Range = (None, None)
_POSITIVE: _Range = (0.0, None)
_SHARE: _Range = (0.0, 1.0)
_SIGNED: _Range = (-1.0, 1.0)
_PERCENT: _Range = (0.0, 100.0)

_WILDER = "Wilder (1978), New Concepts in Technical Trading Systems"
_BOLLINGER = "Bollinger (2001), Bollinger on Bollinger Bands"
_MOMENTS = "Chan, Golub and LeVeque (1979), eq. 2.1"


def _column(
    name: str,
    definition: str,
    lookback: int | Literal["fades", "all"],
    unit: str,
    span: _Range,
    source: str = "comove",
    warm_up: int | None = None,
) -> ColumnMetadata:
    if warm_up is None:
        warm_up = lookback if isinstance(lookback, int) else 1
    return ColumnMetadata(
        name=name,
        definition=definition,
        inputs=INPUTS[name],
        lookback=lookback,
        warm_up=warm_up,
        range=span,
        unit=unit,
        default=None,
        source=source,
    )


_RETURNS = [
    *(_column(f"ret_{n}", f"c / c[-{n}] - 1", n + 1, "fraction", (-1.0, None)) for n in (1, 3, 5)),
    *(
        _column(f"zscore_ret_{n}", f"(ret_{n} - sma(ret_{n}, 60)) / sd(ret_{n}, 60)", 60 + n, "sd", _ANY, _MOMENTS)
        for n in (1, 3, 5)
    ),
]
_AVERAGES = [
    *(_column(f"ema_{s}", f"ema(c, {s})", "fades", "price", _POSITIVE) for s in (5, 21, 8, 34)),
    *(
        _column(f"ema_diff_{a}_{b}", f"ema(c, {a}) - ema(c, {b})", "fades", "price", _ANY)
        for a, b in ((5, 21), (8, 34))
    ),
]
_STRENGTH = [
    *(
        _column(
            f"rsi_{n}",
            f"100 g / (g + s), g and s wilder({n}) of the rises and of the falls of c",
            "fades", "index", _PERCENT, _WILDER, n + 1,
        )
        for n in (7, 14)
    ),
    _column("atr", "wilder(true range, 14)", "fades", "price", _POSITIVE, _WILDER, 15),
    _column(
        "adx",
        "wilder(dx, 14), dx = 100 abs(p - m) / (p + m), p and m wilder(14) of the upward and the downward movement",
        "fades", "index", _PERCENT, _WILDER, 28,
    ),
]  # fmt: skip
_BANDS = [
    _column("bb_upper", "sma(c, 20) + 2 population sd(c, 20)", 20, "price", _POSITIVE, _BOLLINGER),
    _column("bb_lower", "sma(c, 20) - 2 population sd(c, 20)", 20, "price", _ANY, _BOLLINGER),
    _column("bb_width", "(bb_upper - bb_lower) / sma(c, 20)", 20, "fraction", _POSITIVE, _BOLLINGER),
    *(_column(f"realized_sigma_{n}", f"sd(r, {n})", n + 1, "fraction", _POSITIVE, _MOMENTS) for n in (30, 60)),
]
_BARS = [
    _column("range_pct", "range / c", 1, "fraction", _POSITIVE),
    _column("typical_price", "(h + l + c) / 3", 1, "price", _POSITIVE),
    _column("micro_trend", "sma(r, 15)", 16, "fraction", (-1.0, None)),
]
_CALENDAR = [
    _column("tod_fraction", "time of day, UTC, as a part of the day", 1, "days", _SHARE),
    _column("tod_sin", "sin(2 pi tod_fraction)", 1, "ratio", _SIGNED),
    _column("tod_cos", "cos(2 pi tod_fraction)", 1, "ratio", _SIGNED),
    _column("day_of_week", "ISO day of the week, UTC, Monday 1", 1, "days", (1.0, 7.0), "ISO 8601"),
    _column("dow_sin", "sin(2 pi (day_of_week - 1) / 7)", 1, "ratio", _SIGNED),
    _column("dow_cos", "cos(2 pi (day_of_week - 1) / 7)", 1, "ratio", _SIGNED),
]
_STATE = [
    _column("volatility_regime", "sd(r, 10) / sd(r, 50)", 51, "ratio", _POSITIVE, _MOMENTS),
    _column(
        "price_position_in_range", "(c - min(l, 14)) / (max(h, 14) - min(l, 14)); 0.5 where flat", 14, "ratio", _SHARE
    ),
    _column("volume_mean_240", "sma(v, 240)", 240, "volume", _POSITIVE, _MOMENTS),
    _column("volume_std_240", "sd(v, 240)", 240, "volume", _POSITIVE, _MOMENTS),
    _column("coin_age_days", "days since the first row of the symbol", "all", "days", _POSITIVE),
]
_BREAKOUTS = [
    _column(
        "ignition",
        "60 clip((c - max h of previous 20) / (their max h - min l), 0, 1) + 40 clip(v / sma(v, 20), 0, 3) / 3",
        21, "points", _PERCENT,
    ),
    _column("breakout_thrust", "clip((c - max h of previous 20) / atr, 0, 5)", "fades", "atr", (0.0, 5.0), warm_up=21),
    _column(
        "breakout_quality",
        "clip(abs(ret_5) / (sd(r, 20) sqrt(5)), 0, 3) / 3 * clip(v / sma(v, 20), 0, 3) / 3",
        21, "ratio", _SHARE,
    ),
]  # fmt: skip
_COMPRESSION = [
    _column("compression_score", "1 - clip(range / sma(range, 20), 0, 2) / 2", 20, "ratio", _SHARE),
    _column("compression_rank", "share of the last 50 rows whose range is larger", 50, "ratio", _SHARE),
    _column(
        "nr7_density",
        "share of the last 20 rows that have the narrowest range of their last 7",
        26, "ratio", _SHARE, "Crabel (1990), Day Trading with Short Term Price Patterns",
    ),
    _column("mean_revert_bias", "-clip((c - sma(c, 20)) / (2 sd(c, 20)), -1, 1)", 20, "ratio", _SIGNED),
    _column("pullback_depth", "1 - c / max(h, 20)", 20, "fraction", _SHARE),
    _column("micro_score", "50 (1 + sign(sma(r, 10)) clip(v / sma(v, 10), 0, 2) / 2)", 11, "points", _PERCENT),
    _column("uptick_ratio", "share of r > 0 among the last 20", 21, "ratio", _SHARE),
    _column(
        "spread_bps",
        "2 (exp(a) - 1) / (exp(a) + 1) of the highs and lows of two rows, not below 0, in 1e-4 of the price",
        2, "bps", (0.0, 20_000.0), "Corwin and Schultz (2012), eqs. 14 and 18",
    ),
]  # fmt: skip
_LEADER = [
    _column("leader_bias", "sma(r - r of the leader, 20); missing without a leader", 21, "fraction", _ANY),
    _column(
        "rs_score",
        "50 (1 + tanh(10 (0.6 d10 + 0.4 d20))), dn the n-row return minus the leader's; missing without a leader",
        21, "points", _PERCENT,
    ),
]  # fmt: skip
_TREND = [
    _column("trend_strength", "sign(slope) R^2 of c on time, 20 rows", 20, "ratio", _SIGNED, "least squares"),
    _column("ema_slope", "ema(c, 20) / its value one row ago - 1", "fades", "fraction", (-1.0, None), warm_up=2),
    _column("momentum_slope", "ret_5 minus ret_5 of 20 rows ago", 26, "fraction", _ANY),
    _column("htf_bias", "clip((c / sma(c, 100) - 0.8) / 0.4, 0, 1)", 100, "ratio", _SHARE),
    *(
        _column(
            f"trend_flag_{n}", f"1, 0 or -1: sma(r, {n}) above 3 bps, between, below -3 bps", n + 1, "flag", _SIGNED
        )
        for n in (5, 30, 120)
    ),
    *(
        _column(
            f"trend_strength_{a}_{b}", f"clip((ema(c, {a}) - ema(c, {b})) / c, -1, 1)", "fades", "fraction", _SIGNED
        )
        for a, b in ((5, 60), (30, 240))
    ),
]
_VOLUME = [
    _column("vol_jump_z", "(v - mean of previous 20) / sd of previous 20", 21, "sd", _ANY, _MOMENTS),
    _column(
        "kurtosis",
        "bias-corrected excess kurtosis of r, 60 rows",
        61, "ratio", _ANY, "Joanes and Gill (1998), G2; Pebay (2008), eqs. 2.1 and 3.1",
    ),
    _column("vwap", "sum(typical_price v) / sum(v), 240 rows", 240, "price", _POSITIVE),
    _column("close_to_vwap", "c / vwap - 1", 240, "fraction", (-1.0, None)),
]  # fmt: skip
_BOOK = [
    _column("orderbook_imbalance", "(bid_volume - ask_volume) / (bid_volume + ask_volume)", 1, "ratio", _SIGNED),
    _column("microprice", "(bid ask_volume + ask bid_volume) / (bid_volume + ask_volume)", 1, "price", _POSITIVE),
    _column("funding_rate_trend", "sma(funding_rate, 180)", 180, "fraction", _ANY),
]

#: Every base column, the three optional ones last.
BASE_COLUMNS: dict[str, ColumnMetadata] = {
    column.name: column
    for part in (
        *(_RETURNS, _AVERAGES, _STRENGTH, _BANDS, _BARS, _CALENDAR, _STATE, _BREAKOUTS, _COMPRESSION, _LEADER),
        *(_TREND, _VOLUME, _BOOK),
    )
    for column in part
}


def base_columns(given: Sequence[str], leader: str | None = None) -> list[ColumnMetadata]:
    """Return the base columns whose inputs can be there.

    Parameters
    ----------
    given : sequence of str
        Inputs of order book and funding rate that the data has.
    leader : str, optional
        The leader of `leader_bias` and `rs_score`, named in their inputs.
    """
    close = f"{leader or 'leader'}.close"
    found = [c for c in BASE_COLUMNS.values() if c.name not in OPTIONAL_COLUMNS or set(c.inputs) <= set(given)]
    return [
        replace(column, inputs=tuple(close if name == "leader_close" else name for name in column.inputs))
        for column in found
    ]
