"""The value at t uses rows up to and including t: neither the length nor the content of the future shows."""

from __future__ import annotations

import numpy as np
import pytest

from doors import QUESTIONS, ask_arrays, ask_polars, assert_same, expression, frame, from_series, table

CUTS = [0, 1, 29, 30, 31, 63, 64, 65, 150, 211, 299]
ROWS = 300
BATCH_DOORS = {"arrays": ask_arrays, "polars": ask_polars}


def scrambled(data, cut, seed):
    """The same rows before `cut`, and other ones from there on, spikes and holes among them."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, values in data.items():
        changed = values.copy()
        if name == "ts":
            changed[cut:] = values[cut - 1 if cut else 0] + np.sort(rng.integers(0, 10**13, ROWS - cut))
        else:
            future = rng.permutation(values[cut:]) * rng.choice([1.0, -1e12, 1e-9], ROWS - cut)
            changed[cut:] = np.where(rng.random(ROWS - cut) < 0.2, np.nan, future)
            if name.startswith("p"):
                changed[cut:] = np.abs(changed[cut:])
        out[name] = changed
    return out


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
@pytest.mark.parametrize("door", list(BATCH_DOORS))
def test_a_prefix_of_the_rows_gives_the_prefix_of_the_answer(door, question):
    ask, data = BATCH_DOORS[door], table(ROWS, 90)
    whole = ask(question, data)
    for cut in CUTS:
        answer = ask(question, {name: values[:cut] for name, values in data.items()})
        assert_same(answer, {name: values[:cut] for name, values in whole.items()}, f"cut {cut}")


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
@pytest.mark.parametrize("door", list(BATCH_DOORS))
def test_another_future_gives_the_same_past(door, question):
    ask, data = BATCH_DOORS[door], table(ROWS, 91)
    whole = ask(question, data)
    for cut in CUTS:
        answer = ask(question, scrambled(data, cut, cut))
        before = [{name: values[:cut] for name, values in a.items()} for a in (answer, whole)]
        assert_same(*before, f"cut {cut}")


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_the_streaming_engine_does_not_look_ahead(question):
    data = table(ROWS, 92)

    def collected(rows):
        lazy = frame({name: values[:rows] for name, values in data.items()}).lazy()
        out = lazy.select(answer=expression(question)).collect(engine="streaming")
        return from_series(out["answer"], question.function)

    whole = collected(ROWS)
    for cut in (1, 64, 211):
        assert_same(collected(cut), {name: values[:cut] for name, values in whole.items()}, f"cut {cut}")
