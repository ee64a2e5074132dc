"""Three doors, one answer, bit for bit: however the rows arrive, are cut, grouped, threaded or restored."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cases
from cases import CASES, NAMES, NAN
from doors import (
    LAG_QUESTIONS,
    LEADERS,
    LIVE_QUESTIONS,
    PAIR_QUESTIONS,
    QUESTIONS,
    ROW_QUESTIONS,
    SPAN_QUESTIONS,
    SPILLOVER_QUESTIONS,
    ask_arrays,
    ask_live,
    ask_polars,
    assert_same,
    assert_same_bits,
    expression,
    frame,
    from_series,
    live_rows,
    new_live,
    number,
    of_case,
    q,
    read_live,
    table,
)

# Values on which sloppy arithmetic shows, beside ordinary ones.
values = st.one_of(
    st.sampled_from([0.1, 0.3, 0.0, -0.0, 1.0, 1e12, -1e12, 1e-150, 1e150, NAN, np.inf, -np.inf]),
    st.floats(-1.0, 1.0),
    st.floats(allow_nan=True, allow_infinity=True),
)
rows = st.lists(st.tuples(values, values), max_size=200)


@st.composite
def windows(draw, most=70):
    size = draw(st.integers(3, most))
    return {"window_size": size, "min_samples": draw(st.one_of(st.none(), st.integers(2, size)))}


def columns(drawn):
    both = np.array(drawn, dtype=float).reshape(-1, 2)
    return {"y": both[:, 0].copy(), "x": both[:, 1].copy()}


def agree(question, data, doors=(ask_polars, ask_live)):
    expected = ask_arrays(question, data)
    for ask in doors:
        assert_same(ask(question, data), expected, f"{ask.__name__} {question}")
    return expected


# --- door against door ---


@pytest.mark.parametrize("question", [*PAIR_QUESTIONS, *SPILLOVER_QUESTIONS, *LAG_QUESTIONS], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_doors_agree_on_every_case(name, question):
    agree(question, of_case(CASES[name]))


@pytest.mark.parametrize("question", LIVE_QUESTIONS, ids=str)
def test_the_doors_agree_on_a_market(question):
    agree(question, table(700, 100))


@given(rows, windows(), st.integers(0, 2))
def test_the_doors_agree_on_anything(drawn, window, ddof):
    data = columns(drawn)
    regression = agree(q("rolling_regression", **window), data)
    beta = agree(q("rolling_beta", **window), data)["rolling_beta"]
    corr = agree(q("rolling_corr", **window), data)["rolling_corr"]
    assert_same_bits(beta, regression["beta"], "rolling_beta and rolling_regression")
    assert_same_bits(corr, regression["corr"], "rolling_corr and rolling_regression")
    agree(q("rolling_cov", ddof=ddof, **window), data)
    agree(q("rolling_var", ddof=ddof, **window), data)


@given(rows, st.floats(0.01, 1e4), st.integers(2, 40))
def test_the_doors_agree_on_anything_exponential(drawn, half_life, min_samples):
    for function in ("ewm_beta", "ewm_corr", "ewm_cov"):
        agree(q(function, half_life=half_life, min_samples=min_samples), columns(drawn))


@given(rows, windows(most=40), st.integers(1, 12))
def test_the_doors_agree_on_anything_at_every_lag(drawn, window, max_lag):
    data = columns(drawn)
    lags = agree(q("cross_correlation", max_lag=max_lag, **window), data)["cross_correlation"]
    scan = agree(q("lag_scan", max_lag=max_lag, inference=True, **window), data)
    corr = ask_arrays(q("rolling_corr", **window), data)["rolling_corr"]
    assert_same_bits(lags[:, max_lag], corr, "lag 0 and rolling_corr")
    assert_same_bits(np.isfinite(lags).all(axis=1), np.isfinite(scan["lag"]), "missing unless every lag is defined")


@given(
    st.lists(st.tuples(values, values, st.integers(0, 90)), max_size=150),
    st.integers(1, 400),
    st.integers(2, 10),
    st.integers(-1000, 1000),
)
def test_the_doors_agree_on_spans(drawn, span, min_samples, start):
    """Steps of 0 to 90 s, so that equal times, bursts and windows of one row all occur; also before 1970."""
    data = columns([row[:2] for row in drawn])
    data["ts"] = (start + np.cumsum([0, *(row[2] for row in drawn)])[1:]).astype(np.int64) * 1_000_000_000
    for function in ("rolling_regression", "rolling_cov", "rolling_var"):
        agree(q(function, window_span=f"{span}s", min_samples=min_samples), data)


@pytest.mark.parametrize("window_size", [71, 256, 1440, 4000])
@pytest.mark.parametrize("name", ["gaps", "level"])
def test_the_doors_agree_on_long_windows(window_size, name):
    level = 1e9 if name == "level" else 0.0
    y, x = cases.market(6000, 101)
    data = {"y": cases.with_gaps(y, 102, 0.1) + level, "x": cases.with_gaps(x, 103, 0.1) - level}
    agree(q("rolling_regression", window_size=window_size, min_samples=50), data)


@pytest.mark.parametrize("rows_to_drop", [1, 13, 200])
def test_a_window_by_time_does_not_know_where_the_stream_began(rows_to_drop):
    """Blocks lie at absolute multiples of the span, so here even another first row gives the same bits."""
    data = table(500, 104)
    later = {name: values[rows_to_drop:] for name, values in data.items()}
    span = 45 * 60_000_000_000
    question = q("rolling_regression", window_span="45m", min_samples=3)
    settled = data["ts"] >= data["ts"][rows_to_drop] + span
    whole, part = ask_arrays(question, data), ask_arrays(question, later)
    assert settled.sum() > 200
    for name in whole:
        assert_same_bits(part[name][settled[rows_to_drop:]], whole[name][settled], name)


def test_columns_of_a_block_are_single_columns():
    data = table(300, 105)
    block = np.column_stack([data["y"], data["l0"], data["l1"], data["y"]])
    for question in (
        q("rolling_regression", window_size=30, min_samples=5),
        q("rolling_beta", window_size=64),
    ):
        together = ask_arrays(question, {"y": block, "x": data["x"]})
        for i in range(block.shape[1]):
            alone = ask_arrays(question, {"y": block[:, i], "x": data["x"]})
            assert_same({name: v[:, i] for name, v in together.items()}, alone, f"column {i}")


# --- Polars: chunks, groups, engines ---


def in_chunks(series, cuts):
    parts = [series[a:b] for a, b in itertools.pairwise([0, *sorted(cuts), len(series)])]
    return pl.concat(parts, rechunk=False) if len(series) else series


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
@given(data=st.data())
@settings(max_examples=5)
def test_chunks_do_not_matter(question, data):
    whole = table(260, 106)
    cuts = st.lists(st.integers(0, 260), max_size=6)
    cut = pl.DataFrame([in_chunks(series, data.draw(cuts)) for series in frame(whole)])
    answer = from_series(cut.select(answer=expression(question))["answer"], question.function)
    assert_same(answer, ask_arrays(question, whole), question)


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_lazy_engines_do_not_matter(question, engine):
    data = table(260, 107)
    lazy = pl.concat([frame(data)[:100], frame(data)[100:]], rechunk=False).lazy()
    out = lazy.select(answer=expression(question)).collect(engine=engine)
    assert_same(from_series(out["answer"], question.function), ask_arrays(question, data), question)


def grouped(rows=400, groups=5, seed=108):
    """Interleaved groups of different sizes, one of them of a single row."""
    rng = np.random.default_rng(seed)
    label = rng.choice(groups, rows, p=[0.5, 0.3, 0.1, 0.07, 0.03])
    label[7] = groups
    return label, table(rows, seed + 1)


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_groups_do_not_matter(question):
    label, data = grouped()
    with_label = frame(data).with_columns(g=pl.Series(label))
    over = from_series(with_label.select(answer=expression(question).over("g"))["answer"], question.function)
    lazy = from_series(
        with_label.lazy().select(answer=expression(question).over("g")).collect(engine="streaming")["answer"],
        question.function,
    )
    lists = with_label.group_by("g", maintain_order=True).agg(answer=expression(question))
    for group in np.unique(label):
        inside = label == group
        alone = ask_arrays(question, {name: values[inside] for name, values in data.items()})
        assert_same({name: v[inside] for name, v in over.items()}, alone, f"over, group {group}")
        assert_same({name: v[inside] for name, v in lazy.items()}, alone, f"streaming, group {group}")
        answer = lists.filter(pl.col("g") == group)["answer"].explode()
        assert_same(from_series(answer, question.function), alone, f"group_by, group {group}")


# --- threads, lanes ---


def test_threads_do_not_matter():
    data = [table(2000, seed) for seed in range(110, 114)]
    asked = [(question, rows) for question in ROW_QUESTIONS for rows in data]
    expected = [ask_arrays(*pair) for pair in asked]
    with ThreadPoolExecutor(8) as pool:
        for (question, _), answer, alone in zip(
            asked, pool.map(lambda pair: ask_arrays(*pair), asked), expected, strict=True
        ):
            assert_same(answer, alone, question)


LANES_SCRIPT = """
import hashlib
from doors import LAG_QUESTIONS, QUESTIONS, ask_arrays, ask_live, ask_polars, bits, live_rows, new_live, q, table

digest = hashlib.sha256()
for rows in (5, 64, 1000, 5003):
    data = table(rows, 120)
    for question in [*QUESTIONS, q("rolling_regression", window_size=1440, min_samples=3)]:
        for ask in (ask_arrays, ask_polars):
            for name, values in ask(question, data).items():
                digest.update(name.encode() + bits(values).tobytes())
    # The live scanner has its lags side by side.
    for question in LAG_QUESTIONS if rows <= 1000 else []:
        for values in ask_live(question, data).values():
            digest.update(bits(values).tobytes())
        thing = new_live(question)
        for row in live_rows(question, data):
            thing.update(*row)
        digest.update(thing.to_bytes())
print(digest.hexdigest())
"""


def in_subprocess(script, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=Path(__file__).parent,
        text=True,
        check=False,
        capture_output=True,
        env={**os.environ, **environment},
    )


def test_lane_widths_and_polars_threads_do_not_matter():
    expected = in_subprocess(LANES_SCRIPT, COMOVE_LANES="1")
    assert expected.returncode == 0, expected.stderr
    widths = []
    for width in ("2", "4", "8"):
        answer = in_subprocess(LANES_SCRIPT, COMOVE_LANES=width, POLARS_MAX_THREADS=width)
        if answer.returncode:
            assert "COMOVE_LANES must be a width of this processor" in answer.stderr
            continue
        widths.append(width)
        assert answer.stdout == expected.stdout, f"{width} lanes"
    widest = in_subprocess(LANES_SCRIPT, POLARS_MAX_THREADS="1")
    assert widest.returncode == 0, widest.stderr
    assert widest.stdout == expected.stdout


@pytest.mark.parametrize("width", ["0", "3", "16", "-1", "many", ""])
def test_no_such_lane_width(width):
    script = "from comove import arrays; arrays.rolling_beta([1., 2., 4.], [1., 2., 3.], window_size=3)"
    answer = in_subprocess(script, COMOVE_LANES=width)
    assert answer.returncode == 1, "the interpreter must not abort"
    assert "ParameterError" in answer.stderr
    assert "COMOVE_LANES" in answer.stderr


# --- live objects: any way of feeding the same rows ---

STEPS = st.lists(
    st.tuples(st.sampled_from(["update", "many", "peek", "snapshot", "copy", "amend"]), st.integers(0, 60)),
    min_size=1,
    max_size=40,
)


def readings(question, thing):
    return {name: np.array([value]) for name, value in read_live(question, thing).items()}


@pytest.mark.parametrize("question", LIVE_QUESTIONS, ids=str)
@given(steps=STEPS)
@settings(max_examples=12)
def test_any_way_of_feeding_gives_the_same_state(question, steps):
    """A random script of verbs against a plain run of `update`: same readings and same bytes after each."""
    feed = list(live_rows(question, table(600, 130)))
    plain, thing, at = new_live(question), new_live(question), 0
    for verb, count in steps:
        if verb == "update":
            thing.update(*feed[at])
        elif verb == "many":
            thing.update_many(*many(feed[at : at + count]) if count else many(feed[:0], like=feed))
        elif verb == "peek":
            before = thing.to_bytes()
            thing.peek(*feed[at])
            assert thing.to_bytes() == before
        elif verb == "snapshot":
            thing = type(thing).from_bytes(thing.to_bytes())
        elif verb == "copy":
            other, thing = thing, thing.copy()
            other.update(*feed[at + count])
        else:
            wrong = feed[at + 1][:2] + feed[at][2:]
            thing.update(*wrong)
            if count % 2:
                thing = type(thing).from_bytes(thing.to_bytes())
            thing.amend(*feed[at])
        took = {"update": 1, "amend": 1, "many": count}.get(verb, 0)
        for row in feed[at : at + took]:
            plain.update(*row)
        at += took
        if at > 500:
            break
        assert thing.to_bytes() == plain.to_bytes(), verb
        assert_same(readings(question, thing), readings(question, plain), verb)


CUTS = [0, 1, 2, 31, 200, 201, 500]


def many(rows, like=None):
    """Rows of `update` as the columns of `update_many`."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(like[0])
    out = [np.array(column, dtype=np.int64 if i == 2 else float) for i, column in enumerate(columns)]
    if like and isinstance(like[0][1], tuple):
        out[1] = out[1].reshape(0, len(like[0][1]))
    return out


MAIN_READINGS = {
    "rolling_beta": "rolling_beta",
    "rolling_regression": "beta",
    "ewm_beta": "ewm_beta",
    "rolling_spillover": "coefficient",
    "lag_scan": "lag",
}


@pytest.mark.parametrize("question", [ask for ask in LIVE_QUESTIONS if ask.function in MAIN_READINGS], ids=str)
def test_update_many_gives_what_the_batch_door_gives(question):
    data = table(500, 131)
    feed = list(live_rows(question, data))
    thing = new_live(question)
    parts = [thing.update_many(*many(feed[a:b])) for a, b in itertools.pairwise(CUTS)]
    batch = ask_arrays(question, data)[MAIN_READINGS[question.function]]
    assert_same_bits(np.concatenate(parts), batch, question)


@pytest.mark.parametrize("question", [ask for ask in LIVE_QUESTIONS if ask.function == "joint_beta"], ids=str)
def test_update_many_of_several_leaders_gives_what_the_batch_door_gives(question):
    data = table(500, 131)
    feed = list(live_rows(question, data))
    thing = new_live(question)
    answer = np.concatenate([thing.update_many(*many(feed[a:b])) for a, b in itertools.pairwise(CUTS)])
    batch = ask_arrays(question, data)
    for i, leader in enumerate(LEADERS):
        assert_same_bits(answer[:, i], batch[f"beta_{leader}"], leader)


@pytest.mark.parametrize("question", LIVE_QUESTIONS, ids=str)
def test_peek_says_what_update_will_say(question):
    peeking = new_live(question)
    for row in itertools.islice(live_rows(question, table(400, 132)), 400):
        before = peeking.to_bytes()
        said = peeking.peek(*row)
        assert peeking.to_bytes() == before
        answer = peeking.update(*row)
        if isinstance(answer, tuple) or isinstance(said, tuple):
            assert said == answer
        else:
            assert_same_bits(np.array([number(said)]), np.array([number(answer)]), "peek")


@pytest.mark.parametrize("question", LIVE_QUESTIONS, ids=str)
def test_copies_go_their_own_way(question):
    feed = list(live_rows(question, table(200, 133)))
    original = new_live(question)
    for row in feed[:100]:
        original.update(*row)
    before = original.to_bytes()
    copied = original.copy()
    assert copied.to_bytes() == before
    for row in feed[100:]:
        copied.update(*row)
    assert original.to_bytes() == before
    assert copied.to_bytes() != before


def test_span_questions_cover_equal_times():
    """The data of the tests above does have bursts and holes: otherwise they would show nothing."""
    steps = np.diff(table(700, 100)["ts"])
    assert (steps == 0).sum() > 50
    assert (steps > 2 * 3600 * 10**9).sum() > 2
    assert SPAN_QUESTIONS
