"""The base columns as one would write them in plain Polars.

Wilder's averages start at their first value and not at a mean; the rank counts with one comparison a row of its window;
everything else follows the definitions.
"""

from __future__ import annotations

import math

import polars as pl

H, L, C, V = (pl.col(name) for name in ("high", "low", "close", "volume"))
LEADER = pl.col("leader_close")


def sma(x: pl.Expr, n: int) -> pl.Expr:
    return x.rolling_mean(n)


def sd(x: pl.Expr, n: int, ddof: int = 1) -> pl.Expr:
    return x.rolling_std(n, ddof=ddof)


def ema(x: pl.Expr, span: int) -> pl.Expr:
    return x.ewm_mean(span=span, adjust=False)


def wilder(x: pl.Expr, n: int) -> pl.Expr:
    return x.ewm_mean(alpha=1 / n, adjust=False)


def returns(rows: int, x: pl.Expr = C) -> pl.Expr:
    return x / x.shift(rows) - 1


def first() -> dict[str, pl.Expr]:
    """What several columns share, each computed once."""
    before = C.shift(1)
    return {
        "r": returns(1),
        "range": H - L,
        "true_range": pl.max_horizontal(H - L, (H - before).abs(), (L - before).abs()),
        "change": C.diff(),
        "up": H.diff(),
        "down": -L.diff(),
        "apart": returns(1) - returns(1, LEADER),
        "typical": (H + L + C) / 3,
        "width": (H / L).log(),
        "row": pl.int_range(pl.len()).cast(pl.Float64),
        **{f"ema{s}": ema(C, s) for s in (5, 8, 20, 21, 30, 34, 60, 240)},
    }


def second() -> dict[str, pl.Expr]:
    up, down, ranges = pl.col("up"), pl.col("down"), wilder(pl.col("true_range"), 14)
    plus = wilder(pl.when((up > down) & (up > 0)).then(up).otherwise(0.0), 14) / ranges
    minus = wilder(pl.when((down > up) & (down > 0)).then(down).otherwise(0.0), 14) / ranges
    return {
        "atr": ranges,
        "dx": (100 * (plus - minus).abs() / (plus + minus)).fill_nan(None),
        "ret_3": returns(3),
        "ret_5": returns(5),
        "mid": sma(C, 20),
        "sd20": sd(C, 20, 0),
        "top": H.rolling_max(20).shift(1),
        "bottom": L.rolling_min(20).shift(1),
        "behind": (V / sma(V, 20)).clip(0, 3) / 3,
        "narrow": pl.col("range").rolling_min(7),
        "vwap": (pl.col("typical") * V).rolling_sum(240) / V.rolling_sum(240),
    }


def rsi(n: int) -> pl.Expr:
    change = pl.col("change")
    gains, losses = wilder(change.clip(lower_bound=0), n), wilder((-change).clip(lower_bound=0), n)
    return 100 * gains / (gains + losses)


def spread() -> pl.Expr:
    width = pl.col("width")
    beta = width**2 + width.shift(1) ** 2
    both = (pl.max_horizontal(H, H.shift(1)) / pl.min_horizontal(L, L.shift(1))).log()
    scale = 3 - 2 * math.sqrt(2)
    power = (((2 * beta).sqrt() - beta.sqrt()) / scale - both / math.sqrt(scale)).exp()
    return (2 * (power - 1) / (1 + power)).clip(lower_bound=0) * 1e4


def columns() -> dict[str, pl.Expr]:
    r, ranges, ts = pl.col("r"), pl.col("range"), pl.col("ts")
    time = (ts % 86_400_000_000_000) / 86_400_000_000_000
    day = ((ts // 86_400_000_000_000 + 3) % 7 + 1).cast(pl.Float64)
    low14, high14 = L.rolling_min(14), H.rolling_max(14)
    top, bottom, behind = pl.col("top"), pl.col("bottom"), pl.col("behind")
    mean10 = sma(r, 10)
    corr = pl.rolling_corr(C, pl.col("row"), window_size=20, min_samples=20)
    strength = 0.6 * (returns(10) - returns(10, LEADER)) + 0.4 * (returns(20) - returns(20, LEADER))

    def flag(n: int) -> pl.Expr:
        trend = sma(r, n)
        return (trend > 3e-4).cast(pl.Float64) - (trend < -3e-4).cast(pl.Float64)

    return {
        "ret_1": r, "ret_3": pl.col("ret_3"), "ret_5": pl.col("ret_5"),
        **{f"zscore_{n}": (pl.col(n) - sma(pl.col(n), 60)) / sd(pl.col(n), 60) for n in ("r", "ret_3", "ret_5")},
        **{f"ema_{s}": pl.col(f"ema{s}") for s in (5, 21, 8, 34)},
        "ema_diff_5_21": pl.col("ema5") - pl.col("ema21"), "ema_diff_8_34": pl.col("ema8") - pl.col("ema34"),
        "rsi_7": rsi(7), "rsi_14": rsi(14), "atr": pl.col("atr"), "adx": wilder(pl.col("dx"), 14),
        "bb_upper": pl.col("mid") + 2 * pl.col("sd20"), "bb_lower": pl.col("mid") - 2 * pl.col("sd20"),
        "bb_width": 4 * pl.col("sd20") / pl.col("mid"),
        "realized_sigma_30": sd(r, 30), "realized_sigma_60": sd(r, 60),
        "range_pct": ranges / C, "typical_price": pl.col("typical"), "micro_trend": sma(r, 15),
        "tod_fraction": time, "tod_sin": (2 * math.pi * time).sin(), "tod_cos": (2 * math.pi * time).cos(),
        "day_of_week": day,
        "dow_sin": (2 * math.pi * (day - 1) / 7).sin(), "dow_cos": (2 * math.pi * (day - 1) / 7).cos(),
        "volatility_regime": sd(r, 10) / sd(r, 50),
        "price_position_in_range": pl.when(high14 == low14).then(0.5).otherwise((C - low14) / (high14 - low14)),
        "volume_mean_240": sma(V, 240), "volume_std_240": sd(V, 240),
        "coin_age_days": (ts - ts.first()) / 86_400e9,
        "ignition": 60 * ((C - top) / (top - bottom)).clip(0, 1) + 40 * behind,
        "breakout_thrust": ((C - top) / pl.col("atr")).clip(0, 5),
        "breakout_quality": (pl.col("ret_5").abs() / (sd(r, 20) * math.sqrt(5))).clip(0, 3) / 3 * behind,
        "compression_score": 1 - (ranges / sma(ranges, 20)).clip(0, 2) / 2,
        "compression_rank": pl.sum_horizontal([(ranges.shift(k) > ranges).cast(pl.UInt8) for k in range(1, 50)]) / 50,
        "nr7_density": sma((ranges == pl.col("narrow")).cast(pl.Float64), 20),
        "mean_revert_bias": -((C - pl.col("mid")) / (2 * sd(C, 20))).clip(-1, 1),
        "pullback_depth": 1 - C / H.rolling_max(20),
        "micro_score": 50 * (1 + mean10.sign() * (V / sma(V, 10)).clip(0, 2) / 2),
        "uptick_ratio": sma((r > 0).cast(pl.Float64), 20),
        "spread_bps": spread(),
        "leader_bias": sma(pl.col("apart"), 20), "rs_score": 50 * (1 + (10 * strength).tanh()),
        "trend_strength": corr * corr.abs(),
        "ema_slope": pl.col("ema20") / pl.col("ema20").shift(1) - 1,
        "momentum_slope": pl.col("ret_5") - pl.col("ret_5").shift(20),
        "htf_bias": ((C / sma(C, 100) - 0.8) / 0.4).clip(0, 1),
        **{f"trend_flag_{n}": flag(n) for n in (5, 30, 120)},
        "trend_strength_5_60": ((pl.col("ema5") - pl.col("ema60")) / C).clip(-1, 1),
        "trend_strength_30_240": ((pl.col("ema30") - pl.col("ema240")) / C).clip(-1, 1),
        "vol_jump_z": (V - sma(V, 20).shift(1)) / sd(V, 20).shift(1),
        "kurtosis": r.rolling_kurtosis(60, bias=False),
        "vwap": pl.col("vwap"), "close_to_vwap": C / pl.col("vwap") - 1,
    }  # fmt: skip


def build(frame: pl.LazyFrame | pl.DataFrame) -> pl.LazyFrame:
    """All 61, in three steps."""
    return frame.lazy().with_columns(**first()).with_columns(**second()).select(**columns())
