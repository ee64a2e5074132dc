"""Folds as one account: each begins with what the one before has left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from comove.backtest.replay import FoldRun

__all__ = ["stitched", "times_of"]

#: Money of one fold, which its account's beginning scales.
_MONEY: Final[Mapping[str, tuple[str, ...]]] = {
    "equity": ("equity", "cash", "long", "short", "costs", "funding", "traded"),
    "trades": ("units", "size", "profit", "costs", "funding", "net"),
    "attribution": (),
}


def stitched(runs: Sequence[FoldRun], capital: float) -> tuple[dict[str, pl.DataFrame], str | None, int]:
    """Return the frames of all folds as those of one account, and when it was ruined.

    Parameters
    ----------
    runs : sequence of FoldRun
        All done, in the order of time; after one that was ruined the others are left out.
    capital : float
        That each was run with.

    Returns
    -------
    dict of str to DataFrame
        ``equity``, ``trades`` and ``attribution`` as `Report` has them, but for the benchmarks.
    str or None
    int
        Folds in them.
    """
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in _MONEY}
    factor, trades, ruined_at, used = 1.0, 0, None, 0
    for run in runs:
        used += 1
        frames, ruined = run.result()
        for name, frame in frames.items():
            scaled = frame.with_columns(pl.col(*_MONEY[name]) * factor) if _MONEY[name] else frame
            if name == "attribution":
                scaled = scaled.with_columns(pl.col("trade") + trades)
            parts[name].append(scaled)
        trades += frames["trades"].height
        if ruined:
            ruined_at = frames["equity"]["ts"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")[-1]
            break
        factor *= frames["equity"]["equity"][-1] / capital
    whole = {name: pl.concat(each) for name, each in parts.items()}
    whole["attribution"] = _shared_out(whole["attribution"], whole["trades"])
    equity = whole["equity"]
    top = pl.col("equity").cum_max().clip(lower_bound=capital)
    whole["equity"] = equity.with_columns((pl.col("equity") / top - 1.0).alias("drawdown"))
    return whole, ruined_at, used


def _shared_out(attribution: pl.DataFrame, trades: pl.DataFrame) -> pl.DataFrame:
    net = trades.select(pl.int_range(pl.len()).alias("trade"), "net")
    joined = attribution.join(net, on="trade", how="left", maintain_order="left")
    return joined.with_columns((pl.col("share") * pl.col("net")).alias("net"))


def times_of(run: FoldRun) -> dict[str, Any]:
    """Return number and times of a fold, as texts of ISO 8601."""
    fold = run.fold
    told: dict[str, Any] = {"number": fold.number}
    for name in ("train_first", "fit_last", "train_last", "test_first", "test_last"):
        ns = getattr(fold, name)
        told[name] = None if ns < 0 else pl.Series([ns]).cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")[0]
    return told
