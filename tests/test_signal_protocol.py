"""What is said has bounds, bars have an order, and what was said waits for its outcome and no longer."""

from __future__ import annotations

import pytest

from comove import DataError, OrderError, ParameterError
from comove.signals import Prediction, Signal
from comove.signals.outcomes import Outcomes
from comove.signals.protocol import bar_row
from ensemble_cases import context_of


@pytest.mark.parametrize("up", [-0.1, 1.1, float("nan"), True, "0.5", None])
def test_a_probability_is_from_0_to_1(up):
    with pytest.raises((ParameterError, TypeError)):
        Prediction.of(up, 6, "")
    for name in ("strength", "confidence"):
        with pytest.raises(ParameterError, match=f"{name} must be from 0 to 1, got "):
            Signal(**{"direction": "long", "strength": 0.5, "confidence": 0.5, "horizon": 1, "reason": "", name: up})


def test_what_is_no_bar_is_refused():
    first = context_of(4, "A", 1.0)
    assert bar_row([], 7) == 7
    assert bar_row([first, context_of(4, "B", 1.0)], 3) == 4
    with pytest.raises(OrderError, match="row must be after the last one, 4, got 4"):
        bar_row([first], 4)
    with pytest.raises(DataError, match="contexts must be of one row, got rows 4 and 5"):
        bar_row([context_of(5, "B", 1.0), first], 3)
    with pytest.raises(DataError, match="contexts must be of different symbols, got 'A' twice"):
        bar_row([first, context_of(4, "A", 2.0)], 3)


def test_an_outcome_comes_after_the_horizon_and_not_before():
    outcomes = Outcomes(2)
    for row, close in enumerate((1.0, 2.0, 3.0, 3.0, 1.5)):
        context = context_of(row, "A", close)
        found = outcomes.settle([context])
        assert [(each.row, each.said, each.moved, each.rose) for each in found] == {
            2: [(0, 0, 2.0, 1.0)], 3: [(1, 1, 0.5, 1.0)], 4: [(2, 2, -0.5, 0.0)],
        }.get(row, [])  # fmt: skip
        outcomes.note(context, row)


def test_what_is_due_while_a_symbol_is_away_has_no_outcome_and_is_forgotten():
    outcomes = Outcomes(2)
    empty = outcomes.to_state()
    for row in range(500):
        # Each comes for one row and never again, but the first, which comes back.
        contexts = [context_of(row, f"S{row}", 1.0), context_of(row, "B", 1.0)]
        if row == 499:
            contexts.append(context_of(row, "S0", 2.0))
        assert [each.symbol for each in outcomes.settle(contexts)] == ["B"] * (row >= 2)
        for context in contexts:
            outcomes.note(context, "said")
        assert len(str(outcomes.to_state())) < 200
    assert outcomes.settle([context_of(600, "B", 1.0)]) == []
    assert outcomes.to_state() == empty
    assert outcomes.settle([]) == []
