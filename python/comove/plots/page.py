"""Figures of plotly as parts of an HTML page that holds all it needs."""

from __future__ import annotations

import html
import importlib
from typing import Any, Final

from comove.errors import ComoveError

__all__ = ["check_plotly", "document", "figure_html", "graphs", "plot_text"]

_CONFIG: Final = {"displaylogo": False, "responsive": True}


def check_plotly() -> None:
    """Refuse to begin what is to end in a plot without plotly.

    Raises
    ------
    ComoveError
        plotly is not installed.
    """
    for module in ("graph_objects", "io"):
        _plotly(module)


def graphs() -> Any:
    """Return the module of plotly's figures."""
    return _plotly("graph_objects")


def figure_html(figure: Any, *, with_library: bool, name: str | None = None) -> str:
    """Return a figure as the element of a page.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    with_library : bool
        Whether plotly.js comes with it; a page needs it once, in its first figure.
    name : str, optional
        Of the element, so that the page is the same whenever it is made; plotly draws one by default.
    """
    text: str = _plotly("io").to_html(
        figure, full_html=False, include_plotlyjs=with_library, include_mathjax=False, config=_CONFIG, div_id=name
    )
    return text


def plot_text(text: str) -> str:
    """Return a text so that a plot shows it as it is.

    Plotly knows no ``&quot;``, and takes what stands between two dollars for a formula.
    """
    return html.escape(text, quote=False).replace("$", "&#36;")


def document(title: str, body: str, style: str = "") -> str:
    """Return a page; `title` is text, the others are HTML and CSS."""
    styles = f"<style>{style}</style>" if style else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title>{styles}</head>\n<body>{body}</body>\n</html>\n"
    )


def _plotly(module: str) -> Any:
    try:
        return importlib.import_module(f"plotly.{module}")
    except ImportError as error:
        raise ComoveError("plots need plotly, which is not installed: pip install comove[viz]", "extra") from error
