"""The environment: Gymnasium takes it for one, it earns what it should, and nothing in it looks ahead."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from comove import ComoveError, DataError, ParameterError
from comove.features import FeatureRecipe
from comove.signals.rl import TradingTable, environment, trading_tables
from comove.signals.rl.environment import TradingEnvironment
from rl_cases import FEATURES, echo_market, needs_gymnasium, with_gap

CLIP = 5.0
SYMBOLS = ("A", "B")
RECIPE = FeatureRecipe(fill=None, columns=FEATURES)


def tables_of(frames):
    """Tables with their features made of a size that the environment takes."""
    built = trading_tables(frames, symbols=list(frames), leaders=[], recipe=RECIPE)
    return [table.with_features(np.clip(table.features / 10.0, -CLIP, CLIP)) for table in built]


FRAMES = {"A": with_gap(echo_market(400), 200, 204), "B": echo_market(400, seed=1)}
TABLES = tables_of(FRAMES)


def new(tables=TABLES, **options):
    return TradingEnvironment(tables, **{"clip": CLIP, "cost": 0.001, "episode": 64} | options)


def lived(env, actions, **begin):
    """Observations, gains and ends of an episode; as many actions as it has rows, or fewer."""
    seen = [env.reset(**begin)[0]]
    gains, ends = [], []
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        assert reward == info["gain"] / env._scale
        seen.append(observation)
        gains.append(info["gain"])
        ends.append((terminated, truncated))
        if terminated or truncated:
            break
    return np.array(seen), gains, ends


@needs_gymnasium
def test_gymnasium_finds_nothing_wrong():
    from gymnasium.utils.env_checker import check_env

    check_env(new(), skip_render_check=True)
    check_env(new(scale=0.01, cost=0.0, episode=2), skip_render_check=True)


@needs_gymnasium
@pytest.mark.parametrize("seed", range(5))
def test_it_earns_the_return_that_follows_and_pays_for_changes(seed):
    rng = np.random.default_rng(seed)
    actions = rng.integers(0, 3, 64)
    env = new(scale=0.02)
    seen, gains, ends = lived(env, actions, options={"symbol": "B", "row": 100 + seed})
    table = TABLES[1]
    closes = FRAMES["B"]["close"].to_numpy()
    held = 0
    for step, action in enumerate(actions):
        row = 100 + seed + step
        position = int(action) - 1
        expected = position * (closes[row + 1] / closes[row] - 1.0) - 0.001 * abs(position - held)
        assert gains[step] == pytest.approx(expected, abs=1e-15)
        np.testing.assert_array_equal(seen[step][:-1], table.features[row].astype(np.float32))
        assert seen[step][-1] == held
        held = position
    assert ends == [(False, False)] * 63 + [(False, True)]
    assert seen[-1][-1] == held
    with pytest.raises(DataError, match="reset"):
        env.step(1)


@needs_gymnasium
def test_a_gap_closes_the_position_and_ends_the_episode():
    # The last candle before the gap is in row 199, and what it earns is not known.
    env = new()
    seen, gains, ends = lived(env, [2] * 9, options={"symbol": "A", "row": 196})
    assert ends == [(False, False)] * 2 + [(True, False)]
    returns = TABLES[0].returns
    expected = [returns[196] - 0.001, returns[197], returns[198] - 0.001]
    assert gains == pytest.approx(expected, abs=1e-15)
    assert seen[-1][-1] == 0.0
    # So does a feature that goes missing.
    features = TABLES[1].features.copy()
    features[150, 2] = np.nan
    hole = new([TABLES[1].with_features(features)])
    seen, gains, ends = lived(hole, [0] * 9, options={"symbol": "B", "row": 148})
    assert ends == [(False, False), (True, False)]
    assert not seen[-1].any()
    assert gains[1] == pytest.approx(-TABLES[1].returns[149] - 0.001, abs=1e-15)


@needs_gymnasium
def test_the_end_of_the_data_ends_the_episode():
    _, gains, ends = lived(new(), [1] * 9, options={"symbol": "B", "row": 396})
    assert len(gains) == 3
    assert ends[-1] == (True, False)


@needs_gymnasium
@pytest.mark.parametrize("cut", [80, 150, 300])
def test_nothing_looks_ahead(cut):
    """Candles after a row are overwritten: what was seen, and earned but for the last row, stays as it is."""
    rng = np.random.default_rng(cut)
    frame = FRAMES["B"]
    later = pl.Series(np.arange(len(frame)) > cut)
    factor = pl.Series(np.exp(rng.normal(0.0, 0.5, len(frame))))
    scrambled = frame.with_columns(
        pl.when(later).then(pl.col(name) * factor).otherwise(pl.col(name)) for name in ("open", "high", "low", "close")
    ).with_columns(pl.when(later).then(pl.col("volume") * factor).otherwise(pl.col("volume")))
    begin = {"options": {"symbol": "B", "row": cut - 15}}
    actions = rng.integers(0, 3, 16)
    one = lived(new(tables_of({"B": frame})), actions, **begin)
    other = lived(new(tables_of({"B": scrambled})), actions, **begin)
    np.testing.assert_array_equal(one[0][:16], other[0][:16])
    assert one[1][:15] == other[1][:15]
    # The scramble is seen where it may be.
    assert one[1][15:] != other[1][15:] or actions[15] == 1
    assert not np.array_equal(one[0][16], other[0][16])


@needs_gymnasium
def test_episodes_begin_by_the_seed_anywhere_in_all_symbols():
    def begins(seed):
        env = new()
        infos = [env.reset(seed=seed)[1], *(env.reset()[1] for _ in range(300))]
        return [(info["symbol"], info["row"]) for info in infos]

    first = begins(3)
    assert first == begins(3)
    assert first != begins(4)
    drawn = {symbol: [row for name, row in first if name == symbol] for symbol in SYMBOLS}
    for table in TABLES:
        rows = drawn[table.symbol]
        assert table.usable[rows].all()
        assert len(rows) > 100
        assert min(rows) < 110
        assert max(rows) > 350


@needs_gymnasium
def test_what_cannot_be_is_refused():
    for options, error in [
        ({"clip": 0.0}, ParameterError),
        ({"cost": -0.1}, ParameterError),
        ({"cost": np.nan}, ParameterError),
        ({"episode": 0}, ParameterError),
        ({"scale": 0.0}, ParameterError),
        ({"clip": 0.01}, DataError),
        ({"tables": []}, DataError),
        ({"tables": [TABLES[0], TABLES[1].with_features(TABLES[1].features[:, :2])]}, DataError),
        ({"tables": [TABLES[0].rows(0, 20)]}, DataError),
    ]:
        with pytest.raises(error):
            new(**options)
    env = new()
    for options in (
        {"symbol": "C", "row": 100},
        {"symbol": "A"},
        {"symbol": "A", "row": 201},
        {"symbol": "A", "row": 0},
    ):
        with pytest.raises(ParameterError):
            env.reset(options=options)
    env.reset(seed=0)
    with pytest.raises(ParameterError, match="action must be 0, 1 or 2, got 3"):
        env.step(3)


def test_without_gymnasium_it_says_what_is_lacking(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(environment.importlib, "import_module", absent)
    with pytest.raises(ComoveError, match=r"pip install comove\[rl\]") as caught:
        new([TradingTable("A", np.arange(2), np.zeros((2, 1)), np.zeros(2))])
    assert caught.value.code == "extra"
