"""Similar rows of the past: found, weighed and kept apart from the present as the definitions say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from comove import ComoveError, DataError, FeatureRecipe, OrderError, ParameterError, StateError
from comove._comove import nearest_rows
from comove.signals import SignalMarket
from comove.signals.sources import USUAL_FEATURES, SimilarityOptions, SimilaritySource
from comove.signals.sources.library import Library
from recorded_data import HOURS_2024, present
from signal_cases import bars_of_frames, walk
from walk_cases import CLOSE, brier, contexts_of, predictions, scored, walks

AB = ("a", "b")


def drawn(symbols, rows, seed, width=2):
    """Features that are normal and independent; shape (rows, symbols, width)."""
    return np.random.default_rng(seed).normal(size=(rows, symbols, width))


def features_of(table, names=AB):
    """What `contexts_of` asks for."""
    return lambda symbol, row: dict(zip(names, table[row, int(symbol[1:])].tolist(), strict=True))


def planted(symbols, rows, seed, rises=0.75):
    """Tables whose next close is above the last mostly where both features are above 0, below it mostly elsewhere."""
    features = drawn(symbols, rows, seed)
    rng = np.random.default_rng(seed + 1)
    inside = (features > 0.0).all(axis=2)
    up = rng.random((rows, symbols)) < np.where(inside, rises, 0.5 - (rises - 0.5) / 3)
    moves = np.abs(rng.normal(0.0, 0.01, (rows, symbols))) * np.where(up, 1.0, -1.0)
    closes = 100.0 * np.exp(np.cumsum(np.concatenate([np.zeros((1, symbols)), moves[:-1]]), axis=0))
    tables = {f"C{place:02d}": np.repeat(closes[:, place : place + 1], 5, axis=1) for place in range(symbols)}
    return tables, features, inside


# With the usual prior, and with one for outcomes that are independent.
@pytest.mark.parametrize(
    ("prior", "within", "without", "score"), [(100.0, 0.54, 0.49, 0.247), (32.0, 0.57, 0.48, 0.242)]
)
def test_a_planted_region_is_found(prior, within, without, score):
    for seed in (1, 2):
        tables, features, inside = planted(4, 2000, seed)
        source = SimilaritySource(SimilarityOptions(horizon=1, features=AB, prior=prior))
        found = predictions(source, contexts_of(tables, features_of(features), rows=1))[1000:]
        ups = np.array([[said[symbol].up for symbol in tables] for said in found])
        assert ups[inside[1000:]].mean() > within
        assert ups[~inside[1000:]].mean() < without
        later = {symbol: table[1000:] for symbol, table in tables.items()}
        assert brier(scored(found, later, 1)) < score


@pytest.mark.parametrize(("symbols", "factor"), [(6, 0.0), (24, 0.7)])
def test_noise_leaves_probabilities_at_a_half(symbols, factor):
    pairs = []
    for seed in (1, 2, 3):
        tables = walks(symbols, 1000, seed, factor)
        # What the recipe looks at too: returns over one, five and twenty rows.
        logs = np.log(np.stack([table[:, CLOSE] for table in tables.values()], axis=1))
        back = [np.concatenate([np.full((n, symbols), np.nan), logs[n:] - logs[:-n]]) for n in (1, 5, 20)]
        source = SimilaritySource(SimilarityOptions(features=("a", "b", "c")))
        bars = contexts_of(tables, features_of(np.stack(back, axis=2), ("a", "b", "c")), rows=1)
        pairs.append(scored(predictions(source, bars), tables, source.horizon))
    together = np.concatenate(pairs)
    assert len(together) > 5_000
    assert brier(together) <= 0.255
    assert np.abs(together[:, 0] - 0.5).max() < 0.3


def by_hand(options, tables, features, now):
    """What the definitions give for each symbol in a row, from nothing but the tables; None where it is too early."""
    closes = np.stack([table[:, CLOSE] for table in tables.values()], axis=1)
    symbols, h = closes.shape[1], options.horizon
    refit = now - now % options.refit_rows
    count = min(options.rows_a_bar, symbols)
    picked = [
        (row, place)
        for row in range(max(0, refit - options.embargo - h + 1))
        for place in sorted((row * count + turn) % symbols for turn in range(count))
    ][-options.max_rows :]
    if len(picked) < options.least_rows:
        return None
    rows, places = np.array(picked).T
    past = features[rows, places]
    rises = (closes[rows + h, places] > closes[rows, places]).astype(float)
    centre = np.median(past, axis=0)
    scale = np.abs(past - centre).mean(axis=0)
    z = np.clip((past - centre) / scale, -4, 4)
    answers = []
    for place in range(symbols):
        distance = np.sqrt(((z - np.clip((features[now, place] - centre) / scale, -4, 4)) ** 2).sum(axis=1))
        nearest = np.argsort(distance, kind="stable")[: options.neighbours]
        blocks = (rows[nearest] // h).tolist()
        worth = np.array([1.0 / (1.0 + options.outcome_corr * (blocks.count(each) - 1)) for each in blocks])
        answers.append((worth @ rises[nearest] + options.prior / 2) / (worth.sum() + options.prior))
    return answers


SMALL = SimilarityOptions(
    horizon=4,
    features=AB,
    neighbours=15,
    max_rows=160,
    rows_a_bar=2,
    least_rows=30,
    embargo=5,
    refit_rows=7,
    prior=10.0,
)
TABLES, FEATURES = walks(5, 220, seed=6, factor=0.4), drawn(5, 220, seed=7)
BARS = list(contexts_of(TABLES, features_of(FEATURES), rows=3))


def test_it_is_what_the_definitions_say():
    found = predictions(SimilaritySource(SMALL), BARS)
    told = 0
    for row, said in enumerate(found):
        expected = by_hand(SMALL, TABLES, FEATURES, row)
        if expected is None:
            assert set(said.values()) == {None}
            continue
        told += 1
        np.testing.assert_allclose([one.up for one in said.values()], expected, rtol=0, atol=1e-12)
    assert told > 150


def test_no_outcome_reaches_into_the_embargo():
    now = 203
    assert now % SMALL.refit_rows == 0
    before = predictions(SimilaritySource(SMALL), BARS[: now + 1])[now]
    for first, same in ((now - SMALL.embargo + 1, True), (now - SMALL.embargo, False)):
        # The closes from here on are others, the features are not: the rises from before into them are turned round.
        tables = {symbol: table.copy() for symbol, table in TABLES.items()}
        for symbol, table in tables.items():
            back = TABLES[symbol][first - SMALL.horizon : first - SMALL.horizon + now - first + 1, CLOSE]
            table[first : now + 1, CLOSE] = back**2 / table[first : now + 1, CLOSE]
        bars = list(contexts_of(tables, features_of(FEATURES), rows=3))
        after = predictions(SimilaritySource(SMALL), bars[: now + 1])[now]
        assert (before == after) is same


def test_nothing_depends_on_what_comes_later():
    cut = 150
    tables = {symbol: table.copy() for symbol, table in TABLES.items()}
    features = FEATURES.copy()
    features[cut:] = drawn(5, 220, seed=30)[cut:]
    for symbol, other in walks(5, 220, seed=31).items():
        tables[symbol][cut:] = other[cut:]
    one = predictions(SimilaritySource(SMALL), BARS)
    other = predictions(SimilaritySource(SMALL), contexts_of(tables, features_of(features), rows=3))
    assert one[:cut] == other[:cut]
    assert one[cut:] != other[cut:]


def test_a_restored_source_goes_on_bit_for_bit():
    source = SimilaritySource(SMALL)
    copies = []
    for row, contexts in enumerate(BARS):
        for other in copies:
            other.observe(contexts)
        source.observe(contexts)
        fresh = source.copy()
        assert [fresh.predict(each) for each in contexts] == [source.predict(each) for each in contexts]
        assert fresh.abstained == source.abstained
        # Between two libraries, when one is made, before the first and when the oldest rows have gone.
        if row in (3, 40, 41, 42, 60, 130):
            copies.append(fresh)
    for other in copies:
        assert other.to_bytes() == source.to_bytes()


def test_memory_is_bounded():
    source = SimilaritySource(SMALL)
    sizes = []
    for contexts in BARS:
        source.observe(contexts)
        sizes.append(len(source.to_state()["rises"]))
        assert len(source.to_state()["usable"]) <= 2 * (SMALL.refit_rows + SMALL.embargo)
    assert sizes[-1] == max(sizes) == SMALL.max_rows


def test_it_says_why_it_abstains():
    features = FEATURES.copy()
    features[180, 1, 0] = np.nan
    features[181, 2] = np.nan
    source = SimilaritySource(SMALL)
    reasons = []
    for contexts in contexts_of(TABLES, features_of(features), rows=3):
        source.observe(contexts)
        said = {context.symbol: source.predict(context) for context in contexts}
        assert {symbol for symbol, one in said.items() if one is None} == set(source.abstained)
        reasons.append(dict(source.abstained))
    assert reasons[5]["C00"] == "0 past rows, 30 are needed"
    assert reasons[20]["C00"] == "10 past rows, 30 are needed" or reasons[21]["C00"] == "26 past rows, 30 are needed"
    assert reasons[180] == {"C01": "missing: a"}
    assert reasons[181] == {"C02": "missing: a, b"}
    bare = SimilaritySource()
    bare.observe(BARS[0])
    assert bare.predict(BARS[0][0]) is None
    assert bare.abstained["C00"] == "missing: zscore_ret_1, zscore_ret_5 and 8 more"


def test_what_is_not_of_the_last_bar_is_not_predicted():
    source = SimilaritySource(SMALL)
    predictions(source, BARS[:200])
    assert source.predict(BARS[199][0]) is not None
    assert source.predict(BARS[150][0]) is None
    source.observe([])
    assert all(source.predict(context) is None for context in BARS[199])
    assert source.abstained == {
        context.symbol: f"{context.symbol} was not observed in row 199" for context in BARS[199]
    }


def test_the_reason_has_the_figures():
    source = SimilaritySource(SMALL)
    predictions(source, BARS[:201])
    said = source.predict(BARS[200][2])
    assert "% of the 15 most similar of 160 past rows rose, worth " in said.reason
    assert "rows ago" in said.reason
    assert said.reason.endswith(f"shrunk to {said.up:.1%}")
    assert said.horizon == 4


def test_leaders_and_ratios_are_read_from_the_features():
    options = SimilarityOptions(
        horizon=4, features=("{leader}_beta", "b/scale"), neighbours=5, least_rows=5, embargo=0, refit_rows=1
    )

    def features(symbol, row):
        a, b = FEATURES[row, int(symbol[1:])].tolist()
        # The first leader goes by the second.
        leader = "c01" if symbol == "C00" else "c00"
        return {f"{leader}_beta": a, "b": 8.0 * b, "scale": 8.0 if row != 60 else 0.0}

    plain = SimilarityOptions(horizon=4, features=AB, neighbours=5, least_rows=5, embargo=0, refit_rows=1)
    leaders = ("C00", "C01")
    one = predictions(SimilaritySource(options), contexts_of(TABLES, features, rows=3, leaders=leaders))
    other = predictions(SimilaritySource(plain), BARS)
    assert set(one[60].values()) == {None}
    assert one[:60] == other[:60]
    assert any(each is not None for said in one[:60] for each in said.values())


def test_what_does_not_vary_has_no_part_in_distances():
    rng = np.random.default_rng(3)
    features, rises, rows = rng.normal(size=(50, 2)), np.ones(50), np.arange(50)
    constant = np.column_stack([features, np.full(50, 3.0)])
    _, expected = Library(features, rises, rows).nearest(features[:5], 7)
    _, places = Library(constant, rises, rows).nearest(np.column_stack([features[:5], np.full(5, 9.0)]), 7)
    np.testing.assert_array_equal(places, expected)


BAD = [
    *({name: value} for name in ("horizon", "neighbours", "max_rows", "rows_a_bar", "least_rows", "refit_rows")
      for value in (0, 1.5, True, 1 << 21, "3", float("nan"))),
    {"embargo": -1}, {"embargo": None}, {"prior": 0.0}, {"prior": float("inf")}, {"prior": float("nan")},
    {"outcome_corr": -0.1}, {"outcome_corr": float("nan")}, {"features": ()}, {"features": "a"}, {"features": [1]},
    {"features": ["a", "a"]}, {"least_rows": 31}, {"max_rows": 499},
]  # fmt: skip


@pytest.mark.parametrize("options", BAD)
def test_a_bad_option_is_named(options):
    (name,) = options
    with pytest.raises(ComoveError, match=name):
        SimilarityOptions(**options)
    with pytest.raises(ParameterError, match="options must be SimilarityOptions"):
        SimilaritySource(options)


def test_the_usual_features_are_of_the_recipe():
    assert SimilarityOptions(features=list(USUAL_FEATURES)).features == USUAL_FEATURES
    names = {part.replace("{leader}", "btc") for name in USUAL_FEATURES for part in name.split("/")}
    assert names <= set(FeatureRecipe().metadata(["BTC"]))


def test_a_refused_bar_changes_nothing():
    source = SimilaritySource(SMALL)
    predictions(source, BARS[:90])
    before = source.to_bytes()
    for error, contexts in (
        (OrderError, BARS[89]),
        (OrderError, BARS[3]),
        (DataError, [BARS[90][0], BARS[91][1]]),
        (DataError, [BARS[90][0], BARS[90][0]]),
    ):
        with pytest.raises(error):
            source.observe(contexts)
    assert source.to_bytes() == before
    with pytest.raises(StateError):
        SimilaritySource.from_bytes(before[:-3])


def test_recorded_candles_are_predicted():
    present(HOURS_2024)
    names = ("BTC", "ETH", "SOL", "BONK", "WIF", "XRP")
    frames = {symbol: pl.read_parquet(HOURS_2024 / f"{symbol}.parquet").tail(500) for symbol in names}
    source = SimilaritySource()
    said = set()
    for contexts in walk(bars_of_frames(frames), SignalMarket()):
        source.observe(list(contexts.values()))
        for context in contexts.values():
            one = source.predict(context)
            assert (one is None) == (context.symbol in source.abstained)
            assert one is None or 0.2 < one.up < 0.8
            said |= set() if one is None else {context.symbol}
    # The first leader too, which is compared by the second.
    assert said == set(names)


@pytest.mark.parametrize("rows", [1, 7, 31, 32, 33, 129, 500])
def test_the_nearest_are_those_of_all_distances_and_of_equals_the_older(rows):
    rng = np.random.default_rng(rows)
    # Whole numbers of few values, whose squares add up exactly and are often equal.
    library = rng.integers(0, 4, (3, rows)).astype(np.float64)
    questions = rng.integers(0, 4, (9, 3)).astype(np.float64)
    apart = ((questions[:, :, np.newaxis] - library) ** 2).sum(axis=1)
    order = np.argsort(apart, axis=1, kind="stable")
    for neighbours in {1, (rows + 2) // 3, rows}:
        squares, places = nearest_rows(library, questions, neighbours)
        np.testing.assert_array_equal(places, order[:, :neighbours])
        np.testing.assert_array_equal(squares, np.take_along_axis(apart, places, axis=1))


def test_a_library_that_does_not_fit_is_refused():
    library, questions = np.zeros((3, 5)), np.zeros((2, 3))
    for wrong in ((library, questions, 6), (library, questions[:, :2].copy(), 1), (np.zeros((0, 5)), questions, 1)):
        with pytest.raises(DataError, match="do not fit"):
            nearest_rows(*wrong)
