"""The compiled core: `run` behind the array door, the live objects, and what was built.

Users import the live objects from `comove.live`, and reach the batch estimators through `comove` and `comove.arrays`,
which check options and shapes first.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, Self, SupportsFloat, SupportsIndex, TypeAlias, final

import numpy as np
import numpy.typing as npt

from comove.options import Floats, Returns, Span, Stderr, Timestamps, Vol

__all__ = [
    "EwmPair",
    "JointPair",
    "LagScanner",
    "PairFeed",
    "Panel",
    "PanelReadings",
    "RecipeStream",
    "RollingPair",
    "SpilloverMonitor",
    "Ticks",
    "__version__",
    "build_profile",
    "feed_pairs",
    "hayashi_yoshida",
    "lanes",
    "nearest_rows",
    "pass_over",
    "run",
    "two_sided_student",
]

# One value of a row: any real number; None, NaN and infinities are missing.
_Value: TypeAlias = SupportsFloat | SupportsIndex | None
# One side of a row of a spillover, and columns of such.
_Side: TypeAlias = _Value | Sequence[_Value] | Mapping[str, _Value]
_Sides: TypeAlias = npt.ArrayLike | Sequence[npt.ArrayLike] | Mapping[str, npt.ArrayLike]
# One time: integers are nanoseconds since 1970, naive datetimes count as UTC.
_Time: TypeAlias = int | np.integer[Any] | dt.datetime | np.datetime64
# The times of several rows.
_Times: TypeAlias = npt.ArrayLike | Sequence[dt.datetime]
# One bar: prices by symbol, or all of them in the order of `Panel.symbols`.
_Bar: TypeAlias = Mapping[str, _Value] | npt.ArrayLike

__version__: Final[str]
"""Version of the compiled core; that of the package."""

build_profile: Final[Literal["debug", "release"]]
"""How the core was compiled. Times of a debug build mean nothing."""

def run(
    options: Mapping[str, Any], series: Sequence[Floats], times: Timestamps | None, out: Sequence[Floats], /
) -> None:
    """Compute an estimator of whole series into arrays.

    Parameters
    ----------
    options : mapping
        ``"estimator"``, a name of `comove.arrays`, and its options as `comove.options` returns them: spans in
        nanoseconds, ``"leaders"`` as a list of names.
    series : sequence of float64 arrays, shape (n,)
        Contiguous and aligned: the asset, then what it is compared with; NaN and infinities are missing.
    times : int64 array, shape (n,), or None
        Nanoseconds, never decreasing; needed for a window by time.
    out : sequence of float64 arrays, shape (n,)
        Contiguous, aligned and writeable, one an output; they must not share memory with each other or with `series`.

    Raises
    ------
    ParameterError
        An option out of its bounds, an unknown estimator, an unusable ``COMOVE_LANES``.
    DataError
        Arrays of different lengths or numbers; prices not above 0.
    OrderError
        `times` run backwards.

    Notes
    -----
    The interpreter lock is released. Constant work a row, whatever the window. `comove.arrays` has the definitions,
    the precision and the sources.

    Examples
    --------
    >>> import numpy as np
    >>> from comove import _comove
    >>> btc = np.array([1.0, 2.0, 4.0, 8.0])
    >>> beta = np.empty(4)
    >>> _comove.run({"estimator": "rolling_beta", "window_size": 3}, [2 * btc, btc], None, [beta])
    >>> beta
    array([nan, nan,  2.,  2.])
    """

def lanes() -> int:
    """Return how many float64 the processor works on side by side in batch work.

    Returns
    -------
    int
        8 with AVX-512, 4 with AVX2, 2 on aarch64, 1 elsewhere; or what the environment variable ``COMOVE_LANES`` (1, 2,
        4 or 8) asks for, which is read once in a process. The number does not change one bit of any result.

    Raises
    ------
    ParameterError
        ``COMOVE_LANES`` is no width of this processor.

    Examples
    --------
    >>> from comove import _comove
    >>> _comove.lanes() in (1, 2, 4, 8)
    True
    """

@final
class Ticks:
    """Ticks made ready for `hayashi_yoshida`: each time once, and the increments of price between them.

    `comove.ticks` makes them.

    Parameters
    ----------
    name : str
        Named in errors.
    ts : int64 array, shape (n,)
        Contiguous; nanoseconds, never decreasing; of equal times the last price counts.
    price : float64 array, shape (n,)
        Contiguous; NaN and infinities are missing, and their ticks left out.
    log : bool
        Whether an increment is log(p_i / p_{i-1}), or p_i - p_{i-1}.
    threads : int

    Raises
    ------
    DataError
        Different lengths; a price not above 0 where `log`.
    OrderError
        `ts` runs backwards.
    """

    def __new__(cls, name: str, ts: Timestamps, price: Floats, /, *, log: bool, threads: int) -> Self: ...
    def __len__(self) -> int: ...

def two_sided_student(t: float, degrees: float, /) -> float:
    """Return the chance of a value of Student's T at least as far from 0 as `t`; `degrees` need not be whole."""

def hayashi_yoshida(
    pairs: Sequence[tuple[Ticks, Ticks]],
    lags: Timestamps,
    /,
    *,
    threads: int,
    progress: Callable[[int, int], object] | None = None,
) -> list[tuple[Floats, Floats, int | None, float | None]]:
    """Return the contrasts, the normalised contrasts, the lag and the ratio of each pair, asset first.

    `comove.ticks` has the definitions, the precision and the sources.

    Parameters
    ----------
    pairs : sequence of (Ticks, Ticks)
    lags : int64 array, shape (n_lags,)
        Contiguous; nanoseconds, strictly increasing.
    threads : int
    progress : callable, optional
        Called now and then with the tasks done and all of them; what it raises ends the work.

    Raises
    ------
    ParameterError
        `lags` that do not increase, an unusable ``COMOVE_LANES``.
    """

def feed_pairs(
    pairs: list[PairFeed | None],
    moved: float,
    given: bool,
    moves: Sequence[float],
    prices: Sequence[float],
    at: tuple[int, int, int, int],
    max_gap: int,
) -> None:
    """Take a row of an asset's grid to its pairs.

    Parameters
    ----------
    pairs : list of PairFeed or None
        One a leader; None for the asset itself.
    moved : float
        Return of the asset, NaN where missing.
    given : bool
        Whether the asset has a price.
    moves, prices : sequence of float
        Returns and prices of the leaders, NaN where missing.
    at : (int, int, int, int)
        Time, rows of the grid before, rows within the span, nanoseconds since the row before.
    max_gap : int
        More rows without both prices end the pair.
    """

def nearest_rows(library: Floats, questions: Floats, neighbours: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return squared distances and places of the nearest rows of each question, the nearest first.

    Parameters
    ----------
    library : float64, shape (d, n)
        A row a feature; contiguous, nothing missing.
    questions : float64, shape (k, d)
        Contiguous, nothing missing.
    neighbours : int
        At most n.

    Returns
    -------
    squares : float64, shape (k, neighbours)
    places : int64, shape (k, neighbours)
        Of equals, the row that comes first is nearer.

    Raises
    ------
    DataError
        Shapes that do not fit, more neighbours than rows.
    """

def pass_over(pairs: list[PairFeed | None], max_gap: int) -> None:
    """Note a row that is not of an asset's grid in its pairs."""

@final
class PairFeed:
    """The three live objects of an asset and a leader, and where they stand; `comove.structure.feeds` explains it."""

    last: int | None
    index: int
    in_span: int
    step: int
    hole: int
    waiting: list[tuple[float, float, int]]
    def __new__(cls, beta: RollingPair, lags: LagScanner, spillover: SpilloverMonitor) -> Self: ...
    @property
    def beta(self) -> RollingPair: ...
    @property
    def lags(self) -> LagScanner: ...
    @property
    def spillover(self) -> SpilloverMonitor: ...

@final
class RollingPair:
    """Beta, correlation and regression of a pair over a sliding window, fed one row at a time.

    With x the benchmark, y the asset, S the centred sums of products over the n complete pairs of the window:
    beta = Sxy / Sxx, alpha = mean(y) - beta mean(x), corr = Sxy / sqrt(Sxx Syy), cov = Sxy / (n - ddof),
    residual_std = sqrt(SSE / (n - 2)), beta_stderr = residual_std / sqrt(Sxx).

    Parameters
    ----------
    window_size : int, 3 to 2^24
        Rows of the window; rows with a missing side count, and are skipped. Exactly one of `window_size` and
        `window_span`.
    window_span : timedelta or str
        The window at t is (t - span, t]; "30d", "12h", "1h30m". Needs `max_rows` and `min_samples`; every row then has
        a `ts`.
    max_rows : int, `min_samples` to 2^24
        The most rows the span may ever hold, for memory is taken once. A burst beyond it is a `DataError`, never a
        shorter window.
    min_samples : int, 2 to `window_size`, default `window_size`
        Complete pairs needed before a value is given.
    ddof : int, at least 0, default 1
        Of `cov`, `var` and `var_benchmark`.

    Raises
    ------
    ParameterError
        An option out of its bounds, or options that contradict each other.

    Notes
    -----
    The bits are those of `comove.arrays.rolling_regression`, which has the precision and the sources.

    A row costs the same whatever the window, but for one in `window_size` rows, which takes about window_size^(1/3)
    steps more. Memory is the rows of two windows, taken at construction. Readings cost a few operations when they are
    read, and are None where not defined.

    Examples
    --------
    >>> from comove.live import RollingPair
    >>> pair = RollingPair(window_size=3)
    >>> [pair.update(bonk, btc) for bonk, btc in [(0.5, 0.25), (-0.5, -0.25), (1.0, 0.5), (None, 0.5)]]
    [None, None, 2.0, None]
    >>> pair
    RollingPair(window_size=3, min_samples=3, n=2)
    """

    def __new__(
        cls,
        *,
        window_size: int | None = None,
        window_span: Span | None = None,
        max_rows: int | None = None,
        min_samples: int | None = None,
        ddof: int | None = None,
    ) -> Self: ...
    def update(self, asset: _Value, benchmark: _Value, ts: _Time | None = None) -> float | None:
        """Take in a row and return beta, None where not defined.

        Parameters
        ----------
        asset, benchmark : float or None
            Returns as fractions; None, NaN and infinities are missing.
        ts : int, datetime or datetime64, optional
            Needed with `window_span`, not before the last one; integers are nanoseconds, naive times are UTC.

        Returns
        -------
        float or None

        Raises
        ------
        OrderError
            `ts` before the last one.
        DataError
            No `ts` with a span, more than `max_rows` rows within the span, a `ts` that is no time. After any error the
            object is as it was, byte for byte.
        """

    def update_many(
        self, asset: npt.ArrayLike, benchmark: npt.ArrayLike, ts: _Times | None = None
    ) -> npt.NDArray[np.float64]:
        """Take in many rows and return the betas `update` would.

        Parameters
        ----------
        asset, benchmark : float64, shape (n,)
        ts : int64 nanoseconds or datetime64, shape (n,), optional

        Returns
        -------
        float64, shape (n,)
            NaN where not defined.

        Raises
        ------
        DataError, OrderError
            As `update`, also for arrays of different lengths. If one row is refused, none is taken in.

        Examples
        --------
        >>> from comove.live import RollingPair
        >>> RollingPair(window_size=3).update_many([0.5, -0.5, 1.0, 0.0], [0.25, -0.25, 0.5, 0.0])
        array([nan, nan,  2.,  2.])
        """

    def peek(self, asset: _Value, benchmark: _Value, ts: _Time | None = None) -> float | None:
        """Return the beta `update` would return, and change nothing.

        Parameters, return and errors are those of `update`. Meant for the forming candle.

        Examples
        --------
        >>> from comove.live import RollingPair
        >>> pair = RollingPair(window_size=3, min_samples=2)
        >>> _ = pair.update_many([0.5, -0.5], [0.25, -0.25])
        >>> pair.peek(1.0, 0.5), pair.n
        (2.0, 2)
        """

    def amend(self, asset: _Value, benchmark: _Value, ts: _Time | None = None) -> float | None:
        """Put another row in the place of the last one, at the same time, and return beta.

        Parameters
        ----------
        asset, benchmark : float or None
        ts : int, datetime or datetime64, optional
            The time of the last row, as a check that the right one is amended.

        Returns
        -------
        float or None

        Raises
        ------
        OrderError
            `ts` is not that of the last row.
        DataError
            There is no row yet. The object is as it was.

        Examples
        --------
        >>> from comove.live import RollingPair
        >>> pair = RollingPair(window_size=3)
        >>> _ = pair.update_many([0.5, -0.5, 7.0], [0.25, -0.25, 0.5])
        >>> round(pair.beta, 3)
        8.857
        >>> pair.amend(1.0, 0.5)
        2.0
        """

    @property
    def beta(self) -> float | None:
        """Slope of the asset on the benchmark; None where the benchmark does not vary."""

    @property
    def alpha(self) -> float | None:
        """Intercept: mean(asset) - beta mean(benchmark)."""

    @property
    def corr(self) -> float | None:
        """Correlation, in [-1, 1]; None where either side does not vary."""

    @property
    def cov(self) -> float | None:
        """Covariance; 0 where either side does not vary."""

    @property
    def var(self) -> float | None:
        """Variance of the asset; 0 where it does not vary."""

    @property
    def var_benchmark(self) -> float | None:
        """Variance of the benchmark; 0 where it does not vary."""

    @property
    def r_squared(self) -> float | None:
        """Squared correlation."""

    @property
    def residual_std(self) -> float | None:
        """Standard deviation of the residuals, sqrt(SSE / (n - 2)); 0 for a perfect fit, None below 3 pairs."""

    @property
    def beta_stderr(self) -> float | None:
        """Standard error of beta, residual_std / sqrt(Sxx); None below 3 pairs."""

    @property
    def n(self) -> int:
        """Complete pairs in the window; given also where the readings are missing."""

    @property
    def is_ready(self) -> bool:
        """Whether the window holds `min_samples` complete pairs."""

    @property
    def warmup(self) -> int:
        """Rows until the first value, that row included, where none is missing."""

    @property
    def window_size(self) -> int | None:
        """Rows of the window; None for one by time."""

    @property
    def window_span(self) -> dt.timedelta | None:
        """Span of the window, rounded to microseconds; None for one by rows."""

    @property
    def max_rows(self) -> int | None:
        """The most rows the span may hold; None for a window by rows."""

    @property
    def min_samples(self) -> int:
        """Complete pairs needed before a value is given."""

    @property
    def ddof(self) -> int:
        """Delta degrees of freedom of `cov`, `var` and `var_benchmark`."""

    @property
    def last_ts(self) -> int | None:
        """Time of the last row in nanoseconds; None before it, and for a window by rows."""

    def reset(self) -> None:
        """Forget all rows; the options stay."""

    def copy(self) -> Self:
        """Return an independent copy."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def to_bytes(self) -> bytes:
        """Return a versioned snapshot with a checksum, which `from_bytes` restores bit for bit.

        Pickle uses it too. A snapshot is read on any processor.
        """

    @classmethod
    def from_bytes(cls, snapshot: bytes, /) -> Self:
        """Restore a snapshot; the object continues as the one it was taken of.

        Parameters
        ----------
        snapshot : bytes
            What `to_bytes` returned.

        Returns
        -------
        RollingPair

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer than this version, or of another class.

        Examples
        --------
        >>> from comove.live import RollingPair
        >>> pair = RollingPair(window_size=3)
        >>> _ = pair.update_many([0.5, -0.5], [0.25, -0.25])
        >>> RollingPair.from_bytes(pair.to_bytes()).update(1.0, 0.5)
        2.0
        """

    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class EwmPair:
    """Exponentially weighted beta, correlation and covariance of a pair, fed one row at a time.

    Definitions as for `RollingPair`, each row weighted by 2^(-age / half_life), age in rows; a missing row ages the
    rest. `cov` has the unbiased weight correction of `comove.arrays.ewm_cov`.

    Parameters
    ----------
    half_life : float, above 0
        Rows after which a weight has halved.
    min_samples : int, at least 2, default 2
        Complete pairs seen before a value is given.

    Raises
    ------
    ParameterError
        An option out of its bounds.

    Notes
    -----
    The bits are those of `comove.arrays.ewm_beta`. Constant work a row and a fixed size. An exponential memory fades
    but never ends: a bad print leaves a trace of its weight.

    Examples
    --------
    >>> from comove.live import EwmPair
    >>> pair = EwmPair(half_life=10.0)
    >>> [pair.update(bonk, btc) for bonk, btc in [(0.5, 0.25), (-0.5, -0.25)]]
    [None, 2.0]
    """

    def __new__(cls, *, half_life: float, min_samples: int | None = None) -> Self: ...
    def update(self, asset: _Value, benchmark: _Value) -> float | None:
        """Take in a row and return beta, None where not defined.

        Parameters
        ----------
        asset, benchmark : float or None
            Returns as fractions; None, NaN and infinities are missing.

        Returns
        -------
        float or None
        """

    def update_many(self, asset: npt.ArrayLike, benchmark: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Take in many rows and return the betas `update` would.

        Parameters
        ----------
        asset, benchmark : float64, shape (n,)

        Returns
        -------
        float64, shape (n,)
            NaN where not defined.

        Raises
        ------
        DataError
            Values that are not numbers, arrays of different lengths; no row is taken in.
        """

    def peek(self, asset: _Value, benchmark: _Value) -> float | None:
        """Return the beta `update` would return, and change nothing."""

    def amend(self, asset: _Value, benchmark: _Value) -> float | None:
        """Put another row in the place of the last one, and return beta.

        Raises
        ------
        DataError
            There is no row yet.
        """

    @property
    def beta(self) -> float | None:
        """Slope of the asset on the benchmark; None where the benchmark does not vary."""

    @property
    def corr(self) -> float | None:
        """Correlation, in [-1, 1]; None where either side does not vary."""

    @property
    def cov(self) -> float | None:
        """Covariance, corrected for the weights."""

    @property
    def n(self) -> int:
        """Complete pairs seen so far."""

    @property
    def is_ready(self) -> bool:
        """Whether `min_samples` complete pairs were seen."""

    @property
    def warmup(self) -> int:
        """Rows until the first value, that row included, where none is missing."""

    @property
    def half_life(self) -> float:
        """Rows after which a weight has halved."""

    @property
    def min_samples(self) -> int:
        """Complete pairs needed before a value is given."""

    def reset(self) -> None:
        """Forget all rows; the options stay."""

    def copy(self) -> Self:
        """Return an independent copy."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def to_bytes(self) -> bytes:
        """Return a versioned snapshot with a checksum, which `from_bytes` restores bit for bit."""

    @classmethod
    def from_bytes(cls, snapshot: bytes, /) -> Self:
        """Restore a snapshot; the object continues as the one it was taken of.

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer than this version, or of another class.
        """

    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class JointPair:
    """Regression of an asset on several leaders at once over a sliding window, fed one row at a time.

    The betas are the coefficients of the multiple regression with an intercept: what each leader adds beside the
    others. Leaders move together, so single betas would count one risk several times.

    Parameters
    ----------
    n_leaders : int, 1 to 8
    window_size, window_span, max_rows, min_samples
        As in `RollingPair`; a row counts where the asset and all leaders are given.

    Raises
    ------
    ParameterError
        An option out of its bounds, or options that contradict each other.

    Notes
    -----
    The bits are those of `comove.arrays.joint_beta`, which has the method. Missing unless n > n_leaders + 1, and where
    a leader does not vary or the others explain all but 2^-40 of it. Cost and memory as `RollingPair`, times
    n_leaders^2; the solve takes n_leaders^3 steps more, at each update and each reading.

    Examples
    --------
    >>> from comove.live import JointPair
    >>> joint = JointPair(2, window_size=4)
    >>> for btc, eth in [(0.5, 0.0), (0.0, 0.5), (-0.5, 0.0), (0.0, -0.5)]:
    ...     betas = joint.update(2.0 * btc + 0.5 * eth, [btc, eth])
    >>> [round(beta, 12) for beta in betas]
    [2.0, 0.5]
    """

    def __new__(
        cls,
        n_leaders: int,
        *,
        window_size: int | None = None,
        window_span: Span | None = None,
        max_rows: int | None = None,
        min_samples: int | None = None,
    ) -> Self: ...
    def update(
        self, asset: _Value, leaders: Sequence[_Value] | Floats, ts: _Time | None = None
    ) -> tuple[float, ...] | None:
        """Take in a row and return the betas, None where not defined.

        Parameters
        ----------
        asset : float or None
        leaders : sequence of `n_leaders` floats or None
            None, NaN and infinities are missing.
        ts : int, datetime or datetime64, optional
            As in `RollingPair.update`.

        Returns
        -------
        tuple of float, or None

        Raises
        ------
        OrderError
            `ts` before the last one.
        DataError
            Another number of leaders; no `ts` with a span; more than `max_rows` rows within the span. After any error
            the object is as it was, byte for byte.
        """

    def update_many(
        self, asset: npt.ArrayLike, leaders: npt.ArrayLike, ts: _Times | None = None
    ) -> npt.NDArray[np.float64]:
        """Take in many rows and return the betas `update` would.

        Parameters
        ----------
        asset : float64, shape (n,)
        leaders : float64, shape (n, n_leaders)
        ts : int64 nanoseconds or datetime64, shape (n,), optional

        Returns
        -------
        float64, shape (n, n_leaders)
            NaN where not defined.

        Raises
        ------
        DataError, OrderError
            As `update`, also for arrays of other shapes. If one row is refused, none is taken in.
        """

    def peek(
        self, asset: _Value, leaders: Sequence[_Value] | Floats, ts: _Time | None = None
    ) -> tuple[float, ...] | None:
        """Return the betas `update` would return, and change nothing.

        Parameters, return and errors are those of `update`.
        """

    def amend(
        self, asset: _Value, leaders: Sequence[_Value] | Floats, ts: _Time | None = None
    ) -> tuple[float, ...] | None:
        """Put another row in the place of the last one, at the same time, and return the betas.

        Parameters
        ----------
        asset, leaders
            As in `update`.
        ts : int, datetime or datetime64, optional
            The time of the last row, as a check that the right one is amended.

        Returns
        -------
        tuple of float, or None

        Raises
        ------
        OrderError
            `ts` is not that of the last row.
        DataError
            Another number of leaders; there is no row yet. The object is as it was.
        """

    @property
    def betas(self) -> tuple[float, ...] | None:
        """One beta a leader, in the order of the leaders."""

    @property
    def alpha(self) -> float | None:
        """Intercept."""

    @property
    def r_squared(self) -> float | None:
        """Share of the asset's variance that the leaders explain together."""

    @property
    def n(self) -> int:
        """Complete rows in the window; given also where the readings are missing."""

    @property
    def is_ready(self) -> bool:
        """Whether the window holds `min_samples` complete rows, and more rows than leaders and intercept."""

    @property
    def warmup(self) -> int:
        """Rows until the first value, that row included, where none is missing."""

    @property
    def n_leaders(self) -> int:
        """Number of leaders."""

    @property
    def window_size(self) -> int | None:
        """Rows of the window; None for one by time."""

    @property
    def window_span(self) -> dt.timedelta | None:
        """Span of the window, rounded to microseconds; None for one by rows."""

    @property
    def max_rows(self) -> int | None:
        """The most rows the span may hold; None for a window by rows."""

    @property
    def min_samples(self) -> int:
        """Complete rows needed before a value is given."""

    @property
    def last_ts(self) -> int | None:
        """Time of the last row in nanoseconds; None before it, and for a window by rows."""

    def reset(self) -> None:
        """Forget all rows; the options stay."""

    def copy(self) -> Self:
        """Return an independent copy."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def to_bytes(self) -> bytes:
        """Return a versioned snapshot with a checksum, which `from_bytes` restores bit for bit."""

    @classmethod
    def from_bytes(cls, snapshot: bytes, /) -> Self:
        """Restore a snapshot; the object continues as the one it was taken of.

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer than this version, or of another class.
        """

    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class SpilloverMonitor:
    """How an asset's volatility moves with that of a source, fed one row at a time.

    Parameters
    ----------
    window_size : int, at least 3, default 240
        Rows of the window of volatilities.
    min_samples : int, 2 to `window_size`, default `window_size`
        Pairs of volatilities needed before a value is given.
    vol : {"rolling", "parkinson", "garman_klass", "given"}, default "rolling"
        What `update` takes for each side: a return; (high, low); (open, high, low, close); a volatility. Prices also as
        a mapping by these names.
    vol_window : int, at least 2, default 20
        Rows of returns of a rolling volatility, all of them needed; only with vol="rolling".
    stderr, spacing, newey_west_lags
        As in `comove.arrays.rolling_spillover`.
    both : bool, default False
        Whether the source on the asset is kept too: the `reverse` readings.

    Raises
    ------
    ParameterError
        An option out of its bounds, or options that contradict each other.

    Notes
    -----
    The bits are those of `comove.arrays.rolling_spillover`, which has the definitions. A row costs about 0.4 us through
    Python, whatever the window. Standard errors and p-values are made of the rows of the window each time they are
    read. Memory is taken at construction: some twenty numbers a row of the window.

    Examples
    --------
    >>> from comove.live import SpilloverMonitor
    >>> monitor = SpilloverMonitor(vol="parkinson", window_size=3)
    >>> for bonk, btc in [((1.02, 1.0), (1.01, 1.0)), ((1.06, 1.0), (1.03, 1.0)), ((1.04, 1.0), (1.02, 1.0))]:
    ...     coefficient = monitor.update(bonk, btc)
    >>> round(coefficient, 3)
    1.962
    """

    def __new__(
        cls,
        *,
        window_size: int | None = None,
        min_samples: int | None = None,
        vol: Vol | None = None,
        vol_window: int | None = None,
        stderr: Stderr | None = None,
        spacing: int | None = None,
        newey_west_lags: int | None = None,
        both: bool | None = None,
    ) -> Self: ...
    def update(self, asset: _Side, source: _Side) -> float | None:
        """Take in a row and return the coefficient, None where not defined.

        Parameters
        ----------
        asset, source : float or None, or a sequence or mapping of prices
            As `vol` says. None, NaN and infinities are missing.

        Raises
        ------
        DataError
            Other prices than `vol` asks for; a price that is not above 0, or outside low to high. After any error the
            object is as it was, byte for byte.
        """

    def update_many(self, asset: _Sides, source: _Sides) -> npt.NDArray[np.float64]:
        """Take in many rows and return the coefficients `update` would.

        Parameters
        ----------
        asset, source : float64, shape (n,), or a list or mapping of such
            Columns as in `comove.arrays.rolling_spillover`.

        Returns
        -------
        float64, shape (n,)
            NaN where not defined.

        Raises
        ------
        ParameterError
            Columns that do not go with `vol`.
        DataError
            As `update`, also for arrays of other shapes. If one row is refused, none is taken in.
        """

    def peek(self, asset: _Side, source: _Side) -> float | None:
        """Return the coefficient `update` would return, and change nothing.

        Parameters, return and errors are those of `update`.
        """

    def amend(self, asset: _Side, source: _Side) -> float | None:
        """Put another row in the place of the last one, and return the coefficient.

        Parameters and errors are those of `update`; a `DataError` also where there is no row yet.
        """

    @property
    def coefficient(self) -> float | None:
        """Slope of the asset's volatility on the source's."""

    @property
    def corr(self) -> float | None:
        """Correlation of the volatilities, in [-1, 1]."""

    @property
    def r_squared(self) -> float | None:
        """Squared correlation."""

    @property
    def half_life(self) -> float | None:
        """Rows in which the asset's volatility forgets half of a shock."""

    @property
    def coefficient_stderr(self) -> float | None:
        """Standard error of the coefficient; a look at every row of the window."""

    @property
    def coefficient_p_value(self) -> float | None:
        """Two-sided p-value of the hypothesis that the coefficient is 0; a look at every row of the window."""

    @property
    def reverse_coefficient(self) -> float | None:
        """Slope of the source's volatility on the asset's; None without `both`."""

    @property
    def reverse_half_life(self) -> float | None:
        """Rows in which the source's volatility forgets half of a shock; None without `both`."""

    @property
    def reverse_coefficient_stderr(self) -> float | None:
        """Standard error of the reverse coefficient; None without `both`."""

    @property
    def reverse_coefficient_p_value(self) -> float | None:
        """Two-sided p-value of the reverse coefficient; None without `both`."""

    @property
    def n(self) -> int:
        """Pairs of volatilities in the window; given also where the readings are missing."""

    @property
    def is_ready(self) -> bool:
        """Whether the window holds `min_samples` pairs of volatilities."""

    @property
    def warmup(self) -> int:
        """Rows until the first value, that row included, where none is missing."""

    @property
    def window_size(self) -> int:
        """Rows of the window."""

    @property
    def min_samples(self) -> int:
        """Pairs of volatilities needed before a value is given."""

    @property
    def vol(self) -> Vol:
        """What a row holds for each side."""

    @property
    def vol_window(self) -> int | None:
        """Rows of returns of a rolling volatility; None for another."""

    @property
    def both(self) -> bool:
        """Whether the source on the asset is kept too."""

    def reset(self) -> None:
        """Forget all rows; the options stay."""

    def copy(self) -> Self:
        """Return an independent copy."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def to_bytes(self) -> bytes:
        """Return a versioned snapshot with a checksum, which `from_bytes` restores bit for bit."""

    @classmethod
    def from_bytes(cls, snapshot: bytes, /) -> Self:
        """Restore a snapshot; the object continues as the one it was taken of.

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer than this version, or of another class.
        """

    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class LagScanner:
    """Correlations of an asset and a leader at every lag, fed one row at a time.

    A negative lag means that the leader moved first: lag k pairs leader[t + k] with asset[t]. Definitions are those of
    `comove.arrays.cross_correlation` and `comove.arrays.lag_scan`; the bits are the same.

    Parameters
    ----------
    max_lag : int, 1 to 4096, default 10
        The largest lag, in rows.
    window_size : int, 3 to 2^24
        Rows of the window at each lag.
    min_samples : int, 2 to `window_size`, default `window_size`
        Complete pairs needed at a lag before its correlation is given.

    Raises
    ------
    ParameterError
        An option out of its bounds, or more memory than a live object may take.

    Notes
    -----
    A row costs the same whatever the window; lags go side by side in the lanes of the processor. Memory is taken at
    construction. The p-values, `confidence` and `leads_by` are made of the rows of the window when one of them is
    first read after a row.

    Examples
    --------
    >>> from comove.live import LagScanner
    >>> leader = [0.3, -0.1, 0.4, 0.1, -0.5, 0.9, -0.2, 0.6]
    >>> scanner = LagScanner(max_lag=2, window_size=3)
    >>> # The asset does what the leader did one row ago.
    >>> for asset, led in zip([None, *leader], leader):
    ...     lag = scanner.update(asset, led)
    >>> lag, scanner.corr
    (-1, 1.0)
    """

    def __new__(cls, max_lag: int | None = None, *, window_size: int, min_samples: int | None = None) -> Self: ...
    def update(self, asset: _Value, leader: _Value) -> int | None:
        """Take in a row and return the lag of the largest correlation, None where not defined.

        Parameters
        ----------
        asset, leader : float or None
            Returns as fractions; None, NaN and infinities are missing.

        Returns
        -------
        int or None

        Raises
        ------
        DataError
            Not a number. The object is as it was, byte for byte.
        """

    def update_many(self, asset: npt.ArrayLike, leader: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Take in many rows and return the lags `update` would.

        Parameters
        ----------
        asset, leader : float64, shape (n,)

        Returns
        -------
        float64, shape (n,)
            NaN where not defined.

        Raises
        ------
        DataError
            As `update`, also for arrays of different lengths. If one row is refused, none is taken in.
        """

    def peek(self, asset: _Value, leader: _Value) -> int | None:
        """Return the lag `update` would return, and change nothing.

        Parameters, return and errors are those of `update`. Meant for the forming candle.
        """

    def amend(self, asset: _Value, leader: _Value) -> int | None:
        """Put another row in the place of the last one, and return the lag.

        Parameters and errors are those of `update`; a `DataError` also where there is no row yet.
        """

    @property
    def lag(self) -> int | None:
        """Lag of the largest correlation by size; negative where the leader moved first."""

    @property
    def corr(self) -> float | None:
        """The correlation at `lag`, in [-1, 1]."""

    @property
    def llr(self) -> float | None:
        """Sum of the squared correlations at negative lags divided by that at positive ones; above 1: the leader."""

    @property
    def p_value(self) -> float | None:
        """P-value of no relation at any lag; a look at every row of the window at every lag."""

    @property
    def lead_p_value(self) -> float | None:
        """P-value of no relation at any negative lag: small where the leader moves first."""

    @property
    def follow_p_value(self) -> float | None:
        """P-value of no relation at any positive lag: small where the asset moves first."""

    @property
    def confidence(self) -> float | None:
        """1 - `lead_p_value`."""

    @property
    def leads_by(self) -> int | None:
        """Rows by which the leader moves first, 0 unless `lead_p_value` is below 0.05, None where that is missing.

        Those of its largest correlation at a negative lag, the nearest of equal ones.
        """

    @property
    def cross_correlation(self) -> npt.NDArray[np.float64]:
        """Correlations from lag -max_lag to max_lag, NaN where not defined; a fresh array."""

    @property
    def lags(self) -> npt.NDArray[np.int64]:
        """The lags of `cross_correlation`."""

    @property
    def n(self) -> int:
        """The least number of complete pairs at any lag; given also where the readings are missing."""

    @property
    def is_ready(self) -> bool:
        """Whether every lag has `min_samples` complete pairs."""

    @property
    def warmup(self) -> int:
        """Rows until the first value, that row included, where none is missing: `min_samples` + `max_lag`."""

    @property
    def max_lag(self) -> int:
        """The largest lag."""

    @property
    def window_size(self) -> int:
        """Rows of the window."""

    @property
    def min_samples(self) -> int:
        """Complete pairs needed at a lag before its correlation is given."""

    def reset(self) -> None:
        """Forget all rows; the options stay."""

    def copy(self) -> Self:
        """Return an independent copy."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def to_bytes(self) -> bytes:
        """Return a versioned snapshot with a checksum, which `from_bytes` restores bit for bit."""

    @classmethod
    def from_bytes(cls, snapshot: bytes, /) -> Self:
        """Restore a snapshot; the object continues as the one it was taken of.

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer than this version, or of another class.
        """

    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Panel:
    """Beta, correlation and features of many assets with a few leaders, one bar of prices at a time.

    A bar holds a price for any of the symbols; a missing one (absent, None, NaN) is no observation. Returns are made
    here and need a price in this bar and in the one before it, so an asset may join late, pause and stop. Windows age
    by bars. Definitions are those of `RollingPair`, over the returns of each asset and each leader.

    Parameters
    ----------
    assets, leaders : sequence of str
        A leader may be an asset as well. At most 2^16 pairs.
    window_size : int, 3 to 2^24
        Bars of the readings.
    min_samples : int, 2 to `window_size`, default `window_size`
        Complete pairs of returns needed before a value is given.
    returns : {"simple", "log"}, default "simple"
    max_lag : int, 1 to 4096, optional
        The largest lag of `cross_correlation`, `lag`, `lag_corr`, `llr`, the p-values and `leads_by`: every asset
        against every leader at 2 max_lag + 1 lags. Without it there is lag 0 only.

    Raises
    ------
    ParameterError
        An option out of its bounds, no assets or leaders, too many pairs.
    DataError
        A symbol twice.

    Notes
    -----
    The bits are those of `comove.arrays.cross_asset_features` on prices laid on the same bars.

    A bar costs the same whatever the window, but for one in `window_size` bars, which takes some more. Readings are
    fresh arrays of shape (assets, leaders), NaN where not defined. Memory, a few kB a pair and two windows of
    returns, is taken at construction and when assets are added.

    Examples
    --------
    >>> from comove.live import Panel
    >>> panel = Panel(["BONK", "WIF"], ["BTC"], window_size=3)
    >>> bars = [(1.0, 100.0), (1.5, 125.0), (0.75, 93.75), (1.5, 140.625)]
    >>> for hour, (bonk, btc) in enumerate(bars):
    ...     panel.update(hour * 3_600_000_000_000, {"BONK": bonk, "BTC": btc})
    >>> panel.beta
    array([[ 2.],
           [nan]])
    >>> panel.features("BONK")["btc_beta"]
    2.0
    """

    def __new__(
        cls,
        assets: Sequence[str],
        leaders: Sequence[str],
        *,
        window_size: int,
        min_samples: int | None = None,
        returns: Returns | None = None,
        max_lag: int | None = None,
    ) -> Self: ...
    def update(self, ts: _Time, prices: _Bar) -> None:
        """Take in a bar.

        Parameters
        ----------
        ts : int, datetime or datetime64
            After the last bar; integers are nanoseconds, naive times are UTC.
        prices : mapping of str to float or None, or float64, shape (symbols,)
            Above 0. An array is in the order of `symbols`, with NaN for a missing price.

        Raises
        ------
        OrderError
            `ts` is not after the last bar.
        DataError
            An unknown symbol, a price that is not above 0, another number of prices. After any error the panel is as it
            was, byte for byte.
        """

    def update_many(self, ts: _Times, prices: npt.ArrayLike) -> None:
        """Take in many bars.

        Parameters
        ----------
        ts : int64 nanoseconds or datetime64, shape (n,)
        prices : float64, shape (n, symbols)
            Columns in the order of `symbols`, NaN for a missing price.

        Raises
        ------
        OrderError, DataError
            As `update`. If one bar is refused, none is taken in.
        """

    def peek(self, ts: _Time, prices: _Bar) -> PanelReadings:
        """Return the readings as they would be after a bar, and change nothing.

        Parameters and errors are those of `update`. Meant for the forming candle.
        """

    def peek_cross_correlation(self, ts: _Time, prices: _Bar) -> npt.NDArray[np.float64]:
        """Return `cross_correlation` as it would be after a bar, and change nothing.

        Parameters and errors are those of `update`. It costs more than an update.
        """

    def amend(self, ts: _Time, prices: _Bar) -> None:
        """Put another bar in the place of the last one.

        Parameters
        ----------
        ts : int, datetime or datetime64
            The time of the last bar.
        prices
            As in `update`.

        Raises
        ------
        OrderError
            `ts` is not that of the last bar.
        DataError
            As `update`; there is no bar yet.
        """

    def add_asset(self, symbol: str, /) -> None:
        """Add an asset as the last row of the readings.

        What came before is missing for it, unless it is a leader, whose past is known.

        Raises
        ------
        DataError
            It is an asset already.
        """

    def remove_asset(self, symbol: str, /) -> None:
        """Remove an asset; a leader stays a leader.

        Raises
        ------
        DataError
            It is not an asset, or the last one.
        """

    def features(self, asset: str, /) -> dict[str, float | None]:
        """Return the five cross-asset features of an asset with each leader, None where not defined.

        Definitions are those of `comove.arrays.cross_asset_features` with its default lookbacks. Nothing is filled.

        Parameters
        ----------
        asset : str

        Returns
        -------
        dict of str to float or None
            ``btc_beta``, ``btc_correlation``, ``btc_divergence``, ``btc_volatility``, ``btc_relative_momentum``, and so
            on for each leader.

        Raises
        ------
        DataError
            No such asset.
        """

    @property
    def beta(self) -> npt.NDArray[np.float64]:
        """Slopes of the assets on the leaders, shape (assets, leaders)."""

    @property
    def alpha(self) -> npt.NDArray[np.float64]:
        """Intercepts, shape (assets, leaders)."""

    @property
    def corr(self) -> npt.NDArray[np.float64]:
        """Correlations in [-1, 1], shape (assets, leaders)."""

    @property
    def cov(self) -> npt.NDArray[np.float64]:
        """Covariances with ddof 1, shape (assets, leaders)."""

    @property
    def r_squared(self) -> npt.NDArray[np.float64]:
        """Squared correlations, shape (assets, leaders)."""

    @property
    def residual_std(self) -> npt.NDArray[np.float64]:
        """Standard deviations of the residuals, shape (assets, leaders).

        Computed from the rows of the window when it is read, so this costs in proportion to the window.
        """

    @property
    def beta_stderr(self) -> npt.NDArray[np.float64]:
        """Standard errors of the betas, shape (assets, leaders).

        Computed from the rows of the window when it is read, so this costs in proportion to the window.
        """

    @property
    def cross_correlation(self) -> npt.NDArray[np.float64]:
        """Correlations at the lags -max_lag to max_lag, shape (assets, leaders, 2 max_lag + 1).

        A negative lag means that the leader moved first. Definitions are those of `comove.arrays.cross_correlation`,
        the bits those of `LagScanner`.
        """

    @property
    def lag(self) -> npt.NDArray[np.float64]:
        """Lags of the largest correlations by size, shape (assets, leaders); NaN unless every lag is defined."""

    @property
    def lag_corr(self) -> npt.NDArray[np.float64]:
        """The correlations at `lag`, shape (assets, leaders)."""

    @property
    def llr(self) -> npt.NDArray[np.float64]:
        """Sums of squared correlations at negative lags divided by those at positive ones, shape (assets, leaders)."""

    @property
    def p_value(self) -> npt.NDArray[np.float64]:
        """P-values of no relation at any lag, shape (assets, leaders).

        Computed from the rows of the window when they are read, as the other two; they need `max_lag`.
        """

    @property
    def lead_p_value(self) -> npt.NDArray[np.float64]:
        """P-values of no relation at any negative lag: small where the leader moves first."""

    @property
    def follow_p_value(self) -> npt.NDArray[np.float64]:
        """P-values of no relation at any positive lag: small where the asset moves first."""

    @property
    def leads_by(self) -> npt.NDArray[np.float64]:
        """Rows by which the leaders move first, shape (assets, leaders); 0 unless `lead_p_value` is below 0.05."""

    @property
    def max_lag(self) -> int:
        """The largest lag; 0 where there is none."""

    @property
    def n(self) -> npt.NDArray[np.float64]:
        """Complete pairs of returns in the window, shape (assets, leaders)."""

    @property
    def is_ready(self) -> bool:
        """Whether any asset and leader have `min_samples` complete pairs of returns."""

    @property
    def warmup(self) -> int:
        """Bars until the first value, that bar included, where none is missing; the first bar has no return.

        Readings of lags need `max_lag` more.
        """

    @property
    def assets(self) -> list[str]:
        """The assets: rows of the readings."""

    @property
    def leaders(self) -> list[str]:
        """The leaders: columns of the readings."""

    @property
    def symbols(self) -> list[str]:
        """The order of an array of prices: the assets, then the leaders not among them."""

    @property
    def window_size(self) -> int:
        """Bars of the window."""

    @property
    def min_samples(self) -> int:
        """Complete pairs of returns needed before a value is given."""

    @property
    def last_ts(self) -> int | None:
        """Time of the last bar in nanoseconds; None before it."""

    def reset(self) -> None:
        """Forget all bars; the options and symbols stay."""

    def copy(self) -> Self:
        """Return an independent copy."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def to_bytes(self) -> bytes:
        """Return a versioned snapshot with a checksum, which `from_bytes` restores bit for bit."""

    @classmethod
    def from_bytes(cls, snapshot: bytes, /) -> Self:
        """Restore a snapshot; the panel continues as the one it was taken of.

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer than this version, or of another class.
        """

    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class PanelReadings:
    """Readings of a panel as they would be after a bar; what `Panel.peek` returns.

    Arrays of shape (assets, leaders), NaN where not defined. They do not change when the panel does.
    """

    @property
    def beta(self) -> npt.NDArray[np.float64]:
        """Slopes of the assets on the leaders."""

    @property
    def alpha(self) -> npt.NDArray[np.float64]:
        """Intercepts."""

    @property
    def corr(self) -> npt.NDArray[np.float64]:
        """Correlations, in [-1, 1]."""

    @property
    def cov(self) -> npt.NDArray[np.float64]:
        """Covariances, with ddof 1."""

    @property
    def r_squared(self) -> npt.NDArray[np.float64]:
        """Squared correlations."""

    @property
    def n(self) -> npt.NDArray[np.float64]:
        """Complete pairs of returns in the window."""

@final
class RecipeStream:
    """Rows of a feature recipe, one timestamp at a time: what `comove.FeatureStream` holds.

    Parameters
    ----------
    base : sequence of str
        Base columns to compute.
    leaders : int
        Number of leaders.
    cross_asset : mapping
        Options of `comove.cross_asset_features`.
    shown : sequence of (int, float)
        Place of each column in the raw row, and its default, NaN for none. A raw row holds the base columns, then for
        each leader its five features and its age.
    carry : int or None
        Rows a value is carried on for; None: nothing is filled.
    lag : int
    note : str
        Kept in snapshots.
    """

    def __new__(
        cls,
        base: Sequence[str],
        leaders: int,
        cross_asset: Mapping[str, Any],
        shown: Sequence[tuple[int, float]],
        *,
        carry: int | None,
        lag: int,
        note: str,
    ) -> Self: ...
    def update(
        self, ts: _Time, bar: Sequence[_Value] | None, leaders: Sequence[_Value]
    ) -> list[float | int | None] | None:
        """Take in a timestamp, and return the row shown, None where the symbol has no bar."""

    def update_named(
        self, ts: _Time, bar: Sequence[_Value] | None, leaders: Sequence[_Value], empty: dict[str, Any]
    ) -> dict[str, float | int | None] | None:
        """As `update`, in a copy of `empty`: a dict of all columns by name."""

    def update_floats(self, ts: _Time, bar: Sequence[_Value] | None, leaders: Sequence[_Value]) -> Floats | None:
        """As `update`, in floats: NaN where missing."""

    def peek(
        self, ts: _Time, bar: Sequence[_Value] | None, leaders: Sequence[_Value]
    ) -> list[float | int | None] | None:
        """Return what `update` would return, and change nothing."""

    @property
    def note(self) -> str:
        """What the maker wrote into it."""

    def makes_what(self, other: RecipeStream) -> bool:
        """Return whether `other` makes the same rows of the same inputs."""

    @property
    def n(self) -> int:
        """Bars of the symbol taken in."""

    @property
    def is_ready(self) -> bool:
        """Whether all columns had a value of their own in the last bar of the symbol."""

    @property
    def last_ts(self) -> int | None:
        """Time of the last row in nanoseconds."""

    def reset(self) -> None:
        """Forget all rows; the options stay."""

    def copy(self) -> Self:
        """Return an independent copy."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def to_bytes(self) -> bytes:
        """Return a versioned snapshot with a checksum, which `from_bytes` restores bit for bit."""

    @classmethod
    def from_bytes(cls, snapshot: bytes, /) -> Self:
        """Restore a snapshot.

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer than this version, or of another class.
        """

    def __reduce__(self) -> tuple[Any, ...]: ...
