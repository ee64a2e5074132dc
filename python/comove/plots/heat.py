"""A matrix in colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from comove import options
from comove.errors import DataError, ParameterError
from comove.options import Floats
from comove.plots.page import document, figure_html, graphs, plot_text

__all__ = ["MOST_WRITTEN", "Labels", "Scale", "heat_figure", "heat_map"]

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
MOST_WRITTEN: Final = 16
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
    texts_given = {
        "title": title,
        "value_title": value_title,
        "unit": unit,
        "row_title": row_title,
        "column_title": column_title,
    }
    for name, text in texts_given.items():
        if not isinstance(text, str):
            raise ParameterError(f"{name} must be text, got {text!r}", "type")
    row_labels, column_labels = _labels("rows", rows), _labels("columns", columns)
    values = options.table("matrix", matrix, len(row_labels), len(column_labels))
    # Of Python's floats: rounding overflows with NumPy's.
    texts = [[_number(value, digits, unit) for value in row] for row in values.tolist()]
    figure = heat_figure(
        values,
        row_labels,
        column_labels,
        texts=texts,
        title=title,
        scale=scale,
        row_title=row_title,
        column_title=column_title,
        value_title=value_title,
        unit=unit,
    )
    return document(title, figure_html(figure, with_library=True))


def heat_figure(
    values: Floats,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    texts: Sequence[Sequence[str]],
    hovers: Sequence[Sequence[str]] | None = None,
    title: str,
    scale: Scale,
    middle: float = 0.0,
    row_title: str = "",
    column_title: str = "",
    value_title: str = "",
    unit: str = "",
) -> Any:
    """Return the figure of a matrix.

    Parameters
    ----------
    values : float64, shape (r, c)
        Missing cells (NaN, infinity) are grey.
    rows, columns : sequence of r and of c different str
    texts, hovers : r by c str
        What stands in a cell, and what is told below its names where the pointer is, the former by default.
    title, scale, row_title, column_title, value_title, unit
        As in `heat_map`.
    middle : float
        White in a diverging scale.
    """
    finite = np.isfinite(values)
    lowest, highest = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (middle, middle)
    if scale == "diverging":
        reach = max(abs(lowest - middle), abs(highest - middle))
        lowest, highest = middle - reach, middle + reach
    if lowest == highest:
        # One colour needs a range too.
        margin = max(1.0, abs(lowest) / 10)
        lowest, highest = lowest - margin, highest + margin
    shown_columns, shown_rows = [plot_text(name) for name in columns], [plot_text(name) for name in rows]
    shown_unit = plot_text(unit)
    cells = [[plot_text(text) for text in row] for row in texts]
    told = (
        cells if hovers is None else [["<br>".join(map(plot_text, text.split("\n"))) for text in row] for row in hovers]
    )
    plotly = graphs()
    figure = plotly.Figure(
        plotly.Heatmap(
            # Lists, not arrays: these plotly would encode, and the page could not be searched for a value.
            # A map without any number plotly would leave out, its labels too.
            z=[
                [value if np.isfinite(value) else None if finite.any() else middle for value in row]
                for row in values.tolist()
            ],
            x=shown_columns,
            y=shown_rows,
            zmin=lowest,
            zmax=highest,
            colorscale=_COLOURS[scale] if finite.any() else [[0, _MISSING], [1, _MISSING]],
            showscale=bool(finite.any()),
            colorbar={"title": {"text": plot_text(value_title)}, "ticksuffix": shown_unit},
            xgap=1,
            ygap=1,
            customdata=[
                [f"{row} / {column}<br>{text or 'missing'}" for column, text in zip(shown_columns, line, strict=True)]
                for row, line in zip(shown_rows, told, strict=True)
            ],
            text=cells,
            texttemplate="%{text}" if len(columns) <= MOST_WRITTEN else "",
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=True,
        )
    )
    longest = max(map(len, columns), default=0)
    # Text, or plotly would take labels such as -2 for numbers and space them so; a tick for each.
    axis = {"type": "category", "tickmode": "linear", "dtick": 1, "showgrid": False, "zeroline": False}
    figure.update_layout(
        title={"text": plot_text(title), "y": 1, "yanchor": "top", "yref": "container", "pad": {"t": 16}},
        height=_FRAME + _CELL * len(rows) + _LETTER * longest,
        plot_bgcolor=_MISSING,
        margin={"t": 100 + _LETTER * longest},
        xaxis={
            **axis,
            "side": "top",
            "title": {"text": plot_text(column_title)},
            "tickangle": -90 if len(columns) > MOST_WRITTEN else None,
        },
        yaxis={**axis, "autorange": "reversed", "title": {"text": plot_text(row_title)}, "automargin": True},
    )
    return figure


def _labels(name: str, values: object) -> list[str]:
    if (
        isinstance(values, str)
        or not isinstance(values, Sequence | np.ndarray | pl.Series)
        or (isinstance(values, np.ndarray) and values.ndim != 1)
    ):
        raise ParameterError(f"{name} must be a sequence of labels, got {type(values).__name__}", "type")
    labels = [str(value) for value in values]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise DataError(f"{name} must be different, got {twice!r} twice", "symbol")
    return labels


def _number(value: float, digits: int, unit: str) -> str:
    """Return a value as it is shown; adding 0 takes the sign off a zero."""
    if not np.isfinite(value):
        return ""
    number = f"{value:.{digits}e}" if abs(value) >= _LARGE else f"{round(value, digits) + 0.0:.{digits}f}"
    return f"{number}{unit}"
