"""Walk-forward: which bars a strategy learns from, and which it is judged on.

Every fold has a strategy of its own. It sees the bars of its training part, learns from them as they come, and decides
nothing; then it trades the bars of its test part. The test parts follow one another without a hole, so that together
they are one history of trading in which nothing was chosen with the future in view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from comove.data.times import to_utc
from comove.errors import DataError
from comove.options import choice, count

__all__ = ["Fold", "Training", "WalkForward", "bar_seconds", "bar_times"]

Training: TypeAlias = Literal["rolling", "expanding"]

_MOST_ROWS = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One training part and the test part after it; times in nanoseconds, both ends included."""

    number: int
    train_first: int
    fit_last: int
    """The last bar that what is fitted at once may see: the embargo lies between it and the test part."""
    train_last: int
    test_first: int
    test_last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """How the bars are shared out among training and test.

    Raises
    ------
    ParameterError
        A value out of its bounds.

    Examples
    --------
    >>> from comove.backtest import WalkForward
    >>> WalkForward(folds=2, train=500).training
    'rolling'
    """

    folds: int = 4
    """Test parts of equal length. More of them are run in parallel, and each takes its training anew."""
    train: int = 2160
    """Bars of the training part: 90 days of hours, three times the window of the betas. The first test part begins
    after so many bars."""
    training: Training = "rolling"
    """Whether later folds train on as many bars, or on all before them ("expanding")."""
    embargo: int = 24
    """Bars before the test part that a fit does not see, for what happens in them reaches into it: at least the
    horizon. What learns bar by bar needs none: it learns from a bar when its outcome has come."""

    def __post_init__(self) -> None:
        for name, least in (("folds", 1), ("train", 0), ("embargo", 0)):
            object.__setattr__(self, name, count(name, getattr(self, name), least, _MOST_ROWS))
        choice("training", self.training, get_args(Training))

    def share_out(self, times: npt.NDArray[np.int64]) -> list[Fold]:
        """Return the folds of bars at these times.

        Parameters
        ----------
        times : int64, shape (bars,)
            Rising, nanoseconds.

        Raises
        ------
        DataError
            Fewer bars than there must be: those of the training part, and two a fold.
        """
        rows = len(times)
        least = self.train + 2 * self.folds
        if rows < least:
            raise DataError(
                f"{self.folds} folds with train={self.train} need at least {least} bars, got {rows}", "bars"
            )
        edges = [self.train + (rows - self.train) * k // self.folds for k in range(self.folds + 1)]
        folds = []
        for number, (first, after) in enumerate(pairwise(edges)):
            begin = first - self.train if self.training == "rolling" else 0
            folds.append(
                Fold(
                    number=number,
                    # Without a training part nothing lies before the test.
                    train_first=int(times[begin]),
                    fit_last=int(times[first - self.embargo - 1]) if first - self.embargo > begin else -1,
                    train_last=int(times[first - 1]) if first > begin else -1,
                    test_first=int(times[first]),
                    test_last=int(times[after - 1]),
                )
            )
        return folds


def bar_seconds(frames: Mapping[str, pl.DataFrame], times: npt.NDArray[np.int64]) -> float:
    """Return the time of a bar in seconds: that of the usual candle, or less where coins have candles at other times.

    Parameters
    ----------
    frames : mapping of str to DataFrame
    times : int64, shape (bars,)
        Of `bar_times`, at least two; a hole is as long as a candle.
    """
    steps = [np.diff(bar_times({symbol: frame})) for symbol, frame in frames.items() if frame.height > 1]
    between = np.diff(times)
    if steps:
        between = np.minimum(between, int(np.median([np.median(each) for each in steps])))
    # Of whole numbers: exactly the candle's where all are equal.
    return int(between.sum()) / len(between) / 1e9


def bar_times(frames: Mapping[str, pl.DataFrame]) -> npt.NDArray[np.int64]:
    """Return the time of each bar in nanoseconds: each time that any symbol has, once."""
    each = [to_utc(frame["ts"], source=symbol).alias("ts") for symbol, frame in frames.items()]
    times = pl.concat(each).cast(pl.Datetime("ns", "UTC")).to_physical().unique().sort()
    return times.to_numpy().astype(np.int64)
