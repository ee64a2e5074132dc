"""The pages of a backtest and of an ablation in a browser: nothing fails, charts are drawn, all can be read."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
from contextlib import contextmanager

import pytest

from backtest_pages import MIXED, ablation, made, named, ruined

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the path (Debian: apt install chromium)"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="needs playwright, of the extra test"),
    pytest.mark.skipif(importlib.util.find_spec("plotly") is None, reason="needs the extra viz"),
]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
#: Pixels; smaller letters are hard to read.
LEAST_LETTER = 11
LINES = ("equity-chart", "drawdown-chart", "exposure-chart", "costs-chart")
CASES = {
    "usual": lambda: page_of(made()),
    "no trades, no BTC, one fold": lambda: page_of(made(500, 0, 1, btc=False)),
    "ruin": lambda: page_of(ruined()),
    "three bars": lambda: page_of(made(3, 1, 1)),
    "names that are code": lambda: page_of(named()),
    "ablation": lambda: ablation_of(ablation(MIXED)),
}
# Texts of a chart with their boxes, the turned ones too, and their size.
TEXTS = """
name => [...document.querySelectorAll(`#${name} text`)].filter(
  // Plotly hides ticks that have no room.
  one => one.textContent.trim() && one.getBoundingClientRect().width > 0
).map(one => {
  const box = one.getBoundingClientRect();
  return {text: one.textContent, left: box.left, right: box.right, top: box.top + scrollY, bottom: box.bottom + scrollY,
          size: parseFloat(getComputedStyle(one).fontSize)};
})
"""
SMALLEST = """
Math.min(...[...document.querySelectorAll('body *')].filter(
  one => !one.closest('svg') && [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
         && !['SCRIPT', 'STYLE'].includes(one.tagName)
).map(one => parseFloat(getComputedStyle(one).fontSize)))
"""


def page_of(report):
    from comove.backtest.page import backtest_page

    return backtest_page(report)


def ablation_of(report):
    from comove.backtest.page import ablation_page

    return ablation_page(report)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as api:
        # Without a sandbox, which a container's root has not.
        browser = api.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def usual(browser, tmp_path_factory):
    """A page that is opened once, and the report that it is of."""
    report = made()
    out = tmp_path_factory.mktemp("backtest") / "page.html"
    out.write_text(page_of(report), encoding="utf-8")
    with opening(browser, out, DESKTOP) as (page, said, _):
        yield page, said, report


@contextmanager
def opening(browser, out, size):
    page = browser.new_page(viewport=size)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda one: asked.append(one.url))
    page.goto(out.as_uri())
    for name in charts_of(page):
        page.wait_for_selector(f"#{name} .main-svg")
    yield page, said, asked
    page.close()


def charts_of(page):
    return page.evaluate("[...document.querySelectorAll('.plotly-graph-div')].map(one => one.id)")


def check_labels(page):
    for name in charts_of(page):
        texts = page.evaluate(TEXTS, name)
        assert len(texts) >= 4, name
        frame = page.evaluate(
            "name => {const box = document.getElementById(name).getBoundingClientRect();"
            " return {left: box.left, right: box.right, top: box.top + scrollY, bottom: box.bottom + scrollY}}",
            name,
        )
        for text in texts:
            assert text["size"] >= LEAST_LETTER, (name, text)
            assert frame["left"] - 1 <= text["left"], (name, text)
            assert text["right"] <= frame["right"] + 1, (name, text)
            assert frame["top"] - 1 <= text["top"], (name, text)
            assert text["bottom"] <= frame["bottom"] + 1, (name, text)
        for one, other in itertools.combinations(texts, 2):
            wide = min(one["right"], other["right"]) - max(one["left"], other["left"])
            high = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
            assert wide <= 3 or high <= 4, (name, one, other)


@pytest.mark.parametrize("case", CASES)
def test_a_page_can_be_read(browser, case, tmp_path):
    out = tmp_path / "page.html"
    out.write_text(CASES[case](), encoding="utf-8")
    with opening(browser, out, PHONE) as (page, said, asked):
        for size in (PHONE, DESKTOP):
            page.set_viewport_size(size)
            names = charts_of(page)
            assert len(names) >= (2 if case == "ablation" else 5)
            least = 900 if size is DESKTOP else 280
            for name in names:
                # Plotly follows the size of the window a little later.
                page.wait_for_function(
                    f"document.querySelector('#{name} .main-svg').getBoundingClientRect().width > {least}"
                )
                box = page.locator(f"#{name} .main-svg").first.bounding_box()
                assert box["width"] < size["width"], name
                assert 100 < box["height"] < 700, name
            check_labels(page)
            # The page does not scroll sideways; a table may, inside its box.
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.evaluate("[...document.querySelectorAll('.wide')].every(one => one.scrollWidth <= one.clientWidth)")
        assert page.evaluate(SMALLEST) >= LEAST_LETTER
        assert said == []
        assert asked == [out.as_uri()]


def test_each_line_is_drawn(usual):
    page = usual[0]
    for name, lines in zip(LINES, (3, 2, 4, 4), strict=True):
        paths = page.locator(f"#{name} .scatterlayer .trace path.js-line")
        assert paths.count() == lines, name
        assert all(paths.nth(place).bounding_box()["width"] > 900 for place in range(lines)), name
    assert page.locator("#equity-chart .shapelayer path").count() == 5
    assert page.locator("#turnover-chart .barlayer .point").count() == 11
    assert page.locator("#spread-chart .barlayer .point").count() > 20


def test_the_scale_can_be_switched_by_keyboard(usual):
    page, said, _ = usual
    kind = "document.getElementById('equity-chart').layout.yaxis.type"
    button = page.get_by_role("button", name="Logarithmic scale")
    assert button.get_attribute("aria-pressed") == "false"
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"{kind} === 'log'")
    assert button.get_attribute("aria-pressed") == "true"
    page.wait_for_timeout(200)
    check_labels(page)
    page.keyboard.press("Enter")
    page.wait_for_function(f"{kind} === 'linear'")
    assert button.get_attribute("aria-pressed") == "false"
    assert said == []


def test_the_pointer_tells_the_values(usual):
    page, _, report = usual
    page.locator("#equity-chart").scroll_into_view_if_needed()
    box = page.locator("#equity-chart .nsewdrag").first.bounding_box()
    # A pointer comes from somewhere.
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100, steps=5)
    hover = page.locator("#equity-chart .hoverlayer")
    hover.locator("text").first.wait_for(state="attached", timeout=5000)
    # The label follows the pointer a moment later.
    page.wait_for_timeout(300)
    told = hover.text_content()
    assert all(name in told for name in ("strategy", "holding BTC", "equal weight"))
    row = next(row for row in report.equity.iter_rows(named=True) if f"{row['ts']:%Y-%m-%d %H:%M}" in told)
    for name in ("equity", "btc", "equal"):
        # A chart holds seven digits, of which it shows six.
        assert f"{float(f'{row[name]:.7g}'):,.6g}" in told, (name, row[name], told)


def test_what_is_drawn_has_names(usual):
    page = usual[0]
    for name in charts_of(page):
        assert page.locator(f"[role=figure]:has(#{name})").get_attribute("aria-label"), name
    assert page.evaluate(
        "[...document.querySelectorAll('section')].every("
        "one => document.getElementById(one.getAttribute('aria-labelledby')).textContent.endsWith('?'))"
    )
    # A box that scrolls can be reached by keyboard, and each link of the list leads to a part.
    assert page.evaluate("[...document.querySelectorAll('.wide')].every(one => one.tabIndex === 0)")
    assert page.evaluate(
        "[...document.querySelectorAll('nav a')].every(one => document.querySelector(one.getAttribute('href')))"
    )
    assert page.evaluate(
        "[...document.querySelectorAll('table')].every(one => one.caption && one.querySelector('tbody th[scope=row]'))"
    )
