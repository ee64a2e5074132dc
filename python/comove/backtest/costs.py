"""What trading costs, and what the exchange asks for.

Letters: s volatility of a bar, Q value of an order, V value traded in a usual bar.

    a market order is filled at   price (1 + x) to buy,  price / (1 + x) to sell,
    x = half_spread + impact s sqrt(Q / V)

The square root is that of Tóth et al. (2011, Physical Review X 1, 021006): moved by s sqrt(Q / V), an order's price
impact is the same for any length of the bar. V and s are those of the `volume_bars` candles before the order, which its
sender knew; s is Parkinson's (1980, Journal of Business 53), from highs and lows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from comove.errors import ParameterError
from comove.options import count, positive, within

__all__ = ["Costs"]

#: Of one payment, as a part of the value: of the option, and of a column of rates.
MOST_FUNDING: Final = 0.1
_WITHIN: Final = {
    "fee": (0.0, 0.1),
    "maker_fee": (-0.01, 0.1),
    "half_spread": (0.0, 0.1),
    "impact": (0.0, 100.0),
    "funding_rate": (-MOST_FUNDING, MOST_FUNDING),
    "recovery": (0.0, 1.0),
    "maintenance": (0.0, 0.99),
}
_HOURS_NS: Final = 3_600_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Fees, spread, slippage and funding, and what is lost with an instrument that ends; all are on by default.

    Raises
    ------
    ParameterError
        A value out of its bounds.

    Examples
    --------
    >>> from comove.backtest import Costs
    >>> Costs(fee=0.0004).fee
    0.0004
    """

    fee: float = 0.001
    """Of the value of a market order: 0.1 %, the usual of a spot exchange's first tier."""
    maker_fee: float = 0.001
    """Of the value of a target that is filled as a limit order; below 0 where the exchange pays for it."""
    half_spread: float = 0.0002
    """From the middle to the price of a market order, as a fraction: 2 basis points."""
    impact: float = 1.0
    """Slippage of a market order in volatilities of a bar, if it is as large as a usual bar's volume."""
    max_participation: float = 0.1
    """The most that an order to open may be of the value that a usual bar trades; it is cut to that. Orders to close
    are filled whole, and slip. Where no volume is known an order slips as if it were so large."""
    volume_bars: int = 24
    """Candles before an order that tell what is usual."""
    funding_rate: float = 0.0001
    """What a long pays a short every `funding_hours`, of its value: 0.01 % is the base rate of perpetuals. Candles with
    a column ``funding`` have their own: the rate that is paid at the opening of the candle, null for none."""
    funding_hours: int = 8
    """Paid at multiples of so many hours since midnight UTC; 24 has to be one of its multiples."""
    recovery: float = 0.0
    """What a long gets back of an instrument that ended, of its last price. A short is closed at the last price: it is
    not paid for coins that nobody can deliver."""
    leverage: float = 1.0
    """The most that all positions may be worth over the equity when one is opened; orders are cut to it."""
    maintenance: float = 0.05
    """Equity over the worth of all positions below which all are closed at the next open."""

    def __post_init__(self) -> None:
        for each in fields(self):
            name = each.name
            if name in _WITHIN:
                object.__setattr__(self, name, within(name, getattr(self, name), *_WITHIN[name]))
        object.__setattr__(self, "max_participation", positive("max_participation", self.max_participation))
        object.__setattr__(self, "leverage", positive("leverage", self.leverage))
        object.__setattr__(self, "volume_bars", count("volume_bars", self.volume_bars, 1, 1 << 16))
        object.__setattr__(self, "funding_hours", count("funding_hours", self.funding_hours, 1, 24))
        if self.leverage > 100.0:
            raise ParameterError(f"leverage must be at most 100, got {self.leverage!r}", "too_large")
        if 24 % self.funding_hours:
            raise ParameterError(f"funding_hours must divide 24, got {self.funding_hours!r}", "funding_hours")

    @classmethod
    def none(cls) -> Costs:
        """Return costs that are all 0, for comparisons; an instrument that ends is lost all the same."""
        return cls(fee=0.0, maker_fee=0.0, half_spread=0.0, impact=0.0, funding_rate=0.0)

    def fundings(self, before: int, ts: int) -> int:
        """Return how many times funding is paid after one time and up to another, both in nanoseconds."""
        step = self.funding_hours * _HOURS_NS
        return ts // step - before // step
