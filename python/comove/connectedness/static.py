"""`diebold_yilmaz`: one table of who moves whom, over all rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from comove.connectedness import inputs, variance
from comove.connectedness.inputs import Series
from comove.connectedness.variance import Method
from comove.errors import DataError
from comove.options import Floats

__all__ = ["Connectedness", "diebold_yilmaz"]

#: The most series whose table is printed whole; more do not fit into a line.
_MOST_PRINTED: Final = 10
#: Givers and receivers that are named instead.
_NAMED: Final = 5
_ERROR_CODES: Final = {
    variance.TOO_FEW: "too_few_rows",
    variance.CONSTANT: "constant",
    variance.COLLINEAR: "collinear",
    variance.RANGE: "range",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Connectedness:
    """What `diebold_yilmaz` returns. All shares are in percent.

    Attributes
    ----------
    names : tuple of str
    table : float64, shape (k, k)
        Row i, column j: the part of the forecast error variance of i that comes from shocks to j. Rows sum to 100.
    from_others, to_others, net : float64, shape (k,)
        Row sums and column sums without the diagonal, and `to_others` - `from_others`: above 0, a series gives more
        than it takes.
    net_pairwise : float64, shape (k, k)
        Row i, column j: what i gives to j less what it takes from it, ``table[j, i] - table[i, j]``. Rows sum to `net`.
    total : float
        Sum of `from_others` over k: the spillover index.
    total_corrected : float
        `total` k / (k - 1): of the same table, but able to reach 100 (Chatziantoniou and Gabauer 2021).
    n : int
        Rows of the regression.
    lags, horizon : int
    method : {"generalized", "cholesky"}
    spectral_radius : float
        Largest modulus of the roots of the regression. From 1 on it is not stationary: shocks do not fade, and the
        table depends on `horizon` for ever.
    coefficients : float64, shape (lags, k, k)
        Entry (l, i, j): the slope of series i on series j, l + 1 rows before; NaN beyond float64.
    residual_cov : float64, shape (k, k)
        Covariance of the residuals, degrees of freedom n - k lags - 1; NaN beyond float64.
    """

    names: tuple[str, ...]
    table: Floats
    n: int
    lags: int
    horizon: int
    method: str
    spectral_radius: float
    coefficients: Floats
    residual_cov: Floats
    from_others: Floats = field(init=False)
    to_others: Floats = field(init=False)
    net: Floats = field(init=False)
    net_pairwise: Floats = field(init=False)
    total: float = field(init=False)
    total_corrected: float = field(init=False)

    def __post_init__(self) -> None:
        given, taken = sums(self.table)
        k = len(self.names)
        total = float(taken.mean())
        for name, value in {
            "from_others": taken,
            "to_others": given,
            "net": given - taken,
            "net_pairwise": self.table.T - self.table,
            "total": total,
            "total_corrected": total * k / (k - 1),
        }.items():
            object.__setattr__(self, name, value)

    def to_frame(self) -> pl.DataFrame:
        """Return the table as papers print it.

        Returns
        -------
        DataFrame
            ``series``, one column for each name, ``from_others``; below the rows of the series, the rows ``to_others``
            and ``net``. In the corner stand the sum of `to_others` and, below it, `total`.
        """
        body = np.vstack([self.table, self.to_others, self.net])
        return pl.DataFrame(
            {
                self._heading("series"): [*self.names, "to_others", "net"],
                **dict(zip(self.names, body.T, strict=True)),
                self._heading("from_others"): [*self.from_others, self.to_others.sum(), self.total],
            }
        )

    def _heading(self, wanted: str) -> str:
        """Return the name of a column beside those of the series, one that none of them has."""
        while wanted in self.names:
            wanted += "_"
        return wanted

    def __repr__(self) -> str:
        lines = [
            f"Connectedness({len(self.names)} series, n={self.n}, lags={self.lags}, horizon={self.horizon},"
            f" method={self.method!r})",
            f"total {self.total:.2f} %, corrected {self.total_corrected:.2f} %,"
            f" spectral radius {self.spectral_radius:.4f}" + (" (NOT stationary)" if self.spectral_radius >= 1 else ""),
        ]
        if len(self.names) <= _MOST_PRINTED:
            return "\n".join([*lines, *self._printed()])
        order = np.argsort(-self.net, kind="stable")
        for word, rows in (("give most:", order[:_NAMED]), ("take most:", order[: -_NAMED - 1 : -1])):
            lines.append(f"{word} " + ", ".join(f"{self.names[i]} {self.net[i]:+.2f}" for i in rows))
        return "\n".join(lines)

    def _printed(self) -> list[str]:
        frame = self.to_frame()
        cells = [["", *self.names, "from others"]]
        for label, *values in frame.rows():
            # Adding 0 takes the sign off a zero.
            cells.append([label.replace("_", " ") if len(cells) > len(self.names) else label])
            cells[-1] += [f"{round(value, 2) + 0.0:.2f}" for value in values]
        widths = [max(len(row[j]) for row in cells) for j in range(len(cells[0]))]
        return [
            "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
            for row in cells
        ]


def diebold_yilmaz(
    vols: Series,
    lags: int = 4,
    horizon: int = 10,
    method: Method = "generalized",
) -> Connectedness:
    """Share of each series' forecast error that comes from shocks to each other series.

    A vector autoregression with a constant by least squares; then, of the variance of the error of its `horizon`-step
    forecast of i, the part of shocks to j: sum_h (e_i' Psi_h S e_j)^2 / S_jj, h = 0 to horizon - 1, each row scaled to
    100 %. Letters are those of `comove.connectedness.variance`.

    Parameters
    ----------
    vols : DataFrame or LazyFrame, mapping of str to values, or array of shape (rows, k)
        Two or more series, oldest row first: volatilities, best in logarithms. A column ``ts`` is checked to rise and
        left out: datetimes, ISO 8601 text, or integers, which are nanoseconds in a frame as in a mapping. null, NaN and
        infinity are missing. Columns of an array are named column_0, column_1, ...
    lags : int, at least 1
        Rows the regression looks back on.
    horizon : int, 1 to 10,000
        Steps of the forecast.
    method : {"generalized", "cholesky"}
        "generalized": shocks come as they do in the data, correlated; the order of the columns does not matter.
        "cholesky": a shock moves the columns to its right at once, but none to its left: **the order of the columns
        matters**, put first what moves first.

    Returns
    -------
    Connectedness

    Raises
    ------
    ParameterError
        `lags` or `horizon` out of bounds, an unknown `method`.
    DataError
        Fewer usable rows than k (lags + 1) + 1, a series that does not vary, one that is a combination of the others or
        of its past, columns that are not numbers or differ in length, fewer than two.
    OrderError
        ``ts`` does not rise.

    Notes
    -----
    A regression needs consecutive rows: a row counts where it and the `lags` rows before it are complete, and one
    missing value costs `lags` + 1 rows. Rows count, not times: lay series with holes on one grid first
    (``comove.data.align(..., how="outer")``).

    **Few rows make shares of nothing**: what is estimated is never exactly 0, and shares are squares, so chance alone
    raises them, most where rows are few for the k `lags` + 1 parameters of an equation. `total` of independent noise at
    4 lags and a horizon of 10: 80 % with 44 series of 236 rows, 40 % with 44 of 500, 38 % with 20 of 236, 12 % with 44
    of 1,770 (ten rows for each parameter), 3 % with 41 of 5,976. Memory in the series adds to it: 47 % instead of 40 at
    0.9. Shuffle each series by itself to learn what chance makes of yours.

    Work rows (k (lags + 1))^2, memory rows k (lags + 1): 47 series of 6,000 rows took 0.05 s on two idle cores. On busy
    ones OpenBLAS's threads wait for each other, for seconds; OPENBLAS_NUM_THREADS=1 (0.2 s) avoids it.

    Columns are centred and scaled, and the regression is a QR of the design; on the series of Diebold and Yilmaz every
    share is within 1e-11 of statsmodels (`tests/test_connectedness.py`). Last bits depend on the BLAS library of NumPy
    and on the processor, unlike elsewhere in comove.

    Diebold and Yilmaz (2012), International Journal of Forecasting 28, 57-66, eq. 1 to 8, and (2009) for "cholesky";
    Pesaran and Shin (1998); Chatziantoniou and Gabauer (2021), Quarterly Review of Economics and Finance 82, for the
    correction.

    Examples
    --------
    >>> from comove.connectedness import diebold_yilmaz, log_range_volatility
    >>> from comove.data import simulate_market
    >>> market = simulate_market(n_bars=2000, assets=["BONK"], seed=1)
    >>> result = diebold_yilmaz(log_range_volatility(market.frames), lags=2)
    >>> result.names
    ('BTC', 'ETH', 'SOL', 'BONK')
    >>> result.table.sum(axis=1).round(9).tolist()
    [100.0, 100.0, 100.0, 100.0]
    """
    lags, horizon, method_name = inputs.check_model(lags, horizon, method)
    table = inputs.read(vols)
    k = len(table.names)
    least = variance.least_rows(k, lags)
    usable = variance.usable_rows(table.values, lags)
    n = int(usable.sum())
    if n < least:
        raise DataError(
            f"vols must hold at least {least} complete rows with {lags} complete rows before them, for {k} series at "
            f"lags={lags}; got {n} of {len(table.values)} rows",
            _ERROR_CODES[variance.TOO_FEW],
        )
    found = variance.decompose(
        table.values[np.newaxis], usable[np.newaxis], lags=lags, horizon=horizon, method=method_name, least=least
    )
    code = int(found.code[0])
    if code != variance.FINE:
        raise DataError(
            f"vols cannot be decomposed: {variance.reason(code, int(found.at[0]), n, least, lags, table.names)}",
            _ERROR_CODES[code],
        )
    scale = found.scale[0]
    # Entry (i, l, j) of the slopes as (l, i, j).
    blocks = found.slopes[0].reshape(k, lags, k).transpose(1, 0, 2)
    # Series whose scales lie very far apart have coefficients beyond float64, though their shares are ordinary.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        coefficients = blocks * (scale[:, np.newaxis] / scale)
        factor = found.factor[0] * scale[:, np.newaxis] / np.sqrt(n - k * lags - 1)
        residual_cov = factor @ factor.T
    return Connectedness(
        names=table.names,
        table=found.table[0],
        n=n,
        lags=lags,
        horizon=horizon,
        method=method_name,
        spectral_radius=variance.spectral_radius(found.slopes[0]),
        coefficients=np.where(np.isfinite(coefficients), coefficients, np.nan),
        residual_cov=np.where(np.isfinite(residual_cov), residual_cov, np.nan),
    )


def sums(table: Floats) -> tuple[Floats, Floats]:
    """Return what each series gives to the others and takes from them, of tables of shape (..., k, k)."""
    others = np.where(np.eye(table.shape[-1], dtype=bool), 0.0, table)
    return others.sum(axis=-2), others.sum(axis=-1)
