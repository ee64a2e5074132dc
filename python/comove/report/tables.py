"""The tables of a report: what the market's regime is made of, and the state of every coin."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from comove.report.contents import MarketReport
from comove.report.words import (
    REGIME_COLOURS,
    REGIME_NAMES,
    UNKNOWN_NUMBER,
    beta_texts,
    number,
    price_text,
    span_text,
    time_text,
)
from comove.structure import MarketRegime, MarketStructureSnapshot, RegimeOptions

__all__ = ["EVIDENCE_WORDS", "coin_table", "evidence_table", "state_line"]

#: What each number of the evidence means.
EVIDENCE_WORDS: Final = {
    "leaders_trend": "where the leaders went over the window, in units of their volatility",
    "leaders_agreement": "how far the leaders went the same way, from 0 to 1",
    "volatility_ratio": "the leaders' volatility against their own past; 1 is as before",
    "leader_correlation": "how the leaders move together, from -1 to 1",
    "relative_momentum": "how far another leader is ahead of {first}, in units of its volatility",
    "momentum_change": "how much of that is new",
    "cross_asset_correlation": "how the coins move with the leaders, from -1 to 1",
    "divergence_score": "1 less that: how far the coins have parted from the leaders",
    "correlation_drop": "how much lower that correlation is than before",
}


def evidence_table(report: MarketReport) -> str:
    """Return the market's regime and the numbers behind it, as HTML."""
    market = report.market
    rows = [
        (name, number(market.evidence.get(name)), words.format(first=report.leaders[0]))
        for name, words in EVIDENCE_WORDS.items()
    ]
    rows += [
        (f"trend_{leader}", number(market.evidence.get(f"trend_{leader}")), f"where {leader} went alone")
        for leader in report.leaders
    ]
    rows += [
        (
            f"volatility of {leader}",
            _percent(market.leader_volatilities.get(leader)),
            f"standard deviation of its last {RegimeOptions().vol_window} returns",
        )
        for leader in report.leaders
    ]
    return _table(
        "evidence",
        ("number", "value", "what it is"),
        (map(html.escape, row) for row in rows),
        ("text", "number", "long"),
    )


def coin_table(report: MarketReport) -> str:
    """Return a line for each coin, as HTML."""
    first = report.leaders[0]
    verdicts = {(row["asset"], row["leader"]): row["verdict"] for row in report.leads.iter_rows(named=True)}
    result = report.givers.result
    net = {} if result is None else dict(zip(result.names, result.net.tolist(), strict=True))
    rows = []
    for coin in report.coins:
        snapshot, (when, price) = report.snapshots[coin], report.prices[coin]
        beta = report.betas.get((coin, first))
        remarks = [_regime_remark(snapshot), *([beta.reason] if beta is not None and beta.reason else [])]
        rows.append([
            html.escape(coin),
            price_text(price),
            "now" if when == report.last else time_text(when),
            _chip(snapshot.regime.value),
            number(snapshot.regime_confidence),
            *beta_texts(beta),
            UNKNOWN_NUMBER if beta is None else number(beta.r_squared),
            number(snapshot.cross_asset_correlation),
            number(snapshot.divergence_score),
            html.escape(verdicts.get((coin, first), UNKNOWN_NUMBER)),
            number(net.get(coin), 1),
            html.escape("; ".join(filter(None, remarks))),
        ])  # fmt: skip
    head = (
        "coin", "price", "at", "regime", "score", f"beta to {first}", "error", "R²", "corr to leaders", "divergence",
        f"coin against {first}", "net given, %", "remark",
    )  # fmt: skip
    kinds = (
        "name", "number", "text", "text", "number", "number", "number", "number", "number", "number", "words", "number",
        "long",
    )  # fmt: skip
    return _table("coins", head, rows, kinds)


def state_line(report: MarketReport) -> str:
    """Return the regime of the market in one sentence, as HTML."""
    market = report.market
    rows = market.rows_in_regime
    since = "" if rows is None else f", for {span_text(timedelta(seconds=report.step * (rows + 1)))}"
    alone = len(report.leaders) == 1
    ahead = f" {html.escape(market.leader)} is ahead of the other leaders." if market.leader and not alone else ""
    why = f" ({html.escape(market.reason)})" if market.reason else ""
    score = number(market.regime_confidence)
    return f"The market is in {_chip(market.regime.value)}, score {score}{since}{why}.{ahead}"


def _regime_remark(snapshot: MarketStructureSnapshot) -> str:
    """Return what is wrong with a regime; where none is clear, the two that come closest."""
    if snapshot.regime is not MarketRegime.UNKNOWN or not snapshot.scores:
        return snapshot.reason or ""
    closest = sorted(snapshot.scores.items(), key=lambda item: -item[1])[:2]
    return ", ".join(f"{REGIME_NAMES[regime]} {number(score)}" for regime, score in closest)


def _chip(regime: str) -> str:
    return f'<span class="chip" style="background:{REGIME_COLOURS[regime]}">{REGIME_NAMES[regime]}</span>'


def _percent(value: float | None) -> str:
    return UNKNOWN_NUMBER if value is None else f"{100 * value:.2f} %"


def _table(name: str, head: Sequence[str], rows: Iterable[Iterable[str]], kinds: Sequence[str]) -> str:
    """Return a table; the cells are HTML, and `kinds` are the classes of its columns."""
    top = "".join(
        f'<th scope="col" class="{kind}">{html.escape(cell)}</th>' for kind, cell in zip(kinds, head, strict=True)
    )
    body = "\n".join(
        "<tr>" + "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table id="{name}"><thead><tr>{top}</tr></thead>\n<tbody>{body}</tbody></table></div>'
