"""`comove report`: the page shows what the library says elsewhere, and needs nothing but itself."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from commands import needs_plotly, run, write
from comove import BetaCalculator, MarketStructureCoordinator, PriceData
from comove.connectedness import diebold_yilmaz, log_range_volatility
from comove.data import simulate_market
from comove.errors import DataError, ParameterError
from comove.report import market_report, report_page
from comove.report.charts import beta_map, lead_map, regime_timeline, spillover_network
from comove.report.charts.network import LINKS_EACH, strongest_links
from comove.report.charts.timeline import runs_of
from comove.report.tables import EVIDENCE_WORDS
from comove.report.words import REGIME_COLOURS, REGIME_NAMES, beta_texts, price_text, span_text
from comove.structure import MarketRegime
from comove.structure.regimes import EVIDENCE
from comove.surveys.givers import find_givers

LEADERS = ["BTC", "ETH", "SOL"]


@pytest.fixture(scope="module")
def frames():
    """Coins that follow BTC two candles later, one that stops half-way, and BTC ends a day before the others."""
    frames = dict(
        simulate_market(
            n_bars=1500, assets=["BONK", "WIF"], lags=-2, late_listings=0, bad_ticks=0, gaps=3, seed=5
        ).frames
    )
    frames["BTC"] = frames["BTC"][:-24]
    frames["STOP"] = frames["WIF"][:700]
    return frames


@pytest.fixture(scope="module")
def report(frames):
    return market_report(frames, LEADERS, window_span="10d", max_lag=4)


@pytest.fixture(scope="module")
def page(report):
    return report_page(report, title="Test <market>")


def _before(frames, last):
    return {coin: PriceData.from_frame(frame.filter(pl.col("ts") <= last)) for coin, frame in frames.items()}


def test_it_ends_where_the_leaders_end(report, frames):
    assert report.last == frames["BTC"]["ts"][-1]
    assert report.last + timedelta(hours=24) == frames["SOL"]["ts"][-1]
    assert report.ended == ("BTC",)
    assert report.step == 3600
    assert report.coins == ("BTC", "ETH", "SOL", "BONK", "WIF", "STOP")
    assert report.prices["STOP"] == (frames["STOP"]["ts"][-1], frames["STOP"]["close"][-1])


def test_regimes_are_those_of_history(report, frames):
    coordinator = MarketStructureCoordinator()
    data = _before(frames, report.last)
    history = coordinator.regime_history(data)
    assert_frame_equal(
        report.regimes.select("ts", "regime", "confidence"), history.select("ts", "regime", "confidence")
    )
    prices = dict(frames["BTC"].select("ts", "close").rows())
    assert report.regimes["price"].to_list() == [prices.get(ts) for ts in report.regimes["ts"]]
    assert report.market == coordinator.detect_market_regime(data=data)
    assert len(set(report.regimes["regime"])) > 2


def test_betas_are_those_of_the_calculator(report, frames):
    data = _before(frames, report.last)
    calculator = BetaCalculator(window_span="10d")
    others = [data["ETH"], data["SOL"]]
    beta = calculator.calculate("WIF", data["WIF"], "BTC", data["BTC"], current_time=report.last, grid=others)
    assert report.betas["WIF", "BTC"].beta == pytest.approx(beta.beta, rel=1e-12)
    assert report.betas["STOP", "BTC"].reason
    assert set(report.betas) == {(coin, leader) for coin in report.coins for leader in LEADERS if coin != leader}


def test_leads_are_those_of_the_command(report, frames, tmp_path):
    folder = write({coin: frame.filter(pl.col("ts") <= report.last) for coin, frame in frames.items()}, tmp_path / "in")
    out = tmp_path / "leads.parquet"
    run("leadlag", "--data", folder, "--max-lag", 4, "--out", out)
    keys = ["asset", "leader"]
    assert_frame_equal(report.leads.sort(keys), pl.read_parquet(out).sort(keys))
    planted = report.leads.filter(asset="BONK", leader="BTC").row(0, named=True)
    assert planted["lag"] == -2
    assert planted["verdict"] == "BTC leads by 2 candles"


def test_turbulence_is_that_of_diebold_and_yilmaz(report, frames):
    kept = [coin for coin in frames if coin != "STOP"]
    vols = log_range_volatility({coin: frames[coin].filter(pl.col("ts") <= report.last) for coin in kept})
    expected = diebold_yilmaz(vols.select("ts", *report.givers.result.names), 4, 10)
    np.testing.assert_allclose(report.givers.result.table, expected.table, rtol=0, atol=1e-9)
    assert report.givers.absent == ["STOP"]


@pytest.mark.parametrize("unit", ["ms", "ns"])
def test_times_of_any_unit_give_the_same_report(report, frames, unit):
    other = {coin: frame.with_columns(pl.col("ts").dt.cast_time_unit(unit)) for coin, frame in frames.items()}
    again = market_report(other, LEADERS, window_span="10d", max_lag=4)
    assert (again.first, again.last, again.newest) == (report.first, report.last, report.newest)
    assert_frame_equal(again.regimes, report.regimes)
    assert again.betas == report.betas
    assert_frame_equal(again.leads, report.leads)
    np.testing.assert_array_equal(again.givers.result.table, report.givers.result.table)


def test_bad_options_are_refused(frames):
    with pytest.raises(DataError, match="leaders must be among the frames, got DOGE"):
        market_report(frames, ["BTC", "DOGE"])
    with pytest.raises(DataError, match="got none"):
        market_report(frames, [])
    with pytest.raises(ParameterError, match="window_span must be a timedelta"):
        market_report(frames, LEADERS, window_span="2mo")
    with pytest.raises(ParameterError, match="window must be at least 0"):
        market_report(frames, LEADERS, window=-1)
    with pytest.raises(ParameterError, match="max_lag must be at least 1"):
        market_report(frames, LEADERS, max_lag=0)
    apart = {**frames, "ETH": frames["ETH"].with_columns(pl.col("ts") + pl.duration(minutes=30))}
    with pytest.raises(DataError, match="BTC, ETH, SOL have no candle in common"):
        market_report(apart, LEADERS)


@needs_plotly
def test_the_timeline_has_a_band_for_each_run(report):
    figure = regime_timeline(report)
    runs = runs_of(report.regimes)
    assert len(figure.layout.shapes) == len(runs)
    assert [run[2] for run in runs[1:]] != [run[2] for run in runs[:-1]]
    labels = report.regimes["regime"].to_list()
    assert [label for _, _, label in runs] == [
        label for place, label in enumerate(labels) if place == 0 or labels[place - 1] != label
    ]
    for (start, end, label), shape in zip(runs, figure.layout.shapes, strict=True):
        assert (shape.x0, shape.x1, shape.fillcolor) == (start, end, REGIME_COLOURS[label])
    assert runs[0][0] == report.regimes["ts"][0]
    assert runs[-1][1] == report.regimes["ts"][-1]
    assert list(figure.data[0].y) == report.regimes["price"].to_list()
    assert set(REGIME_COLOURS) == set(REGIME_NAMES) == {regime.value for regime in MarketRegime}


@needs_plotly
def test_a_long_timeline_is_thinned_but_its_bands_are_not(report, monkeypatch):
    monkeypatch.setattr("comove.report.charts.timeline._MOST_POINTS", 100)
    figure = regime_timeline(report)
    assert len(figure.data[0].x) <= 100
    assert figure.data[0].x[-1] == report.regimes["ts"][-1]
    assert len(figure.layout.shapes) == len(runs_of(report.regimes))


@needs_plotly
def test_the_maps_hold_the_numbers(report):
    (betas,) = beta_map(report).data
    place = betas.y.index("WIF"), betas.x.index("BTC")
    assert betas.z[place[0]][place[1]] == report.betas["WIF", "BTC"].beta
    assert betas.text[betas.y.index("BTC")][betas.x.index("BTC")] == ""
    assert betas.text[betas.y.index("STOP")][betas.x.index("BTC")].endswith(" *")
    to_btc = [row[betas.x.index("BTC")] for row in betas.z]
    known = [beta for beta in to_btc if beta is not None]
    assert known == sorted(known, reverse=True)
    assert betas.zmin + betas.zmax == pytest.approx(2.0)
    (leads,) = lead_map(report).data
    cell = leads.z[leads.y.index("BONK")][leads.x.index("BTC")]
    p_value = report.leads.filter(asset="BONK", leader="BTC")["lead_p"][0]
    assert cell == pytest.approx(min(10.0, -np.log10(max(p_value, 1e-10))))
    assert leads.text[leads.y.index("BONK")][leads.x.index("BTC")] == "BTC leads by 2 candles"
    assert leads.zmax == -leads.zmin >= 2.6


@needs_plotly
def test_the_network_links_each_coin_to_its_givers(report):
    result = report.givers.result
    links = strongest_links(result)
    for taker in range(len(result.names)):
        givers = {giver for giver, other, _ in links if other == taker}
        order = np.argsort(-result.net_pairwise[:, taker], kind="stable")[:LINKS_EACH]
        assert givers == {int(giver) for giver in order if result.net_pairwise[giver, taker] > 0}
    assert all(share == result.net_pairwise[giver, taker] > 0 for giver, taker, share in links)
    figure = spillover_network(result)
    assert sum(bool(one.showarrow) for one in figure.layout.annotations) == len(links)
    assert {one.text for one in figure.layout.annotations if not one.showarrow} == set(result.names)
    # The largest giver and the largest taker are the first and the last, clockwise from the top.
    nodes = figure.data[1]
    clockwise = np.mod(np.pi / 2 - np.arctan2(nodes.y, nodes.x), 2 * np.pi)
    assert np.argmin(clockwise) == np.argmax(result.net)
    assert np.argmax(clockwise) == np.argmin(result.net)


@needs_plotly
def test_the_page_has_all_parts_and_needs_no_network(page):
    for name in ("regime-timeline", "beta-map", "lead-map", "spillover-network"):
        assert f'id="{name}"' in page
    assert "<h1>Test &lt;market&gt;</h1>" in page
    bare = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert not re.search(r"<(script|link|img|iframe)\b[^>]*\b(src|href)=", bare)
    assert not re.search(r"<script[^>]*\bsrc=", page)
    assert page.count("plotly.js v") == 1
    assert set(EVIDENCE_WORDS) == set(EVIDENCE)
    assert all(f'<td class="text">{name}</td>' in bare for name in EVIDENCE)


@needs_plotly
def test_the_table_has_every_coin(page, report):
    table = page[page.index('<table id="coins">') :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[table.index("<tbody>") : table.index("</tbody>")])
    cells = [[html.unescape(re.sub(r"<.*?>", "", cell)) for cell in re.findall(r"<td.*?</td>", row)] for row in rows]
    assert [row[0] for row in cells] == list(report.coins)
    wif = cells[report.coins.index("WIF")]
    assert wif[5] == f"{report.betas['WIF', 'BTC'].beta:.2f}"
    assert wif[3] == REGIME_NAMES[report.snapshots["WIF"].regime.value]
    stop = cells[report.coins.index("STOP")]
    assert stop[2] == f"{report.prices['STOP'][0]:%Y-%m-%d %H:%M}"
    assert stop[12].startswith("STOP has had no price for ")


@needs_plotly
def test_the_same_candles_give_the_same_page(frames, page):
    again = market_report(frames, LEADERS, window_span="10d", max_lag=4)
    assert report_page(again, title="Test <market>") == page


@needs_plotly
def test_names_are_shown_as_they_are():
    frames = simulate_market(n_bars=400, assets=["A"], leaders=["B"], late_listings=0, bad_ticks=0, gaps=0).frames
    odd = "<img src=x onerror=alert(1)>"
    page = report_page(market_report({odd: frames["A"], "B&Co": frames["B"]}, ["B&Co"]))
    bare = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert "<img" not in bare
    assert "&lt;img src=x onerror=alert(1)&gt;" in bare
    assert "B&amp;Co" in bare


@needs_plotly
def test_a_leader_alone_has_a_page(frames):
    report = market_report({"BTC": frames["BTC"][:50]}, ["BTC"])
    page = report_page(report)
    assert "There is no pair of a coin and another leader." in page
    assert "There is no table of connectedness: it takes at least two coins." in page
    assert report.regimes["regime"].unique().to_list() == ["unknown"]


@needs_plotly
def test_a_leader_alone_is_ahead_of_nobody(frames):
    page = report_page(market_report({coin: frames[coin] for coin in ("BTC", "WIF")}, ["BTC"]))
    assert "2 coins with BTC as leader, candles" in page
    assert "ahead of the other leaders" not in page


@needs_plotly
def test_what_is_not_looked_at_is_told(frames):
    missing = frames["ETH"].with_columns(
        close=pl.when(pl.int_range(pl.len()) < 1000).then("close").otherwise(float("nan"))
    )
    late = frames["WIF"][1200:]
    report = market_report({"BTC": frames["BTC"], "ETH": missing, "LATE": late}, ["BTC", "ETH"])
    assert (report.ended, report.absent) == (("ETH",), ("LATE",))
    assert report.newest == late["ts"][-1] > report.last
    page = report_page(report)
    assert f"up to {report.newest:%Y-%m-%d %H:%M}, are not looked at: there are none of ETH." in page
    assert "Without a price until then, and not shown: LATE." in page
    # Both go on, but never in the same candle.
    turn = pl.int_range(pl.len()) % 2
    apart = {
        coin: frames[coin].filter((pl.col("ts") <= report.last) | (turn == place))
        for place, coin in enumerate(("BTC", "ETH"))
    }
    assert "are not looked at: none of them has all leaders." in report_page(market_report(apart, ["BTC", "ETH"]))


@needs_plotly
def test_a_first_leader_with_rare_candles_has_a_line(frames):
    rare = {**frames, "BTC": frames["BTC"].gather_every(4)}
    report = market_report(rare, LEADERS)
    prices = regime_timeline(report).data[0].y
    assert None not in prices
    assert list(prices) == report.regimes["price"].drop_nulls().to_list()


@needs_plotly
def test_short_words_where_there_is_no_room(frames):
    leaders = [f"LEADER{place}" for place in range(8)]
    market = dict(simulate_market(n_bars=900, assets=["WIF"], leaders=leaders, late_listings=0, seed=5).frames)
    market["SHORT"] = market["WIF"][:30]
    market["ECHO"] = market["LEADER0"].with_columns(pl.exclude("ts").shift(2))[2:]
    report = market_report(market, leaders)
    (leads,) = lead_map(report).data
    echo = leads.y.index("ECHO"), leads.x.index("LEADER0")
    assert leads.text[echo[0]][echo[1]] == "leads"
    assert "LEADER0 leads by 2 candles" in leads.customdata[echo[0]][echo[1]]
    assert {text for row in leads.text for text in row} <= {"leads", "follows", "both", "", "–"}  # noqa: RUF001
    assert set(leads.text[leads.y.index("SHORT")]) == {"–"}  # noqa: RUF001
    many = {f"L{place}": frames["BTC"] for place in range(16)}
    (betas,) = beta_map(market_report(many, list(many))).data
    assert betas.text[0][1] == "1.00"
    assert "± " in betas.customdata[0][1]


@needs_plotly
def test_a_wild_beta_leaves_colours_to_the_others(frames):
    wild = frames["BTC"].with_columns((pl.col(pl.Float64) / 1e4) ** 5)
    (betas,) = beta_map(market_report({**frames, "WILD": wild}, LEADERS)).data
    assert betas.z[betas.y.index("WILD")][betas.x.index("BTC")] > 4
    assert (betas.zmin, betas.zmax) == (-1.0, 3.0)


@needs_plotly
def test_the_network_shortens_long_names_and_warns(frames):
    report = market_report({**frames, "ANAMEWITHMANYLETTERS": frames["WIF"].with_columns(high=pl.col("high") * 1.01)})
    figure = spillover_network(report.givers.result)
    assert "ANAMEWITH…" in {one.text for one in figure.layout.annotations}
    assert any("ANAMEWITHMANYLETTERS<br>gives" in told for told in figure.data[1].customdata)
    assert "shocks do not fade" not in report_page(report)
    wild = replace(report.givers, result=replace(report.givers.result, spectral_radius=1.01))
    assert "shocks do not fade" in report_page(replace(report, givers=wild))


def test_one_odd_coin_does_not_cost_the_others_their_table(frames):
    """One between the others' candles, one without highs and lows."""
    usual = find_givers(frames, LEADERS, lags=4, horizon=10, window=0)
    between = frames["WIF"].with_columns(pl.col("ts") + pl.duration(minutes=30))
    without = frames["WIF"].with_columns(high=pl.lit(None, pl.Float64))
    more = find_givers({**frames, "BETWEEN": between, "BARE": without}, LEADERS, lags=4, horizon=10, window=0)
    assert more.absent == ["STOP", "BETWEEN", "BARE"]
    np.testing.assert_array_equal(more.result.table, usual.result.table)
    alone = find_givers({"BTC": frames["BTC"], "BARE": without}, ["BTC"], lags=4, horizon=10, window=0)
    assert (alone.reason, alone.absent) == ("no two coins share enough candles", ["BARE"])


def test_numbers_in_words(report):
    assert [price_text(price) for price in (106588.32, 15_234_567.8, 1.23456789e-5, 1.0, 1.09364e-12)] == [
        "106588", "15234568", "0.0000123457", "1", "1.09364e-12",
    ]  # fmt: skip
    assert [span_text(timedelta(days=days)) for days in (1, 2.5, 999.6, 99_999)] == [
        "24 h", "2.5 d", "1,000 d", "99,999 d",
    ]  # fmt: skip
    beta = report.betas["WIF", "BTC"]
    assert beta_texts(replace(beta, beta=0.93, stderr=0.04)) == ("0.93", "± 0.04")
    assert beta_texts(replace(beta, beta=0.9312, stderr=0.0012)) == ("0.931", "± 0.001")
    assert beta_texts(replace(beta, beta=0.0, stderr=0.0)) == ("0.00", "± 0.00")
    assert beta_texts(None) == ("–", "–")  # noqa: RUF001


@needs_plotly
def test_the_command_draws_a_page(frames, tmp_path):
    folder = write(frames, tmp_path / "candles")
    frames["WIF"].with_columns(close=-pl.col("close")).write_parquet(folder / "BAD.parquet")
    out = tmp_path / "new" / "report.html"
    result = run(
        "report", "--data", folder, "--assets", "wif", "--leaders", "btc,eth", "--beta-span", "10d", "--out", out
    )
    assert (result.exit_code, result.stdout) == (0, f"Drew 3 coins on {out}\n")
    assert "regimes" in result.stderr
    assert '<table id="coins">' in out.read_text(encoding="utf-8")
    # What cannot be read is said, and the rest is drawn.
    result = run("report", "--data", folder, "--out", out)
    assert result.exit_code == 1
    assert f"Drew 6 coins on {out}" in result.stdout
    assert "1 of 7 symbols failed" in result.stderr
    assert "BAD" in result.stderr


@needs_plotly
def test_the_command_refuses_before_any_work(frames, tmp_path):
    folder = write({"BTC": frames["BTC"]}, tmp_path / "candles")
    out = tmp_path / "report.html"

    def refused(*options, code=2):
        result = run("report", "--data", folder, *options)
        assert result.exit_code == code
        assert not out.exists()
        return result.stderr

    assert "Missing option '--out'" in refused()
    assert "--out must end in .html" in refused("--out", tmp_path / "report.pdf")
    assert "--out must be in another folder than --data" in refused("--out", folder / "report.html")
    message = refused("--out", out, "--leaders", "BTC", "--beta-span", "2mo")
    assert "--beta-span must be a timedelta or a duration string" in message
    assert "no candle file of ETH, SOL" in refused("--out", out, code=1)
    (folder / "BTC.parquet").write_bytes(b"nothing")
    assert "no leader could be read" in refused("--out", out, "--leaders", "BTC", code=1)


def test_without_plotly_the_message_says_what_to_install(frames, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "plotly.graph_objects", None)
    folder = write({"BTC": frames["BTC"]}, tmp_path / "candles")
    result = run("report", "--data", folder, "--leaders", "BTC", "--out", tmp_path / "report.html")
    assert result.exit_code == 1
    assert "pip install comove[viz]" in result.stderr
