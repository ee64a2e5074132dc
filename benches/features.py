"""Fifteen cross-asset features of one asset and three leaders, in Polars, from prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import polars as pl

import cases
import comove as cm
import oracles
from accuracy import Columns, Exact, Input, Judge
from contenders import Contender, compare, floats, threads
from measure import Bench, Floats, Line, Scale

WINDOW, VOL_WINDOW, SHORT, LONG, MOMENTUM = 30, 20, 5, 20, 10
LEADERS = ("btc", "eth", "sol")
# Rows before all features are there.
START = WINDOW

NAME = f"features/polars/3 leaders, {threads()}"
COMOVE = "comove"
COMOVE_LAZY = "comove, lazy"
POLARS = "plain Polars"
POLARS_LAZY = "plain Polars, lazy"


def market(rows: int, seed: int) -> Columns:
    return {name: cases.prices(rows, seed + i, tick=1e-6) for i, name in enumerate(("asset", *LEADERS))}


def ours() -> list[pl.Expr]:
    """The three structs. The frame unnests them: `struct.unnest` of an expression in a lazy frame runs it per field."""
    return [
        cm.cross_asset_features("asset", leader).name.prefix_fields(f"{leader}_").alias(leader) for leader in LEADERS
    ]


def one_row_returns() -> list[pl.Expr]:
    """Returns that several features share, each computed once."""
    return [
        (pl.col(name) / pl.col(name).shift(rows) - 1).alias(f"{name}_{rows}")
        for name in ("asset", *LEADERS)
        for rows in (1, SHORT, MOMENTUM, LONG)
    ]


def plain(leader: str) -> list[pl.Expr]:
    """The five features of a leader as one would write them in Polars."""
    y, x = pl.col("asset_1"), pl.col(f"{leader}_1")
    window: dict[str, int] = {"window_size": WINDOW, "min_samples": WINDOW}

    def strength(rows: int) -> pl.Expr:
        return pl.col(f"asset_{rows}") - pl.col(f"{leader}_{rows}")

    return [
        (pl.rolling_cov(y, x, **window) / x.rolling_var(**window)).alias(f"{leader}_beta"),
        pl.rolling_corr(y, x, **window).alias(f"{leader}_correlation"),
        ((strength(SHORT) - strength(LONG)).clip(-0.2, 0.2) / 0.2).alias(f"{leader}_divergence"),
        x.rolling_std(VOL_WINDOW, min_samples=VOL_WINDOW).alias(f"{leader}_volatility"),
        strength(MOMENTUM).alias(f"{leader}_relative_momentum"),
    ]


def all_plain() -> list[pl.Expr]:
    return [feature for leader in LEADERS for feature in plain(leader)]


def exact(columns: Columns, row: int) -> Exact:
    """All fifteen; a volatility in units of itself, a beta in units of sd(asset) / sd(leader)."""
    window = slice(row - WINDOW, row + 1)
    found: dict[str, tuple[float, float]] = {}
    for leader in LEADERS:
        features = oracles.cross_asset_features(columns["asset"][window], columns[leader][window], rows=[WINDOW])
        sd_asset, sd_leader = features["sd_asset"][0], features["sd_benchmark"][0]
        natural = {
            "beta": float(sd_asset / sd_leader) if sd_asset > 0 and sd_leader > 0 else 1.0,
            "volatility": float(features["volatility"][0]) or 1.0,
        }
        for name in oracles.FEATURES:
            found[f"{leader}_{name}"] = (float(features[name][0]), natural.get(name, 1.0))
    return found


def contender(name: str, run: Callable[[pl.DataFrame], pl.DataFrame]) -> Contender:
    def prepare(columns: Columns) -> Any:
        return partial(run, pl.DataFrame(dict(columns)))

    def read(frame: pl.DataFrame) -> Mapping[str, Floats]:
        return {name: floats(frame[name]) for name in frame.columns}

    return Contender(name, prepare, read)


def hard_prices(rows: int = 400) -> dict[str, Input]:
    prices = market(rows, 70)
    spiked = {name: values.copy() for name, values in prices.items()}
    for name in ("asset", "btc"):
        spiked[name][WINDOW] *= cases.SPIKE
    stopped = {name: values.copy() for name, values in prices.items()}
    for name in ("asset", "eth"):
        stopped[name][WINDOW:] = stopped[name][WINDOW]
    return {
        "after spikes of 1e12": Input(spiked, start=3 * WINDOW),
        "stopped": Input(stopped, start=3 * WINDOW),
    }


def features(scale: Scale) -> list[Line]:
    contenders = [
        contender(COMOVE, lambda frame: frame.select(ours()).unnest(LEADERS)),
        contender(POLARS, lambda frame: frame.with_columns(one_row_returns()).select(all_plain())),
        contender(COMOVE_LAZY, lambda frame: frame.lazy().select(ours()).unnest(LEADERS).collect()),
        contender(
            POLARS_LAZY,
            lambda frame: frame.lazy().with_columns(one_row_returns()).select(all_plain()).collect(),
        ),
    ]
    easy = Input(market(scale.rows, 60), start=START)
    judge = Judge(exact, max(4, scale.judged // 4))
    return compare(NAME, contenders, easy, hard_prices(), judge, scale)


BENCHES = [
    Bench(
        NAME,
        "From prices to 15 columns of one million rows, eager and lazy. Slower: a feature run over all symbols takes "
        "longer.",
        features,
    )
]
