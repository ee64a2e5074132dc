"""The answer in one sentence: what came out, and whether it is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from comove.backtest.page.contents import BacktestReport
from comove.backtest.page.metrics import Measure, measure
from comove.backtest.page.numbers import as_number, percent, signed_percent, when

__all__ = ["LEAST_DEFLATED", "Answer", "answer_of"]

#: Deflated Sharpe ratio from which a result is not explained by the number of tries (Bailey and López de Prado 2014).
LEAST_DEFLATED: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the head of a page says."""

    sentence: str
    """Text."""
    edge: bool
    """Whether the interval lies above 0, and the deflated Sharpe ratio, if there is one, does not contradict."""


def answer_of(report: BacktestReport) -> Answer:
    """Return what the backtest says on the strategy, and no more than that.

    Notes
    -----
    An edge is claimed where the intervals of the total return and of the Sharpe ratio lie above 0 (those that are
    given, one at least), and the deflated Sharpe ratio is at least 0.95 where there is one. A strategy that lost
    everything, or closed no trade, has none, whatever the intervals say.
    """
    leader = report.leaders[0]
    benchmark = _held(report, leader)
    equity = report.equity
    ruined = equity.filter(equity["equity"] <= 0.0)
    if report.ruined is not None or len(ruined):
        at = ruined["ts"][0] if len(ruined) else report.ruined
        return Answer(
            sentence=f"The strategy lost all its capital: nothing was left of it at {when(at)} UTC"
            f"{benchmark}. No later gain makes up for that.",
            edge=False,
        )
    gained = float(equity["equity"][-1]) / report.capital - 1.0
    if report.trades.is_empty():
        return Answer(
            sentence=f"The strategy closed no trade, and its capital {_changed(gained)}{benchmark}: this backtest says "
            "nothing on whether it has an edge.",
            edge=False,
        )
    total = measure(report.metrics, "strategy", "total_return")
    sharpe = measure(report.metrics, "strategy", "sharpe")
    deflated = as_number(measure(report.metrics, "strategy", "deflated").value)
    verdict, edge = _verdict(total, sharpe, deflated)
    return Answer(
        sentence=f"The strategy {_changed(gained)}{_interval(total)}{benchmark}: {verdict}.{_against(report, leader)}",
        edge=edge,
    )


def _verdict(total: Measure, sharpe: Measure, deflated: float | None) -> tuple[str, bool]:
    known = [one for one in (total, sharpe) if one.low is not None and one.high is not None]
    if not known:
        why = next((f" ({one.reason})" for one in (total, sharpe) if one.reason), "")
        return f"without an interval{why} nobody can tell this from chance, so no evidence of an edge", False
    if all(one.high is not None and one.high < 0.0 for one in known):
        return "evidence that it loses, beyond bad luck", False
    if not all(one.low is not None and one.low > 0.0 for one in known):
        which = (
            "the interval holds 0"
            if known[0] is total and _holds_0(total)
            else "the interval of its Sharpe ratio holds 0"
        )
        return f"no evidence of an edge, for {which} and chance alone can do this", False
    if deflated is not None and deflated < LEAST_DEFLATED:
        return (
            f"no evidence of an edge, for the best of as many variants as were tried looks as good by chance (deflated "
            f"Sharpe ratio {deflated:.2f}, less than {LEAST_DEFLATED:.2f})",
            False,
        )
    return "evidence of an edge in these markets, before it is asked how much of it the market gave", True


def _holds_0(one: Measure) -> bool:
    return one.low is not None and one.high is not None and one.low <= 0.0 <= one.high


def _held(report: BacktestReport, leader: str) -> str:
    """Return what holding the first leader brought, as the rest of a sentence."""
    known = report.equity["btc"].drop_nulls().drop_nans()
    if known.is_empty():
        return f"; there is no price of {leader} to compare it with"
    return f", while holding {leader} {_changed(float(known[-1]) / report.capital - 1.0)}"


def _against(report: BacktestReport, leader: str) -> str:
    """Return whether it was better than holding the leader, as a sentence of its own; "" without an interval."""
    excess = measure(report.metrics, "strategy", "excess_return")
    value, low, high = as_number(excess.value), excess.low, excess.high
    if value is None or low is None or high is None:
        return ""
    sure = low > 0.0 or high < 0.0
    side = "more" if value > 0.0 else "less"
    return (
        f" In the mean it earned {percent(abs(value))} a year {side} than holding {leader} (95 % interval "
        f"{signed_percent(low)} to {signed_percent(high)}): {'beyond' if sure else 'not beyond'} chance."
    )


def _changed(part: float) -> str:
    """Return what became of money in words: "gained 3.1 %"."""
    text = percent(abs(part))
    if not any(digit in text for digit in "123456789"):
        return "stayed as it was"
    return f"{'gained' if part > 0.0 else 'lost'} {text}"


def _interval(total: Measure) -> str:
    if total.low is None or total.high is None:
        return ""
    return f" (95 % interval {percent(total.low)} to {percent(total.high)})"
