"""Pages of plots hold their data and all their code."""

from __future__ import annotations

import html
import json
import re
import sys

import numpy as np
import polars as pl
import pytest

from comove.errors import ComoveError, DataError, ParameterError
from comove.plots import heat_map

MATRIX = [[0.5, -0.25, np.nan], [-2.0, 1.0, np.inf]]
ROWS = ["BONK", "WIF"]
LAGS = [-1, 0, 1]


def parts(page):
    """The traces and the layout, as the page gives them to plotly."""
    start = page.rindex("Plotly.newPlot(")
    decoder = json.JSONDecoder()
    traces_at = page.index("[", start)
    traces, end = decoder.raw_decode(page, traces_at)
    layout, _ = decoder.raw_decode(page, page.index("{", end))
    return traces, layout


def test_the_page_holds_the_data():
    (trace,), layout = parts(heat_map(MATRIX, ROWS, LAGS, title="Lead and lag", unit=" %", value_title="corr"))
    assert trace["z"] == [[0.5, -0.25, None], [-2.0, 1.0, None]]
    assert (trace["y"], trace["x"]) == (ROWS, ["-1", "0", "1"])
    assert trace["text"] == [["0.50 %", "-0.25 %", ""], ["-2.00 %", "1.00 %", ""]]
    assert trace["customdata"][0][1:] == ["BONK / 0<br>-0.25 %", "BONK / 1<br>missing"]
    assert layout["title"]["text"] == "Lead and lag"
    # Lags are labels: else plotly would place them by their size.
    assert layout["xaxis"]["type"] == layout["yaxis"]["type"] == "category"
    assert layout["yaxis"]["autorange"] == "reversed"


def test_the_page_needs_no_network():
    page = heat_map(MATRIX, ROWS, LAGS, title="t")
    assert "plotly.js v" in page
    # plotly.js itself holds addresses in strings; what counts is what the page asks a browser to fetch.
    assert not re.search(
        r"<(script|link|img|iframe)\b[^>]*\b(src|href)=", re.sub(r"<script.*?</script>", "", page, flags=re.S)
    )
    assert not re.search(r"<script[^>]*\bsrc=", page)
    assert not re.search(r"@import|url\(\s*['\"]?https?:", page)


@pytest.mark.parametrize(
    ("scale", "matrix", "limits"),
    [
        ("diverging", MATRIX, (-2, 2)),
        ("diverging", [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], (-3, 3)),
        ("sequential", MATRIX, (-2, 1)),
        ("diverging", np.zeros((2, 3)), (-1, 1)),
        ("sequential", np.full((2, 3), 7), (6, 8)),
        ("sequential", np.full((2, 3), np.nan), (-1, 1)),
        ("sequential", np.full((2, 3), 1e20), (9e19, 1.1e20)),
    ],
)
def test_limits_of_the_colours(scale, matrix, limits):
    (trace,), _ = parts(heat_map(matrix, ROWS, LAGS, title="t", scale=scale))
    assert (trace["zmin"], trace["zmax"]) == limits


def test_numbers_as_large_as_they_come():
    (trace,), _ = parts(heat_map([[1e308, -1e308, 999.5]], ["A"], LAGS, title="t"))
    assert trace["text"] == [["1.00e+308", "-1.00e+308", "999.50"]]


@pytest.mark.parametrize("of", [np.array, pl.Series, tuple])
def test_labels_of_any_kind(of):
    (trace,), _ = parts(heat_map(MATRIX, of(ROWS), of(LAGS), title="t"))
    assert (trace["y"], trace["x"]) == (ROWS, ["-1", "0", "1"])


def test_diverging_is_white_at_zero():
    (diverging,), _ = parts(heat_map(MATRIX, ROWS, LAGS, title="t"))
    # Eleven colours of ColorBrewer, the middle one near white, red at the upper end.
    at, colour = diverging["colorscale"][5]
    assert (at, colour) == (0.5, "rgb(247,247,247)")
    assert diverging["colorscale"][-1][1] == "rgb(103,0,31)"


def test_fifty_coins_have_a_label_each():
    names = [f"COIN{j}" for j in range(50)]
    (trace,), layout = parts(heat_map(np.eye(50), names, names, title="t"))
    assert layout["xaxis"]["dtick"] == layout["yaxis"]["dtick"] == 1
    assert layout["xaxis"]["tickangle"] == -90
    assert layout["height"] > 50 * 20
    # No room for numbers in the cells; they are shown on hovering.
    assert not trace["texttemplate"]
    assert parts(heat_map(MATRIX, ROWS, LAGS, title="t"))[0][0]["texttemplate"]


def test_names_cannot_run_code():
    evil = "</script><script>alert(1)</script>"
    page = heat_map(MATRIX, [evil, "<b>x</b>"], LAGS, title=evil, value_title=evil, row_title=evil, unit=evil)
    assert evil not in page
    (trace,), _ = parts(page)
    assert trace["y"] == [html.escape(evil), "&lt;b&gt;x&lt;/b&gt;"]


def test_names_are_shown_as_they_are():
    """Plotly knows no &quot;, and takes what stands between two dollars for a formula."""
    (trace,), _ = parts(heat_map(MATRIX, ['Q"U', "$E$"], LAGS, title="t"))
    assert trace["y"] == ['Q"U', "&#36;E&#36;"]


def test_a_map_without_numbers_has_its_labels():
    """Plotly draws no map without a number, and no axis of one that it does not draw."""
    (trace,), _ = parts(heat_map(np.full((2, 3), np.nan), ROWS, LAGS, title="t"))
    assert trace["z"] == [[0.0] * 3] * 2
    assert {colour for _, colour in trace["colorscale"]} == {"#b8b8b8"}
    assert trace["showscale"] is False
    assert trace["customdata"][1][2] == "WIF / 1<br>missing"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"scale": "rainbow"}, ParameterError, "scale must be one of 'diverging', 'sequential', got 'rainbow'"),
        ({"decimals": -1}, ParameterError, "decimals must be at least 0, got -1"),
        ({"rows": "AB"}, ParameterError, "rows must be a sequence of labels, got str"),
        ({"rows": ["A", "B", "C"]}, DataError, r"matrix must have shape \(3, 3\), got \(2, 3\)"),
        ({"rows": ["A&", "A&"]}, DataError, "rows must be different, got 'A&' twice"),
        ({"matrix": [["x", "y", "z"]] * 2}, DataError, "matrix must be numeric"),
        ({"rows": np.array([["A"], ["B"]])}, ParameterError, "rows must be a sequence of labels, got ndarray"),
        ({"rows": {"A", "B"}}, ParameterError, "rows must be a sequence of labels, got set"),
        ({"title": 5}, ParameterError, "title must be text, got 5"),
        ({"row_title": None}, ParameterError, "row_title must be text, got None"),
        ({"column_title": 1}, ParameterError, "column_title must be text, got 1"),
        ({"value_title": b"x"}, ParameterError, "value_title must be text, got b'x'"),
        ({"unit": 1}, ParameterError, "unit must be text, got 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changes, error, message):
    given = {"matrix": MATRIX, "rows": ROWS, "columns": LAGS, "title": "t", **changes}
    with pytest.raises(error, match=message):
        heat_map(**given)


def test_without_plotly_the_message_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "plotly"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(ComoveError, match=r"pip install comove\[viz\]") as caught:
        heat_map(MATRIX, ROWS, LAGS, title="t")
    assert caught.value.code == "extra"
