"""Each play is found where the market plays it, on the side it is played on, and nothing is found in noise."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from comove import DataError, OrderError, ParameterError
from comove.signals import Prediction, SignalMarket
from comove.signals.sources import MarketStructureOptions, MarketStructurePredictor
from comove.signals.sources.followed import Followed
from comove.signals.sources.gaps import gaps
from ensemble_cases import context_of
from signal_cases import bars_of_candles, candles_of, walk
from source_cases import LEADERS, Scores, assert_goes_on, grow, noise, noisy, recorded_bars, said
from structure_cases import prices

ASSETS = ("BONK", "WIF", "PEPE")
#: Thresholds that noise passes often, and a margin that its records pass too.
EASY = MarketStructureOptions(gap_at=1.0, trend_at=0.2, beta_at=0.7, beta_errors=0.5, margin=0.2)


def crashing(seed, rows, drift=-0.004):
    """BTC falls hard every 120 rows; while it breaks down, altcoins drift."""
    names, moves = noise(seed, rows, ASSETS)

    def move(row, contexts):
        own = dict(zip(names, moves[row], strict=True))
        if row > 60 and row % 120 < 4:
            own["BTC"] -= 0.03
        if contexts and contexts["BTC"].leader_status("BTC").breaking:
            for asset in ASSETS:
                own[asset] += drift
        return own

    return grow(rows, names, move)


def parting(seed, rows, returns):
    """Assets that part from BTC: what they are off it goes back by a sixth a row, or they drift away and go on."""
    names = (*LEADERS, *ASSETS)
    rng = np.random.default_rng(seed)
    drawn = rng.normal(0.0, 0.01, (rows, len(names)))
    off, drift = dict.fromkeys(ASSETS, 0.0), dict.fromkeys(ASSETS, 0.006)

    def move(row, _):
        btc = 0.3 * drawn[row, 0]
        own = {"BTC": btc, "ETH": btc + 0.2 * drawn[row, 1]}
        for asset, moved in zip(ASSETS, drawn[row, 2:], strict=True):
            if returns:
                moved = moved - off[asset] / 6.0
                off[asset] += moved
            else:
                if rng.random() < 1.0 / 80.0:
                    drift[asset] = 0.006 * rng.choice([-1.0, 1.0])
                moved = moved + drift[asset]
            own[asset] = btc + moved
        return own

    return grow(rows, names, move)


def trending(seed, rows):
    """Leaders that drift for a hundred rows at a time, a coin of beta 2 and one of beta 0.5."""
    names = (*LEADERS, "BONK", "WIF")
    rng = np.random.default_rng(seed)
    drawn = rng.normal(0.0, 0.01, (rows, len(names)))

    def move(row, _):
        btc = drawn[row, 0] + (0.005 if row // 100 % 2 else -0.005)
        eth = btc + 0.4 * drawn[row, 1]
        return {"BTC": btc, "ETH": eth, "BONK": 2.0 * btc + 0.5 * drawn[row, 2], "WIF": 0.5 * btc + 0.5 * drawn[row, 3]}

    return grow(rows, names[:4], move)


@cache
def crashes():
    """What the usual predictor, and one that sees divergences early, say of crashes."""
    usual, early = MarketStructurePredictor(), MarketStructurePredictor(MarketStructureOptions(gap_at=1.0))
    answers = [], []
    for contexts in crashing(1, 1_600):
        for source, found in zip((usual, early), answers, strict=True):
            found.extend(said(source, [contexts]))
    return answers


def test_a_leader_breaking_down_means_falls_of_altcoins():
    scores = Scores(crashes()[0])
    reduce = scores.where("reduce altcoins: BTC has been breaking down for", 800)
    assert reduce.sum() > 300
    assert set(scores.symbol[reduce]) == set(ASSETS)
    assert scores.up[reduce].max() < 0.5
    assert scores.up[reduce].mean() < 0.42
    assert 0.5 < (scores.up[reduce].mean() - 0.5) / (scores.rose[reduce].mean() - 0.5) < 1.1
    assert scores.brier(reduce) < 0.24
    assert "% below its high (" in scores.reason[reduce][0]
    assert "episodes" in scores.reason[reduce][0]


def test_a_breakdown_that_altcoins_rise_in_is_not_played():
    source = MarketStructurePredictor()
    answers = list(said(source, crashing(2, 1_200, drift=0.01)))
    late = [
        answer
        for row, symbol, answer, _ in answers
        if row > 500 and symbol in ASSETS and "breaking down for" in getattr(answer, "reason", answer)
    ]
    assert len(late) > 200
    # A rise is never said of an altcoin while a leader breaks down, by any play.
    assert all(isinstance(answer, str) or answer.direction == "short" for answer in late)
    assert sum("its record supports nothing" in answer for answer in late if isinstance(answer, str)) > 200


@pytest.mark.parametrize(("play", "sign"), [("reversal", -1.0), ("breakaway", 1.0)])
def test_a_divergence_is_what_its_record_says(play, sign):
    returns = play == "reversal"
    # What returns does not go far.
    options = MarketStructureOptions(gap_at=0.9 if returns else 2.0)
    scores = Scores(said(MarketStructurePredictor(options), parting(3, 2_000, returns)))
    for side, up in (("above", sign), ("below", -sign)):
        each = scores.where(f"{play}: {side} ", 1_000)
        assert each.sum() > 60
        assert ((scores.up[each] - 0.5) * up).min() > 0.0
        assert ((scores.rose[each] - 0.5) * up).mean() > 0.06
        assert scores.brier(each) < 0.245
    other = "reversal" if play == "breakaway" else "breakaway"
    altcoin = np.isin(scores.symbol, ASSETS)
    assert scores.where(f"{other}: ", 1_000)[altcoin].mean() < 0.02


def test_a_high_beta_follows_its_leader_up():
    scores = Scores(said(MarketStructurePredictor(), trending(4, 2_400)))
    follow = scores.where("follow the leader: ", 1_200)
    bonk = follow & (scores.symbol == "BONK")
    assert bonk.sum() > 200
    assert scores.up[follow].min() > 0.5
    assert scores.rose[bonk].mean() > 0.55
    assert 0.5 < (scores.up[bonk].mean() - 0.5) / (scores.rose[bonk].mean() - 0.5) < 1.1
    assert scores.brier(bonk) < 0.245
    # A low beta never does.
    assert not (scores.where("follow the leader: ") & (scores.symbol == "WIF")).any()
    assert all(" is in an uptrend (" in reason and "at least" in reason for reason in scores.reason[follow])


def test_on_noise_it_stays_calibrated():
    up, rose, plays = [], [], set()
    for seed in range(3):
        scores = Scores(said(MarketStructurePredictor(EASY), noisy(seed, 1_200)))
        up.append(scores.up)
        rose.append(scores.rose)
        plays |= {reason.split(":")[0] for reason in scores.reason}
    up, rose = np.concatenate(up), np.concatenate(rose)
    assert len(up) > 4_000
    assert plays >= {"reversal", "breakaway", "follow the leader"}
    assert np.mean((up - rose) ** 2) <= 0.255
    assert np.mean((up - 0.5) ** 2) < 0.005


def test_the_usual_options_say_little_of_noise():
    answers = list(said(MarketStructurePredictor(), noisy(9, 1_200)))
    spoken = [answer for _, _, answer, _ in answers if isinstance(answer, Prediction)]
    assert len(spoken) < 0.1 * len(answers)


def test_several_plays_are_all_named_and_the_breakdown_comes_first():
    spoken = [answer.reason for _, _, answer, _ in crashes()[1] if isinstance(answer, Prediction)]
    several = [reason for reason in spoken if "breaking down for" in reason and "; also: " in reason]
    assert len(several) > 50
    assert sum(reason.startswith("reduce altcoins: ") for reason in several) > 0.8 * len(several)


def test_it_abstains_with_its_figures():
    answers = list(said(MarketStructurePredictor(), noisy(6, 200)))
    silent = [(row, answer) for row, _, answer, _ in answers if isinstance(answer, str)]
    early = {answer for row, answer in silent if row < 30}
    assert early == {
        "no play: whether BTC, ETH breaks down is not known; no leader has 30 pairs of returns with it before the last "
        "20 rows, or prices do not vary"
    }
    late = [answer for row, answer in silent if row > 100]
    assert any("no leader is breaking down; gap to " in answer and "2 is needed" in answer for answer in late)
    assert any("and beta is at least" in answer for answer in late)
    assert any("without an outcome yet" in answer for _, answer in silent)
    assert any("its record supports nothing" in answer and " +- " in answer for answer in late)


def gap_of_definition(context, leader, rows):
    """Gap, beta and its error straight from the definition; None where they are not given."""
    asset, other = context.closes(), context.leader_candles[leader][:, 3]
    r, x = (series[:-rows][1:] / series[:-rows][:-1] - 1.0 for series in (asset, other))
    both = np.isfinite(r) & np.isfinite(x)
    r, x = r[both], x[both]
    if len(r) < 30:
        return None
    design = np.column_stack([np.ones(len(x)), x])
    coefficients, *_ = np.linalg.lstsq(design, r, rcond=None)
    residuals = r - design @ coefficients
    variance = residuals @ residuals / (len(r) - 2)
    stderr = math.sqrt(variance / ((x - x.mean()) @ (x - x.mean())))
    moved, led = asset[-1] / asset[-1 - rows] - 1.0, other[-1] / other[-1 - rows] - 1.0
    beta = coefficients[1]
    gap = (moved - beta * led) / math.sqrt(rows * variance + stderr**2 * led**2)
    return gap, beta, stderr, 1.0 - residuals @ residuals / ((r - r.mean()) @ (r - r.mean()))


def holed(rows=150):
    names, moves = noise(21, rows, ASSETS)
    market = {name: candles_of(prices(moves[:, place])) for place, name in enumerate(names)}
    market["BONK"][:60] = [None] * 60
    market["WIF"][70:75] = [None] * 5
    market["BTC"][90] = market["ETH"][100] = None
    return list(bars_of_candles(market))


def test_gaps_are_those_of_their_definition():
    found = missing = 0
    for contexts in walk(holed(), rows=72):
        given = list(contexts.values())
        for context, gap in zip(given, gaps(given, 20, 30), strict=True):
            expected = {}
            if len(context.candles) >= 51:
                expected = {leader: gap_of_definition(context, leader, 20) for leader in context.leaders}
            expected = {leader: each for leader, each in expected.items() if each is not None}
            if gap is None:
                missing += 1
                assert not expected
                continue
            assert gap.leader == max(expected, key=lambda leader: expected[leader][3])
            found += math.isfinite(gap.gap)
            assert (gap.gap, gap.beta, gap.stderr) == pytest.approx(expected[gap.leader][:3], rel=1e-9, nan_ok=True)
    assert found > 300
    assert missing > 200


def test_what_does_not_vary_or_fits_perfectly_has_no_gap():
    rng = np.random.default_rng(1)
    btc = rng.normal(0.0, 0.01, 60)
    market = {
        "BTC": candles_of(prices(btc)),
        "TWIN": candles_of(prices(2.0 * btc)),
        "FLAT": candles_of(np.full(60, 3.0)),
        "DOUBLES": candles_of(2.0 ** np.arange(60.0)),
        "GROWS": candles_of(prices(np.full(60, 0.01))),
    }
    *_, last = walk(bars_of_candles(market))
    given = list(last.values())
    found = dict(zip(last, gaps(given, 10, 30), strict=True))
    assert found["FLAT"] is found["DOUBLES"] is found["GROWS"] is found["BTC"] is None
    assert found["TWIN"].beta == pytest.approx(2.0)
    assert found["TWIN"].stderr == 0.0
    assert math.isnan(found["TWIN"].gap)
    source = MarketStructurePredictor(MarketStructureOptions(gap_rows=10))
    source.observe(given)
    assert source.predict(last["TWIN"]) is None
    assert "gap to BTC not known" in source.abstained["TWIN"]


def test_the_gap_of_a_random_walk_is_about_standard_normal():
    found = [
        gap.gap
        for row, contexts in enumerate(walk(bars_of_candles(walks(1_500)), rows=96))
        if row % 20 == 0
        for gap in gaps(list(contexts.values()), 20, 30)[2:]
        if gap is not None
    ]
    assert len(found) > 200
    assert abs(np.mean(found)) < 0.2
    assert 0.85 < np.std(found) < 1.2
    assert np.mean(np.abs(found) > 2.0) < 0.1


def walks(rows):
    names, moves = noise(31, rows, ASSETS)
    return {name: candles_of(prices(moves[:, place])) for place, name in enumerate(names)}


def test_prefixes_say_the_same():
    whole = list(said(MarketStructurePredictor(EASY), noisy(10, 160)))
    assert any(isinstance(answer, Prediction) for _, _, answer, _ in whole)
    for rows in (60, 97, 159):
        assert list(said(MarketStructurePredictor(EASY), noisy(10, rows))) == whole[: 5 * rows]


def test_it_goes_on_from_any_bar():
    assert_goes_on(lambda: crashing(11, 200), MarketStructurePredictor(EASY), cuts=(0, 30, 55, 90, 124, 126, 199))


def test_candles_that_are_missing():
    source = MarketStructurePredictor(EASY)
    answers = list(said(source, walk(holed(), rows=72)))
    assert any(symbol == "BONK" and isinstance(answer, Prediction) for _, symbol, answer, _ in answers)
    assert_goes_on(lambda: walk(holed(), rows=72), MarketStructurePredictor(EASY), cuts=(40, 91, 110))


def test_a_market_that_shows_too_few_rows_has_no_gap():
    names, moves = noise(12, 80)
    market = SignalMarket(rows=50)
    answers = list(
        said(
            MarketStructurePredictor(),
            grow(80, names, lambda row, _: dict(zip(names, moves[row], strict=True)), market),
        )
    )
    assert "no leader has 30 pairs of returns with it before the last 20 rows" in answers[-1][2]


def test_a_market_without_leaders_says_why():
    bars = list(bars_of_candles({"BONK": candles_of(prices(np.random.default_rng(1).normal(0, 0.01, 70)))}))
    answers = list(said(MarketStructurePredictor(), walk(bars)))
    assert "whether BTC, ETH, SOL breaks down is not known" in answers[-1][2]


def test_bars_of_the_past_are_refused_and_leave_it_as_it_was():
    source = MarketStructurePredictor()
    *_, before, now = noisy(13, 70)
    source.observe(list(now.values()))
    kept = source.to_bytes()
    with pytest.raises(OrderError, match="after the last one, 69, got 68"):
        source.observe(list(before.values()))
    with pytest.raises(DataError, match="one row"):
        MarketStructurePredictor().observe([now["BTC"], before["ETH"]])
    assert source.to_bytes() == kept
    assert source.predict(before["BONK"]) is None
    assert source.abstained["BONK"] == "BONK was not observed in row 68"


WHOLE = ("horizon", "gap_rows", "least_pairs")
REAL = ("pooled_prior", "asset_prior", "margin", "gap_at", "trend_at", "beta_at", "beta_errors")


@pytest.mark.parametrize("name", WHOLE + REAL)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "6", None])
def test_options_out_of_bounds_are_refused(name, value):
    with pytest.raises(ParameterError, match=name):
        MarketStructureOptions(**{name: value})


@pytest.mark.parametrize("name", WHOLE)
def test_rows_must_be_whole(name):
    with pytest.raises(ParameterError, match=name):
        MarketStructureOptions(**{name: 30.5})


def test_other_options_are_refused():
    with pytest.raises(ParameterError, match="dict"):
        MarketStructurePredictor({"horizon": 6})


def test_recorded_candles():
    scores = Scores(said(MarketStructurePredictor(EASY), walk(recorded_bars(500), SignalMarket())))
    assert len(scores) > 100
    assert scores.brier() < 0.27


def test_what_is_said_of_coins_that_move_as_one_stays_calibrated():
    # It speaks where its record is away from 1/2, and on noise those are the records that went wrong.
    rng, options, trials = np.random.default_rng(1), MarketStructureOptions(), 600
    spoken = [[] for _ in range(80)]
    for _ in range(trials):
        followed = Followed(1, options.pooled_prior, options.asset_prior)
        for row, rise in enumerate(rng.choice([0.5, 2.0], 80).tolist()):
            followed.note(context_of(2 * row, "A", 1.0), ("below",))
            followed.learn([context_of(2 * row + 1, "A", rise)])
            past = followed.past("A", "below")
            if abs(past.up - 0.5) >= options.margin * past.spread:
                spoken[row].append((past.up - 0.5) ** 2)
    lost = [np.mean(each) for each in spoken if len(each) > trials / 20]
    assert len(lost) > 60
    assert 0.002 < max(lost) < 0.005
