"""What a book may be at the most, and what must be known before something is added to it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from comove.errors import ParameterError
from comove.options import MAX_LIVE_ROWS, flag, positive, whole

__all__ = ["PortfolioLimits"]

#: The least value of the options that are whole numbers.
_WHOLE: Final = {
    "max_positions": 1,
    "window_size": 30,
    "min_samples": 20,
    "max_price_age": 0,
    "gap_rows": 1,
    "screen_rows": 5,
    "least_group": 2,
}
_FLAGS: Final = ("leader_beta", "leader_breakdown")
_MOST_ERRORS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioLimits:
    """Limits of a book, and the windows, thresholds and sample sizes of what is measured of it.

    Raises
    ------
    ParameterError
        A value out of its bounds; windows that do not fit together.
    """

    max_heat: float = 0.7
    """Sum of the sizes of all exposures over the capital, longs and shorts alike, after the entry."""
    max_correlated_exposure: float = 0.4
    """Sum of the sizes of the exposures in one correlation group over the capital, after the entry. Sizes and not
    sqrt(w' C w): coins of one group are taken as one coin, for correlations rise when it matters, and a hedge inside a
    group holds only while they last. What such a hedge is worth shows in the net exposure to the leaders."""
    max_risk: float = 0.5
    """What is lost if every stop is reached over the capital, after the entry; whole values where there is no stop."""
    leader_beta: bool = True
    """Whether `max_leader_beta` holds."""
    max_leader_beta: float = 0.7
    """Size of the net exposure to a leader by joint betas plus `beta_errors` of its standard errors, after the entry.
    With betas around 1 it is what `max_heat` allows when all positions point one way. An entry that makes the size
    plus error smaller is allowed above it too: it is a hedge."""
    beta_errors: float = 1.645
    """Standard errors that are added to be on the safe side: 95 % of one tail of a normal."""
    leader_breakdown: bool = True
    """Whether longs are refused while a leader breaks down."""
    max_positions: int = 10
    """Open positions, after the entry."""
    max_per_asset: float = 0.25
    """Size of the exposure to one asset over the capital."""
    group_at: float = 0.7
    """Size of the correlation that joins two coins to one group; at most 1."""
    window_size: int = 720
    """Rows of returns that correlations and betas are made of; at least 30. Thirty days of hours."""
    min_samples: int = 72
    """Common rows a correlation needs, and complete rows a beta; at least 20. Three days of hours: a standard error of
    0.12 of a correlation near 0."""
    max_price_age: int = 0
    """Rows since the last price of a symbol that is entered, and of a leader that is said to stand: 0 for a price in
    the last bar."""
    gap_rows: int = 24
    """Rows of the gap between an asset and its leaders; a day of hours."""
    gap_at: float = 2.5
    """Gap in standard errors from which it is a divergence: 1.2 % of normal ones are wider by chance."""
    screen_rows: int = 72
    """Rows of relative strength."""
    low_beta_at: float = 0.5
    """Largest upper bound of the size of a low beta."""
    high_beta_at: float = 1.2
    """Least lower bound of a high beta."""
    strength_at: float = 1.0
    """Relative strength in standard deviations from which an asset is strong."""
    least_group: int = 3
    """Symbols of a group that can take over; at least 2."""

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if name in _WHOLE:
                checked: float = whole(name, value, least=_WHOLE[name], most=MAX_LIVE_ROWS, because="2^24")
            elif name in _FLAGS:
                checked = flag(name, value)
            else:
                checked = positive(name, value)
            object.__setattr__(self, name, checked)
        if self.group_at > 1.0:
            raise ParameterError(f"group_at must be at most 1, got {self.group_at}", "too_large")
        if self.beta_errors > _MOST_ERRORS:
            raise ParameterError(f"beta_errors must be at most {_MOST_ERRORS}, got {self.beta_errors}", "too_large")
        for name in ("min_samples", "screen_rows"):
            if getattr(self, name) > self.window_size:
                raise ParameterError(
                    f"{name} must be at most window_size, {self.window_size}, got {getattr(self, name)}", "too_large"
                )
        if self.gap_rows > self.window_size - self.min_samples:
            raise ParameterError(
                f"gap_rows must be at most window_size - min_samples, {self.window_size - self.min_samples}: betas "
                f"come from the rows before, got {self.gap_rows}",
                "too_large",
            )
