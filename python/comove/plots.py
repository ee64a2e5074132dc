"""Plots as HTML pages that need no network: plotly.js is inside them. Needs the extra `viz`."""

from __future__ import annotations

import html
import importlib
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from comove import options
from comove.errors import ComoveError, DataError, ParameterError

__all__ = ["Labels", "Scale", "check_plotly", "heat_map"]

Scale: TypeAlias = Literal["diverging", "sequential"]
Labels: TypeAlias = Sequence[object] | npt.NDArray[Any] | pl.Series

#: Blue below 0, white at it, red above; white to blue. Both are told apart by the colour-blind (ColorBrewer RdBu,
#: Blues).
_COLOURS: Final = {"diverging": "RdBu_r", "sequential": "Blues"}
_MISSING: Final = "#b8b8b8"
#: Pixels of a cell's height, of the frame around the cells, and of a letter of a label.
_CELL: Final = 22
_FRAME: Final = 180
_LETTER: Final = 7
#: The most columns whose cells still have room for their values.
_MOST_WRITTEN: Final = 16
#: Numbers from here on have no digits after the point.
_LARGE: Final = 1e15


def heat_map(
    matrix: object,
    rows: Labels,
    columns: Labels,
    *,
    title: str,
    scale: Scale = "diverging",
    row_title: str = "",
    column_title: str = "",
    value_title: str = "",
    unit: str = "",
    decimals: int = 2,
) -> str:
    """Return a matrix in colours, as an HTML page that opens without a network.

    Parameters
    ----------
    matrix : float64, shape (r, c)
        Missing cells (NaN, infinity) are grey.
    rows, columns : sequence, array or Series of r and of c different labels
        Anything with a text, such as symbols or lags. The first row is on top.
    title : str
    scale : {"diverging", "sequential"}
        "diverging" is white at 0 and reaches as far to either side, for what has a sign; "sequential" goes from the
        least value to the largest.
    row_title, column_title, value_title : str
        What the rows, the columns and the colours are.
    unit : str
        Follows values, as in " %".
    decimals : int, 0 to 12
        Digits after the point of the values shown.

    Returns
    -------
    str
        About 5 MB, nearly all of it plotly.js.

    Raises
    ------
    ComoveError
        plotly is not installed.
    DataError
        `matrix` is not numeric or has another shape, or a label comes twice.
    ParameterError
        An unknown `scale`, `decimals` out of bounds, labels that are no sequence, a title or `unit` that is no text.

    Notes
    -----
    Labels and titles are shown as they are, whatever characters they hold.

    Examples
    --------
    >>> from comove.plots import heat_map
    >>> page = heat_map([[0.9, -0.2], [0.1, 0.4]], ["BONK", "WIF"], ["BTC", "ETH"], title="Correlation")
    >>> page.startswith("<!DOCTYPE html>")
    True
    """
    options.choice("scale", scale, get_args(Scale))
    digits = options.whole("decimals", decimals, least=0, most=12, because="")
    # As text in HTML.
    title, value_title, unit = _html("title", title), _html("value_title", value_title), _html("unit", unit)
    row_title, column_title = _html("row_title", row_title), _html("column_title", column_title)
    row_labels, column_labels = _labels("rows", rows), _labels("columns", columns)
    values = options.table("matrix", matrix, len(row_labels), len(column_labels))
    values = np.where(np.isfinite(values), values, np.nan)
    shown = values[np.isfinite(values)]
    lowest, highest = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 0.0)
    if scale == "diverging":
        highest = max(abs(lowest), abs(highest))
        lowest = -highest
    if lowest == highest:
        # One colour needs a range too.
        margin = max(1.0, abs(lowest) / 10)
        lowest, highest = lowest - margin, highest + margin
    # Of Python's floats: rounding overflows with NumPy's.
    texts = [[_text(value, digits, unit) for value in row] for row in values.tolist()]
    graphs = _plotly("graph_objects")
    figure = graphs.Figure(
        graphs.Heatmap(
            # Lists, not arrays: these plotly would encode, and the page could not be searched for a value.
            z=[[None if np.isnan(value) else value for value in row] for row in values.tolist()],
            x=column_labels,
            y=row_labels,
            zmin=lowest,
            zmax=highest,
            colorscale=_COLOURS[scale],
            colorbar={"title": {"text": value_title}, "ticksuffix": unit},
            xgap=1,
            ygap=1,
            customdata=[
                [f"{row} / {column}<br>{text or 'missing'}" for column, text in zip(column_labels, line, strict=True)]
                for row, line in zip(row_labels, texts, strict=True)
            ],
            text=texts,
            texttemplate="%{text}" if len(column_labels) <= _MOST_WRITTEN else "",
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=True,
        )
    )
    longest = max(map(len, column_labels), default=0)
    # Text, or plotly would take labels such as -2 for numbers and space them so; a tick for each.
    axis = {"type": "category", "tickmode": "linear", "dtick": 1, "showgrid": False, "zeroline": False}
    figure.update_layout(
        title={"text": title, "y": 1, "yanchor": "top", "yref": "container", "pad": {"t": 16}},
        height=_FRAME + _CELL * len(row_labels) + _LETTER * longest,
        plot_bgcolor=_MISSING,
        margin={"t": 100 + _LETTER * longest},
        xaxis={
            **axis,
            "side": "top",
            "title": {"text": column_title},
            "tickangle": -90 if len(column_labels) > _MOST_WRITTEN else None,
        },
        yaxis={**axis, "autorange": "reversed", "title": {"text": row_title}, "automargin": True},
    )
    body = _plotly("io").to_html(figure, full_html=False, include_plotlyjs=True, include_mathjax=False)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body>{body}</body>\n</html>\n"
    )


def check_plotly() -> None:
    """Refuse to begin what is to end in a plot without plotly.

    Raises
    ------
    ComoveError
        plotly is not installed.
    """
    for module in ("graph_objects", "io"):
        _plotly(module)


def _plotly(module: str) -> Any:
    try:
        return importlib.import_module(f"plotly.{module}")
    except ImportError as error:
        raise ComoveError("plots need plotly, which is not installed: pip install comove[viz]", "extra") from error


def _labels(name: str, values: object) -> list[str]:
    if (
        isinstance(values, str)
        or not isinstance(values, Sequence | np.ndarray | pl.Series)
        or (isinstance(values, np.ndarray) and values.ndim != 1)
    ):
        raise ParameterError(f"{name} must be a sequence of labels, got {type(values).__name__}", "type")
    # Plotly reads a small part of HTML in labels.
    labels = [html.escape(str(value)) for value in values]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise DataError(f"{name} must be different, got {html.unescape(twice)!r} twice", "symbol")
    return labels


def _html(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ParameterError(f"{name} must be text, got {value!r}", "type")
    return html.escape(value)


def _text(value: float, digits: int, unit: str) -> str:
    """Return a value as it is shown; adding 0 takes the sign off a zero."""
    if np.isnan(value):
        return ""
    number = f"{value:.{digits}e}" if abs(value) >= _LARGE else f"{round(value, digits) + 0.0:.{digits}f}"
    return f"{number}{unit}"
