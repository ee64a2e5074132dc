"""`TradingEnvironment`: history as a Gymnasium environment. Needs the extra `rl`, yet can be imported without it.

At row t, with features x[t], position p[t-1] and r[t] the return from the close of row t to that of row t + 1, the
agent chooses p[t], and its reward is ``p[t] r[t] - cost |p[t] - p[t-1]|``. It sees x[t] and p[t-1]: rows up to t,
nothing later.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from comove.errors import ComoveError, DataError, ParameterError
from comove.options import Floats, positive, whole
from comove.signals.rl.policy import ACTIONS
from comove.signals.rl.tables import TradingTable

__all__ = ["TradingEnvironment"]

_Observation: TypeAlias = npt.NDArray[np.float32]
_NOTHING: Final[Mapping[str, Any]] = {}

_Base: Any
try:
    _Base = importlib.import_module("gymnasium").Env
except ImportError:
    _Base = object


class TradingEnvironment(_Base):  # type: ignore[misc]
    """Episodes of trading one symbol at a time: short, flat or long.

    An episode begins flat, at a row drawn by the seed from all rows of all symbols in which one can decide. It ends
    after `episode` rows (truncated), or before a gap (terminated): where the next features are missing, or the candle
    after them, the position is closed at the last close there is, and that is paid for.

    Parameters
    ----------
    tables : sequence of TradingTable
        Features standardised and clipped.
    clip : float, above 0
        Bound of the features.
    cost : float, at least 0
        Of a change of the position by 1, as a part of the price.
    episode : int, at least 1
        Rows at the most.
    scale : float, above 0
        Rewards are divided by it; the standard deviation of returns makes them of the size that learning likes.

    Attributes
    ----------
    observation_space : Box, shape (features + 1,), float32
        Standardised features, then the position: -1, 0 or 1.
    action_space : Discrete(3)
        0 short, 1 flat, 2 long.

    Raises
    ------
    ComoveError
        Gymnasium is not installed.
    DataError
        Tables without a row in which one can decide, of different features, or with features beyond `clip`.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    render_mode = None

    def __init__(
        self,
        tables: Sequence[TradingTable],
        *,
        clip: float,
        cost: float,
        episode: int,
        scale: float = 1.0,
    ) -> None:
        spaces = _spaces()
        clip = positive("clip", clip)
        if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0.0 <= cost < 1.0:
            raise ParameterError(f"cost must be from 0 to below 1, got {cost!r}", "cost")
        self._cost = float(cost)
        self._episode = whole("episode", episode, least=1)
        self._scale = positive("scale", scale)
        self._symbols = [table.symbol for table in tables]
        widths = {table.features.shape[1] for table in tables}
        if len(widths) != 1:
            raise DataError(f"tables must be of the same features, got {sorted(widths)} of them", "shape")
        if any((np.abs(table.features) > clip).any() for table in tables):
            raise DataError(f"features must be standardised and within {clip:g}", "clip")
        self._known = [table.known for table in tables]
        self._usable = [table.usable for table in tables]
        self._returns = [table.returns.tolist() for table in tables]
        self._observations = [_observations(table.features) for table in tables]
        self._starts = np.concatenate(
            [np.stack([np.full(each.sum(), k), np.flatnonzero(each)], axis=1) for k, each in enumerate(self._usable)]
        )
        if not len(self._starts):
            raise DataError("tables have no row with all features and a return after it", "too_short")
        # The position is within 1 of nothing, whatever the clip.
        bound = np.full(widths.pop() + 1, clip, dtype=np.float32)
        bound[-1] = 1.0
        self.observation_space = spaces.Box(-bound, bound, dtype=np.float32)
        self.action_space = spaces.Discrete(len(ACTIONS))
        self._table, self._row, self._position, self._left = 0, -1, 0, 0

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[_Observation, dict[str, Any]]:
        """Begin an episode.

        Parameters
        ----------
        seed : int, optional
            Of the rows at which this and later episodes begin.
        options : mapping, optional
            ``symbol`` and ``row``: where to begin instead of a row that is drawn.

        Raises
        ------
        ParameterError
            An unknown symbol, or a row in which one cannot decide.
        """
        super().reset(seed=seed)
        asked = _NOTHING if options is None else options
        if "symbol" in asked or "row" in asked:
            self._table, self._row = self._asked(asked.get("symbol"), asked.get("row"))
        else:
            table, row = self._starts[int(self.np_random.integers(len(self._starts)))]
            self._table, self._row = int(table), int(row)
        self._position, self._left = 0, self._episode
        return self._seen(), {"symbol": self._symbols[self._table], "row": self._row}

    def step(self, action: Any) -> tuple[_Observation, float, bool, bool, dict[str, Any]]:
        """Take a position, and earn what comes until the next close.

        Returns
        -------
        observation, reward, terminated, truncated, info
            ``info["gain"]`` is the reward before it is scaled: a part of the capital of a position of 1.

        Raises
        ------
        ParameterError
            An action that is none.
        DataError
            There is no episode: `reset` begins one.
        """
        if not self._left:
            raise DataError("the episode is over; reset begins another", "episode")
        wanted = int(action) - 1
        if not -1 <= wanted <= 1:
            raise ParameterError(f"action must be 0, 1 or 2, got {action!r}", "choice")
        gain = wanted * self._returns[self._table][self._row] - self._cost * abs(wanted - self._position)
        self._position = wanted
        self._row += 1
        self._left -= 1
        terminated = not self._usable[self._table][self._row]
        truncated = not terminated and not self._left
        if terminated:
            gain -= self._cost * abs(self._position)
            self._position = self._left = 0
        info = {"symbol": self._symbols[self._table], "row": self._row, "gain": gain}
        return self._seen(), gain / self._scale, terminated, truncated, info

    def _asked(self, symbol: object, row: object) -> tuple[int, int]:
        if symbol not in self._symbols:
            raise ParameterError(f"symbol must be one of {', '.join(self._symbols)}, got {symbol!r}", "symbol")
        table = self._symbols.index(symbol)
        at = whole("row", row, least=0, most=len(self._usable[table]) - 1, because="")
        if not self._usable[table][at]:
            raise ParameterError(f"row {at} of {symbol} lacks a feature or a return after it", "row")
        return table, at

    def _seen(self) -> _Observation:
        """Return what is known now; at a gap, where nothing is, zeros: the mean of all features."""
        observations = self._observations[self._table]
        if not self._known[self._table][self._row]:
            return np.zeros(observations.shape[1], dtype=np.float32)
        seen: _Observation = observations[self._row].copy()
        seen[-1] = self._position
        return seen


def _observations(features: Floats) -> _Observation:
    """Return features with a place for the position after them."""
    out = np.zeros((len(features), features.shape[1] + 1), dtype=np.float32)
    out[:, :-1] = features
    return out


def _spaces() -> Any:
    try:
        return importlib.import_module("gymnasium.spaces")
    except ImportError as error:
        raise ComoveError(
            "training needs gymnasium, which is not installed: pip install comove[rl]", "extra"
        ) from error
