"""The table of columns in docs/features.md, from the metadata. `python tests/feature_table.py` writes it."""

from __future__ import annotations

from pathlib import Path

from comove import FeatureRecipe
from comove.features import BASE_COLUMNS

PAGE = Path(__file__).parents[1] / "docs" / "features.md"
START, END = (f"<!-- made by tests/feature_table.py: {word} -->" for word in ("start", "end"))


def bounds(column):
    low, high = column.range
    if low is None and high is None:
        return "any"
    return f"{'' if low is None else f'{low:g}'}..{'' if high is None else f'{high:g}'}"


def table():
    columns = [*BASE_COLUMNS.values(), *FeatureRecipe(ages=True).metadata(["BTC"]).values()]
    lines = ["| column | definition | inputs | lookback | warm-up | range | unit | source |", "|" + "---|" * 8]
    seen = set()
    for column in columns:
        if column.name in seen:
            continue
        seen.add(column.name)
        inputs = ", ".join(name.replace("_close", ".close") for name in column.inputs) or "ts"
        cells = [f"`{column.name}`", column.definition, inputs, str(column.lookback), str(column.warm_up)]
        lines.append(f"| {' | '.join([*cells, bounds(column), column.unit, column.source])} |")
    return "\n".join(lines)


def page(text):
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
