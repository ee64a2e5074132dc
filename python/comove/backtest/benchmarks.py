"""What doing nothing clever would have brought: coins bought, held, and brought back to equal shares now and then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from comove.backtest.costs import Costs
from comove.backtest.folds import bar_times
from comove.backtest.ledger import Ledger
from comove.backtest.replay import between
from comove.backtest.usual import UsualBars
from comove.data import iterate_bars

__all__ = ["held"]


def held(
    frames: Mapping[str, pl.DataFrame],
    *,
    coins: Sequence[str] | None = None,
    first: int,
    last: int,
    capital: float,
    costs: Costs,
    max_gap: int,
    monthly: bool,
) -> pl.DataFrame:
    """Return what the capital becomes in coins, all of it, in equal shares.

    The coins are bought at the open of the first bar that any of them trades in, and with `monthly` brought to equal
    shares of those that trade at the first open of each month: new ones are bought, too. One whose instrument ends is
    written down. Costs are those of market orders; there is no funding, for nothing is lent.

    Parameters
    ----------
    frames : mapping of str to DataFrame
    coins : sequence of str, optional
        By default all that have candles in the time that counts.
    first, last : int
        The bars that count, both ends included, in nanoseconds.
    capital : float
    costs : Costs
    max_gap : int
        A hole of more rows ends an instrument.
    monthly : bool
        False never trades again.

    Returns
    -------
    DataFrame
        ``ts`` in nanoseconds and ``equity`` after each bar; null before there is a price.
    """
    basket = _Basket(capital, costs)
    rows: list[tuple[int, float | None]] = []
    month: int | None = None
    frames = between(frames, first, last)
    bars = iterate_bars({symbol: frame for symbol, frame in frames.items() if coins is None or symbol in coins})
    # Bars in which none of them has a candle count as rows, too.
    following = next(bars, None)
    for row, ts in enumerate(bar_times(frames).tolist()):
        bar: Mapping[str, Mapping[str, Any]] = {}
        if following is not None and following[0] == ts:
            bar, following = following[1], next(bars, None)
        candles = {symbol: candle for symbol, candle in bar.items() if candle["close"] is not None}
        basket.lose([symbol for symbol, seen in basket.seen.items() if row - seen - 1 > max_gap])
        opens = {
            symbol: candle["open"]
            for symbol, candle in candles.items()
            if candle["open"] is not None and candle["volume"] != 0.0
        }
        now = _month(ts)
        if opens and (month is None or (monthly and now != month)):
            basket.share_out(opens)
            month = now
        for symbol, candle in candles.items():
            basket.see(symbol, candle, row)
        rows.append((ts, None if month is None else basket.ledger.check()))
    return pl.DataFrame(rows, schema={"ts": pl.Int64(), "equity": pl.Float64()}, orient="row").with_columns(
        pl.col("ts").cast(pl.Datetime("ns", "UTC"))
    )


class _Basket:
    """Coins in equal shares."""

    def __init__(self, capital: float, costs: Costs) -> None:
        self.ledger, self.costs, self.usual = Ledger(capital), costs, UsualBars(costs.volume_bars)
        self.seen: dict[str, int] = {}

    def see(self, symbol: str, candle: Mapping[str, Any], row: int) -> None:
        """Take in a candle that is over."""
        self.seen[symbol] = row
        self.usual.push(symbol, candle)
        self.ledger.mark(symbol, candle["close"])

    def lose(self, symbols: Sequence[str]) -> None:
        """Write down what is held of instruments that ended."""
        for symbol in symbols:
            del self.seen[symbol]
            self.usual.forget(symbol)
            if symbol in self.ledger.units:
                self.ledger.close(symbol, self.ledger.price[symbol] * self.costs.recovery, 0.0)

    def share_out(self, opens: Mapping[str, float]) -> None:
        """Bring all that trades to equal shares of what the basket is worth; what does not trade stays."""
        ledger = self.ledger
        for symbol, price in opens.items():
            ledger.mark(symbol, price)
        stuck = sum(ledger.value(symbol) for symbol in ledger.units if symbol not in opens)
        # Where all is stuck what is left is rounding, of either sign.
        share = max(0.0, ledger.equity - stuck) / len(opens)
        changes = {symbol: share - ledger.value(symbol) for symbol in opens}
        # What is sold pays for what is bought, less what trading costs.
        for symbol in sorted(changes, key=lambda symbol: changes[symbol]):
            self._trade(symbol, opens[symbol], min(changes[symbol], self._affordable(symbol)))

    def _trade(self, symbol: str, price: float, value: float) -> None:
        moved = self.usual.moved(symbol, abs(value), self.costs)
        filled = price * moved if value > 0.0 else price / moved
        held = self.ledger.units.get(symbol, 0.0)
        units = value / filled if value > 0.0 else max(value / price, -held)
        if units == 0.0:
            return
        self.ledger.trade(symbol, units, filled, self.costs.fee * abs(units) * filled)

    def _affordable(self, symbol: str) -> float:
        """Return what may be paid for a coin so that the fee can be paid too."""
        return max(0.0, self.ledger.cash) / (1.0 + self.costs.fee)


def _month(ts: int) -> int:
    at = datetime.fromtimestamp(ts // 1_000_000_000, UTC)
    return 12 * at.year + at.month
