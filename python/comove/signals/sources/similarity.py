"""What followed the past rows of all symbols that were most like the present one.

Letters: h the horizon, e the embargo, t now; u_i is 1 where the price rose over the horizon after neighbour i, 0 where
it fell, 1/2 where it did not move; g_i the neighbours whose rows lie in the same h rows as those of i, itself included;
c the correlation of outcomes; m the prior.

    usable at t: rows s with s + h <= t - e
    w_i = 1 / (1 + c (g_i - 1))
    up  = (sum of w_i u_i + m / 2) / (sum of w_i + m)

The embargo keeps out neighbours whose outcome is part of what the present looks like (Lopez de Prado 2018, Advances in
Financial Machine Learning, chapter 7). Coins of one hour, and hours of which most of the horizon is the same, are one
event and not many: see `comove.signals.sources.worth`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import nan
from typing import Any, ClassVar, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from comove.errors import ParameterError, StateError
from comove.options import Floats, options_of, positive, symbols, whole, within
from comove.signals.context import Context, columns
from comove.signals.opinions import KeptOpinions, Opinions, OpinionSource
from comove.signals.outcomes import Outcomes
from comove.signals.protocol import bar_row
from comove.signals.sources.library import Library
from comove.signals.sources.worth import USUAL_CORR, worth_of_each

__all__ = ["USUAL_FEATURES", "SimilarityOptions", "SimilaritySource"]

#: The same at any price and any volatility.
USUAL_FEATURES: Final = (
    "zscore_ret_1",
    "zscore_ret_5",
    "rsi_14",
    "adx",
    "mean_revert_bias",
    "volatility_regime",
    "price_position_in_range",
    "trend_strength",
    "{leader}_correlation",
    "{leader}_relative_momentum/realized_sigma_30",
)
_LEADER: Final = "{leader}"
_MOST: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityOptions:
    """Features, library and neighbours.

    Raises
    ------
    ParameterError
        A value out of its bounds, more neighbours than rows.
    DataError
        A feature twice.
    """

    horizon: int = 6
    """h: rows ahead; at least 1."""
    features: Sequence[str] = USUAL_FEATURES
    """Columns of the recipe that rows are compared by, or one over another, as `"atr/vwap"`. `{leader}` stands for the
    first leader other than the symbol, so that the first leader goes by the second. `mean_revert_bias` is the position
    in the Bollinger bands."""
    neighbours: int = 32
    """Nearest rows that are asked; at least 1. With 32 and 50 the Brier score on hourly candles of 47 coins in 2024 is
    0.2480, and 1/2 for all has 0.2481; 50 cost a tenth more time."""
    max_rows: int = 2048
    """Rows of the library; the oldest go first. Work a bar grows with it; 4096 gave no better score."""
    rows_a_bar: int = 2
    """Symbols of each bar that enter the library, in turns; at least 1. Coins of one bar move together: more of them
    would fill it with rows that tell little more, where 2 of 47 make it reach back 1000 rows."""
    least_rows: int = 500
    """Rows of the library before it is asked; at least `neighbours`. With 32 neighbours, those are the nearest
    fifteenth."""
    embargo: int = 24
    """e: rows between the outcome of a neighbour and now; at least 0. Most features look back over about a day of
    hours."""
    refit_rows: int = 24
    """Rows after which the library takes in what has come true since; at least 1."""
    prior: float = 100.0
    """m: independent outcomes that 1/2 is worth; above 0. With 50 in the place of 100 the Brier score was 0.0006
    worse, and worse than that of 1/2 for all."""
    outcome_corr: float = USUAL_CORR
    """c: correlation of whether two symbols rise over the same rows; 0 to 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", tuple(symbols("features", self.features)))
        for name in ("horizon", "neighbours", "max_rows", "rows_a_bar", "least_rows", "embargo", "refit_rows"):
            least = 0 if name == "embargo" else 1
            checked = whole(name, getattr(self, name), least=least, most=_MOST, because="2^20")
            object.__setattr__(self, name, checked)
        object.__setattr__(self, "prior", positive("prior", self.prior))
        object.__setattr__(self, "outcome_corr", within("outcome_corr", self.outcome_corr, 0.0, 1.0))
        if self.least_rows < self.neighbours:
            raise ParameterError(
                f"least_rows must be at least the {self.neighbours} neighbours, got {self.least_rows}", "least_rows"
            )
        if self.max_rows < self.least_rows:
            raise ParameterError(
                f"max_rows must be at least least_rows, {self.least_rows}, got {self.max_rows}", "max_rows"
            )


class SimilaritySource(OpinionSource):
    """Probability of a rise by what followed the most similar rows of the past, whatever symbol they were of.

    It abstains, and `abstained` says why, where a feature is missing, and while the library is small.

    Parameters
    ----------
    options : SimilarityOptions, optional

    Raises
    ------
    ParameterError
        Other options.

    Notes
    -----
    A bar of 47 symbols costs about 1.5 ms, 0.7 of it in one search of 2048 rows of 10 features; one in `refit_rows`
    bars costs as much again to make the library new. Memory is fixed by `max_rows`.
    """

    __slots__ = ("_library", "_outcomes", "_refit", "_usable", "options")

    kind = "similarity"
    name: ClassVar[str] = "similarity"

    def __init__(self, options: SimilarityOptions | None = None) -> None:
        chosen = options_of(options, SimilarityOptions)
        super().__init__(chosen.horizon)
        self.options = chosen
        self._refit = -1
        self._outcomes = Outcomes(chosen.horizon)
        # Rows with an outcome that are not in the library yet, oldest first: row, rise, features.
        self._usable: list[tuple[int, float, list[float]]] = []
        self._library = Library(np.empty((0, len(chosen.features))), np.empty(0), np.empty(0, dtype=np.int64))

    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: outcomes of earlier rows, and the nearest rows of all symbols that have all features.

        Raises
        ------
        OrderError, DataError
            As `bar_row`, and the source is as it was.
        """
        row = bar_row(contexts, self._row)
        self.abstained, self._opinions = {}, KeptOpinions({})
        if row == self._row:
            return
        self._row = row
        for outcome in self._outcomes.settle(contexts):
            self._usable.append((outcome.row, outcome.rose, outcome.said))
        if self._refit < 0 or row - self._refit >= self.options.refit_rows:
            self._renew(row)
        table = self._features(contexts)
        there = np.isfinite(table).all(axis=1)
        complete = [contexts[place] for place in np.flatnonzero(there).tolist()]
        self._keep(row, complete, table[there])
        silent: dict[str, str] = {}
        for place in np.flatnonzero(~there).tolist():
            silent[contexts[place].symbol] = self._lacking(contexts[place], table[place])
        if complete and len(self._library) < self.options.least_rows:
            why = f"{len(self._library)} past rows, {self.options.least_rows} are needed"
            silent.update(dict.fromkeys([context.symbol for context in complete], why))
            complete = []
        found = self._ask(table[there]) if complete else None
        self._opinions = _OfNeighbours(
            [context.symbol for context in contexts], [context.symbol for context in complete], found, silent
        )

    def _lacking(self, context: Context, row: Floats) -> str:
        """Return which features of a symbol are missing."""
        named = zip(self._names(context), row.tolist(), strict=True)
        gone = [name for name, value in named if not np.isfinite(value)]
        more = f" and {len(gone) - 2} more" if len(gone) > 2 else ""
        return f"missing: {', '.join(gone[:2])}{more}"

    def _names(self, context: Context) -> list[str]:
        """Return the features of a symbol, with its leader in them."""
        leaders = context.leaders
        leader = leaders[0].lower() if leaders else "leader"
        return [name.replace(_LEADER, leader) for name in self.options.features]

    def _features(self, contexts: Sequence[Context]) -> Floats:
        """Return the features of each context, not finite where missing."""
        groups: dict[tuple[str, ...], list[int]] = {}
        for at, context in enumerate(contexts):
            groups.setdefault(context.leaders[:1], []).append(at)
        over = [column for column, name in enumerate(self.options.features) if "/" in name]
        width = len(self.options.features)
        found = np.empty((len(contexts), width + len(over)))
        for places in groups.values():
            parts = [name.split("/", 1) for name in self._names(contexts[places[0]])]
            chosen = (*(each[0] for each in parts), *(parts[column][1] for column in over))
            found[places] = np.transpose(columns([contexts[at] for at in places], *chosen))
        table: Floats = found[:, :width].copy()
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            table[:, over] /= found[:, width:]
        return table

    def _keep(self, row: int, complete: Sequence[Context], table: Floats) -> None:
        """Note the features of those symbols whose turn it is."""
        count = min(self.options.rows_a_bar, len(complete))
        for turn in range(count):
            place = (row * count + turn) % len(complete)
            self._outcomes.note(complete[place], table[place].tolist())

    def _renew(self, row: int) -> None:
        """Make the library new, with all rows that may be used now."""
        self._refit = row
        last = row - self.options.embargo - self.horizon
        count = next((place for place, each in enumerate(self._usable) if each[0] > last), len(self._usable))
        if not count:
            return
        fresh, self._usable = self._usable[:count], self._usable[count:]
        old, most = self._library, self.options.max_rows
        self._library = Library(
            np.concatenate([old.features, np.array([features for _, _, features in fresh])])[-most:].copy(),
            np.concatenate([old.rises, np.array([rise for _, rise, _ in fresh])])[-most:].copy(),
            np.concatenate([old.rows, np.array([at for at, _, _ in fresh], dtype=np.int64)])[-most:].copy(),
        )

    def _ask(self, table: Floats) -> _Neighbours:
        """Return what followed the nearest rows of each row of a table; the library has enough of them."""
        library, options = self._library, self.options
        distances, places = library.nearest(table, options.neighbours)
        worth = self._worth(library.rows[places] // self.horizon)
        n = worth.sum(axis=1)
        rises = (worth * library.rises[places]).sum(axis=1)
        ups = (rises + 0.5 * options.prior) / (n + options.prior)
        return _Neighbours(ups, rises, n, distances, self._row - library.rows[places], len(library))

    def _worth(self, times: Any) -> Floats:
        """Return what each neighbour of each symbol is worth, from the times they fall in."""
        first = int(times.min())
        span = int(times.max()) - first + 1
        numbers = (times - first) + span * np.arange(len(times))[:, np.newaxis]
        together = np.bincount(numbers.ravel(), minlength=span * len(times))[numbers]
        return worth_of_each(together, self.options.outcome_corr)

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept, options included; the index is made again from the rows of the library."""
        return {
            "options": {**asdict(self.options), "features": list(self.options.features)},
            **self._opinions_state(),
            "refit": self._refit,
            "outcomes": self._outcomes.to_state(),
            "usable": [list(each) for each in self._usable],
            "features": self._library.features,
            "rises": self._library.rises,
            "rows": self._library.rows,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the source of a state.

        Raises
        ------
        StateError
            A library of other features, or more rows than it may have.
        """
        source = cls(SimilarityOptions(**state["options"]))
        source._read_opinions(state)
        source._refit = int(state["refit"])
        source._outcomes.read(state["outcomes"])
        width = len(source.options.features)
        for row, rise, features in state["usable"]:
            if len(features) != width:
                raise StateError(f"the snapshot has a row of {len(features)} features, not {width}", "state_content")
            source._usable.append((int(row), float(rise), [float(value) for value in features]))
        features, rises, rows = state["features"], state["rises"], state["rows"]
        n = len(rises)
        if features.shape != (n, width) or rises.shape != (n,) or rows.shape != (n,) or n > source.options.max_rows:
            raise StateError(f"the library has the shape {features.shape}, not {(n, width)}", "state_content")
        if not (np.isfinite(features).all() and ((rises >= 0.0) & (rises <= 1.0)).all()):
            raise StateError("the library has values that are missing", "state_content")
        source._library = Library(features, rises, rows)
        return source


class _Neighbours(NamedTuple):
    """The nearest past rows of several symbols."""

    ups: Floats
    rises: Floats
    """What those that rose are worth."""
    worth: Floats
    distances: Floats
    """Of each symbol those of its neighbours, the nearest first."""
    ages: npt.NDArray[np.int64]
    """Rows since each neighbour."""
    among: int


class _OfNeighbours(Opinions):
    """What followed the nearest rows of each symbol."""

    __slots__ = ("_found", "_places", "_silent")

    def __init__(
        self, symbols: Sequence[str], asked: Sequence[str], found: _Neighbours | None, silent: Mapping[str, str]
    ) -> None:
        self._found, self._silent = found, silent
        self._places = {symbol: at for at, symbol in enumerate(asked)}
        # In the order of the contexts.
        self.ups = dict.fromkeys(symbols, nan)
        if found is not None:
            self.ups.update(zip(asked, found.ups.tolist(), strict=True))

    def words(self, symbol: str) -> str:
        """Return how many of the neighbours rose, what they are worth, and where they are."""
        found, at = self._found, self._places.get(symbol)
        if found is None or at is None:
            return self._silent[symbol]
        worth, distances, ages = float(found.worth[at]), found.distances[at].tolist(), found.ages[at].tolist()
        return (
            f"{float(found.rises[at]) / worth:.1%} of the {len(ages)} most similar of {found.among} past rows rose, "
            f"worth {worth:.0f}, {min(ages)} to {max(ages)} rows ago and {distances[0]:.2f} to {distances[-1]:.2f} "
            f"usual deviations away; shrunk to {self.ups[symbol]:.1%}"
        )
