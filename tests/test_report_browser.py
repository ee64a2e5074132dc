"""The page of `comove report` in a browser: nothing fails, plots are there, labels and hovers can be read."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
from contextlib import contextmanager

import polars as pl
import pytest

from commands import run, write
from comove.data import simulate_market
from comove.report import market_report, report_page
from recorded_data import HOURS_2024, present

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the path (Debian: apt install chromium)"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="needs playwright, of the extra test"),
    pytest.mark.skipif(importlib.util.find_spec("plotly") is None, reason="needs the extra viz"),
]
PLOTS = ("regime-timeline", "beta-map", "lead-map", "spillover-network")
DESKTOP = {"width": 1440, "height": 900}
#: Pixels; smaller letters are hard to read.
LEAST_LETTER = 11
# Texts of a plot with their boxes, the turned ones too, and their size.
TEXTS = """
name => [...document.querySelectorAll(`#${name} text`)].filter(one => one.textContent.trim()).map(one => {
  const box = one.getBoundingClientRect();
  return {text: one.textContent, kind: one.closest('g[class]').getAttribute('class'),
          left: box.left, right: box.right, top: box.top, bottom: box.bottom,
          size: parseFloat(getComputedStyle(one).fontSize)};
})
"""


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as api:
        # Without a sandbox, which a container's root has not.
        browser = api.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["simulated", "recorded"])
def opened(request, browser, tmp_path_factory):
    """The open page, what it complained of, and what it asked for."""
    out = tmp_path_factory.mktemp("report") / "report.html"
    if request.param == "recorded":
        folder = present(HOURS_2024)
    else:
        market = simulate_market(n_bars=1500, assets=["BONK", "WIF", "PEPE"], late_listings=0, seed=7)
        folder = write(market.frames, out.parent / "candles")
    assert run("report", "--data", folder, "--out", out).exit_code == 0
    with opening(browser, out) as (page, said, asked):
        yield page, said, asked, out


@contextmanager
def opening(browser, out):
    page = browser.new_page(viewport=DESKTOP)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda one: asked.append(one.url))
    page.goto(out.as_uri())
    for name in PLOTS:
        page.wait_for_selector(f"#{name} .main-svg")
    yield page, said, asked
    page.close()


def test_an_odd_market_can_be_read(browser, tmp_path):
    """Names that are code, formulas, numbers or long; eight leaders; coins that stop, or lie between the others."""
    leaders = ["%{y}", "$E$", 'Q"U', "<b>S", "1E5", "2024-01-01", "NAN", "LEADERLONG"]
    coins = ["ANAMEWITHMANYLETTERS1234567890", "<script>alert(1)<", "WIF"]
    frames = dict(simulate_market(n_bars=900, assets=coins, leaders=leaders, lags=-2, late_listings=0, seed=7).frames)
    frames["STOP"] = frames["WIF"][:400]
    frames["BETWEEN"] = frames["WIF"].with_columns(pl.col("ts") + pl.duration(minutes=30))
    # Two decades of prices.
    frames["%{y}"] = frames["%{y}"].with_columns(
        pl.col("open", "high", "low", "close") * 10 ** (pl.int_range(pl.len()) / 450.0)
    )
    out = tmp_path / "report.html"
    out.write_text(report_page(market_report(frames, leaders)), encoding="utf-8")
    with opening(browser, out) as opened:
        test_nothing_fails_and_nothing_is_fetched((*opened, out))
        test_labels_can_be_read(opened)
        test_values_stand_inside_their_cells(opened)
        test_the_page_fits_a_desktop(opened)
        texts = {text["text"] for name in PLOTS for text in opened[0].evaluate(TEXTS, name)}
        assert set(leaders) <= texts
        assert "%{y} price" in texts


def test_a_short_market_has_its_labels(browser, tmp_path):
    frames = simulate_market(n_bars=200, assets=["BONK"], late_listings=0, seed=7).frames
    report = market_report({coin: frame[:10] for coin, frame in frames.items()})
    out = tmp_path / "report.html"
    out.write_text(report_page(report), encoding="utf-8")
    page = browser.new_page(viewport=DESKTOP)
    page.goto(out.as_uri())
    for name in ("beta-map", "lead-map"):
        page.wait_for_selector(f"#{name} .main-svg")
        assert {"BTC", "ETH", "BONK"} <= {text["text"] for text in page.evaluate(TEXTS, name)}
    page.close()


def test_nothing_fails_and_nothing_is_fetched(opened):
    page, said, asked, out = opened
    page.wait_for_timeout(300)
    assert said == []
    assert asked == [out.as_uri()]


def test_plots_are_present(opened):
    page = opened[0]
    for name in PLOTS:
        box = page.locator(f"#{name}").bounding_box()
        assert box["width"] > 900, name
        assert box["height"] > 300, name
    coins = page.locator("#coins tbody tr").count()
    assert page.locator("#regime-timeline .shapelayer path").count() > 3
    # A line for each run of prices, and the score.
    assert page.locator("#regime-timeline .scatterlayer .trace path.js-line").count() >= 2
    assert page.evaluate("document.querySelector('#beta-map .hm image').width.baseVal.value") > 500
    assert page.locator("#beta-map .heatmap-label text").count() == 3 * coins - 3
    assert page.locator("#lead-map .hm image").count() == 1
    circles = page.locator("#spillover-network .scatterlayer .trace").nth(1).locator("path.point").count()
    assert coins / 2 < circles <= coins
    assert page.locator("#spillover-network .annotation-arrow-g").count() >= circles - 1


def test_labels_can_be_read(opened):
    page = opened[0]
    for name in PLOTS:
        texts = [text for text in page.evaluate(TEXTS, name) if "heatmap" not in text["kind"]]
        assert len(texts) > 5
        frame = page.locator(f"#{name}").bounding_box()
        scroll = page.evaluate("window.scrollY")
        for text in texts:
            assert text["size"] >= LEAST_LETTER, (name, text)
            assert frame["x"] - 1 <= text["left"], (name, text)
            assert text["right"] <= frame["x"] + frame["width"] + 1, (name, text)
            assert frame["y"] - 1 <= text["top"] + scroll - scroll, (name, text)
        for one, other in itertools.combinations(texts, 2):
            wide = min(one["right"], other["right"]) - max(one["left"], other["left"])
            high = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
            # Boxes of turned names may touch at their corners.
            assert wide <= 4 or high <= 4, (name, one, other)


def test_values_stand_inside_their_cells(opened):
    page = opened[0]
    for name in ("beta-map", "lead-map"):
        texts = [text for text in page.evaluate(TEXTS, name) if "heatmap" in text["kind"]]
        assert texts
        columns = len({round((text["left"] + text["right"]) / 2) for text in texts})
        width = page.evaluate(f"document.querySelector('#{name} .hm image').width.baseVal.value") / columns
        assert all(text["right"] - text["left"] < width for text in texts)
        assert all(text["size"] >= LEAST_LETTER for text in texts)


def test_the_page_fits_a_desktop(opened):
    page = opened[0]
    assert page.evaluate("document.documentElement.scrollWidth") <= DESKTOP["width"]
    assert page.evaluate("[...document.querySelectorAll('.wide')].every(one => one.scrollWidth <= one.clientWidth)")


def test_the_pointer_tells_more(opened):
    page = opened[0]
    label = page.locator("#beta-map .heatmap-label text").first
    label.scroll_into_view_if_needed()
    box = label.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    # A pointer comes from somewhere.
    page.mouse.move(middle[0] + 40, middle[1])
    page.mouse.move(*middle, steps=5)
    hover = page.locator("#beta-map .hoverlayer .hovertext")
    hover.wait_for(state="attached", timeout=5000)
    assert "pairs of returns" in hover.text_content()
