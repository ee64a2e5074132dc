"""Does any column see the future? Every column of a recipe, tried in two ways.

The frames are cut after a row, and everything after it is overwritten with noise: no value at or before that row may
change by a bit. Where a leader has no rows yet there is nothing to cut it to, and noise alone is tried. A column that
is right only because the data were kind is found out at one row or another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from comove import options
from comove.data.times import to_utc
from comove.errors import DataError
from comove.features.recipe import FeatureRecipe
from comove.options import BOOK_INPUTS

__all__ = ["Audit", "LookAhead", "audit"]

_PRICES = ("open", "high", "low", "close", "bid", "ask")
_OTHERS = ("volume", *(name for name in BOOK_INPUTS if name not in _PRICES))
#: The frame itself, among the leaders by name.
_OWN = ""
#: Codes of the refusal of a leader that has nothing in common with the symbol (yet).
_TOO_LITTLE = ("frame_empty", "no_overlap")


@dataclass(frozen=True, slots=True)
class LookAhead:
    """A value that changed with what came later.

    Attributes
    ----------
    column : str
    row : int
        The row of the frame whose value changed.
    cut : int
        The last row that was left as it was.
    future : str
        What became of the rows after it: "cut off" or "noise".
    """

    column: str
    row: int
    cut: int
    future: str

    def __str__(self) -> str:
        return f"{self.column} in row {self.row} changes when the rows after {self.cut} are {self.future}"


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit tried and found.

    Attributes
    ----------
    columns : tuple of str
        Those that were tried.
    rows : tuple of int
        The rows after which the future was changed.
    found : tuple of LookAhead
        The first wrong row of each column, cut and kind of future; empty where nothing looks ahead.
    """

    columns: tuple[str, ...]
    rows: tuple[int, ...]
    found: tuple[LookAhead, ...]

    def check(self) -> None:
        """Raise where something looks ahead.

        Raises
        ------
        DataError
            Names the column and the row.
        """
        if self.found:
            names = {wrong.column for wrong in self.found}
            more = f"; {len(names)} of {len(self.columns)} columns look ahead" if len(names) > 1 else ""
            raise DataError(f"{self.found[0]}{more}", "look_ahead")


def audit(
    recipe: FeatureRecipe,
    frame: pl.DataFrame,
    *,
    leaders: Mapping[str, pl.DataFrame] | None = None,
    rows: Sequence[int] | None = None,
    seed: int = 0,
) -> Audit:
    """Change the future of the frames, and see whether the past of any column changes with it.

    Parameters
    ----------
    recipe : FeatureRecipe
    frame : DataFrame
        Candles of one symbol, as for `FeatureRecipe.build_with_market_context`.
    leaders : mapping of name to DataFrame, optional
    rows : sequence of int, optional
        Rows of `frame` after which the future changes. By default the row before the first value of each column, where
        filling backwards would show, and eight rows over the whole frame.
    seed : int
        Of the noise.

    Returns
    -------
    Audit
        ``.found`` is empty where nothing looks ahead; ``.check()`` raises otherwise.

    Raises
    ------
    ParameterError, DataError
        As `FeatureRecipe.build_with_market_context`; a row that is none of the frame, a LazyFrame.

    Notes
    -----
    Builds the columns twice for every row tried; once, with noise alone, where the recipe refuses what a cut would
    leave: a leader without rows, or none beside a row of the symbol.

    Examples
    --------
    >>> from comove import FeatureRecipe
    >>> from comove.data import simulate_market
    >>> from comove.features import audit
    >>> frames = simulate_market(n_bars=300, assets=["BONK"]).frames
    >>> audit(FeatureRecipe(), frames["BONK"], leaders={"BTC": frames["BTC"]}).found
    ()
    """
    others = {} if leaders is None else dict(leaders)
    given = {_OWN: frame, **others}
    for name, one in given.items():
        if not isinstance(one, pl.DataFrame):
            text = f"{name or 'frame'}: an audit takes a Polars DataFrame, got {type(one).__name__}"
            raise DataError(text, "frame")
    whole = recipe.build_with_market_context(frame, leaders=others)
    names = tuple(whole.columns[frame.width :])
    if rows is None:
        plain = replace(recipe, fill=None, lag=0).build_with_market_context(frame, leaders=others)
        cuts = _cuts(plain.select(names))
    else:
        cuts = tuple(rows)
    for cut in cuts:
        options.whole("rows", cut, least=0, most=len(frame) - 1, because="the last row of the frame")
    times = {name: to_utc(one["ts"], source=name or "frame") for name, one in given.items()}
    rng = np.random.default_rng(seed)
    found = []
    for cut in cuts:
        later = {name: ts > times[_OWN][cut] for name, ts in times.items()}
        past = {name: one.filter(~later[name]) for name, one in given.items()}
        noisy = {name: _noise(one, later[name], rng) for name, one in given.items()}
        for future, frames in (("cut off", past), ("noise", noisy)):
            own = frames.pop(_OWN)
            try:
                built = recipe.build_with_market_context(own, leaders=frames)
            except DataError as error:
                if future == "cut off" and error.code in _TOO_LITTLE:
                    continue
                raise
            for name in names:
                row = _first_change(whole[name][: cut + 1], built[name][: cut + 1])
                if row is not None:
                    found.append(LookAhead(name, row, cut, future))
    return Audit(names, cuts, tuple(found))


def _cuts(columns: pl.DataFrame) -> tuple[int, ...]:
    """Return the rows just before columns begin, and some over the whole frame."""
    n = len(columns)
    known = (columns[name].is_not_null().arg_true() for name in columns.columns)
    before = {int(rows[0]) - 1 for rows in known if len(rows)}
    spread = {n * k // 9 for k in range(1, 9)}
    return tuple(sorted({row for row in before | spread if 0 <= row < n - 1}))


def _noise(frame: pl.DataFrame, later: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    """Return the frame with the `later` rows overwritten; candles stay candles."""
    factors = np.exp(rng.normal(0.0, 0.5, (2, len(frame))))
    changed = [
        pl.when(later).then(pl.col(name) * pl.Series(factors[kind])).otherwise(pl.col(name)).alias(name)
        for kind, columns in enumerate((_PRICES, _OTHERS))
        for name in columns
        if name in frame.columns
    ]
    return frame.with_columns(changed)


def _first_change(one: pl.Series, other: pl.Series) -> int | None:
    rows = one.ne_missing(other).arg_true()
    return int(rows[0]) if len(rows) else None
