"""Who moves first, an asset or a leader, of many pairs: one scan of the lags a pair, verdicts for all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal, TypeAlias

import numpy as np
import polars as pl

from comove.features.grid import Prices, lay_on_union
from comove.live import LagScanner
from comove.options import Floats, Returns
from comove.surveys.lead_reasons import CANNOT_TEST, TOO_LITTLE, reason_apart, reason_in_window
from comove.surveys.pairs import LEAST_PAIRS
from comove.surveys.significance import LEVEL, holm

__all__ = ["BOTH", "NOBODY", "Lead", "Sort", "rank", "scan", "usual_step"]

NOBODY: Final = "nobody leads"
BOTH: Final = "each leads the other"

Sort: TypeAlias = Literal["lead", "follow", "corr", "llr", "asset"]


@dataclass(frozen=True, slots=True)
class Lead:
    """What one asset and one leader gave; NaN and None are missing. `reason` says why there is no test."""

    asset: str
    leader: str
    n: int
    cross: Floats
    corr_same: float = float("nan")
    lag: int | None = None
    corr: float = float("nan")
    llr: float = float("nan")
    p_value: float = float("nan")
    lead_p: float = float("nan")
    follow_p: float = float("nan")
    reason: str | None = None


def scan(asset: Prices, leader: Prices, max_lag: int, window: int, returns: Returns) -> Lead:
    """Scan the lags over the last rows of the grid of the two, up to the asset's last row."""
    y, laid, rows = lay_on_union(asset, {leader.name: leader})
    x = laid[leader.name]
    end = int(rows[-1]) + 1 if len(rows) else 0
    y, x = _changes(y[:end], returns), _changes(x[:end], returns)
    there = np.isfinite(y), np.isfinite(x)
    nothing = np.full(2 * max_lag + 1, np.nan)
    if not (there[0] & there[1]).any():
        return Lead(asset.name, leader.name, 0, nothing, reason=reason_apart(asset, leader))
    start = max(int(np.argmax(side)) for side in there)
    y, x = y[start:], x[start:]
    size = window or len(y) - max_lag
    if size < LEAST_PAIRS and not window:
        n = int((np.isfinite(y) & np.isfinite(x)).sum())
        return Lead(asset.name, leader.name, n, nothing, reason=TOO_LITTLE)
    least = min(size, max(LEAST_PAIRS, size // 2))
    scanner = LagScanner(max_lag, window_size=size, min_samples=least)
    rows_of_window = slice(-(size + max_lag), None)
    y, x = y[rows_of_window], x[rows_of_window]
    scanner.update_many(y, x)
    if scanner.lag is None:
        reason = reason_in_window(asset.name, leader.name, y, x, size, max_lag, least)
        return Lead(asset.name, leader.name, scanner.n, nothing, reason=reason)
    cross = scanner.cross_correlation
    # Windows of a few rows have a lag, but no test.
    untested = CANNOT_TEST if scanner.n >= LEAST_PAIRS else TOO_LITTLE
    return Lead(
        asset=asset.name,
        leader=leader.name,
        n=scanner.n,
        cross=cross,
        corr_same=float(cross[max_lag]),
        lag=scanner.lag,
        corr=_known(scanner.corr),
        llr=_known(scanner.llr),
        p_value=_known(scanner.p_value),
        lead_p=_known(scanner.lead_p_value),
        follow_p=_known(scanner.follow_p_value),
        reason=untested if scanner.lead_p_value is None else None,
    )


def _changes(prices: Floats, returns: Returns) -> Floats:
    """Return one-row returns, NaN where a price is missing."""
    ratio = prices[1:] / prices[:-1]
    return np.log(ratio) if returns == "log" else ratio - 1.0


def _known(value: float | None) -> float:
    return float("nan") if value is None else value


def usual_step(prices: Mapping[str, Prices]) -> float:
    """Return the usual distance of two candles in seconds, NaN if nobody has two."""
    steps = [float(np.median(np.diff(one.times))) for one in prices.values() if len(one.times) > 1]
    return float(np.median(steps)) / 1e6 if steps else float("nan")


def rank(pairs: Sequence[Lead], step: float, sort: Sort = "lead") -> pl.DataFrame:
    """Return all pairs with adjusted p-values and verdicts, ranked; missing values are null."""
    plain = [one.name for one in fields(Lead) if one.name not in ("cross", "reason")]
    table = pl.DataFrame([{name: getattr(pair, name) for name in plain} for pair in pairs], infer_schema_length=None)
    table = table.with_columns(pl.col("lag").cast(pl.Int64))
    # Both questions of all pairs are one family.
    adjusted = holm(np.concatenate([table["lead_p"].to_numpy(), table["follow_p"].to_numpy()]))
    lead, follow = np.split(adjusted, 2)
    verdicts = [
        # What has no lag has a reason.
        pair.reason or _verdict(pair.asset, pair.leader, pair.lag or 0, bool(leads <= LEVEL), bool(follows <= LEVEL))
        for pair, leads, follows in zip(pairs, lead, follow, strict=True)
    ]
    table = table.with_columns(
        lag_seconds=pl.col("lag") * step,
        lead_p_adjusted=lead,
        follow_p_adjusted=follow,
        verdict=pl.Series(verdicts, dtype=pl.String),
    )
    keys: dict[str, list[pl.Expr]] = {
        # p-values of 0 are told apart by the ratio.
        "lead": [pl.col("lead_p"), -pl.col("llr")],
        "follow": [pl.col("follow_p"), pl.col("llr")],
        "corr": [-pl.col("corr_same").abs()],
        "llr": [-pl.col("llr")],
        "asset": [pl.col("asset")],
    }
    return table.with_columns(pl.selectors.float().fill_nan(None)).sort(
        keys[sort], nulls_last=True, maintain_order=True
    )


def _verdict(asset: str, leader: str, lag: int, leads: bool, follows: bool) -> str:
    """Return in words what the tests of a pair say.

    "by n candles" where the strongest correlation of all is at that lag, "a little" where it is elsewhere, mostly in
    the same candle.
    """
    if leads and follows:
        return BOTH
    if leads or follows:
        ahead = -lag if leads else lag
        much = f"by {ahead} candle{'s' * (ahead > 1)}" if ahead > 0 else "a little"
        return f"{leader if leads else asset} leads {much}"
    return NOBODY
