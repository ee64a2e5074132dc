"""No feature looks ahead, and the audit finds one that does."""

from __future__ import annotations

import polars as pl
import pytest

from comove import DataError, FeatureRecipe, ParameterError
from comove.data import simulate_market
from comove.features import BASE_COLUMNS, audit
from recipe_data import made

MARKET = simulate_market(n_bars=420, assets=["AAA"], gaps=8, bad_ticks=2, seed=4).frames
LEADERS = {name: MARKET[name] for name in ("BTC", "ETH", "SOL")}


def with_book(rows=320, seed=1):
    frame = pl.DataFrame(made(rows, seed, gaps=0.01)).drop("leader_close")
    return frame.with_columns(pl.from_epoch("ts", time_unit="ns").dt.cast_time_unit("us").dt.replace_time_zone("UTC"))


@pytest.mark.parametrize(
    "recipe",
    [
        FeatureRecipe(),
        FeatureRecipe(fill=None, ages=True),
        FeatureRecipe(lag=2, ages=True),
        FeatureRecipe(fill_limit=0, min_samples=5, returns="log"),
    ],
)
def test_no_column_looks_ahead(recipe):
    found = audit(recipe, MARKET["AAA"], leaders=LEADERS)
    assert len(found.columns) == 76 + 3 * recipe.ages
    assert len(found.rows) > 15
    found.check()
    assert not found.found


def test_no_column_of_the_book_looks_ahead():
    found = audit(FeatureRecipe(), with_book())
    assert set(found.columns) == set(BASE_COLUMNS)
    found.check()


def test_filling_backwards_is_found_in_every_column_it_fills():
    found = audit(FeatureRecipe(fill="forward_backward"), MARKET["AAA"], leaders=LEADERS)
    caught = {wrong.column for wrong in found.found}
    plain = FeatureRecipe(fill=None).build_with_market_context(MARKET["AAA"], leaders=LEADERS)
    late = {name for name in found.columns if plain[name][0] is None and plain[name].null_count() < len(plain)}
    assert late <= caught
    assert {"ret_1", "kurtosis", "vwap", "btc_beta", "sol_volatility"} <= caught
    with pytest.raises(
        DataError, match=r"in row \d+ changes when the rows after \d+ are (cut off|noise)"
    ) as caught_error:
        found.check()
    assert caught_error.value.code == "look_ahead"


class Peeking(FeatureRecipe):
    """A recipe in which one column is the next row's."""

    def build_with_market_context(self, frame, **leaders):
        return super().build_with_market_context(frame, **leaders).with_columns(pl.col("ret_1").shift(-1))


def test_a_column_of_the_next_row_is_found():
    found = audit(Peeking(columns=["ret_1", "ret_3"]), MARKET["AAA"], rows=[100, 200])
    assert {(wrong.column, wrong.row) for wrong in found.found} == {("ret_1", 100), ("ret_1", 200)}
    assert {wrong.future for wrong in found.found} == {"cut off", "noise"}


def test_rows_that_are_none():
    with pytest.raises(ParameterError, match="rows must be at most 417"):
        audit(FeatureRecipe(columns=["ret_1"]), MARKET["AAA"], rows=[420])


@pytest.mark.parametrize("first", [1, 150])
def test_a_leader_may_begin_after_the_symbol(first):
    leaders = {"BTC": LEADERS["BTC"], "SOL": LEADERS["SOL"][first:]}
    found = audit(FeatureRecipe(), MARKET["AAA"], leaders=leaders)
    assert min(found.rows) < first
    found.check()
    early = Peeking(columns=["ret_1"])
    assert {wrong.future for wrong in audit(early, MARKET["AAA"], leaders=leaders, rows=[0]).found} == {"noise"}


def test_times_in_any_form_and_frames_that_are_none():
    recipe = FeatureRecipe(columns=["ret_1", "btc_beta"])
    texts = MARKET["BTC"].with_columns(pl.col("ts").dt.to_string("%Y-%m-%dT%H:%M:%SZ"))
    audit(recipe, MARKET["AAA"], leaders={"BTC": texts}, rows=[100]).check()
    with pytest.raises(DataError, match="frame: an audit takes a Polars DataFrame, got LazyFrame"):
        audit(recipe, MARKET["AAA"].lazy(), leaders={"BTC": texts})
    with pytest.raises(DataError, match="BTC: an audit takes"):
        audit(recipe, MARKET["AAA"], leaders={"BTC": texts.lazy()})
