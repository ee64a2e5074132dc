"""Parts of a page as HTML: sections, charts with a legend and a name, tables, lists."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from comove.plots.page import figure_html

__all__ = ["chart", "key", "log_switch", "section", "table"]


def section(name: str, question: str, words: str, *contents: str) -> str:
    """Return a part of the page under a question.

    Parameters
    ----------
    name : str
        Of the element.
    question : str
        Text.
    words, contents : str
        HTML: how to read it, and what there is to read.
    """
    return (
        f'<section id="{name}" aria-labelledby="{name}-question"><h2 id="{name}-question">{html.escape(question)}</h2>'
        f"<p>{words}</p>{''.join(contents)}</section>"
    )


def chart(figure: Any, name: str, label: str, *, keys: Sequence[str] = (), first: bool = False) -> str:
    """Return a chart that a screen reader can name, below what its colours mean.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    name : str
        Of the element.
    label : str
        Text.
    keys : sequence of str
        From `key`. Words of the page and not of the chart, so that they wrap where the screen is narrow.
    first : bool
        Whether it brings plotly.js, as one on the page must.
    """
    legend = f'<p class="keys">{" ".join(keys)}</p>' if keys else ""
    drawn = figure_html(figure, with_library=first, name=name)
    return f'{legend}<div class="chart" role="figure" aria-label="{html.escape(label)}">{drawn}</div>'


def key(words: str, colour: str, *, dash: str = "solid") -> str:
    """Return an entry of a legend; `dash` is "solid", "dashed", "dotted" or "box"."""
    mark = (
        f'<i class="box" style="background:{colour}"></i>'
        if dash == "box"
        else f'<i style="border-top:3px {dash} {colour}"></i>'
    )
    return f'<span class="key">{mark}{html.escape(words)}</span>'


def log_switch(name: str) -> str:
    """Return a button that turns the scale of the upright axis of a chart from even to logarithmic and back."""
    # The type is set with `autorange`, or plotly would read the old range as powers of ten.
    script = (
        f"const on=this.getAttribute('aria-pressed')!=='true';this.setAttribute('aria-pressed',on);"
        f"Plotly.relayout('{name}',{{'yaxis.type':on?'log':'linear','yaxis.autorange':true}})"
    )
    return (
        f'<button type="button" class="switch" aria-pressed="false" aria-controls="{name}" onclick="{script}">'
        "Logarithmic scale</button>"
    )


def table(
    name: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    kinds: Sequence[str],
    *,
    caption: str,
    row_heads: bool = True,
) -> str:
    """Return a table that scrolls inside its box where the screen is narrow.

    Parameters
    ----------
    name : str
        Of the element.
    head : sequence of str
        Texts.
    rows : iterable of rows of str
        HTML of the cells; a cell that begins with ``<td`` is taken as it is.
    kinds : sequence of str
        Classes of the columns.
    caption : str
        Text, for screen readers and above the table.
    row_heads : bool
        Whether the first cell of a row names it.
    """
    top = "".join(
        f'<th scope="col" class="{kind}">{html.escape(cell)}</th>' for kind, cell in zip(kinds, head, strict=True)
    )
    body = "\n".join(
        "<tr>"
        + "".join(_cell(cell, kind, row_heads and place == 0) for place, (kind, cell) in _with(kinds, row))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{html.escape(caption)}"><table id="{name}">'
        f"<caption>{html.escape(caption)}</caption><thead><tr>{top}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _with(kinds: Sequence[str], row: Sequence[str]) -> Iterable[tuple[int, tuple[str, str]]]:
    return enumerate(zip(kinds, row, strict=True))


def _cell(cell: str, kind: str, heads: bool) -> str:
    if cell.startswith("<td"):
        return cell
    return f'<th scope="row" class="{kind}">{cell}</th>' if heads else f'<td class="{kind}">{cell}</td>'
