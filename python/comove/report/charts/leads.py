"""Who moves first, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from comove.plots.heat import heat_figure
from comove.report.contents import MarketReport
from comove.report.words import UNKNOWN_NUMBER, fits
from comove.surveys.leads import BOTH, NOBODY
from comove.surveys.significance import LEVEL, evidence, p_text

__all__ = ["lead_map"]


def lead_map(report: MarketReport) -> Any:
    """Return the figure, the strongest evidence for a leader on top: red the leader first, blue the asset."""
    found = {(row["asset"], row["leader"]): row for row in report.leads.iter_rows(named=True)}
    leaders = [leader for leader in report.leaders if any(leader == other for _, other in found)]
    assets = list(dict.fromkeys(asset for asset, _ in found))
    cells = [[found.get((asset, leader)) for leader in leaders] for asset in assets]
    texts = [["" if cell is None else str(cell["verdict"]) for cell in row] for row in cells]
    if not fits(texts, assets):
        texts = [[_short(cell) for cell in row] for row in cells]
    values = np.array([[_evidence(cell) for cell in row] for row in cells], dtype=np.float64)
    figure = heat_figure(
        values.reshape(len(assets), len(leaders)),
        assets,
        leaders,
        texts=texts,
        hovers=[[_told(cell) for cell in row] for row in cells],
        title="",
        scale="diverging",
        value_title="-log10 p",
    )
    figure.update_layout(margin={"t": 50, "r": 20, "b": 30})
    # Colours from p = 0.05 on either side; a map without any evidence is pale.
    reach = max(float(np.nanmax(np.abs(values), initial=0.0)), 2.0 * -math.log10(LEVEL))
    figure.update_traces(zmin=-reach, zmax=reach)
    return figure


def _evidence(row: Mapping[str, Any] | None) -> float:
    """Return -log10 of the smaller p-value of a pair, negative where it says that the asset moves first."""
    if row is None or row["lead_p"] is None or row["follow_p"] is None:
        return np.nan
    lead, follow = row["lead_p"], row["follow_p"]
    return evidence(lead) if lead <= follow else -evidence(follow)


def _short(row: Mapping[str, Any] | None) -> str:
    """Return a verdict in a word, said of the leader."""
    if row is None or row["verdict"] == NOBODY:
        return ""
    if row["lead_p"] is None:
        return UNKNOWN_NUMBER
    if row["verdict"] == BOTH:
        return "both"
    return "leads" if row["verdict"].startswith(f"{row['leader']} leads ") else "follows"


def _told(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "one and the same, or the same pair the other way round"
    if row["lead_p"] is None or row["lag"] is None:
        return str(row["verdict"])
    return "\n".join([
        str(row["verdict"]),
        f"strongest at lag {row['lag']}: corr {row['corr']:.2f}",
        f"in the same candle: corr {row['corr_same']:.2f}",
        f"p {row['leader']} first {p_text(row['lead_p'])}, for all pairs together {p_text(row['lead_p_adjusted'])}",
        f"p {row['asset']} first {p_text(row['follow_p'])}, for all pairs together {p_text(row['follow_p_adjusted'])}",
        f"{row['n']} pairs of returns",
    ])  # fmt: skip
