"""Made-up reports of backtests, for the tests of their pages: nothing here is a result."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from comove.backtest.stats import metrics

START = datetime(2023, 1, 1, tzinfo=UTC)
REGIMES = ("risk_on", "risk_off", "rotation", "divergence")
SOURCES = ("similarity", "patterns", "rl", "regimes", "alpha", "market_structure")
REASONS = ("stop", "take_profit", "prediction", "hold_rows", "leader_breakdown", "scale_out", "ended", "end")
CAPITAL = 10_000.0
NO_SPACE = "\u00a0"
NS = pl.Datetime("ns", "UTC")
TRADE_TYPES = {
    "symbol": pl.String, "side": pl.String, "fold": pl.Int32, "opened": NS, "closed": NS, "entry": pl.Float64,
    "exit": pl.Float64, "units": pl.Float64, "size": pl.Float64, "profit": pl.Float64, "costs": pl.Float64,
    "funding": pl.Float64, "net": pl.Float64, "rows": pl.Int64, "reason": pl.String, "regime": pl.String,
    "probability": pl.Float64, "gap": pl.Boolean,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MadeReport:
    equity: pl.DataFrame
    trades: pl.DataFrame
    attribution: pl.DataFrame
    metrics: dict
    folds: list
    symbols: tuple
    ruined: str | None = None
    leaders: tuple = ("BTC", "ETH")
    step_seconds: float = 3600.0
    capital: float = CAPITAL
    costs: dict = field(
        default_factory=lambda: {
            "fee": 0.001,
            "maker_fee": 0.001,
            "half_spread": 0.0002,
            "impact": 1.0,
            "max_participation": 0.1,
            "volume_bars": 24,
            "funding_rate": 0.0001,
            "funding_hours": 8,
            "recovery": 0.0,
            "leverage": 1.0,
            "maintenance": 0.05,
        }
    )
    options: dict = field(
        default_factory=lambda: {
            "capital": CAPITAL,
            "market": {"leaders": ["BTC", "ETH"]},
            "risk": {"max_risk": 0.02, "max_fraction": 0.1},
        }
    )
    seed: int | None = 7


def made(
    rows=8000, trades=400, folds=4, *, drift=-1e-5, symbols=("BONK", "WIF", "PEPE", "SOL"), sources=SOURCES, btc=True,
    seed=3,
):  # fmt: skip
    """A report of random bars; `drift` is the strategy's mean return a bar."""
    rng = np.random.default_rng(seed)
    market = rng.normal(5e-5, 0.006, rows)
    earned = drift + 0.25 * market + rng.normal(0.0, 0.0015, rows)
    equity = CAPITAL * np.cumprod(1.0 + earned)
    ts = [START + timedelta(hours=place) for place in range(rows)]
    wave = np.sin(np.arange(rows) / 90.0)
    regime = np.repeat(rng.choice(len(REGIMES), -(-rows // 60)), 60)[:rows]
    traded = np.where(rng.random(rows) < min(1.0, 2.0 * trades / rows), equity * 0.1, 0.0)
    frame = pl.DataFrame({
        "ts": pl.Series(ts).cast(NS),
        "fold": pl.Series(np.arange(rows) * folds // rows).cast(pl.Int32),
        "equity": equity,
        "cash": equity * 0.6,
        "long": equity * np.maximum(0.0, 0.4 + 0.4 * wave),
        "short": equity * np.maximum(0.0, 0.1 - 0.2 * wave),
        "heat": 0.2 + 0.15 * np.abs(wave),
        "drawdown": equity / np.maximum.accumulate(np.maximum(equity, CAPITAL)) - 1.0,
        "regime": pl.Series([None if place < min(48, rows // 3) else REGIMES[regime[place]] for place in range(rows)],
                            dtype=pl.String),
        "positions": pl.Series((2 + 2 * wave).round()).cast(pl.Int32),
        "costs": traded * 0.0008,
        "funding": equity * 2e-6,
        "traded": traded,
        "btc": CAPITAL * np.cumprod(1.0 + market) if btc else pl.Series([None] * rows, dtype=pl.Float64),
        "equal": CAPITAL * np.cumprod(1.0 + 0.9 * market + rng.normal(0.0, 0.002, rows)),
    })  # fmt: skip
    parts = _trades(rng, frame, trades, symbols)
    shares = rng.dirichlet(np.ones(len(sources)), len(parts)) if len(parts) else np.empty((0, len(sources)))
    attribution = pl.DataFrame(
        {
            "trade": np.repeat(np.arange(len(parts)), len(sources)),
            "source": list(sources) * len(parts),
            "share": shares.ravel(),
            "net": (shares * parts["net"].to_numpy()[:, None]).ravel(),
        },
        schema={"trade": pl.Int64, "source": pl.String, "share": pl.Float64, "net": pl.Float64},
    )
    return MadeReport(
        equity=frame,
        trades=parts,
        attribution=attribution,
        symbols=tuple(symbols),
        metrics=metrics_of(frame, parts, attribution),
        folds=[
            {
                "train_first": START - timedelta(days=90),
                "train_last": part["ts"][0] - timedelta(hours=49),
                "test_first": part["ts"][0],
                "test_last": part["ts"][-1],
            }
            for part in frame.partition_by("fold", maintain_order=True)
        ],
    )


def metrics_of(equity, trades, attribution):
    """The true metrics of made-up frames, and made-up intervals about them."""
    found = metrics(equity, trades, attribution, capital=CAPITAL, step_seconds=3600.0)
    curves = {"strategy": found["strategy"] | found["market"], "btc": found["btc"], "equal": found["equal"]}
    names = ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "beta", "excess_return")
    intervals = {
        of: {
            name: {
                "low": curve[name] - 0.6 * abs(curve[name]) - 0.05,
                "high": curve[name] + 0.6 * abs(curve[name]) + 0.05,
            }
            for name in names
            if curve.get(name) is not None and len(equity) >= 30
        }
        for of, curve in curves.items()
    }
    return found | {"intervals": intervals, "deflated": {"deflated": 0.62, "probabilistic": 0.81, "trials": 6}}


def _trades(rng, equity, trades, symbols):
    rows = len(equity)
    opened = np.sort(rng.integers(0, max(1, rows - 2), trades))
    held = rng.integers(1, 60, trades)
    closed = np.minimum(opened + held, rows - 1)
    move = rng.normal(0.0, 0.02, trades)
    entry = np.exp(rng.normal(0.0, 3.0, trades))
    long = rng.random(trades) < 0.7
    size = 500.0 + 500.0 * rng.random(trades)
    profit, costs = size * move, size * 0.0016
    funding = size * 1e-5 * held
    regimes = equity["regime"].to_list()
    return pl.DataFrame(
        {
            "symbol": [symbols[place] for place in rng.integers(0, len(symbols), trades)],
            "side": np.where(long, "long", "short"),
            "fold": equity["fold"].to_numpy()[opened],
            "opened": equity["ts"].gather(opened),
            "closed": equity["ts"].gather(closed),
            "entry": entry,
            "exit": entry * (1.0 + np.where(long, move, -move)),
            "units": size / entry,
            "size": size,
            "profit": profit,
            "costs": costs,
            "funding": funding,
            "net": profit - costs - funding,
            "rows": closed - opened,
            "reason": [REASONS[place] for place in rng.integers(0, len(REASONS), trades)],
            "regime": [regimes[place] for place in opened],
            "probability": 0.5 + 0.4 * rng.random(trades),
            "gap": rng.random(trades) < 0.05,
        },
        schema=TRADE_TYPES,
        strict=False,
    )


def ruined():
    """All is lost two thirds through, and a little more by the last fill; there a report ends."""
    report = made(1200, 60, 2)
    place = pl.int_range(pl.len())
    left = pl.when(place < 800).then(1.0 - place / 800.0).otherwise(-0.003)
    equity = (
        report.equity[:801]
        .with_columns(pl.col("equity", "long", "short") * left)
        .with_columns(drawdown=pl.col("equity") / pl.max_horizontal(pl.col("equity").cum_max(), CAPITAL) - 1.0)
    )
    return replace(
        report,
        ruined="2023-02-03T08:00:00Z",
        equity=equity,
        metrics=metrics_of(equity, report.trades, report.attribution),
    )


#: What a page would run, or hide, if it took them for code.
CODE = ("<script>alert(1)</script>", "%{y}", "$E$", 'Q"U&lt;')


def named():
    """Coins, sources, reasons and options whose names are code."""
    report = made(
        900, 120, 2, symbols=CODE, sources=("<b>one", "$two$", "%{x}", "a very long name of a source of signals")
    )
    odd = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("<i>reason")).otherwise("reason")
    trades = report.trades.with_columns(reason=odd, regime=pl.lit("<u>regime"))
    equity = report.equity.with_columns(regime=pl.lit("<u>regime"))
    return replace(
        report,
        equity=equity,
        trades=trades,
        leaders=("<img src=x onerror=alert(1)>",),
        options={"<s>group": {"<s>option": "<s>value"}},
        metrics=metrics_of(equity, trades, report.attribution),
    )


@dataclass(frozen=True, kw_only=True)
class MadeAblation:
    table: pl.DataFrame
    returns: pl.DataFrame
    answer: str = "One part helps, one <harms>."


def difference(value=-0.01, low=-0.07, high=0.05, p_value=0.6, adjusted=1.0, reason="", gross=None, scaled=None):
    """`gross` and `scaled` are (value, adjusted); by default those of the net difference."""
    (gross_value, gross_adjusted), (scaled_value, scaled_adjusted) = (
        each or (value, adjusted) for each in (gross, scaled)
    )
    return {
        "value": value, "low": low, "high": high, "p_value": p_value, "adjusted": adjusted, "reason": reason,
        "gross_value": gross_value, "gross_adjusted": gross_adjusted,
        "scaled_value": scaled_value, "scaled_adjusted": scaled_adjusted,
    }  # fmt: skip


def ablation(differences, rows=3000, seed=5):
    """`differences` by the names of variants; those that were ruined have None as value, and no returns."""
    rng = np.random.default_rng(seed)
    common = rng.normal(2e-5, 0.002, rows)
    ts = pl.Series("ts", [START + timedelta(hours=place) for place in range(rows)]).cast(NS)
    none = dict.fromkeys(difference())
    returns, table = [], []
    for name, one in {"base": none, **differences}.items():
        ruined = one["reason"] is not None and one["reason"].startswith("nothing was left")
        net = common + rng.normal(0.0, 2e-4, rows)
        figures = {"total_return": None, "sharpe": None} if ruined else {"total_return": 0.1, "sharpe": 1.2}
        table.append({"name": name, "words": f"{name} in other words", **figures, **one})
        if not ruined:
            returns.append(pl.DataFrame({"ts": ts, "name": [name] * rows, "net": net, "gross": net}))
    return MadeAblation(table=pl.DataFrame(table, infer_schema_length=None), returns=pl.concat(returns))


MIXED = {
    "beta_sizing": difference(-0.042, -0.073, -0.011, 0.003, 0.015, gross=(-0.02, 0.02), scaled=(-0.03, 0.03)),
    "leader_volatility": difference(-0.002, -0.031, 0.027, 0.88, 1.0),
    "regimes": difference(0.06, 0.02, 0.1, 0.002, 0.012),
    "leader_engine": difference(0.03, 0.001, 0.061, 0.04, 0.16),
    "structure_source": difference(0.0, None, None, None, None, "no bar differs"),
    "all": difference(None, None, None, None, None, "nothing was left of all at 2023-02-03T08:00:00Z"),
}


def text_of(page):
    """What a reader sees, without the scripts."""
    bare = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S)
    return html.unescape(re.sub(r"<[^>]*>", " ", bare)).replace(NO_SPACE, " ")


def cells_of(page, name):
    """The rows of a table as texts; intervals follow their values after a bar."""
    start = page.index(f'<table id="{name}">')
    body = page[page.index("<tbody>", start) : page.index("</tbody>", start)].replace('<span class="interval">', "|")
    return [
        [
            html.unescape(re.sub(r"<.*?>", "", cell)).replace(NO_SPACE, " ")
            for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.S)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)
    ]


def bare_of(page):
    return re.sub(r"<script.*?</script>", "", page, flags=re.S)
