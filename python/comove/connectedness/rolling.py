"""`rolling_diebold_yilmaz`: the table of each window, as sums over time."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from comove import options
from comove.connectedness import inputs, variance
from comove.connectedness.inputs import TIME, Series, Table
from comove.connectedness.static import sums
from comove.connectedness.variance import Method
from comove.errors import ParameterError
from comove.options import Floats
from comove.progress import progress_bar

__all__ = ["RollingConnectedness", "rolling_diebold_yilmaz"]

#: Numbers in the design of one batch of windows (2 MB): enough to hide the cost of a call, little enough for the cache.
_BATCH: Final = 1 << 18
#: Multiplications from which a bar is worth showing: some seconds.
_LONG: Final = 2e10


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RollingConnectedness:
    """What `rolling_diebold_yilmaz` returns: one entry for each of m windows, shares in percent, NaN where missing.

    Attributes
    ----------
    names : tuple of str
    ts : Series of Datetime("us", "UTC"), or None
        Time of the last row of each window.
    row : int64, shape (m,)
        Its number, counted from 0.
    total, total_corrected : float64, shape (m,)
    to_others, from_others, net : float64, shape (m, k)
    n : int64, shape (m,)
        Rows of the regression.
    reason : tuple of (str or None), length m
        Why an entry is missing.
    window_size, lags, horizon, step : int
    method : {"generalized", "cholesky"}
    """

    names: tuple[str, ...]
    ts: pl.Series | None
    row: npt.NDArray[np.int64]
    total: Floats
    total_corrected: Floats
    to_others: Floats
    from_others: Floats
    net: Floats
    n: npt.NDArray[np.int64]
    reason: tuple[str | None, ...]
    window_size: int
    lags: int
    horizon: int
    step: int
    method: str

    def to_frame(self) -> pl.DataFrame:
        """Return one row for each window.

        Returns
        -------
        DataFrame
            ``ts`` where it is known, ``row``, ``total``, ``total_corrected``, ``n``, ``reason``, then ``<name>_to``,
            ``<name>_from`` and ``<name>_net`` of each series; missing values are null.
        """
        columns: dict[str, object] = {} if self.ts is None else {TIME: self.ts}
        columns |= {"row": self.row, "total": self.total, "total_corrected": self.total_corrected, "n": self.n}
        columns["reason"] = pl.Series(self.reason, dtype=pl.String)
        for j, name in enumerate(self.names):
            for part, shares in (("to", self.to_others), ("from", self.from_others), ("net", self.net)):
                columns[f"{name}_{part}"] = shares[:, j]
        return pl.DataFrame(columns, nan_to_null=True)

    def __repr__(self) -> str:
        missing = int(np.isnan(self.total).sum())
        known = self.total[np.isfinite(self.total)]
        extent = f"total {known.min():.2f} to {known.max():.2f} %" if len(known) else "no total"
        why = next((f" ({one})" for one in self.reason if one), "")
        return (
            f"RollingConnectedness({len(self.names)} series, {len(self.total)} windows of {self.window_size} rows,"
            f" step={self.step}, lags={self.lags}, horizon={self.horizon}, method={self.method!r})\n"
            f"{extent}, {missing} missing{why}"
        )


def rolling_diebold_yilmaz(
    vols: Series,
    *,
    window_size: int,
    lags: int = 4,
    horizon: int = 10,
    method: Method = "generalized",
    step: int = 1,
    min_samples: int | None = None,
    progress: bool | None = None,
) -> RollingConnectedness:
    """Connectedness over the last `window_size` rows, at every `step`-th row.

    What `diebold_yilmaz` says of the rows t - window_size + 1 to t, and of them alone.

    Parameters
    ----------
    vols, lags, horizon, method
        As in `diebold_yilmaz`.
    window_size : int, at least k (lags + 1) + 1 + lags
        Rows of a window, the `lags` rows that start it included.
    step : int, at least 1
        Windows end at the rows window_size - 1, window_size - 1 + step, ...
    min_samples : int, k (lags + 1) + 1 to window_size - lags, default window_size - lags
        Rows of the regression below which a window is missing; one missing row costs up to `lags` + 1 of them.
    progress : bool, optional
        A bar on the standard error; by default on a terminal, where the work takes some seconds.

    Returns
    -------
    RollingConnectedness
        No windows where there are fewer than `window_size` rows.

    Raises
    ------
    ParameterError
        Options out of bounds.
    DataError, OrderError
        As `diebold_yilmaz`, but what is wrong with the values of a window (too few complete rows, a series that does
        not vary or is a combination of others) makes that window missing, and `reason` says so.

    Notes
    -----
    **Short windows make shares of nothing**, as `diebold_yilmaz` says of few rows: `total` of independent noise at 4
    lags and a horizon of 10 is 7 % with 4 series in windows of 200 rows, 38 % with 20 in windows of 236, and 80 % with
    44 in such. Ten rows for each of the k `lags` + 1 parameters of an equation keep it near 12 %.

    Each window is fitted afresh, in batches, so that nothing of what has left it remains: work
    window_size (k (lags + 1))^2 a window. A value agrees with `diebold_yilmaz` on the same rows to rounding. With tens
    of series OpenBLAS loses time by its own threads, most on a busy machine: OPENBLAS_NUM_THREADS=1 made windows of
    1,000 rows of 47 series three times faster.

    Examples
    --------
    >>> from comove.connectedness import log_range_volatility, rolling_diebold_yilmaz
    >>> from comove.data import simulate_market
    >>> market = simulate_market(n_bars=1000, assets=["BONK"], seed=1, gaps=0)
    >>> rolling = rolling_diebold_yilmaz(log_range_volatility(market.frames), window_size=500, lags=2, step=100)
    >>> rolling.row.tolist()
    [499, 599, 699, 799, 899, 999]
    """
    lags, horizon, method_name = inputs.check_model(lags, horizon, method)
    table = inputs.read(vols)
    least = variance.least_rows(len(table.names), lags)
    size = options.whole("window_size", window_size, least=least + lags)
    step = options.whole("step", step, least=1)
    needed = size - lags
    if min_samples is not None:
        needed = options.whole("min_samples", min_samples, least=least, most=size - lags, because="window_size - lags")
    if progress is not None and not isinstance(progress, bool):
        raise ParameterError(f"progress must be True, False or None, got {progress!r}", "type")
    return _roll(table, size, step, needed, _Model(lags, horizon, method_name), progress)


@dataclass(frozen=True, slots=True)
class _Model:
    lags: int
    horizon: int
    method: str


def _roll(
    table: Table, size: int, step: int, needed: int, model: _Model, progress: bool | None
) -> RollingConnectedness:
    rows, k = table.values.shape
    ends = np.arange(size - 1, rows, step, dtype=np.int64)
    m = len(ends)
    given, taken = np.full((m, k), np.nan), np.full((m, k), np.nan)
    n = np.zeros(m, dtype=np.int64)
    reasons: list[str | None] = []
    if m:
        windows = sliding_window_view(table.values, size, axis=0)[::step].transpose(0, 2, 1)
        usable = sliding_window_view(variance.usable_rows(table.values, model.lags), size)[::step]
        width = variance.least_rows(k, model.lags)
        batch = max(1, _BATCH // (size * width))
        wanted = sys.stderr.isatty() and m * size * width**2 > _LONG if progress is None else progress
        with progress_bar("windows", shown=wanted) as report:
            for start in range(0, m, batch):
                part = slice(start, min(start + batch, m))
                mask = usable[part].copy()
                # They look back on rows before the window.
                mask[:, : model.lags] = False
                found = variance.decompose(
                    windows[part], mask, lags=model.lags, horizon=model.horizon, method=model.method, least=needed
                )
                given[part], taken[part] = sums(found.table)
                n[part] = found.n
                reasons += _reasons(found, needed, model.lags, table.names)
                report(part.stop, m)
    total = taken.mean(axis=1)
    return RollingConnectedness(
        names=table.names,
        ts=None if table.ts is None else table.ts.gather(ends),
        row=ends,
        total=total,
        total_corrected=total * k / (k - 1),
        to_others=given,
        from_others=taken,
        net=given - taken,
        n=n,
        reason=tuple(reasons),
        window_size=size,
        lags=model.lags,
        horizon=model.horizon,
        step=step,
        method=model.method,
    )


def _reasons(found: variance.Decomposition, least: int, lags: int, names: Sequence[str]) -> Iterator[str | None]:
    for code, at, n in zip(found.code.tolist(), found.at.tolist(), found.n.tolist(), strict=True):
        yield None if code == variance.FINE else variance.reason(code, at, n, least, lags, names)
