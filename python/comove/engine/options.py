"""All options of the orchestrator, as one tree that a TOML file holds."""

from __future__ import annotations

from dataclasses import dataclass, fields

from comove.errors import ParameterError
from comove.options import flag, positive, symbols, whole

__all__ = ["DecisionOptions", "MarketOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOptions:
    """The leaders, and the windows of what is measured against them.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    leaders: tuple[str, ...] = ("BTC", "ETH", "SOL")
    """The first is the one that betas of sizing and relative strength refer to."""
    window_size: int = 720
    """Rows of beta: a month of hours; at least 20."""
    max_lag: int = 10
    """Largest lag at which a leader is looked for ahead, in rows."""
    lag_window: int = 240
    """Rows of lead and lag."""
    max_gap: int = 72
    """A hole of more rows ends an instrument."""
    rows: int = 96
    """Rows of candles that engines and sources see."""
    columns: tuple[str, ...] = ()
    """Feature columns besides those that engines and sources ask for."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "leaders", tuple(symbols("leaders", self.leaders)))
        least = {"window_size": 20, "max_lag": 1, "lag_window": 20, "max_gap": 1, "rows": 32}
        for name, bound in least.items():
            object.__setattr__(self, name, whole(name, getattr(self, name), least=bound, most=1 << 19, because="2^19"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOptions:
    """When positions are opened and closed.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    enter_at: float = 0.52
    """The least probability of a direction at which a position is opened; above 0.5, below 1."""
    exit_at: float = 0.52
    """The least probability against an open position at which it is closed."""
    cost: float = 0.002
    """Fees, spread and slippage of opening and closing together, as a fraction of the size."""
    cost_multiple: float = 1.0
    """The expected move must be at least so many times the cost: (2 p - 1) sqrt(2 / pi) s sqrt(h), with p the
    probability, s the volatility of a row and h the horizon, the mean size of a normal move."""
    allow_short: bool = True
    """Whether short positions are opened."""
    hold_rows: int = 48
    """A position is closed after so many rows."""
    cooldown_rows: int = 6
    """Rows after a close in which a symbol is not opened again; 0 for none."""
    breakdown_reduction: float = 0.5
    """Part of a long position in another coin than a leader that is closed when a leader breaks down; 0 for none."""

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if name in ("hold_rows", "cooldown_rows"):
                least = 1 if name == "hold_rows" else 0
                checked: float = whole(name, value, least=least, most=1 << 32, because="2^32")
            elif name == "allow_short":
                checked = flag(name, value)
            elif value == 0 and not isinstance(value, bool) and name not in ("enter_at", "exit_at"):
                checked = 0.0
            else:
                checked = positive(name, value)
            object.__setattr__(self, name, checked)
        for name in ("enter_at", "exit_at"):
            if not 0.5 < getattr(self, name) < 1.0:
                raise ParameterError(f"{name} must be above 0.5 and below 1, got {getattr(self, name)}", name)
        for name in ("breakdown_reduction", "cost"):
            if getattr(self, name) > 1.0:
                raise ParameterError(f"{name} must be at most 1, got {getattr(self, name)}", "too_large")
