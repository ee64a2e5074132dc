"""What is said cannot be changed, its reason is made when it is read, and it waits for its outcome and no longer."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError

import pytest

from comove import DataError, OrderError, ParameterError
from comove.signals import Abstention, Prediction, Signal
from comove.signals.outcomes import Outcomes
from comove.signals.protocol import Reasons, bar_row
from ensemble_cases import context_of


class Words:
    """Words that count how often they are made."""

    def __init__(self, text):
        self.text, self.made = text, 0

    def __call__(self):
        self.made += 1
        return self.text


def each_of(reason):
    return (
        Signal(direction="long", strength=0.5, confidence=0.6, horizon=6, reason=reason),
        Abstention(reason),
        Prediction.of(0.3, 6, reason),
    )


def test_a_reason_is_made_once_when_it_is_read():
    words = Words("the figures")
    for made, said in enumerate(each_of(words)):
        assert words.made == made
        assert [said.reason, said.reason] == ["the figures"] * 2
        assert words.made == made + 1


def test_words_and_a_call_that_makes_them_are_the_same():
    for plain, later in zip(each_of("the figures"), each_of(Words("the figures")), strict=True):
        assert plain == later
        assert hash(plain) == hash(later)
        assert repr(plain) == repr(later)
        for again in (pickle.loads(pickle.dumps(later)), copy.copy(later), copy.deepcopy(later)):
            assert again == plain
        for other in each_of("others"):
            assert plain != other


def test_what_was_said_cannot_be_changed():
    for said in each_of("the figures"):
        for name in ("reason", "direction", "horizon", "_reason", "new"):
            with pytest.raises(FrozenInstanceError):
                setattr(said, name, "long")
        with pytest.raises(FrozenInstanceError):
            del said._reason


@pytest.mark.parametrize("up", [-0.1, 1.1, float("nan"), True, "0.5", None])
def test_a_probability_is_from_0_to_1(up):
    with pytest.raises((ParameterError, TypeError)):
        Prediction.of(up, 6, "")
    for name in ("strength", "confidence"):
        with pytest.raises(ParameterError, match=f"{name} must be from 0 to 1, got "):
            Signal(**{"direction": "long", "strength": 0.5, "confidence": 0.5, "horizon": 1, "reason": "", name: up})


def test_reasons_are_made_when_they_are_read():
    words = Words("no candle")
    reasons = Reasons({"A": words})
    reasons["B"] = "plain"
    assert "A" in reasons
    assert "C" not in reasons
    assert list(reasons) == ["A", "B"]
    assert words.made == 0
    assert reasons == {"A": "no candle", "B": "plain"}
    assert reasons.get("A") == "no candle"
    assert words.made == 1
    assert pickle.loads(pickle.dumps(reasons)) == reasons


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
