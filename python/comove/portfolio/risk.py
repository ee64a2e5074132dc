"""How much to risk on a trade, where to give it up, and when to stop trading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import inf
from typing import Any, ClassVar, Self

from comove.errors import ParameterError
from comove.options import options_of
from comove.portfolio.drawdown import DrawdownHalt
from comove.portfolio.multipliers import (
    caps_of,
    for_beta,
    for_confidence,
    for_divergence,
    for_drawdown,
    for_heat,
    for_kelly,
    for_leader_volatility,
    for_regime,
    for_volatility,
)
from comove.portfolio.positions import Position, Side
from comove.portfolio.risk_options import RiskOptions
from comove.portfolio.sizing import Multiplier, Sizing, SizingInputs
from comove.portfolio.stops import PartialExit, Stop, scale_out, stop_loss, take_profit, trailing_stop
from comove.state import Sealed

__all__ = ["RiskManager"]


class RiskManager(Sealed):
    """Sizes of trades, their stops and exits, and the limit on drawdown.

    Parameters
    ----------
    options : RiskOptions, optional

    Raises
    ------
    ParameterError
        Options of another type.

    Notes
    -----
    Only the account's equity is kept. Sizes and stops are made of + - * / and square roots, so that their bits are the
    same on every processor.

    Examples
    --------
    >>> from comove.portfolio import RiskManager, SizingInputs
    >>> risk = RiskManager()
    >>> risk.update_equity(0, 10_000.0)
    >>> stop = risk.stop_loss("long", 100.0, volatility=0.01, leader_volatility_ratio=1.0)
    >>> round(stop.price, 2)
    94.34
    >>> trade = SizingInputs(
    ...     symbol="ETH", side="long", price=100.0, capital=10_000.0, confidence=0.58, volatility=0.01, heat=0.0,
    ...     max_heat=0.7, stop_distance=stop.distance, leader_volatility_ratio=1.0, beta=1.1, beta_stderr=0.05,
    ...     regime_scores={"risk_off": 0.2, "risk_on": 0.1},
    ... )
    >>> sizing = risk.position_size(trade)
    >>> round(sizing.size, 2), sizing.refused
    (575.17, None)
    """

    __slots__ = ("_drawdown", "options")
    kind: ClassVar[str] = "RiskManager"

    def __init__(self, options: RiskOptions | None = None) -> None:
        self.options = options_of(options, RiskOptions)
        self._drawdown = DrawdownHalt(self.options)

    def update_equity(self, ts: object, equity: float) -> None:
        """Take in the value of the account at a time, open positions at their prices.

        A deposit looks like a profit and a withdrawal like a loss; `resume` after one.

        Parameters
        ----------
        ts : int, datetime or datetime64
            Not before the last one; integers are nanoseconds.
        equity : float
            At 0 or less, new entries halt for ever.

        Raises
        ------
        OrderError
            Time ran backwards.
        ParameterError
            No finite number. In both cases the manager is as it was.
        """
        self._drawdown.update(ts, equity)

    def resume(self) -> None:
        """Make the present equity the peak, which ends a halt.

        Without open positions equity does not move, and a halt would never end by itself: then this is a person's
        decision.

        Raises
        ------
        ParameterError
            No equity so far, or it was 0 or less.
        """
        self._drawdown.resume()

    @property
    def equity(self) -> float | None:
        """The last one; None before it."""
        return self._drawdown.equity

    @property
    def peak(self) -> float | None:
        """Highest equity so far; None before any."""
        return None if self._drawdown.equity is None else self._drawdown.peak

    @property
    def drawdown(self) -> float | None:
        """(peak - equity) / peak; None before any equity."""
        return self._drawdown.drawdown

    @property
    def halted(self) -> bool:
        """Whether new entries are refused."""
        return self._drawdown.reason is not None

    @property
    def halt_reason(self) -> str | None:
        """Why they are; None where they are not."""
        return self._drawdown.reason

    def position_size(self, inputs: SizingInputs) -> Sizing:
        """Return how large a trade may be: the base times each multiplier, cut by the caps.

        Parameters
        ----------
        inputs : SizingInputs

        Returns
        -------
        Sizing
            With size 0 and the reason in `refused` where a multiplier or a cap is 0, or what is left is below
            `min_size`. It has no multiplier of what the options say that sizes do not look at.

        Raises
        ------
        ParameterError
            Anything but `SizingInputs`, which refuse bad numbers when they are made.

        Notes
        -----
        The size never grows when volatility, the leaders' volatility ratio, |beta|, heat, drawdown or the score of
        risk-off grows, and never shrinks when confidence grows, to the last bit; it is never above a cap. It may grow
        with the standard error of a beta that is larger than the prior's: then the other coins count for more.
        About 25 us, half of it for the reasons.
        """
        if not isinstance(inputs, SizingInputs):
            raise ParameterError(f"inputs must be SizingInputs, got {inputs!r}", "type")
        options, equity = self.options, self._drawdown
        multipliers = [
            for_confidence(inputs, options),
            for_volatility(inputs, options),
            for_drawdown(equity.drawdown, equity.reason, options),
            for_kelly(inputs, options),
        ]
        if options.leader_volatility:
            multipliers.append(for_leader_volatility(inputs, options))
        if options.beta_sizing:
            multipliers.append(for_beta(inputs, options))
        if options.divergence_sizing:
            multipliers.append(for_divergence(inputs, options))
        if options.regime_sizing:
            multipliers.append(for_regime(inputs, options))
        multipliers.append(for_heat(inputs))
        fraction = options.base_fraction
        for each in multipliers:
            fraction *= each.value
        caps = caps_of(inputs, options, fraction)
        if caps:
            fraction = caps[0].limit
        size = fraction * inputs.capital
        refused = self._refused(size, inputs, multipliers, caps[0].reason if caps else None)
        if refused is not None:
            size = fraction = 0.0
        return Sizing(
            symbol=inputs.symbol,
            side=inputs.side,
            price=inputs.price,
            capital=inputs.capital,
            size=size,
            fraction=fraction,
            base=options.base_fraction,
            multipliers=tuple(multipliers),
            caps=caps,
            refused=refused,
        )

    def _refused(
        self, size: float, inputs: SizingInputs, multipliers: Sequence[Multiplier], cap: str | None
    ) -> str | None:
        """Return why there is no size."""
        units = size / inputs.price
        if size >= self.options.min_size and 0.0 < units < inf:
            return None
        if units == inf:
            return f"{size:.3g} at a price of {inputs.price:.3g} is more than can be counted"
        nothing = [each.reason for each in multipliers if each.value == 0.0]
        if nothing:
            return "; ".join(nothing)
        least = min(multipliers, key=lambda each: each.value)
        why = cap or f"{least.name} cuts it most: {least.reason}"
        return f"{size:.3g} is below the least size of {self.options.min_size:g}; {why}"

    def stop_loss(
        self,
        side: Side,
        entry: float,
        *,
        volatility: float | None = None,
        atr: float | None = None,
        leader_volatility_ratio: float | None = None,
    ) -> Stop:
        """Return where a position is given up; as `comove.portfolio.stop_loss` with the manager's options."""
        return stop_loss(
            self.options, side, entry, volatility=volatility, atr=atr, leader_volatility_ratio=leader_volatility_ratio
        )

    def take_profit(self, side: Side, entry: float, stop_distance: float | None) -> Stop:
        """Return where profit is taken; as `comove.portfolio.take_profit` with the manager's options."""
        return take_profit(self.options, side, entry, stop_distance)

    def trailing_stop(self, side: Side, stop: float, price: float, distance: float | None) -> Stop:
        """Return a stop that follows the price and never loosens; as `comove.portfolio.trailing_stop`."""
        return trailing_stop(side, stop, price, distance)

    def scale_out(self, position: Position, price: float, *, taken: int = 0) -> tuple[PartialExit, ...]:
        """Return what to close on the way; as `comove.portfolio.scale_out` with the manager's options."""
        return scale_out(self.options, position, price, taken=taken)

    def to_state(self) -> dict[str, Any]:
        """Return options and equity."""
        return {"options": asdict(self.options), "drawdown": self._drawdown.to_state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the manager of a state."""
        manager = cls(RiskOptions(**state["options"]))
        manager._drawdown.read(state["drawdown"])
        return manager
