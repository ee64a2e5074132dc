"""Trades to be sized, for the tests of risk: one in round numbers, and random ones."""

from __future__ import annotations

from hypothesis import strategies as st

from comove.portfolio import BetaPrior, RiskManager, RiskOptions, SizingInputs

PLAIN = {
    "symbol": "BONK", "side": "long", "price": 2.0, "capital": 10_000.0, "confidence": 0.6, "volatility": 0.01,
    "heat": 0.0, "max_heat": 0.7, "stop_distance": 0.05, "leader_volatility_ratio": 1.0, "beta": 1.0,
    "beta_stderr": 0.0, "correlation": 0.9, "correlation_samples": 72,
    "regime_scores": {"risk_on": 0.0, "risk_off": 0.0, "rotation": 0.0, "divergence": 0.0},
}  # fmt: skip
"""A trade whose multipliers are all 1."""

OPTIONS = (
    RiskOptions(),
    RiskOptions(min_size=0.0, max_fraction=10.0, max_risk=1.0, max_leverage=100.0, base_fraction=3.0),
    RiskOptions(min_size=0.0, confidence_full=1.0, kelly_fraction=1.0, beta_errors=0.0, divergence_cap=2.0),
    RiskOptions(volatility_cap=10.0, risk_off_long=1.0, risk_off_short=1.0, divergence_at=0.0, divergence_errors=10.0),
)


def manager(options=None, equity=(10_000.0,)):
    """A manager that has seen equity."""
    made = RiskManager(options)
    for ts, value in enumerate(equity):
        made.update_equity(ts, value)
    return made


def sized(options=None, equity=(10_000.0,), **changed):
    """The size of the plain trade, or of one that differs from it."""
    return manager(options, equity).position_size(SizingInputs(**{**PLAIN, **changed}))


def multipliers(sizing):
    return {each.name: each.value for each in sizing.multipliers}


def reasons(sizing):
    return {each.name: each.reason for each in sizing.multipliers}


def number(least, most):
    """Floats of the range, its ends and NumPy-sized extremes among them; never below the least."""
    return st.floats(least, most, exclude_min=least == 0.0, allow_nan=False)


def or_none(values):
    return st.one_of(values, values, values, st.none())


priors = st.builds(BetaPrior, mean=st.floats(-3, 3), variance=st.floats(0, 4), n=st.integers(5, 100))
scores = st.fixed_dictionaries({}, optional={
    name: st.floats(0, 1) for name in ("risk_on", "risk_off", "rotation", "divergence")
})  # fmt: skip

trades = st.fixed_dictionaries({
    "symbol": st.just("BONK"),
    "side": st.sampled_from(["long", "short"]),
    "price": number(1e-9, 1e9),
    "capital": number(1.0, 1e12),
    "confidence": st.one_of(st.floats(0.5, 0.7), number(0.0, 1.0)),
    "volatility": st.one_of(st.floats(1e-4, 0.2), number(0.0, 1e300)),
    "heat": st.one_of(st.floats(0, 1), st.floats(0, 1e300)),
    "max_heat": st.one_of(st.floats(0.1, 2), number(0.0, 1e300)),
    "stop_distance": or_none(st.one_of(st.floats(0.005, 0.2), st.floats(1e-9, 1e9))),
    "payoff_ratio": st.floats(0.1, 10),
    "win_probability": or_none(st.floats(0, 1)),
    "leader_volatility_ratio": or_none(st.one_of(st.floats(0.2, 5), number(0.0, 1e300))),
    "beta": or_none(st.one_of(st.floats(-4, 4), st.floats(-1e9, 1e9))),
    "beta_stderr": or_none(st.one_of(st.floats(0, 1), st.floats(0, 1e9))),
    "beta_prior": or_none(priors),
    "correlation": or_none(st.floats(-1, 1)),
    "correlation_samples": or_none(st.integers(0, 1000)),
    "regime_scores": or_none(scores),
})  # fmt: skip
"""What any trade may look like."""
