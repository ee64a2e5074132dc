"""Catching up: a leader that is believed to move first has moved, and the asset has not answered in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import nan
from typing import Any, ClassVar, Self

import polars as pl

from comove.errors import DataError
from comove.options import MOST_LAG, options_of
from comove.signals.context import CLOSE, Context
from comove.signals.engines.base import NONE
from comove.signals.engines.lead_record import LeadRecords
from comove.signals.engines.leads import Expectation, Lead
from comove.signals.engines.options import Bounds, check_options
from comove.signals.outcomes import Outcome, Outcomes
from comove.signals.protocol import Abstention, AlphaEngine, Answer, Answers, Signal, bar_row
from comove.signals.record import hit

__all__ = ["LeaderEngine", "LeaderOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderOptions:
    """When a lead is believed, and when a gap is a signal.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    bounds: ClassVar[Bounds] = {
        "cost": (0.0, 1.0),
        "noise_at": (0.0, 100.0),
        "believe_at": (0.0, 0.05),
        "refresh_rows": (1, 4096),
        "far_at": (0.0, 1.0),
        "most_lag": (1, MOST_LAG),
        "window_size": (30, 4096),
        "min_samples": (20, 4096),
        "record_size": (10, 4096),
        "prior": (0.1, 1e6),
    }

    cost: float = 0.002
    """Least size of the gap: what a round trip costs, a fraction; 0 to 1."""
    noise_at: float = 0.5
    """Least size of the gap in standard errors, which hold the noise of the rows to come: at 1/2 a normal move has the
    gap's sign 69 times in 100; 0 to 100."""
    believe_at: float = 0.01
    """p-value of "no lead" below which the leader is believed to move first; 0 to 0.05, from where `leads_by` is 0
    anyway. 141 pairs of 47 coins and 3 leaders show one or two leads by chance at 0.01, and seven at 0.05."""
    refresh_rows: int = 48
    """Rows after which a pair is asked again who moves first; pairs take turns. A fifth of the usual window of lead and
    lag; an answer costs 0.1 ms, and is the dearest part of the engine."""
    far_at: float = 0.2
    """p-value from which a pair is so far from a lead that it is passed over every second time; 0 to 1."""
    most_lag: int = 10
    """Longest lead that is followed, in rows; 1 to 512. The usual `max_lag` of the structure."""
    window_size: int = 240
    """Rows of the regressions at each lag; at least 30. As the window of lead and lag."""
    min_samples: int = 60
    """Pairs of returns before a slope is given; 20 to `window_size`. The rows shown, 96, begin a lead of 10 rows at
    once."""
    record_size: int = 240
    """Expectations of a pair in its information coefficient; at least 10."""
    prior: float = 40.0
    """Outcomes without overlap that the prior is worth, of all signals at 1/2 and of a pair's at that of all. More than
    the 20 of `EngineOptions`, for the signals of a pair are in both records: where there is but one pair, the squared
    error of its confidence on noise exceeds 1/4 by at most 0.0036, and would by 0.0071 with 20."""

    def __post_init__(self) -> None:
        check_options(self, self.bounds)
        if self.min_samples > self.window_size:
            # As RollingPair says it.
            check_options(self, {**self.bounds, "min_samples": (20, self.window_size)})


class LeaderEngine(AlphaEngine):
    """Long where a leader has risen and the asset has yet to follow, short where it has fallen.

    `leads` has the formulas of the gap, what is expected over the next `lag` rows, and of its standard error. Of the
    leaders that are believed to move first (`get_lead_lag`: lead_p_value below `believe_at`), the one that explains the
    most of the asset at its lag is taken, for leaders move together and the others follow it. There is a signal where
    the gap is above `cost` and above `noise_at` standard errors; its strength is |gap| / (3 standard errors), cut at 1,
    times the share of the lag that is left. The horizon is the lag.

    On recorded hourly candles the whole market moves in the same row, the best lag is nearly always 0, and the engine
    abstains nearly always: that is right, and the reason says so.

    Parameters
    ----------
    options : LeaderOptions, optional

    Notes
    -----
    Large stocks lead small ones: Lo and MacKinlay, Review of Financial Studies, 1990. With 47 coins a bar costs 0.3 ms,
    nearly all of it for two answers of who moves first; a pair that is believed costs about 10 us more a bar.
    """

    __slots__ = (
        "_answers",
        "_leads",
        "_open",
        "_outcomes",
        "_places",
        "_reasons",
        "_records",
        "_row",
        "_shown",
        "options",
    )

    kind = "engine-leader"
    name = "leader"

    def __init__(self, options: LeaderOptions | None = None) -> None:
        self.options: LeaderOptions = options_of(options, LeaderOptions)
        o = self.options
        self._records = LeadRecords(o.prior, o.most_lag, o.record_size)
        self._row = NONE
        self._places: dict[str, int] = {}
        # Of each symbol and leader: the p-value and rows of the last answer, and the lead where it is believed.
        self._answers: dict[str, dict[str, tuple[float, int]]] = {}
        self._leads: dict[str, dict[str, Lead]] = {}
        # Why no leader is believed, by symbol: made of the answers when it is first told after one.
        self._reasons: dict[str, str] = {}
        # What waits for its outcome, by lag.
        self._outcomes: dict[int, Outcomes] = {}
        # Of each symbol of this bar: the best expectation, and whether it is a signal; or why there is none.
        self._shown: dict[str, Expectation | str] = {}
        self._open: dict[str, None] = {}

    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: learn what came, ask the pairs whose turn it is, and weigh what each symbol has yet to follow.

        Raises
        ------
        OrderError, DataError
            As `bar_row`, and the engine is as it was.
        """
        self._row = bar_row(contexts, self._row)
        if not contexts:
            return
        self._learn([each for outcomes in self._outcomes.values() for each in outcomes.settle(contexts)])
        self._shown, self._open = {}, {}
        moves: dict[str, list[float]] = {}
        for context in contexts:
            symbol = context.symbol
            if symbol not in self._places:
                self._places[symbol] = len(self._places)
                self._answers[symbol] = {}
            self._ask(context)
            leads = self._leads.get(symbol)
            if leads:
                self._weigh(context, leads, moves)

    def _ask(self, context: Context) -> None:
        """Ask who moves first, of the pairs whose turn it is."""
        o, structure = self.options, context.structure
        leaders = structure.leaders
        # So many turns after the first pair's.
        turn = (self._row - self._places[context.symbol] * len(leaders)) % o.refresh_rows
        if turn >= len(leaders):
            return
        answers = self._answers[context.symbol]
        for place in range(turn, len(leaders), o.refresh_rows):
            leader = leaders[place]
            if leader not in context.leader_candles:
                continue
            last = answers.get(leader)
            if last is not None and last[0] >= o.far_at and self._row // o.refresh_rows % 2:
                continue
            answer = context.lead_lag(leader)
            p_value, rows = answer.lead_p_value, answer.leads_by
            if p_value is None or rows is None:
                continue
            answers[leader] = (p_value, rows)
            self._reasons.pop(context.symbol, None)
            leads = self._leads.setdefault(context.symbol, {})
            if not (p_value < o.believe_at and 1 <= rows <= o.most_lag):
                leads.pop(leader, None)
            elif leader not in leads or leads[leader].lag != rows:
                leads[leader] = Lead(leader, rows, o.window_size, o.min_samples)

    def _weigh(self, context: Context, leads: Mapping[str, Lead], moves: dict[str, list[float]]) -> None:
        """Feed the regressions of a symbol, note what each leader has yet to bring, and keep the best."""
        o, symbol = self.options, context.symbol
        best: Expectation | None = None
        why = ""
        noted: dict[int, list[Expectation]] = {}
        for leader, lead in leads.items():
            if leader not in moves:
                moves[leader] = _newest_first(context, leader, o.most_lag + 1)
            if lead.row == self._row - 1 and len(moves[leader]) > lead.lag:
                before, now = context.candles[-2:, CLOSE].tolist()
                lead.push(self._row, now / before - 1.0, moves[leader])
            elif len(context.candles) > lead.lag + 1:
                lead.follow(self._row, context.returns(), context.returns(leader))
            else:
                why = f"{len(context.candles) - 1} returns shown, more than {lead.lag} are needed"
                continue
            found = lead.expect(moves[leader])
            if isinstance(found, str):
                why = found
                continue
            noted.setdefault(found.lag, []).append(found)
            if best is None or found.explained > best.explained:
                best = found
        if best is None:
            self._shown[symbol] = why
            return
        self._shown[symbol] = best
        signal = abs(best.gap) > o.cost and abs(best.gap) > o.noise_at * best.stderr
        if signal:
            self._open[symbol] = None
        for lag, each in noted.items():
            if lag not in self._outcomes:
                self._outcomes[lag] = Outcomes(lag)
            self._outcomes[lag].note(context, [[found.leader, found.gap, signal and found is best] for found in each])

    def _learn(self, settled: Sequence[Outcome]) -> None:
        """Take in the outcomes of a bar, of signals that were given so many rows ago as their lag."""
        hits = []
        for each in settled:
            for leader, expected, signal in each.said:
                key = (leader, each.symbol, self._row - each.row)
                self._records.add(key, expected, each.moved)
                if signal:
                    right = hit("long" if expected > 0.0 else "short", each.moved)
                    self._records.add_hit(key, each.row, right)
                    hits.append(right)
        if hits:
            self._records.all.add(self._row, sum(hits) / len(hits))

    def evaluate(self, context: Context) -> Signal | Abstention:
        """Return what is expected of a symbol of the last bar.

        Raises
        ------
        DataError
            A context of another bar, or of a symbol that was not in it.
        """
        if context.row != self._row:
            raise DataError(f"context must be of the last bar observed, row {self._row}, got {context.row}", "row")
        symbol = context.symbol
        found = self._shown.get(symbol)
        if found is None:
            reason = self._reasons.get(symbol)
            return Abstention(self._why(context) if reason is None else reason)
        if isinstance(found, str):
            return Abstention(found)
        leader, lag, gap, stderr, move, full, _, fresh = found
        rows = f"{lag} row{'s' if lag > 1 else ''}"
        said = (
            f"{leader} leads by {rows} and moved {move:+.2%} in them: {full:+.2%} is expected in all, {full - gap:+.2%}"
            f" has come, {gap:+.2%} is to come, standard error {stderr:.2%}"
        )
        if symbol not in self._open:
            return Abstention(f"{said}; above {self.options.cost:.2%} and {self.options.noise_at:g} errors is needed")
        key = (leader, symbol, lag)
        return Signal(
            direction="long" if gap > 0.0 else "short",
            strength=min(abs(gap) / (3.0 * stderr), 1.0) * fresh if stderr else fresh,
            confidence=self._records.probability(key),
            horizon=lag,
            reason=f"{said}; {self._records.told(key)}",
        )

    def evaluate_all(self, contexts: Sequence[Context]) -> Sequence[Answer]:
        """Return `evaluate` of each symbol, and in its place what it raised; most have no leader that is followed."""
        if type(self).evaluate is not LeaderEngine.evaluate:
            return AlphaEngine.evaluate_all(self, contexts)
        found: dict[int, Answer] = {}
        reasons: dict[str, str] = {}
        for at, context in enumerate(contexts):
            symbol = context.symbol
            # It changes when the pair is asked the next time.
            reason = self._reasons.get(symbol)
            if reason is not None and symbol not in self._shown and context.row == self._row:
                reasons[symbol] = reason
                continue
            try:
                found[at] = self.evaluate(context)
            except Exception as error:
                found[at] = error
        return Answers(contexts, found, {}, nan, lambda context: Abstention(reasons[context.symbol]))

    def _why(self, context: Context) -> str:
        """Return why no leader is believed to move first."""
        try:
            answers = self._answers[context.symbol]
        except KeyError:
            raise DataError(f"{context.symbol} was not observed in row {self._row}", "symbol") from None
        if not context.leader_candles:
            return "no leader but the symbol itself has been seen"
        if not answers:
            return f"not known yet who moves first: each leader is asked every {self.options.refresh_rows} rows"
        leader, (p_value, rows) = min(answers.items(), key=lambda each: each[1][0])
        if p_value < self.options.believe_at and rows > self.options.most_lag:
            why = f"{leader} leads by {rows} rows, at most {self.options.most_lag} are followed"
        else:
            why = (
                f"no leader is believed to move first: the lowest p-value is that of {leader}, {p_value:.3f}, below "
                f"{self.options.believe_at:g} is needed; most coins move in the same row as their leaders"
            )
        self._reasons[context.symbol] = why
        return why

    def record(self) -> pl.DataFrame:
        """Return how good the expectations have been.

        Returns
        -------
        DataFrame
            A row for each (leader, asset, lag) that was ever followed: ``leader``, ``asset``, ``lag`` in rows;
            ``expected``, the number of expectations whose lag has passed, and ``information_coefficient``, the
            correlation of expected and realised returns over the last of them; ``signals`` among them, ``hit_rate``
            of these, and ``probability``, the hit rate shrunk to that of all, which is the confidence of the next.
            What is not known is null.
        """
        return self._records.frame()

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept, options included."""
        return {
            "options": asdict(self.options),
            "row": self._row,
            "symbols": list(self._places),
            "answers": {
                symbol: [[leader, *answer] for leader, answer in answers.items()]
                for symbol, answers in self._answers.items()
            },
            "leads": {symbol: [lead.to_state() for lead in leads.values()] for symbol, leads in self._leads.items()},
            "outcomes": [[lag, outcomes.to_state()] for lag, outcomes in self._outcomes.items()],
            "shown": {
                symbol: found if isinstance(found, str) else list(found) for symbol, found in self._shown.items()
            },
            "open": list(self._open),
            "records": self._records.to_state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the engine of a state."""
        engine = cls(LeaderOptions(**state["options"]))
        engine._row = int(state["row"])
        engine._places = {str(symbol): place for place, symbol in enumerate(state["symbols"])}
        engine._answers = {
            symbol: {str(leader): (float(p_value), int(rows)) for leader, p_value, rows in answers}
            for symbol, answers in state["answers"].items()
        }
        for symbol, leads in state["leads"].items():
            engine._leads[symbol] = {lead.leader: lead for lead in map(Lead.from_state, leads)}
        for lag, waiting in state["outcomes"]:
            engine._outcomes[int(lag)] = Outcomes(int(lag))
            engine._outcomes[int(lag)].read(waiting)
        engine._shown = {
            symbol: found if isinstance(found, str) else Expectation(*found) for symbol, found in state["shown"].items()
        }
        engine._open = {str(symbol): None for symbol in state["open"]}
        engine._records.read(state["records"])
        return engine


def _newest_first(context: Context, leader: str, rows: int) -> list[float]:
    """Return the last returns of a leader, the newest first; all that are shown where these are fewer."""
    closes = context.leader_candles[leader][-rows - 1 :, CLOSE].tolist()
    closes.reverse()
    # A missing close is NaN, and so are the returns on both sides of it.
    return [now / before - 1.0 for now, before in pairwise(closes)] or [nan]
