"""The limit on drawdown, the state of a manager, and a leader that crashes."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comove import MarketStructureCoordinator
from comove.errors import OrderError, ParameterError, StateError
from comove.portfolio import RiskManager, RiskOptions, SizingInputs, beta_prior
from comove.state import pack
from risk_cases import PLAIN, manager, reasons
from structure_cases import HOUR, START, prices

NAN = float("nan")
EQUITY = [100.0, 110.0, 99.0, 88.0, 95.0, 98.9, 99.0, 90.0, 120.0, 60.0, 130.0, 0.0, 200.0]


def test_entries_halt_and_go_on_with_hysteresis():
    risk = RiskManager()
    assert (risk.drawdown, risk.halted, risk.halt_reason, risk.equity, risk.peak) == (None, False, None, None, None)
    halted = []
    for ts, equity in enumerate(EQUITY):
        risk.update_equity(ts, equity)
        halted.append(risk.halted)
        assert risk.peak == max(EQUITY[: ts + 1])
        assert risk.drawdown == (risk.peak - equity) / risk.peak
        refused = risk.position_size(SizingInputs(**PLAIN)).refused
        assert (refused is not None) == risk.halted
        assert (refused or "").startswith(risk.halt_reason or "")
    # 20 % below 110 it halts, 10 % below it goes on; 0 is the end.
    assert halted == [False, False, False, True, True, True, False, False, False, True, False, True, True]


def test_a_halt_says_why():
    risk = manager(equity=[100.0, 75.0])
    assert risk.halt_reason == (
        "entries are halted: 25 % below the peak of equity, at 20 % they halt, at 10 % they go on"
    )
    sizing = risk.position_size(SizingInputs(**PLAIN))
    assert (sizing.size, sizing.refused, reasons(sizing)["drawdown"]) == (0.0, risk.halt_reason, risk.halt_reason)
    risk.resume()
    assert (risk.halted, risk.peak, risk.drawdown) == (False, 75.0, 0.0)


@pytest.mark.parametrize("equity", [0.0, -5.0, -1e308])
def test_equity_of_nothing_halts_for_ever(equity):
    for before in ([], [100.0]):
        risk = manager(equity=[*before, equity])
        assert risk.drawdown >= 1.0
        for ts in range(5, 10):
            risk.update_equity(ts, 1000.0)
            assert risk.halt_reason == "entries are halted for ever: equity was 0 or less"
            assert risk.position_size(SizingInputs(**PLAIN)).size == 0.0
        with pytest.raises(ParameterError, match="equity must be above 0 to resume"):
            risk.resume()


@settings(max_examples=500)
@given(st.lists(st.floats(1.0, 1000.0), min_size=1, max_size=60), st.floats(0.05, 0.9), st.floats(0.0, 1.0))
def test_halts_are_those_of_the_definition(path, most, part):
    options = RiskOptions(max_drawdown=most, resume_drawdown=most * part * 0.99)
    risk, halted, peak = RiskManager(options), False, 0.0
    for ts, equity in enumerate(path):
        risk.update_equity(ts, equity)
        peak = max(peak, equity)
        fallen = (peak - equity) / peak
        halted = fallen >= options.max_drawdown or (halted and fallen > options.resume_drawdown)
        assert risk.halted == halted
        size = risk.position_size(SizingInputs(**PLAIN)).size
        assert (size == 0.0) if halted else size == pytest.approx(1000 * (1 - fallen / most)) or size == 0.0


@pytest.mark.parametrize("equity", [NAN, float("inf"), True, "100", None, 10**400, [1.0]])
def test_a_refused_equity_changes_nothing(equity):
    risk = manager(equity=EQUITY[:5])
    before = risk.to_bytes()
    with pytest.raises(ParameterError, match="equity must be"):
        risk.update_equity(9, equity)
    with pytest.raises(OrderError, match="ts must not be before the last equity at 4 ns, got 3 ns"):
        risk.update_equity(3, 100.0)
    assert risk.to_bytes() == before
    # More than one in a bar.
    risk.update_equity(4, 101.0)
    risk.update_equity(datetime(2024, 1, 1, tzinfo=UTC), 102.0)
    assert risk.equity == 102.0


def test_nothing_to_resume_from():
    with pytest.raises(ParameterError, match="equity must be above 0 to resume, got none"):
        RiskManager().resume()


def test_a_restored_manager_goes_on_bit_for_bit():
    options = RiskOptions(max_drawdown=0.25, stop_basis="atr", scale_levels=3)
    for cut in range(len(EQUITY) + 1):
        first = manager(options, EQUITY[:cut])
        others = [RiskManager.from_bytes(first.to_bytes()), first.copy(), pickle.loads(pickle.dumps(first))]
        others += [copy.copy(first), copy.deepcopy(first)]
        for ts in range(cut, len(EQUITY)):
            for each in (first, *others):
                each.update_equity(ts, EQUITY[ts])
        sizing = first.position_size(SizingInputs(**PLAIN))
        for each in others:
            assert each.options == options
            assert each.to_bytes() == first.to_bytes()
            assert each.position_size(SizingInputs(**PLAIN)) == sizing


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("drawdown", {"peak": 90.0}),
        ("drawdown", {"peak": NAN}),
        ("drawdown", {"peak": -1.0}),
        ("drawdown", {"equity": None}),
        ("drawdown", {"equity": "95"}),
        ("drawdown", {"equity": -1.0}),
        ("drawdown", {"equity": -1.0, "stopped": True}),
        ("drawdown", {"ts": None}),
        ("drawdown", {"ts": "noon"}),
        ("drawdown", {"stopped": True}),
        ("drawdown", {"stopped": 0}),
        ("drawdown", {"equity": 70.0}),
        ("options", {"max_risk": 2.0}),
        ("options", {"unknown": 1.0}),
    ],
)
def test_a_snapshot_made_by_hand_is_refused(part, change):
    state = manager(equity=[100.0, 95.0]).to_state()
    assert RiskManager.from_bytes(pack("RiskManager", state)).drawdown == pytest.approx(0.05)
    state[part] = {**state[part], **change}
    with pytest.raises(StateError):
        RiskManager.from_bytes(pack("RiskManager", state))


def test_foreign_bytes_are_refused():
    sealed = manager().to_bytes()
    for wrong in (
        b"",
        sealed[:-1],
        sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:],
        pack("Other", manager().to_state()),
    ):
        with pytest.raises(StateError):
            RiskManager.from_bytes(wrong)


# A leader that crashes, over hours: calm, then a fall of a day with triple volatility.
CALM, FALL = 480, 24
ALTCOINS = {"BONK": 1.6, "WIF": 1.3, "PEPE": 1.4, "TRX": 0.7, "LINK": 1.1}


def _crash():
    rng = np.random.default_rng(8)
    drift = np.concatenate([np.full(CALM, 0.0002), np.full(FALL, -0.008)])
    wild = np.concatenate([np.ones(CALM), np.full(FALL, 3.0)])
    factor = drift + 0.004 * wild * rng.normal(size=CALM + FALL)
    betas = {"BTC": 1.0, "ETH": 1.1, "SOL": 1.2, **ALTCOINS}
    return {
        name: prices(beta * factor + 0.003 * wild * rng.normal(size=CALM + FALL) * (name != "BTC"))
        for name, beta in betas.items()
    }


def _decide(risk, structure, market, row, side):
    """Size and stop of a trade in BONK after a row, by what the coordinator measured."""
    betas = {name: structure.get_beta(name) for name in ALTCOINS}
    prior = beta_prior([each.beta for each in betas.values()], [each.stderr for each in betas.values()])
    regime, own = structure.detect_market_regime("BONK"), market["BONK"][row - 20 : row + 1]
    volatility = float(np.std(own[1:] / own[:-1] - 1, ddof=1))
    ratio = structure.leader_status("BTC").volatility_ratio
    stop = risk.stop_loss(side, own[-1], volatility=volatility, leader_volatility_ratio=ratio)
    inputs = SizingInputs(
        symbol="BONK", side=side, price=own[-1], capital=10_000.0, confidence=0.58, volatility=volatility, heat=0.1,
        max_heat=0.7, stop_distance=stop.distance, leader_volatility_ratio=ratio, beta=betas["BONK"].beta,
        beta_stderr=betas["BONK"].stderr, beta_prior=prior, correlation=regime.cross_asset_correlation,
        correlation_samples=regime.n, regime_scores=regime.scores,
    )  # fmt: skip
    return risk.position_size(inputs), stop


@pytest.mark.parametrize("side", ["long", "short"])
def test_when_a_leader_crashes_sizes_shrink_and_stops_widen(side):
    market = _crash()
    structure = MarketStructureCoordinator(window_size=240)
    risk = manager()
    told = {}
    for row in range(CALM + FALL):
        structure.update_bar(START + HOUR * row, {name: float(each[row]) for name, each in market.items()})
        if row in (CALM - 1, CALM + FALL - 1):
            told[row] = _decide(risk, structure, market, row, side)
    (calm, near), (crash, far) = told.values()
    assert calm.refused is None
    assert 0 < crash.size < 0.2 * calm.size
    assert far.distance > 2 * near.distance
    before, after = ({each.name: each for each in sizing.multipliers} for sizing in (calm, crash))
    # The regime was risk-on before, which cuts a short as well.
    for name in ("volatility", "leader_volatility", "regime")[: 3 if side == "long" else 2]:
        assert after[name].value < 0.8 * before[name].value
        assert after[name].reason != before[name].reason
    ratio = structure.leader_status("BTC").volatility_ratio
    assert f"leaders are {ratio:.3g} times as volatile as in their past" in after["leader_volatility"].reason
    assert f"leaders are {ratio:.3g} times as volatile as in their past" in far.reason
    off = structure.detect_market_regime("BONK").scores["risk_off"]
    assert off > 0.5
    assert f"risk-off scores {off:.2f}" in after["regime"].reason
    assert str(crash).count("\n") == 10


def test_losses_of_the_crash_halt_the_account():
    risk = manager(equity=[10_000.0])
    sizes = []
    for ts, equity in enumerate([9_800.0, 9_200.0, 8_600.0, 8_000.0, 8_500.0, 9_000.0], start=1):
        risk.update_equity(ts, equity)
        sizes.append(risk.position_size(SizingInputs(**PLAIN)).size)
    assert sizes == pytest.approx([900.0, 600.0, 300.0, 0.0, 0.0, 500.0])
    assert sizes[3] == sizes[4] == 0.0
