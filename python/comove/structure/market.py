"""All that is kept of a market that is fed bar by bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

from comove.errors import DataError, OrderError, ParameterError
from comove.options import epoch_nanoseconds
from comove.structure.answers import Standing
from comove.structure.bars import FormingBar
from comove.structure.breakdown import BreakdownRule, Breakdowns, LeaderStatus
from comove.structure.describing import Told, tell
from comove.structure.feeds import AssetFeed, PairFeed, Past
from comove.structure.prices import utc
from comove.structure.regimes import RegimeOptions
from comove.structure.settings import Settings
from comove.structure.tracker import RegimeTracker

__all__ = ["LiveMarket"]

# Of a panel.
MOST_PAIRS = 1 << 16


class LiveMarket:
    """The forming bar, the pairs and the regimes.

    Parameters
    ----------
    settings : Settings
    regimes : RegimeOptions
    breakdown : BreakdownRule
    """

    __slots__ = ("bar", "breakdowns", "feeds", "held", "leader_rows", "settings", "told", "tracker")

    def __init__(self, settings: Settings, regimes: RegimeOptions, breakdown: BreakdownRule) -> None:
        self.settings = settings
        self.bar = FormingBar(settings.window_span, settings.max_rows)
        self.feeds: dict[str, AssetFeed] = {}
        # The rows any leader had: those of every asset's grid.
        self.leader_rows = Past()
        # The last price of each symbol and its time, for join="asof".
        self.held: dict[str, tuple[int, float]] = {}
        self.told: Told | None = None
        self.tracker = RegimeTracker(settings.leaders, regimes, settings.laying.max_gap)
        self.breakdowns = Breakdowns(settings.leaders, breakdown)

    def arrive(self, ts: object, prices: Mapping[str, object]) -> None:
        """Take in some prices of a bar; of a later bar, the one before closes.

        Raises
        ------
        OrderError, DataError
            As `FormingBar.check`; the market is as it was.
        ParameterError
            A window by time without `max_rows`.
        """
        s = self.settings
        if s.window_span is not None and s.max_rows is None:
            raise ParameterError(
                "window_span needs max_rows for live bars: the most bars the span may ever hold, got max_rows=None",
                "max_rows",
            )
        time, checked = self.bar.check(ts, prices)
        known = {*self.tracker.companions.place, *self.bar.prices, *checked}
        if len(known) * len(s.leaders) > MOST_PAIRS:
            raise DataError(
                f"symbols times leaders must be at most {MOST_PAIRS}, got {len(known)} times {len(s.leaders)}",
                "symbols",
            )
        if self.bar.ts is not None and time > self.bar.ts:
            self.close()
        self.bar.ts = time
        self.bar.prices.update(checked)

    def close(self) -> None:
        """Close the forming bar, if there is one."""
        closed = self.bar.close()
        if closed is not None:
            self._push(*closed)

    def _push(self, ts: int, prices: dict[str, float]) -> None:
        s, feeds = self.settings, self.feeds
        led = any(leader in prices for leader in s.leaders)
        by_asset = s.laying.join == "asof"
        for symbol in prices:
            if symbol not in feeds:
                feeds[symbol] = AssetFeed(symbol, s, Past() if by_asset else self.leader_rows.copy())
        if by_asset:
            self.held.update({symbol: (ts, price) for symbol, price in prices.items() if price == price})
            now = self._as_of(ts)
        else:
            now = prices
        of_leaders = [now.get(leader, nan) for leader in s.leaders]
        # Mostly all assets had the row before, and with it the same prices of the leaders.
        before: Sequence[float] | None = None
        moves: list[float] = []
        for symbol, feed in feeds.items():
            if symbol not in prices and not led:
                continue
            if by_asset and symbol not in prices:
                feed.pass_over(s.laying.max_gap)
                continue
            if feed.prices is not before:
                before, moves = feed.prices, feed.leader_moves(of_leaders)
            feed.push(ts, prices.get(symbol, nan), of_leaders, moves, s)
        if led:
            self.leader_rows.push(ts, s.window_span)
            self.tracker.push(ts, now)
            self.breakdowns.push(self.tracker.row, self.tracker.states, s.laying.max_gap)
            self.told = tell(self.tracker)

    def _as_of(self, ts: int) -> dict[str, float]:
        oldest = ts - (self.settings.laying.tolerance or 0)
        return {symbol: price for symbol, (seen, price) in self.held.items() if seen >= oldest}

    def leader_status(self, leader: str) -> LeaderStatus:
        """Return whether a leader is breaking down after the last row of the leaders."""
        tracker = self.tracker
        return self.breakdowns.status(leader, tracker.row, tracker.states)

    def moment(self, current_time: object) -> int:
        """Return the time of a question in nanoseconds; by default that of the last closed bar.

        Raises
        ------
        OrderError
            Before the last closed bar: what was before is not kept.
        """
        closed = self.bar.closed
        if current_time is None:
            return 0 if closed is None else closed
        now = epoch_nanoseconds(current_time, "current_time")
        if closed is not None and now < closed:
            raise OrderError(
                f"current_time must not be before the last closed bar, {utc(closed)}, got {utc(now)}; "
                "live bars are not kept, ask with data",
                "current_time",
            )
        return now

    def standing(self, asset: str, leader: str, now: int) -> tuple[PairFeed | None, Standing]:
        """Return a pair and where it stands; None for a pair that was never seen."""
        oldest = self.settings.laying.max_age
        feed = self.feeds.get(asset)
        if feed is None or leader not in self.feeds:
            without = [symbol for symbol in (asset, leader) if symbol not in self.feeds]
            verb = "was" if len(without) == 1 else "were"
            cause = f"{' and '.join(without)} {verb} not in any closed bar"
            return None, Standing(asset, leader, now, None, max_age=oldest, cause=cause)
        pair = feed.pairs[self.settings.leaders.index(leader)]
        if pair is None or pair.last is None:
            return None, Standing(asset, leader, now, None, max_age=oldest)
        return pair, Standing(
            asset, leader, now, pair.last, pair.index, pair.in_span, pair.step, pair.hole, max_age=oldest
        )
