"""What reasons, sides, options of costs and rules of the replay are called on the page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from comove.backtest.page.contents import BacktestReport
from comove.backtest.page.numbers import as_number, count, money, percent, plain, ratio, when
from comove.report.words import span_text

__all__ = ["ASSUMPTIONS", "COST_WORDS", "REASON_WORDS", "cost_rows", "costs_line", "names", "option_rows", "what_ran"]

_MOST_NAMES: Final = 12
#: Why a position was closed.
REASON_WORDS: Final = {
    "stop": "stop: the price reached the loss that was allowed",
    "take_profit": "target: the price reached the profit that was aimed at",
    "prediction": "the prediction turned",
    "hold_rows": "held as long as allowed",
    "leader_breakdown": "a leader broke down",
    "scale_out": "part of the position taken off",
    "ended": "the instrument ended: trading stopped for good",
    "liquidation": "liquidation: too little equity for the positions",
    "end": "the backtest or its fold ended",
    "open": "still open at the end: it had no candle to be closed in",
}
#: Name of an option of the costs: what it is called, how it is written, and what it does.
COST_WORDS: Final = {
    "fee": ("fee", percent, "of the value of each market order"),
    "maker_fee": ("fee of a target", percent, "of the value of a target that is filled as a limit order"),
    "half_spread": ("half-spread", percent, "from the middle to the price that a market order gets"),
    "impact": ("impact", ratio, "slippage, in volatilities of a bar, of an order as large as a usual bar's volume"),
    "max_participation": ("largest order", percent, "of what a usual bar trades; orders to open are cut to it"),
    "volume_bars": ("usual bar", count, "so many bars before an order tell what is usual"),
    "funding_rate": ("funding rate", percent, "that a long pays to a short each time, where the data have no rates"),
    "funding_hours": ("funding every", count, "hours"),
    "recovery": ("recovery", percent, "of its last price that a long gets back of an instrument that ended"),
    "leverage": ("leverage", ratio, "the most that all positions may be worth over the equity when one is opened"),
    "maintenance": ("maintenance", percent, "equity over the worth of all positions below which all are closed"),
}
#: Rules of the replay, each of which makes the result what it is.
ASSUMPTIONS: Final = (
    "A decision is made with what was known when its bar closed, and filled at the open of the next bar of that coin.",
    "Where a bar reached both the stop and the target, the stop counts: the order inside a bar is not known, so the "
    "worse comes first.",
    "A stop that the price jumped over is filled at the open, which is worse than the stop.",
    "A coin without a bar cannot be traded; its orders wait for the next bar that exists. After a hole of more than 72 "
    "bars the instrument has ended: its positions are written down, and what comes later under its name is a new one.",
    "Each fold begins anew with what it learnt from its training part, which lies before its test part; it goes on "
    "learning from bars as they pass, never from later ones. Folds follow one another as one account.",
    "The benchmarks buy at the first open and pay the same fees, spread and slippage, but no funding, for they lend "
    "nothing; equal weight is brought back to equal shares each month, and pays for that.",
    "Orders of other traders do not react to these ones, every coin of the list could be traded and sold short, and "
    "the exchange never failed. Real trading is worse in each of these.",
)


def names(given: Sequence[str], most: int = _MOST_NAMES) -> str:
    """Return names in a row as HTML; of more than `most`, the number of the others."""
    more = f" and {len(given) - most} more" if len(given) > most else ""
    return html.escape(", ".join(given[:most]) + more)


def what_ran(report: BacktestReport) -> str:
    """Return what was run in two sentences, as HTML."""
    equity = report.equity
    coins = list(report.symbols)
    step = span_text(timedelta(seconds=report.step_seconds))
    first, last = when(equity["ts"][0]), when(equity["ts"][-1])
    return (
        f"{_many(len(coins), 'coin')} ({names(coins)}) with {names(list(report.leaders))} as "
        f"leader{'s' * (len(report.leaders) != 1)}; {_many(len(equity), 'bar')} of {step}, {first} to {last} UTC, in "
        f"{_many(len(report.folds), 'fold')} of a walk through time. It began with {money(report.capital)}; "
        f"{costs_line(report.costs)}."
    )


def costs_line(costs: Mapping[str, Any]) -> str:
    """Return what trading cost in words, as HTML."""
    fee, spread = as_number(costs.get("fee")), as_number(costs.get("half_spread"))
    impact, funding = as_number(costs.get("impact")), as_number(costs.get("funding_rate"))
    parts = [
        *([] if fee is None else [f"a fee of {percent(fee)}"]),
        *([] if spread is None else [f"half a spread of {percent(spread)}"]),
        *([] if not impact else ["slippage that grows with the order"]),
    ]
    if not any((fee, spread, impact, funding)):
        return "no costs at all were reckoned, so this is not what trading would have brought"
    held = f"; perpetuals' funding of {percent(funding)} is paid or got while a position is held" if funding else ""
    return f"every order cost {', '.join(parts)}{held}" if parts else f"orders cost nothing{held}"


def cost_rows(costs: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, value and meaning of each option of the costs, as HTML."""
    rows = []
    for name, value in costs.items():
        label, form, meaning = COST_WORDS.get(name, (name, plain, ""))
        rows.append((html.escape(label), html.escape(form(value)), html.escape(meaning)))
    return rows


def option_rows(
    options: Mapping[str, Any], defaults: Mapping[str, Any] | None = None, path: tuple[str, ...] = ()
) -> list[tuple[str, str, str]]:
    """Return name, value and default of options, as HTML.

    Parameters
    ----------
    options : mapping
        Mappings in it are groups, whose names come before those of their options.
    defaults : mapping, optional
        Of the same shape. With it, only those that differ are returned; what it does not hold has no default.
    """
    rows = []
    for name, value in options.items():
        usual = None if defaults is None else defaults.get(name)
        if isinstance(value, Mapping) and value:
            rows += option_rows(
                value, usual if isinstance(usual, Mapping) else None if defaults is None else {}, (*path, name)
            )
        elif defaults is None or name not in defaults or usual != value:
            given = "" if defaults is None or name not in defaults else _told(usual)
            rows.append((html.escape(".".join((*path, str(name)))), html.escape(_told(value)), html.escape(given)))
    return rows


def _told(value: object) -> str:
    return ", ".join(map(plain, value)) if isinstance(value, list | tuple) else plain(value)


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
