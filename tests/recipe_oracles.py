"""Every base column from its definition, in pandas, NumPy and plain Python: slow, plain, and nothing of comove.

A frame holds ts (nanoseconds), the candles and leader_close, NaN where missing; each function gives an array. Rolling
means and deviations are taken window by window with `math.fsum`, since those of pandas lose digits after a spike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Frame = Mapping[str, Floats]
NAN = math.nan


def ago(values: Floats, rows: int) -> Floats:
    """The values so many rows before."""
    return np.concatenate([np.full(min(rows, len(values)), NAN), values[: max(0, len(values) - rows)]])


def rolling(values: Floats | Sequence[Floats], size: int, read: Callable[..., float]) -> Floats:
    """A reading of each full window, NaN where a value is missing."""
    series = values if isinstance(values, list) else [values]
    out = np.full(len(series[0]), NAN)
    for row in range(size - 1, len(out)):
        windows = [one[row - size + 1 : row + 1] for one in series]
        if all(np.isfinite(window).all() for window in windows):
            out[row] = read(*windows)
    return out


def mean(window: Floats) -> float:
    return math.fsum(window) / len(window)


def deviation(ddof: int) -> Callable[[Floats], float]:
    def read(window: Floats) -> float:
        middle = mean(window)
        first = window[0]
        if all(value == first for value in window):
            return 0.0
        # The mean is rounded; its error enters squared, times n.
        squares = math.fsum((value - middle) ** 2 for value in window)
        shift = math.fsum(value - middle for value in window)
        return math.sqrt((squares - shift**2 / len(window)) / (len(window) - ddof))

    return read


def sma(values: Floats, size: int) -> Floats:
    return rolling(values, size, mean)


def sd(values: Floats, size: int, ddof: int = 1) -> Floats:
    return rolling(values, size, deviation(ddof))


def ema(values: Floats, span: int) -> Floats:
    """As pandas' ewm(span=s, adjust=False), but that a missing value leaves it as it is and shows none."""
    alpha, now, out = 2 / (span + 1), NAN, np.full(len(values), NAN)
    for row, value in enumerate(values):
        if math.isfinite(value):
            now = value if math.isnan(now) else (1 - alpha) * now + alpha * value
            out[row] = now
    return out


def wilder(values: Floats, n: int) -> Floats:
    first: list[float] = []
    now, out = NAN, np.full(len(values), NAN)
    for row, value in enumerate(values):
        if not math.isfinite(value):
            continue
        if len(first) < n:
            first.append(value)
            now = sum(first) / n
        else:
            now = (now * (n - 1) + value) / n
        if len(first) == n:
            out[row] = now
    return out


def clip(values: Floats, low: float, high: float) -> Floats:
    return np.where(np.isfinite(values), np.clip(values, low, high), NAN)


def ret(frame: Frame, rows: int, name: str = "close") -> Floats:
    return frame[name] / ago(frame[name], rows) - 1


def zscore(frame: Frame, rows: int) -> Floats:
    values = ret(frame, rows)
    return (values - sma(values, 60)) / sd(values, 60)


def rsi(frame: Frame, n: int) -> Floats:
    change = frame["close"] - ago(frame["close"], 1)
    gains, losses = (wilder(np.where(np.isfinite(change), np.maximum(sign * change, 0), NAN), n) for sign in (1, -1))
    return 100 * gains / (gains + losses)


def true_range(frame: Frame) -> Floats:
    before = ago(frame["close"], 1)
    high, low = frame["high"], frame["low"]
    return np.max([high - low, np.abs(high - before), np.abs(low - before)], axis=0)


def adx(frame: Frame) -> Floats:
    up, down = frame["high"] - ago(frame["high"], 1), ago(frame["low"], 1) - frame["low"]
    ranges = true_range(frame)
    whole = np.isfinite(up + down + ranges)
    plus = wilder(np.where(whole, np.where((up > down) & (up > 0), up, 0), NAN), 14)
    minus = wilder(np.where(whole, np.where((down > up) & (down > 0), down, 0), NAN), 14)
    return wilder(100 * np.abs(plus - minus) / (plus + minus), 14)


def day(frame: Frame) -> Floats:
    return np.array([(int(ts) // 86_400_000_000_000 + 3) % 7 + 1 for ts in frame["ts"]], dtype=float)


def time_of_day(frame: Frame) -> Floats:
    return np.array([int(ts) % 86_400_000_000_000 / 86_400_000_000_000 for ts in frame["ts"]])


def highest(values: Floats, size: int) -> Floats:
    return rolling(values, size, max)


def lowest(values: Floats, size: int) -> Floats:
    return rolling(values, size, min)


def position(frame: Frame) -> Floats:
    low, high = lowest(frame["low"], 14), highest(frame["high"], 14)
    return np.where(high == low, 0.5, (frame["close"] - low) / (high - low))


def behind(frame: Frame) -> Floats:
    """How much volume there is, of three times the usual."""
    return clip(frame["volume"] / sma(frame["volume"], 20), 0, 3) / 3


def ignition(frame: Frame) -> Floats:
    top, bottom = ago(highest(frame["high"], 20), 1), ago(lowest(frame["low"], 20), 1)
    return 60 * clip((frame["close"] - top) / (top - bottom), 0, 1) + 40 * behind(frame)


def thrust(frame: Frame) -> Floats:
    return clip((frame["close"] - ago(highest(frame["high"], 20), 1)) / wilder(true_range(frame), 14), 0, 5)


def quality(frame: Frame) -> Floats:
    strength = clip(np.abs(ret(frame, 5)) / (sd(ret(frame, 1), 20) * math.sqrt(5)), 0, 3) / 3
    return strength * behind(frame)


def span(frame: Frame) -> Floats:
    return frame["high"] - frame["low"]


def nr7(frame: Frame) -> Floats:
    narrowest = lowest(span(frame), 7)
    return sma(np.where(np.isfinite(narrowest), span(frame) == narrowest, NAN), 20)


def micro_score(frame: Frame) -> Floats:
    volume = clip(frame["volume"] / sma(frame["volume"], 10), 0, 2)
    return 50 * (1 + np.sign(sma(ret(frame, 1), 10)) * volume / 2)


def upticks(frame: Frame) -> Floats:
    values = ret(frame, 1)
    return sma(np.where(np.isfinite(values), values > 0, NAN), 20)


def spread(frame: Frame) -> Floats:
    """Corwin and Schultz (2012), eqs. 7, 10, 14 and 18."""
    high, low = frame["high"], frame["low"]
    beta = np.log(high / low) ** 2 + np.log(ago(high, 1) / ago(low, 1)) ** 2
    gamma = np.log(np.maximum(high, ago(high, 1)) / np.minimum(low, ago(low, 1))) ** 2
    scale = 3 - 2 * math.sqrt(2)
    alpha = (np.sqrt(2 * beta) - np.sqrt(beta)) / scale - np.sqrt(gamma / scale)
    return np.maximum(2 * (np.exp(alpha) - 1) / (1 + np.exp(alpha)), 0) * 1e4


def against_leader(frame: Frame, rows: int) -> Floats:
    return ret(frame, rows) - ret(frame, rows, "leader_close")


def rs_score(frame: Frame) -> Floats:
    return 50 * (1 + np.tanh(10 * (0.6 * against_leader(frame, 10) + 0.4 * against_leader(frame, 20))))


def trend_strength(frame: Frame) -> Floats:
    def read(window: Floats) -> float:
        if (window == window[0]).all():
            return NAN
        correlation = float(np.corrcoef(np.arange(len(window)), window - window[0])[0, 1])
        return math.copysign(correlation**2, correlation)

    return rolling(frame["close"], 20, read)


def flag(frame: Frame, rows: int) -> Floats:
    trend = sma(ret(frame, 1), rows)
    return np.where(np.isfinite(trend), (trend > 3e-4) * 1.0 - (trend < -3e-4), NAN)


def jump(frame: Frame) -> Floats:
    volume = frame["volume"]
    return (volume - ago(sma(volume, 20), 1)) / ago(sd(volume, 20), 1)


def kurtosis(frame: Frame) -> Floats:
    def read(window: Floats) -> float:
        return NAN if (window == window[0]).all() else float(stats.kurtosis(window, bias=False))

    return rolling(ret(frame, 1), 60, read)


def vwap(frame: Frame) -> Floats:
    paid = typical(frame) * frame["volume"]
    return rolling([paid, frame["volume"]], 240, lambda a, b: math.fsum(a) / math.fsum(b) if math.fsum(b) else NAN)


def typical(frame: Frame) -> Floats:
    return (frame["high"] + frame["low"] + frame["close"]) / 3


def apart(frame: Frame, fast: int, slow: int) -> Floats:
    return ema(frame["close"], fast) - ema(frame["close"], slow)


def book(frame: Frame) -> Floats:
    return frame["bid_volume"] + frame["ask_volume"]


def band(frame: Frame, side: int) -> Floats:
    return sma(frame["close"], 20) + side * 2 * sd(frame["close"], 20, 0)


COLUMNS: dict[str, Callable[[Frame], Floats]] = {
    **{f"ret_{n}": lambda f, n=n: ret(f, n) for n in (1, 3, 5)},
    **{f"zscore_ret_{n}": lambda f, n=n: zscore(f, n) for n in (1, 3, 5)},
    **{f"ema_{s}": lambda f, s=s: ema(f["close"], s) for s in (5, 21, 8, 34)},
    "ema_diff_5_21": lambda f: apart(f, 5, 21),
    "ema_diff_8_34": lambda f: apart(f, 8, 34),
    "rsi_7": lambda f: rsi(f, 7),
    "rsi_14": lambda f: rsi(f, 14),
    "atr": lambda f: wilder(true_range(f), 14),
    "adx": adx,
    "bb_upper": lambda f: band(f, 1),
    "bb_lower": lambda f: band(f, -1),
    "bb_width": lambda f: (band(f, 1) - band(f, -1)) / sma(f["close"], 20),
    "realized_sigma_30": lambda f: sd(ret(f, 1), 30),
    "realized_sigma_60": lambda f: sd(ret(f, 1), 60),
    "range_pct": lambda f: span(f) / f["close"],
    "typical_price": typical,
    "micro_trend": lambda f: sma(ret(f, 1), 15),
    "tod_fraction": time_of_day,
    "tod_sin": lambda f: np.sin(2 * math.pi * time_of_day(f)),
    "tod_cos": lambda f: np.cos(2 * math.pi * time_of_day(f)),
    "day_of_week": day,
    "dow_sin": lambda f: np.sin(2 * math.pi * (day(f) - 1) / 7),
    "dow_cos": lambda f: np.cos(2 * math.pi * (day(f) - 1) / 7),
    "volatility_regime": lambda f: sd(ret(f, 1), 10) / sd(ret(f, 1), 50),
    "price_position_in_range": position,
    "volume_mean_240": lambda f: sma(f["volume"], 240),
    "volume_std_240": lambda f: sd(f["volume"], 240),
    "coin_age_days": lambda f: (f["ts"] - f["ts"][0]) / 86_400e9,
    "ignition": ignition,
    "breakout_thrust": thrust,
    "breakout_quality": quality,
    "compression_score": lambda f: 1 - clip(span(f) / sma(span(f), 20), 0, 2) / 2,
    "compression_rank": lambda f: rolling(span(f), 50, lambda w: float((w > w[-1]).mean())),
    "nr7_density": nr7,
    "mean_revert_bias": lambda f: -clip((f["close"] - sma(f["close"], 20)) / (2 * sd(f["close"], 20)), -1, 1),
    "pullback_depth": lambda f: 1 - f["close"] / highest(f["high"], 20),
    "micro_score": micro_score,
    "uptick_ratio": upticks,
    "spread_bps": spread,
    "leader_bias": lambda f: sma(against_leader(f, 1), 20),
    "rs_score": rs_score,
    "trend_strength": trend_strength,
    "ema_slope": lambda f: ema(f["close"], 20) / ago(ema(f["close"], 20), 1) - 1,
    "momentum_slope": lambda f: ret(f, 5) - ago(ret(f, 5), 20),
    "htf_bias": lambda f: clip((f["close"] / sma(f["close"], 100) - 0.8) / 0.4, 0, 1),
    **{f"trend_flag_{n}": lambda f, n=n: flag(f, n) for n in (5, 30, 120)},
    "trend_strength_5_60": lambda f: clip(apart(f, 5, 60) / f["close"], -1, 1),
    "trend_strength_30_240": lambda f: clip(apart(f, 30, 240) / f["close"], -1, 1),
    "vol_jump_z": jump,
    "kurtosis": kurtosis,
    "vwap": vwap,
    "close_to_vwap": lambda f: f["close"] / vwap(f) - 1,
    "orderbook_imbalance": lambda f: (f["bid_volume"] - f["ask_volume"]) / book(f),
    "microprice": lambda f: (f["bid"] * f["ask_volume"] + f["ask"] * f["bid_volume"]) / book(f),
    "funding_rate_trend": lambda f: sma(f["funding_rate"], 180),
}


def exact(frame: Frame, name: str) -> Floats:
    """A column, NaN where it is not a finite number."""
    with np.errstate(all="ignore"):
        values = COLUMNS[name](frame)
    return np.where(np.isfinite(values), values, NAN)
