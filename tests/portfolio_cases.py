"""Windows of returns for the tests of portfolios, made of returns and not of prices, so that answers are known."""

from __future__ import annotations

import numpy as np

from comove import MarketStructureCoordinator
from comove.portfolio import MultiSymbolCoordinator, Position
from comove.portfolio.limits import PortfolioLimits
from comove.portfolio.measured import Measured
from comove.portfolio.returns import ReturnWindow
from structure_cases import HOUR, LEADERS, START, prices

LIMITS = PortfolioLimits(window_size=120, min_samples=40, gap_rows=12, screen_rows=40)
NAMES = (*LEADERS, "ONE", "TWO", "THREE", "FOUR")
BETAS = {"ONE": (1.5, 0.0, 0.0), "TWO": (0.5, 0.5, 0.0), "THREE": (0.3, 0.0, 0.9), "FOUR": (0.0, 0.0, 0.0)}


def window_of(columns):
    """A full window of given returns, a column a symbol."""
    returns = np.column_stack([np.asarray(column, dtype=float) for column in columns.values()])
    rows, size = returns.shape
    return ReturnWindow.from_state(
        {
            "size": rows,
            "max_gap": 72,
            "row": rows,
            "symbols": list(columns),
            "returns": returns,
            "previous": np.ones(size),
            "last": np.ones(size),
            "missed": np.zeros(size, np.int64),
            "born": np.zeros(size, np.int64),
        }
    )


def measured_of(columns, leaders=LEADERS, **limits):
    window = window_of(columns)
    options = {"min_samples": 20, "gap_rows": 8, "screen_rows": 20, "window_size": window.size, **limits}
    return Measured(window, leaders, PortfolioLimits(**options))


def hadamard(size):
    """Columns of 1 and -1 that are orthogonal; the first is constant."""
    table = np.ones((1, 1))
    while len(table) < size:
        table = np.block([[table, table], [table, -table]])
    return table


def moves_of(rows, seed=1, sd=0.006):
    """Returns of three leaders, and of four assets with betas and noise."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(0.0, sd, rows)
    moves = {leader: factor + rng.normal(0.0, 0.7 * sd, rows) for leader in LEADERS}
    for asset, betas in BETAS.items():
        moves[asset] = sum(b * moves[leader] for b, leader in zip(betas, LEADERS, strict=True))
        moves[asset] = moves[asset] + rng.normal(0.0, 0.4 * sd, rows)
    return moves


def bars(moves, start=100.0):
    table = {symbol: prices(each, start).tolist() for symbol, each in moves.items()}
    for row in range(len(table["BTC"])):
        yield START + HOUR * row, {symbol: each[row] for symbol, each in table.items()}


def fed(moves, capital=10_000.0, limits=LIMITS, **options):
    book = MultiSymbolCoordinator(
        MarketStructureCoordinator(window_size=120, **options), capital=capital, limits=limits
    )
    for ts, bar in bars(moves):
        book.update_bar(ts, bar)
    return book


def parted(rows=200, first=190, each=0.01, asset="TWO"):
    moves = moves_of(rows, 7)
    moves[asset][first:] += each
    return moves


def position(book, symbol, side="long", size=1_000.0, stop=0.9):
    price = book.price(symbol)
    return Position(
        symbol=symbol, side=side, size=size, entry=price, stop=price * (stop if side == "long" else 2.0 - stop)
    )
