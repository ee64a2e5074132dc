"""How far equity is below its peak, and whether that halts new entries."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from comove.errors import OrderError, ParameterError, StateError
from comove.options import epoch_nanoseconds, within
from comove.portfolio.numbers import share
from comove.portfolio.risk_options import RiskOptions

__all__ = ["DrawdownHalt"]


class DrawdownHalt:
    """Peak, drawdown and halt of an account's equity, one value at a time.

    drawdown = (peak - equity) / peak. Entries halt at `max_drawdown` and go on at `resume_drawdown`, which is lower;
    equity of 0 or less halts them for ever.

    Parameters
    ----------
    options : RiskOptions
    """

    __slots__ = ("_stopped", "equity", "options", "peak", "ruined", "ts")

    def __init__(self, options: RiskOptions) -> None:
        self.options = options
        self.ts: int | None = None
        self.equity: float | None = None
        self.peak = 0.0
        self._stopped = self.ruined = False

    @property
    def drawdown(self) -> float | None:
        """Equity below its peak over the peak; None before any equity, 1 or more where all is lost."""
        if self.equity is None:
            return None
        # A first equity of 0 or less has no peak.
        return _fallen(self.equity, self.peak) if self.peak > 0.0 else 1.0

    @property
    def reason(self) -> str | None:
        """Why entries are halted; None where they are not."""
        options, drawdown = self.options, self.drawdown
        if drawdown is None:
            return None
        if self.ruined:
            return "entries are halted for ever: equity was 0 or less"
        if not self._stopped:
            return None
        return (
            f"entries are halted: {share(drawdown)} below the peak of equity, at {share(options.max_drawdown)} they "
            f"halt, at {share(options.resume_drawdown)} they go on"
        )

    def update(self, ts: object, equity: object) -> None:
        """Take in the equity of a time.

        Raises
        ------
        OrderError
            `ts` is before the last one.
        ParameterError
            No finite number. The state is as it was.
        """
        time = epoch_nanoseconds(ts, "ts")
        if self.ts is not None and time < self.ts:
            raise OrderError(f"ts must not be before the last equity at {self.ts} ns, got {time} ns", "time_order")
        value = within("equity", equity, -inf, inf)
        self.ts, self.equity = time, value
        self.peak = max(self.peak, value)
        if value <= 0.0:
            self.ruined = True
        drawdown = self.drawdown
        if drawdown is None or self.ruined:
            return
        # Between the two limits it stays as it was.
        if drawdown >= self.options.max_drawdown:
            self._stopped = True
        elif drawdown <= self.options.resume_drawdown:
            self._stopped = False

    def resume(self) -> None:
        """Make the present equity the peak, which ends a halt.

        Raises
        ------
        ParameterError
            No equity so far, or it was 0 or less.
        """
        if self.equity is None or self.ruined:
            was = "none" if self.equity is None else f"{self.equity!r} after 0 or less"
            raise ParameterError(f"equity must be above 0 to resume, got {was}", "equity")
        self.peak, self._stopped = self.equity, False

    def to_state(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "ts": self.ts,
            "equity": self.equity,
            "peak": self.peak,
            "stopped": self._stopped,
            "ruined": self.ruined,
        }

    def read(self, state: Mapping[str, Any]) -> None:
        """Take over the state of `to_state`.

        Raises
        ------
        StateError
            Values that do not go together.
        """
        ts, equity, peak = state["ts"], state["equity"], within("peak", state["peak"], 0.0, inf)
        stopped, ruined = state["stopped"], state["ruined"]
        if type(stopped) is not bool or type(ruined) is not bool:
            raise StateError(f"the snapshot's halts are {stopped!r} and {ruined!r}", "state_content")
        if (ts is None) != (equity is None) or (ts is None and (peak > 0.0 or stopped or ruined)):
            raise StateError("the snapshot has an equity without its time, or a time without equity", "state_content")
        if ts is not None:
            ts, equity = epoch_nanoseconds(ts, "ts"), within("equity", equity, -inf, inf)
            if equity > peak or (equity <= 0.0 and not ruined):
                raise StateError(f"the snapshot has the equity {equity} and the peak {peak}", "state_content")
            fallen = 0.0 if ruined else _fallen(equity, peak)
            wrong = fallen <= self.options.resume_drawdown if stopped else fallen >= self.options.max_drawdown
            if wrong and not ruined:
                raise StateError(f"the snapshot's halt is {stopped} at a drawdown of {fallen}", "state_content")
        self.ts, self.equity, self.peak = ts, equity, peak
        self._stopped, self.ruined = stopped, ruined


def _fallen(equity: float, peak: float) -> float:
    # The difference has no rounding above half of the peak: 88 after 110 is 0.2, where 1 - 88 / 110 is below.
    return (peak - equity) / peak
