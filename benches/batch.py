"""Batch estimators over one million rows: correlation, regression, joint and exponential betas."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numbagg
import numpy as np
import pandas as pd
import polars as pl
import polars_ds
import polars_ols
import talib

import cases
import comove as cm
import oracles
from accuracy import Columns, Exact, Input, Judge, easy_pair, exact_pair, hard_pairs
from comove import arrays
from contenders import Contender, column, compare, floats, pair_frame, read_struct
from measure import Bench, Floats, Line, Scale

WINDOW = 30
WINDOWS = (10, 30, 100, 1000, 10_000)
GROUPS = 50
LEADERS = ("l0", "l1", "l2")
HALF_LIFE = 30.0
# Rows for NumPy, which lays out every window in memory.
RECOMPUTED_ROWS = 50_000
# Exact rows with long windows take time: this many rows of all windows together.
JUDGED_WINDOW_ROWS = 200_000

ARRAYS = "comove arrays"
ARRAYS_OUT = "comove arrays, out="
EXPRESSION = "comove expression"
TA_LIB = "TA-Lib CORREL"
NUMBAGG = "numbagg move_corr"
POLARS = "polars rolling_corr"
PANDAS = "pandas rolling.corr"
POLARS_OLS = "polars-ols (beta, alpha)"
POLARS_DS = "polars-ds (beta, alpha, pred)"


def pandas_pair(columns: Columns) -> tuple[pd.Series, pd.Series]:
    return pd.Series(columns["asset"]), pd.Series(columns["benchmark"])


# --- correlation ---


def read_corr(values: Any) -> Mapping[str, Floats]:
    return {"corr": np.asarray(values, dtype=np.float64)}


def corr_arrays(window_size: int) -> Contender:
    def prepare(columns: Columns) -> Any:
        return partial(arrays.rolling_corr, columns["asset"], columns["benchmark"], window_size=window_size)

    return Contender(ARRAYS, prepare, read_corr)


def corr_arrays_out(window_size: int) -> Contender:
    def prepare(columns: Columns) -> Any:
        out = np.zeros(len(columns["asset"]))
        return partial(arrays.rolling_corr, columns["asset"], columns["benchmark"], window_size=window_size, out=out)

    return Contender(ARRAYS_OUT, prepare, read_corr)


def corr_expression(window_size: int) -> Contender:
    def prepare(columns: Columns) -> Any:
        expression = cm.rolling_corr("asset", "benchmark", window_size=window_size)
        return partial(pair_frame(columns).select, expression)

    return Contender(EXPRESSION, prepare, column("corr"))


def corr_talib(window_size: int) -> Contender:
    return Contender(TA_LIB, lambda c: partial(talib.CORREL, c["asset"], c["benchmark"], window_size), read_corr)


def corr_numbagg(window_size: int) -> Contender:
    def prepare(columns: Columns) -> Any:
        return partial(
            numbagg.move_corr,
            columns["asset"],
            columns["benchmark"],
            window=window_size,
            min_count=window_size,
        )

    return Contender(NUMBAGG, prepare, read_corr)


def corr_polars(window_size: int) -> Contender:
    def prepare(columns: Columns) -> Any:
        expression = pl.rolling_corr("asset", "benchmark", window_size=window_size, min_samples=window_size)
        return partial(pair_frame(columns).select, expression)

    return Contender(POLARS, prepare, column("corr"))


def corr_pandas(window_size: int) -> Contender:
    def prepare(columns: Columns) -> Any:
        asset, benchmark = pandas_pair(columns)
        return lambda: asset.rolling(window_size).corr(benchmark)

    return Contender(PANDAS, prepare, read_corr)


def corr(scale: Scale) -> list[Line]:
    contenders = [
        make(WINDOW)
        for make in (
            corr_arrays,
            corr_talib,
            corr_numbagg,
            corr_arrays_out,
            corr_expression,
            corr_polars,
            corr_pandas,
        )
    ]
    judge = Judge(exact_pair(WINDOW), scale.judged)
    easy, hard = easy_pair(scale.rows, WINDOW), hard_pairs(WINDOW)
    return compare(f"corr/batch/w{WINDOW}", contenders, easy, hard, judge, scale)


def corr_window(window_size: int, scale: Scale) -> list[Line]:
    contenders = [corr_arrays(window_size), corr_talib(window_size)]
    judge = Judge(exact_pair(window_size), max(2, min(scale.judged, JUDGED_WINDOW_ROWS // window_size)))
    easy, hard = easy_pair(max(scale.rows, 4 * window_size), window_size), hard_pairs(window_size)
    return compare(f"corr/batch/w{window_size}", contenders, easy, hard, judge, scale)


def corr_groups(scale: Scale) -> list[Line]:
    """Rows in the order of time, as a frame of many symbols has them: row i belongs to symbol i mod 50."""
    rows = scale.rows // GROUPS * GROUPS
    easy = easy_pair(rows, WINDOW)

    def grouped(name: str, expression: pl.Expr) -> Contender:
        def prepare(columns: Columns) -> Any:
            symbol = pl.Series("symbol", np.arange(len(columns["asset"])) % GROUPS)
            return partial(pair_frame(columns).with_columns(symbol).select, expression.over("symbol"))

        return Contender(name, prepare, column("corr"))

    of_group = exact_pair(WINDOW)

    def exact(columns: Columns, row: int) -> Exact:
        return of_group({name: values[row % GROUPS :: GROUPS] for name, values in columns.items()}, row // GROUPS)

    contenders = [
        grouped(EXPRESSION, cm.rolling_corr("asset", "benchmark", window_size=WINDOW)),
        grouped(POLARS, pl.rolling_corr("asset", "benchmark", window_size=WINDOW, min_samples=WINDOW)),
    ]
    given = Input(easy.columns, start=WINDOW * GROUPS)
    return compare(f"corr/over {GROUPS} groups/w{WINDOW}", contenders, given, {}, Judge(exact, scale.judged), scale)


# --- regression ---


def regression_arrays(name: str, *, reuse: bool) -> Contender:
    def prepare(columns: Columns) -> Any:
        out = np.zeros((7, len(columns["asset"]))) if reuse else None
        return partial(arrays.rolling_regression, columns["asset"], columns["benchmark"], window_size=WINDOW, out=out)

    return Contender(name, prepare, lambda answer: answer)


def regression_expression() -> Contender:
    def prepare(columns: Columns) -> Any:
        expression = cm.rolling_regression("asset", "benchmark", window_size=WINDOW)
        return partial(pair_frame(columns).select, expression)

    return Contender(EXPRESSION, prepare, read_struct)


def polars_ols_rolling(*features: str) -> pl.Expr:
    options = polars_ols.RollingKwargs(window_size=WINDOW, min_periods=WINDOW)
    return polars_ols.compute_rolling_least_squares(
        pl.col("asset"),
        *(pl.col(name) for name in features),
        add_intercept=True,
        mode="coefficients",
        rolling_kwargs=options,
    )


def regression_polars_ols() -> Contender:
    def prepare(columns: Columns) -> Any:
        return partial(pair_frame(columns).select, polars_ols_rolling("benchmark"))

    def read(frame: pl.DataFrame) -> Mapping[str, Floats]:
        return {"beta": read_struct(frame)["benchmark"]}

    return Contender(POLARS_OLS, prepare, read)


def regression_polars_ds() -> Contender:
    def prepare(columns: Columns) -> Any:
        expression = polars_ds.rolling_lin_reg("benchmark", target="asset", window_size=WINDOW, add_bias=True)
        return partial(pair_frame(columns).select, expression)

    def read(frame: pl.DataFrame) -> Mapping[str, Floats]:
        return {"beta": floats(frame.to_series().struct.field("coeffs").list.get(0, null_on_oob=True))}

    return Contender(POLARS_DS, prepare, read)


def regression_polars() -> Contender:
    """All seven readings from the rolling functions of plain Polars, the shared ones computed once."""
    y, x = pl.col("asset"), pl.col("benchmark")
    options: dict[str, int] = {"window_size": WINDOW, "min_samples": WINDOW}
    moments = [
        pl.rolling_cov(y, x, **options).alias("cov"),
        pl.rolling_corr(y, x, **options).alias("corr"),
        x.rolling_var(**options).alias("var_x"),
        y.rolling_var(**options).alias("var_y"),
        x.rolling_mean(**options).alias("mean_x"),
        y.rolling_mean(**options).alias("mean_y"),
    ]
    beta = pl.col("cov") / pl.col("var_x")
    sse = (WINDOW - 1) * (pl.col("var_y") - beta * pl.col("cov"))
    readings = [
        beta.alias("beta"),
        (pl.col("mean_y") - beta * pl.col("mean_x")).alias("alpha"),
        pl.col("corr"),
        (pl.col("corr") ** 2).alias("r_squared"),
        (sse / (WINDOW - 2) / ((WINDOW - 1) * pl.col("var_x"))).sqrt().alias("beta_stderr"),
        (sse / (WINDOW - 2)).sqrt().alias("residual_std"),
        pl.lit(WINDOW).alias("n"),
    ]

    def prepare(columns: Columns) -> Any:
        frame = pair_frame(columns)
        return lambda: frame.select(moments).with_columns(readings)

    return Contender("plain Polars, 7 readings", prepare, lambda frame: {n: floats(frame[n]) for n in ("beta", "corr")})


def regression(scale: Scale) -> list[Line]:
    contenders = [
        regression_arrays(ARRAYS_OUT, reuse=True),
        regression_polars_ols(),
        regression_arrays(ARRAYS, reuse=False),
        regression_polars_ds(),
        regression_expression(),
        regression_polars(),
    ]
    judge = Judge(exact_pair(WINDOW), scale.judged)
    easy, hard = easy_pair(scale.rows, WINDOW), hard_pairs(WINDOW)
    return compare(f"regression/batch/w{WINDOW}", contenders, easy, hard, judge, scale)


# --- several leaders ---


def joint_input(rows: int, seed: int, level: float = 0.0) -> Columns:
    asset, leaders = cases.joint(rows, len(LEADERS), seed, level=level)
    return {"asset": asset} | dict(zip(LEADERS, np.ascontiguousarray(leaders.T), strict=True))


def exact_joint(columns: Columns, row: int) -> Exact:
    """The betas, in units of sd(asset) / sd(leader)."""
    window = slice(row + 1 - WINDOW, row + 1)
    asset = columns["asset"][window]
    leaders = np.column_stack([columns[name][window] for name in LEADERS])
    exact = oracles.joint(asset, leaders, window_size=WINDOW, rows=[WINDOW - 1])
    # The spread of values at a high level, itself free of the level's rounding.
    sd_asset, *sd_leaders = (np.std(v - v[0]) for v in (asset, *leaders.T))
    return {
        name: (float(beta), float(sd_asset / sd_leader))
        for name, beta, sd_leader in zip(LEADERS, exact["beta"][0], sd_leaders, strict=True)
    }


def joint_numpy(columns: Columns) -> Any:
    """Centred normal equations of every window, laid out in memory and solved in one call."""
    table = np.column_stack([columns[name] for name in (*LEADERS, "asset")])

    def run() -> Floats:
        windows = np.lib.stride_tricks.sliding_window_view(table, WINDOW, axis=0)
        centred = windows - windows.mean(axis=2, keepdims=True)
        products = centred @ centred.transpose(0, 2, 1)
        betas = np.linalg.solve(products[:, :-1, :-1], products[:, :-1, -1:])[..., 0]
        return np.vstack([np.full((WINDOW - 1, len(LEADERS)), np.nan), betas])

    return run


def joint(scale: Scale) -> list[Line]:
    def ours(columns: Columns) -> Any:
        leaders = {name: columns[name] for name in LEADERS}
        return partial(arrays.joint_beta, columns["asset"], leaders, window_size=WINDOW)

    def expression(columns: Columns) -> Any:
        return partial(pair_frame(columns).select, cm.joint_beta("asset", list(LEADERS), window_size=WINDOW))

    def ols(columns: Columns) -> Any:
        return partial(pair_frame(columns).select, polars_ols_rolling(*LEADERS))

    def ds(columns: Columns) -> Any:
        chosen = polars_ds.rolling_lin_reg(*LEADERS, target="asset", window_size=WINDOW, add_bias=True)
        return partial(pair_frame(columns).select, chosen)

    def read_columns(betas: Floats) -> Mapping[str, Floats]:
        return dict(zip(LEADERS, betas.T, strict=True))

    def read_expression(frame: pl.DataFrame) -> Mapping[str, Floats]:
        fields = read_struct(frame)
        return {name: fields[f"beta_{name}"] for name in LEADERS}

    def read_ols(frame: pl.DataFrame) -> Mapping[str, Floats]:
        fields = read_struct(frame)
        return {name: fields[name] for name in LEADERS}

    def read_ds(frame: pl.DataFrame) -> Mapping[str, Floats]:
        betas = frame.to_series().struct.field("coeffs")
        return {n: floats(betas.list.get(i, null_on_oob=True)) for i, n in enumerate(LEADERS)}

    contenders = [
        Contender(ARRAYS, ours, lambda answer: read_columns(answer["beta"])),
        Contender("polars-ols", ols, read_ols),
        Contender(EXPRESSION, expression, read_expression),
        Contender("polars-ds", ds, read_ds),
        Contender("NumPy, every window", joint_numpy, read_columns, rows=min(RECOMPUTED_ROWS, scale.rows)),
    ]
    easy = Input(joint_input(scale.rows, 3), start=WINDOW - 1)
    hard_rows = 400
    spiked = {name: values.copy() for name, values in joint_input(hard_rows, 4).items()}
    spiked["asset"][WINDOW // 2] = cases.SPIKE
    spiked["l0"][WINDOW // 2] = -cases.SPIKE
    hard = {
        "level 1e9": Input(joint_input(hard_rows, 4, 1e9), start=2 * WINDOW),
        "after spikes of 1e12": Input(spiked, start=2 * WINDOW),
    }
    judge = Judge(exact_joint, max(4, scale.judged // 4))
    return compare(f"joint_beta/batch/{len(LEADERS)} leaders, w{WINDOW}", contenders, easy, hard, judge, scale)


# --- exponential weights ---


def exact_ewm(columns: Columns, row: int) -> Exact:
    """From the rows whose weight can be seen in a float64."""
    seen = slice(max(0, row + 1 - int(60 * HALF_LIFE)), row + 1)
    exact = oracles.ewm(columns["asset"][seen], columns["benchmark"][seen], half_life=HALF_LIFE)
    natural = exact["sd_asset"][-1] / exact["sd_benchmark"][-1]
    return {"beta": (float(exact["beta"][-1]), float(natural))}


def ewm(scale: Scale) -> list[Line]:
    def read(values: Any) -> Mapping[str, Floats]:
        return {"beta": np.asarray(values, dtype=np.float64)}

    def ours(columns: Columns) -> Any:
        return partial(arrays.ewm_beta, columns["asset"], columns["benchmark"], half_life=HALF_LIFE)

    def expression(columns: Columns) -> Any:
        return partial(pair_frame(columns).select, cm.ewm_beta("asset", "benchmark", half_life=HALF_LIFE))

    def of_pandas(columns: Columns) -> Any:
        asset, benchmark = pandas_pair(columns)
        return lambda: asset.ewm(halflife=HALF_LIFE).cov(benchmark) / benchmark.ewm(halflife=HALF_LIFE).var()

    def of_numbagg(columns: Columns) -> Any:
        y, x = columns["asset"], columns["benchmark"]
        step = 1 - 2 ** (-1 / HALF_LIFE)

        def run() -> Floats:
            with np.errstate(divide="ignore", invalid="ignore"):
                return numbagg.move_exp_nancov(y, x, alpha=step) / numbagg.move_exp_nanvar(x, alpha=step)

        return run

    def of_polars(columns: Columns) -> Any:
        def mean(expression: pl.Expr) -> pl.Expr:
            return expression.ewm_mean(half_life=HALF_LIFE)

        y, x = pl.col("asset"), pl.col("benchmark")
        cov = mean(x * y) - mean(x) * mean(y)
        return partial(pair_frame(columns).select, beta=cov / x.ewm_var(half_life=HALF_LIFE, bias=True))

    contenders = [
        Contender(ARRAYS, ours, read),
        Contender("numbagg move_exp_nancov", of_numbagg, read),
        Contender("pandas ewm", of_pandas, read),
        Contender(EXPRESSION, expression, column("beta")),
        Contender("polars ewm_mean", of_polars, column("beta")),
    ]
    rows = 20 * int(HALF_LIFE)
    asset, benchmark = cases.market(rows, 5)
    hard = {"level 1e9": Input({"asset": asset + 1e9, "benchmark": benchmark + 1e9}, start=WINDOW)}
    easy = Input(easy_pair(scale.rows, 1).columns, start=WINDOW)
    judge = Judge(exact_ewm, max(4, scale.judged // 10))
    return compare("ewm_beta/batch/half-life 30", contenders, easy, hard, judge, scale)


BENCHES = [
    Bench(
        f"corr/batch/w{WINDOW}",
        "One million rows, one thread, fresh memory for the result unless it says out=. Slower: features and scans "
        "over a year of minutes take longer.",
        corr,
    ),
    Bench(
        f"regression/batch/w{WINDOW}",
        "Seven readings a row into one block of memory. polars-ols and polars-ds give two of the seven (and a "
        "prediction), so they do less work. Slower: the regression no longer comes nearly free with beta.",
        regression,
    ),
    Bench(
        f"joint_beta/batch/{len(LEADERS)} leaders, w{WINDOW}",
        "Multiple regression on three leaders; NumPy runs on fewer rows, for it needs every window in memory.",
        joint,
    ),
    Bench(
        "ewm_beta/batch/half-life 30",
        "Exponentially weighted beta. Slower: the recursion over rows got longer.",
        ewm,
    ),
    Bench(
        f"corr/over {GROUPS} groups/w{WINDOW}",
        "The Polars door with `.over`, rows in the order of time. Most of it is the grouping of Polars itself. "
        "Slower: the cost of a call a group has grown.",
        corr_groups,
    ),
    *(
        Bench(
            f"corr/batch/w{window_size}",
            "The same at another window. Slower than at 30: cost grows with the window.",
            partial(corr_window, window_size),
        )
        for window_size in WINDOWS
        if window_size != WINDOW
    ),
]
