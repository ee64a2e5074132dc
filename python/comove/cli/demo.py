"""`comove demo`: a simulated market whose betas are known, and how well they are found."""

from __future__ import annotations

import time
from dataclasses import dataclass

import click
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from comove import arrays
from comove.cli.console import errors, fail, open_console
from comove.data import SimulatedMarket, align, simulate_market
from comove.features import CROSS_ASSET, FeatureRecipe
from comove.options import Floats

__all__ = ["demo_command"]

_COINS = ("BONK", "WIF", "PEPE", "DOGE")
_BARS = 4_000
_WINDOW = 30
# In standard errors. tests/test_cli.py runs it over many seeds.
_ALLOWED = 6.0
_BAD_COIN, _BAD_ROW, _BAD_FACTOR = "WIF", 2_000, 100.0


@dataclass(frozen=True, slots=True)
class _Estimate:
    """A beta over the whole history, the truth and the error that chance makes usual."""

    truth: float
    value: float
    stderr: float

    @property
    def off_by(self) -> float:
        """The error in standard errors; a missing estimate is infinitely wrong."""
        error = abs(self.value - self.truth) / self.stderr
        return error if np.isfinite(error) else float("inf")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the table: a coin and a leader."""

    coin: str
    leader: str
    latest: float | None
    single: _Estimate
    joint: _Estimate


@dataclass(frozen=True, slots=True)
class _BadPrint:
    """What one false price did to the beta of a coin."""

    before: float
    during: float
    rows_touched: int
    gone_after: bool


@click.command("demo", short_help="Simulate a market with known betas and find them again.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(min=0), help="Of the simulated market.")
def demo_command(seed: int) -> None:
    """Simulate a market with known betas, and find them again.

    Needs no data. Ends with code 1 if an estimate is further from the truth than chance allows.
    """
    started = time.perf_counter()
    with errors():
        # A lag would hide a single beta, for the coin and the leader of one row no longer belong together; volatility
        # that spills over would make the standard errors too small.
        market = simulate_market(
            n_bars=_BARS, assets=_COINS, lags=0, spillover=0, late_listings=0, bad_ticks=0, seed=seed
        )
        lines = [line for coin in _COINS for line in _measure(market, coin)]
        bad = _spoil(market)
    console = open_console()
    _show(lines, market.truth.leaders, console)
    _explain(bad, console)
    worst = max(max(line.single.off_by, line.joint.off_by) for line in lines)
    console.print(
        f"Largest error: {worst:.1f} standard errors (allowed: {_ALLOWED:g})."
        f" Took {time.perf_counter() - started:.1f} s."
    )
    if worst > _ALLOWED:
        raise fail("an estimate is further from the truth than chance allows.")
    if not bad.gone_after:
        raise fail("the false price left a trace after it had left the window.")


def _measure(market: SimulatedMarket, coin: str) -> list[_Line]:
    """Estimate the betas of one coin: the last window, the whole history, and all leaders at once."""
    frames, truth = market.frames, market.truth
    leaders = {name: frames[name] for name in truth.leaders}
    betas = [f"{name.lower()}_beta" for name in leaders]
    now = FeatureRecipe(window_size=_WINDOW, fill=None, columns=betas).build_with_market_context(
        frames[coin], leaders=leaders
    )
    # One window over everything; gaps cost a few pairs.
    whole = FeatureRecipe(window_size=_BARS, min_samples=_BARS // 2, fill=None, columns=betas)
    ever = whole.build_with_market_context(frames[coin], leaders=leaders)

    prices = align({coin: frames[coin], **leaders}, how="outer").frame.drop("ts")
    returns = prices.select(pl.all() / pl.all().shift(1) - 1).to_numpy()
    y, x = returns[:, 0], returns[:, 1:]
    joint = arrays.joint_beta(y, x, window_size=whole.window_size, min_samples=whole.min_samples)["beta"][-1]
    joint_stderr = _joint_stderr(y, x)
    row = truth.assets.index(coin)
    return [
        _Line(
            coin,
            name,
            now[f"{name.lower()}_beta"][-1],
            _Estimate(
                float(truth.single_betas[row, j]),
                float(ever[f"{name.lower()}_beta"][-1] or np.nan),
                float(_joint_stderr(y, x[:, [j]])[0]),
            ),
            _Estimate(float(truth.betas[row, j]), float(joint[j]), float(joint_stderr[j])),
        )
        for j, name in enumerate(truth.leaders)
    ]


def _joint_stderr(y: Floats, x: Floats) -> Floats:
    """Return standard errors of least-squares slopes that hold under changing volatility (White 1980, eq. 5)."""
    there = np.isfinite(y) & np.isfinite(x).all(axis=1)
    design = np.column_stack([np.ones(there.sum()), x[there]])
    inverse = np.linalg.inv(design.T @ design)
    residual = y[there] - design @ (inverse @ (design.T @ y[there]))
    scores = design * residual[:, np.newaxis]
    stderr: Floats = np.sqrt(np.diag(inverse @ (scores.T @ scores) @ inverse))[1:]
    return stderr


def _spoil(market: SimulatedMarket) -> _BadPrint:
    """Put one false price into a coin, and see which rows of its features it touches."""
    leaders = {name: market.frames[name] for name in market.truth.leaders}
    clean = market.frames[_BAD_COIN].select("ts", "close")
    factor = pl.when(pl.int_range(pl.len()) == _BAD_ROW).then(_BAD_FACTOR).otherwise(1.0)
    spoilt = clean.with_columns(pl.col("close") * factor)
    columns = [f"{name.lower()}_{kind}" for name in leaders for kind in CROSS_ASSET]
    recipe = FeatureRecipe(window_size=_WINDOW, fill=None, columns=columns)
    good, bad = (
        recipe.build_with_market_context(frame, leaders=leaders).drop("ts", "close") for frame in (clean, spoilt)
    )
    differs = (
        pl.DataFrame([good[name].ne_missing(bad[name]) for name in good.columns])
        .select(pl.any_horizontal(pl.all()))
        .to_series()
        .arg_true()
    )
    beta = f"{market.truth.leaders[0].lower()}_beta"
    return _BadPrint(
        before=good[beta][_BAD_ROW],
        during=bad[beta][_BAD_ROW],
        rows_touched=len(differs),
        # The print is part of two returns, and the later one stays for `window_size` rows.
        gone_after=len(differs) > 0 and differs[-1] <= _BAD_ROW + _WINDOW,
    )


def _show(lines: list[_Line], leaders: tuple[str, ...], console: Console) -> None:
    console.print(
        f"""
A simulated market: {", ".join(leaders)} lead, {len(_COINS)} coins follow;
{_BARS:,} hourly candles with a few gaps. Each coin moves with the leaders by
betas we chose, plus noise of its own.
"""
    )
    table = Table(title="True and estimated betas")
    table.add_column("\ncoin", no_wrap=True)
    table.add_column("\nleader", no_wrap=True)
    for name in (f"last {_WINDOW}\ncandles", "alone:\ntrue", "\nestimate", "jointly:\ntrue", "\nestimate"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        cells = ["-" if line.latest is None else f"{line.latest:.2f}"]
        for one in (line.single, line.joint):
            cells += [f"{one.truth:.3f}", f"{one.value:.3f} ±{one.stderr:.3f}"]
        last_of_coin = line.leader == leaders[-1]
        table.add_row(line.coin, line.leader, *cells, end_section=last_of_coin)
    console.print(table)


def _explain(bad: _BadPrint, console: Console) -> None:
    after = "not one bit differs." if bad.gone_after else "a trace REMAINS."
    console.print(
        f"""
What this shows. Beta is how far a coin moves when its leader moves by 1.
- alone: each leader taken by itself, over all candles. It includes what the
  coin owes to the other leaders, because leaders move together; three such
  betas count one risk three times.
- jointly: all leaders at once. That is what each one adds, and the betas the
  market was made with.
- last {_WINDOW} candles: what a live system sees now. So few candles swing widely
  about the truth.
- ±: one standard error, the size of error that chance alone makes usual.

A false price, {_BAD_FACTOR:g} times too high, in candle {_BAD_ROW:,} of {_BAD_COIN}: its beta over
{_WINDOW} candles jumps from {bad.before:.2f} to {bad.during:.2f}, {bad.rows_touched} candles are touched,
and after that {after}
"""
    )
