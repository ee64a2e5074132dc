"""The feature recipe: right numbers from raw prices, fill policies, the panel's bits, no look-ahead, errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import check_features
import oracles
from comove import DataError, FeatureRecipe, OrderError, ParameterError
from comove.data import read_candles, simulate_market
from comove.features import BASE_COLUMNS
from comove.features.fill import fill_columns
from comove.live import Panel
from recorded_data import HOURS, needs
from tolerances import judge

real_data = needs(HOURS)
KINDS = oracles.FEATURES
START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NONE = FeatureRecipe(fill=None)


def candles(prices, *, rows=None, start=START, step=HOUR):
    """Candles without height at the given rows of an hourly grid."""
    rows = range(len(prices)) if rows is None else rows
    flat = {name: prices for name in ("open", "high", "low", "close")}
    return pl.DataFrame(
        {"ts": [start + step * r for r in rows], **flat, "volume": [1.0] * len(prices)},
        schema={"ts": pl.Datetime("us", "UTC"), **dict.fromkeys([*flat, "volume"], pl.Float64)},
    )


def context(*leaders, **options):
    """A recipe of cross-asset columns only, nothing filled."""
    names = [f"{leader}_{kind}" for leader in leaders or ("btc", "eth", "sol") for kind in KINDS]
    return FeatureRecipe(**{"fill": None, "columns": names, **options})


def walk(rows, seed, scale=0.01):
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, scale, rows)))


def market(**options):
    return simulate_market(
        **{"n_bars": 300, "assets": ["AAA", "BBB"], "gaps": 6, "bad_ticks": 3, "late_listings": 1, **options}
    ).frames


def build(frames, asset, recipe=NONE, leaders=("BTC", "ETH", "SOL")):
    return recipe.build_with_market_context(frames[asset], leaders={name: frames[name] for name in leaders})


def series(frame):
    return dict(zip(frame["ts"].to_physical().to_list(), frame["close"].to_list(), strict=True))


def check_cells(built, asset, leaders, *, cells, seed, **options):
    """Random cells against the definitions in fractions; half of them near holes, starts and ends."""
    rng = Random(seed)
    grid = check_features.Grid(asset, leaders, **options)
    own = list(asset)
    edges = grid.edges(own)
    assert built["ts"].to_physical().to_list() == own
    for cell in range(cells):
        at = rng.choice(edges) if cell % 2 else rng.randrange(len(own))
        leader = rng.choice(list(leaders))
        exact = grid.exact(grid.row(own[at]), leader)
        for kind in KINDS:
            value = built[f"{leader}_{kind}"][at]
            answer = np.array([np.nan if value is None else value])
            judge(f"{leader}_{kind} row {at}", answer, exact[kind], check_features.bound(kind, exact))


# --- right numbers ---


@real_data
@pytest.mark.parametrize(
    ("asset", "others"),
    [
        ("BONK", {}),
        ("LUNA", {}),
        ("FTT", {"returns": "log"}),
        ("USDC", {}),
        ("SRM", {"window_size": 48}),
        ("APE", {"window_size": 12, "min_samples": 5}),
        ("BTC", {}),
    ],
)
def test_real_coins_against_exact_arithmetic(asset, others):
    names = ("BTC", "ETH", "SOL")
    frames = read_candles(HOURS, symbols=[*names, asset])
    built = build(frames, asset, FeatureRecipe(fill=None, **others))
    options = {"window_size": 30, **others}
    prices = {name: check_features.raw(HOURS / f"{name}.parquet") for name in (*names, asset)}
    leaders = {name.lower(): prices[name] for name in names}
    check_cells(built, prices[asset], leaders, cells=30, seed=1, **options)


@real_data
def test_a_redenomination_and_a_halt_give_no_return():
    frames = read_candles(HOURS, symbols=["BTC", "LUNA"])
    luna = frames["LUNA"]
    built = NONE.build_with_market_context(luna, btc_frame=frames["BTC"])
    hole = int(luna["ts"].diff().dt.total_hours().arg_max())
    first_values = {kind: hole + int(built[f"btc_{kind}"][hole:].is_not_null().arg_true()[0]) for kind in KINDS}
    assert first_values == {
        "beta": hole + 30,
        "correlation": hole + 30,
        "divergence": hole + 20,
        "volatility": hole,
        "relative_momentum": hole + 10,
    }


@pytest.mark.parametrize("returns", ["simple", "log"])
@pytest.mark.parametrize("asset", ["AAA", "BBB", "ETH"])
def test_simulated_coins_against_exact_arithmetic(asset, returns):
    frames = market(seed=3)
    recipe = FeatureRecipe(fill=None, window_size=20, min_samples=8, returns=returns)
    leaders = {name.lower(): series(frames[name]) for name in ("BTC", "ETH", "SOL")}
    options = {"window_size": 20, "min_samples": 8, "returns": returns}
    check_cells(build(frames, asset, recipe), series(frames[asset]), leaders, cells=40, seed=2, **options)


def test_an_asset_that_is_its_own_leader():
    frame = candles(walk(60, 1))
    last = NONE.build_with_market_context(frame, btc_frame=frame).row(-1, named=True)
    assert last["btc_beta"] == 1.0
    assert last["btc_correlation"] == 1.0
    assert last["btc_divergence"] == 0.0
    assert last["btc_relative_momentum"] == 0.0


def test_the_grid_is_the_union_of_all_leaders():
    # Asset and BTC skip hour 40, ETH has it: a row that ages windows and breaks both returns around it.
    rows = [r for r in range(80) if r != 40]
    asset, btc = candles(walk(79, 1), rows=rows), candles(walk(79, 2), rows=rows)
    alone = NONE.build_with_market_context(asset, btc_frame=btc)
    both = NONE.build_with_market_context(asset, btc_frame=btc, eth_frame=candles(walk(80, 3)))
    assert alone["btc_beta"].null_count() == 30
    assert both["btc_beta"][40:70].null_count() == 30
    assert both["btc_beta"][70] is not None
    assert both["eth_volatility"][21:].null_count() == 0


# --- one answer on every path ---


@pytest.mark.parametrize("options", [{}, {"min_samples": 5, "window_size": 21}, {"returns": "log"}])
def test_the_panel_gives_the_same_bits(options):
    frames = market(seed=5, lags=0)
    options = {"window_size": 30, **options}
    names = ["BTC", "ETH", "SOL"]
    for asset in ("AAA", "BBB", "SOL"):
        built = build(frames, asset, FeatureRecipe(fill=None, **options))
        prices = {name: series(frames[name]) for name in (*names, asset)}
        rows = dict(zip(prices[asset], built.rows(named=True), strict=True))
        panel = Panel([asset], names, **options)
        for time in sorted(set().union(*prices.values())):
            panel.update(time * 1_000, {name: prices[name].get(time) for name in prices})
            if time in rows:
                read = panel.features(asset)
                assert read == {name: rows[time][name] for name in read}
                assert len(read) == 15


@real_data
def test_the_panel_gives_the_same_bits_on_real_candles():
    symbols = ["FTT", "BTC", "ETH"]
    frames = read_candles(HOURS, symbols=symbols)
    around = pl.col("ts").is_between(datetime(2022, 11, 10, tzinfo=UTC), datetime(2023, 10, 1, tzinfo=UTC))
    frames = {name: frame.filter(around) for name, frame in frames.items()}
    built = build(frames, "FTT", leaders=("BTC", "ETH"))
    prices = {name: series(frames[name]) for name in symbols}
    rows = dict(zip(prices["FTT"], built.rows(named=True), strict=True))
    panel = Panel(["FTT"], ["BTC", "ETH"], window_size=30)
    for time in sorted(set().union(*prices.values())):
        panel.update(time * 1_000, {name: prices[name].get(time) for name in symbols})
        if time in rows:
            read = panel.features("FTT")
            assert read == {name: rows[time][name] for name in read}


@pytest.mark.parametrize("recipe", [FeatureRecipe(), NONE, FeatureRecipe(lag=2, columns=["eth_beta"])])
def test_lazy_equals_eager(recipe):
    frames = market(seed=6)
    eager = build(frames, "AAA", recipe, leaders=("BTC", "ETH"))
    lazy = recipe.build_with_market_context(
        frames["AAA"].lazy(), btc_frame=frames["BTC"].lazy(), leaders={"ETH": frames["ETH"]}
    )
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect_schema() == eager.schema
    assert_frame_equal(lazy.collect(), eager, check_exact=True)
    assert_frame_equal(lazy.collect(engine="streaming"), eager, check_exact=True)
    picked = lazy.filter(pl.col("close") > 0).select("eth_beta").tail(3).collect()
    assert_frame_equal(picked, eager.select("eth_beta").tail(3), check_exact=True)


def test_a_lazy_frame_reads_nothing_before_it_is_collected():
    seen = []
    frame = candles(walk(40, 1))
    spy = pl.defer(lambda: seen.append(1) or frame, schema=frame.schema)
    lazy = NONE.build_with_market_context(spy, btc_frame=frame)
    assert not seen
    lazy.collect()
    assert seen


@pytest.mark.parametrize(
    "change",
    {
        "naive": pl.col("ts").dt.replace_time_zone(None),
        "nanoseconds": pl.col("ts").cast(pl.Datetime("ns", "UTC")),
        "zone": pl.col("ts").dt.convert_time_zone("Asia/Tokyo"),
        "integers": pl.col("ts").cast(pl.Datetime("ns")).cast(pl.Int64),
        "nan for null": pl.col("close").fill_null(float("nan")),
        "infinite": pl.col("close").fill_null(float("inf")),
    }.items(),
    ids=lambda change: change[0],
)
def test_forms_of_time_and_of_missing(change):
    frames = market(seed=8, assets=["AAA"])
    hole = pl.when(pl.int_range(pl.len()) % 70 == 50).then(None).otherwise(pl.col("close")).alias("close")
    frame = frames["AAA"].with_columns(hole)
    plain = NONE.build_with_market_context(frame, btc_frame=frames["BTC"])
    changed = frame.with_columns(change[1])
    built = NONE.build_with_market_context(changed, btc_frame=frames["BTC"])
    assert_frame_equal(built.select(changed.columns), changed)
    assert_frame_equal(built[:, 6:], plain[:, 6:], check_exact=True)


def test_dtypes_of_prices():
    whole = [100 + (7 * i) % 13 for i in range(60)]
    frame = candles([float(p) for p in whole])
    btc = candles(walk(60, 2))
    plain = NONE.build_with_market_context(frame, btc_frame=btc)
    for dtype in (pl.Int32, pl.UInt128, pl.Decimal(10, 2), pl.Float32):
        cast = frame.with_columns(pl.exclude("ts").cast(dtype))
        built = NONE.build_with_market_context(cast, btc_frame=btc)
        assert_frame_equal(built[:, 6:], plain[:, 6:], check_exact=True)


def test_chunks_do_not_matter_and_inputs_stay_as_they_were():
    frames = market(seed=9)
    whole = frames["AAA"]
    pieces = pl.concat([whole[:13], whole[13:14], whole[14:]], rechunk=False)
    before = pieces.clone()
    built = build({**frames, "AAA": pieces}, "AAA")
    assert_frame_equal(built, build(frames, "AAA"), check_exact=True)
    assert_frame_equal(pieces, before)
    assert built.columns[:6] == whole.columns


# --- which columns ---


def test_leaders_left_out_are_left_out_and_the_order_is_fixed():
    frames = market(seed=1)
    btc, eth, sol = (frames[name] for name in ("BTC", "ETH", "SOL"))
    built = NONE.build_with_market_context(
        frames["AAA"], sol_frame=sol, btc_frame=btc, leaders={"Zed": eth, "ADA": btc}
    )
    leaders = ["btc", "sol", "ada", "zed"]
    assert built.columns[67:] == [f"{leader}_{kind}" for leader in leaders for kind in KINDS]
    assert built.columns[6:67] == list(BASE_COLUMNS)[:61]
    assert set(built.schema.dtypes()[6:]) == {pl.Float64()}
    alone = NONE.build_with_market_context(frames["AAA"])
    assert_frame_equal(alone, NONE.build(frames["AAA"]), check_exact=True)
    assert alone.columns == built.columns[:67]
    assert list(NONE.metadata(["zed", "SOL", "BTC", "ada"])) == built.columns[6:]


def test_columns_by_name():
    frames = market(seed=1)
    wanted = ["sol_volatility", "btc_beta"]
    built = build(frames, "AAA", FeatureRecipe(columns=wanted))
    whole = build(frames, "AAA", FeatureRecipe())
    assert built.columns[6:] == wanted
    assert_frame_equal(built, whole.select(built.columns), check_exact=True)


def test_metadata_is_what_the_columns_do():
    recipe = context("btc", window_size=12, vol_window=9, short=3, long=7, momentum=4, lag=1)
    meta = recipe.metadata(["btc"])
    asset, btc = walk(60, 1), walk(60, 2)
    plain = recipe.build_with_market_context(candles(asset), btc_frame=candles(btc))
    for name, column in meta.items():
        values = plain[name]
        assert int(values.is_not_null().arg_true()[0]) + 1 == column.warm_up
        assert column.causal
        low, high = column.range
        assert low is None or values.min() >= low
        assert high is None or values.max() <= high
        at = 50
        for back, matters in ((column.lookback - 1, True), (column.lookback, False)):
            changed = [p.copy() for p in (asset, btc)]
            changed[0][at - back] *= 1.001
            changed[1][at - back] *= 0.995
            built = recipe.build_with_market_context(candles(changed[0]), btc_frame=candles(changed[1]))
            assert (built[name][at] != values[at]) is matters, (name, back)
        assert column.inputs[-1] == "btc.close"
        assert len(column.definition) > 10
        assert column.source
    assert [column.default for column in meta.values()] == [1.0, 0.0, 0.0, 0.02, 0.0]
    assert not any(column.causal for column in FeatureRecipe(fill="forward_backward").metadata().values())
    assert len(FeatureRecipe().metadata()) == 76
    assert len(context().metadata()) == 15
    assert FeatureRecipe(min_samples=10).metadata()["eth_beta"].warm_up == 11


# --- fill and lag ---


def filled(values, rows=None, **options):
    options = {"policy": "forward", "limit": 2, "lag": 0, "defaults": {"x": 9.0}, **options}
    rows = pl.Series(range(len(values)) if rows is None else rows, dtype=pl.Int64)
    return fill_columns(pl.DataFrame({"x": values}, schema={"x": pl.Float64}), rows, **options)["x"].to_list()


def test_fill_by_hand():
    values = [None, None, None, 1.0, None, None, None, None, 2.0, None]
    assert filled(values) == [9, 9, 9, 1, 1, 1, 9, 9, 2, 2]
    assert filled(values, policy=None) == values
    assert filled(values, policy="forward_backward") == [9, 1, 1, 1, 1, 1, 2, 2, 2, 2]
    assert filled(values, limit=0) == [9, 9, 9, 1, 9, 9, 9, 9, 2, 9]
    assert filled(values, limit=100) == [9, 9, 9, 1, 1, 1, 1, 1, 2, 2]
    assert filled(values, defaults={"x": None}) == [None, None, None, 1, 1, 1, None, None, 2, 2]
    assert filled([], limit=3) == []
    assert filled([None, None]) == [9, 9]


def test_fill_counts_the_rows_of_a_hole():
    assert filled([1.0, None, None], rows=[0, 2, 3]) == [1, 1, 9]
    assert filled([1.0, None, None], rows=[0, 500, 501]) == [1, 9, 9]
    assert filled([None, None, 1.0], rows=[0, 7, 9], policy="forward_backward") == [9, 1, 1]


def test_lag_shows_what_was_filled_later():
    values = [None, 1.0, None, None, None, 2.0]
    assert filled(values, lag=1) == [9, 9, 1, 1, 1, 9]
    assert filled(values, lag=2, policy=None) == [None, None, None, 1, None, None]
    assert filled(values, lag=10) == [9] * 6


def test_fill_policies_of_the_recipe():
    # A hole of 30 rows, longer than the limit: the value from before it does not come back.
    rows = [*range(60), *range(90, 130)]
    asset, btc = candles(walk(100, 1), rows=rows), candles(walk(130, 2))
    none = NONE.build_with_market_context(asset, btc_frame=btc)
    forward = FeatureRecipe().build_with_market_context(asset, btc_frame=btc)
    assert none["btc_beta"].is_null().arg_true().to_list() == [*range(30), *range(60, 90)]
    assert forward["btc_beta"][:30].to_list() == [1.0] * 30
    assert forward["btc_beta"][60:90].to_list() == [1.0] * 30
    assert forward["btc_correlation"][:30].to_list() == [0.0] * 30
    assert forward["btc_volatility"][:20].to_list() == [0.02] * 20
    assert forward["btc_divergence"][60:80].to_list() == [0.0] * 20
    assert forward["btc_relative_momentum"][60:70].to_list() == [0.0] * 10
    # A hole of one row: 24 rows are carried on, counted from the last value, then the default until the window is full.
    rows = [r for r in range(130) if r != 60]
    carried = FeatureRecipe().build_with_market_context(candles(walk(129, 1), rows=rows), btc_frame=btc)
    beta = carried["btc_beta"].to_list()
    assert beta[60:83] == [beta[59]] * 23
    assert beta[83:90] == [1.0] * 7
    assert beta[90] != 1.0
    both = FeatureRecipe(fill="forward_backward").build_with_market_context(asset, btc_frame=btc)
    assert both["btc_beta"][:6].to_list() == [1.0] * 6
    assert both["btc_beta"][6:30].to_list() == [none["btc_beta"][30]] * 24
    assert both["btc_beta"][66:90].to_list() == [none["btc_beta"][90]] * 24


def test_a_lag_is_a_shift_of_all_columns():
    frames = market(seed=11)
    for fill in (None, "forward"):
        now = build(frames, "BBB", FeatureRecipe(fill=fill))
        later = build(frames, "BBB", FeatureRecipe(fill=fill, lag=3))
        assert_frame_equal(later[:, :6], now[:, :6])
        assert_frame_equal(later[3:, 6:], now[:-3, 6:], check_exact=True)
    assert later["btc_beta"][:3].to_list() == [1.0] * 3


@pytest.mark.parametrize("recipe", [NONE, FeatureRecipe(), FeatureRecipe(lag=1, min_samples=4)])
def test_nothing_looks_ahead(recipe):
    frames = market(seed=12)
    whole = build(frames, "BBB", recipe)
    for rows in (1, 25, 31, 120, 200):
        end = frames["BBB"]["ts"][rows - 1]
        past = {name: frame.filter(pl.col("ts") <= end) for name, frame in frames.items()}
        assert_frame_equal(build(past, "BBB", recipe), whole[:rows], check_exact=True)


def test_forward_backward_looks_ahead_and_says_so():
    frames = market(seed=12)
    recipe = FeatureRecipe(fill="forward_backward")
    end = frames["AAA"]["ts"][25]
    past = {name: frame.filter(pl.col("ts") <= end) for name, frame in frames.items()}
    assert not build(past, "AAA", recipe).equals(build(frames, "AAA", recipe)[:26])
    assert "looks ahead" in (FeatureRecipe.__doc__ or "")


def test_no_rows_and_one_row():
    btc = candles(walk(50, 1))
    empty = FeatureRecipe().build_with_market_context(btc[:0], btc_frame=btc)
    assert empty.shape == (0, 72)
    one = FeatureRecipe().build_with_market_context(btc[30:31], btc_frame=btc)
    assert one.row(0)[67:70] == (1.0, 0.0, 0.0)
    assert one["btc_volatility"][0] not in (None, 0.02)


# --- errors ---


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"window_size": 2}, "too_small"),
        ({"window_size": "30"}, "type"),
        ({"vol_window": 1}, "too_small"),
        ({"short": 0}, "too_small"),
        ({"min_samples": 31}, "too_large"),
        ({"returns": "percent"}, "choice"),
        ({"fill": "backward"}, "choice"),
        ({"fill": 0}, "choice"),
        ({"fill_limit": -1}, "too_small"),
        ({"fill_limit": None}, "type"),
        ({"lag": -1}, "too_small"),
        ({"lag": 1.5}, "type"),
        ({"columns": "btc_beta"}, "type"),
        ({"columns": []}, "columns"),
        ({"columns": ["btc_beta", "btc_beta"]}, "columns"),
        ({"columns": ["btc_betta"]}, "columns"),
        ({"columns": [3]}, "type"),
    ],
)
def test_bad_options(options, code):
    with pytest.raises(ParameterError) as caught:
        FeatureRecipe(**options)
    assert caught.value.code == code


def test_a_recipe_is_frozen_and_equal_by_its_options():
    recipe = FeatureRecipe(columns=["btc_beta"])
    with pytest.raises(AttributeError):
        recipe.lag = 1
    assert recipe == FeatureRecipe(columns=("btc_beta",))
    assert hash(recipe) == hash(FeatureRecipe(columns=("btc_beta",)))


GOOD = candles(walk(60, 1))


@pytest.mark.parametrize(
    ("frame", "leader", "error", "match"),
    [
        ([1, 2], GOOD, DataError, "frame: expected a Polars DataFrame"),
        (GOOD, {"ts": 1}, DataError, "btc: expected a Polars DataFrame"),
        (
            GOOD.rename({"ts": "time"}),
            GOOD,
            DataError,
            "frame: no column 'ts'; found: time, open, high, low, close, volume",
        ),
        (GOOD, GOOD.drop("close"), DataError, "btc: no column 'close'; found: ts, open"),
        (GOOD[::-1], GOOD, OrderError, "frame: time runs backwards at row 1"),
        (GOOD, pl.concat([GOOD[:3], GOOD[2:]]), OrderError, "btc: row 3 repeats"),
        (
            GOOD.drop("open"),
            GOOD,
            DataError,
            "frame: no column 'open'; found: ts, high.*may name features that need less",
        ),
        (GOOD.with_columns(low=0.0), GOOD, DataError, "frame: low must be above 0, got 0.0 in row 0 at 2024"),
        (GOOD.with_columns(volume=-1.0), GOOD, DataError, "frame: volume must not be below 0, got -1.0 in row 0"),
        (
            GOOD.with_columns(high=pl.col("high") * 2, open=pl.col("high") * 3),
            GOOD,
            DataError,
            "frame: open must lie within low and high, got .* in row 0",
        ),
        (GOOD, candles([1.0, 0.0, 2.0]), DataError, "btc: close must be above 0, got 0.0 in row 1"),
        (GOOD.with_columns(close=pl.lit("x")), GOOD, DataError, "close in row 0 is 'x', not a number"),
        (GOOD.with_columns(close=pl.lit(True)), GOOD, DataError, "close has dtype Boolean"),
        (GOOD, GOOD[:0], DataError, "btc: there are no rows"),
        (
            GOOD,
            candles(walk(9, 1), start=START - 9 * HOUR),
            DataError,
            r"both: frame 2024-01-01T00:00:00 to .*; btc",
        ),
        (GOOD, candles(walk(9, 1), start=START + HOUR / 2), DataError, "no timestamp with a price of both"),
        (GOOD, candles(walk(600, 1), step=HOUR / 12), DataError, "frame every 1h, btc every 5m"),
        (GOOD.with_columns(btc_beta=1.0), GOOD, DataError, "already has a column 'btc_beta'"),
    ],
)
def test_bad_frames(frame, leader, error, match):
    with pytest.raises(error, match=match):
        NONE.build_with_market_context(frame, btc_frame=leader)


def test_bad_frames_when_collected():
    lazy = NONE.build_with_market_context(GOOD[::-1].lazy(), btc_frame=GOOD)
    with pytest.raises(OrderError, match="time runs backwards"):
        lazy.collect()


def test_bad_leaders():
    with pytest.raises(ParameterError, match="'BTC' is given twice"):
        NONE.build_with_market_context(GOOD, btc_frame=GOOD, leaders={"BTC": GOOD})
    with pytest.raises(ParameterError, match="leaders must be a mapping"):
        NONE.build_with_market_context(GOOD, leaders=[GOOD])
    with pytest.raises(ParameterError, match="leaders must be named"):
        NONE.build_with_market_context(GOOD, leaders={" ": GOOD})
    with pytest.raises(ParameterError, match="did you mean 'btc_beta'"):
        FeatureRecipe(columns=["bct_beta"]).build_with_market_context(GOOD, btc_frame=GOOD)
    with pytest.raises(ParameterError, match="leaders must be a sequence"):
        NONE.metadata("btc")


def test_prices_as_decimals():
    decimals = GOOD.with_columns(pl.Series("close", [Decimal(i % 7 + 1) for i in range(60)]))
    assert context("btc").build_with_market_context(decimals, btc_frame=GOOD)["btc_beta"].null_count() == 30
