"""Tables of the results, for the terminal and for README.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from measure import Error, Line
from promises import Verdict

START, END = "<!-- made by run.py: start -->", "<!-- made by run.py: end -->"
PACKAGES = (
    "comove",
    "numpy",
    "polars",
    "pandas",
    "TA-Lib",
    "numbagg",
    "numba",
    "polars-ols",
    "polars-ds",
    "river",
)
EASY = "easy"


@dataclass(frozen=True)
class Table:
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def rich(self) -> RichTable:
        table = RichTable(title=self.title, title_justify="left", box=box.SIMPLE_HEAD)
        for i, name in enumerate(self.header):
            table.add_column(name, justify="left" if i < 2 else "right", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        lines = [f"### {self.title}", ""]
        if self.note:
            lines += [self.note, ""]
        lines.append("| " + " | ".join(self.header) + " |")
        lines.append("|" + "|".join("---" if i < 2 else "---:" for i in range(len(self.header))) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines)


# --- cells ---


def digits(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def error_cell(error: Error | None) -> str:
    """The error, and the rows where a value was invented or lost."""
    if error is None:
        return ""
    parts = []
    if error.judged > error.invented + error.lost:
        parts.append(f"{error.value:.0e}" if error.value else "0")
    parts += [
        f"{count}/{error.judged} {word}"
        for word, count in (("invented", error.invented), ("lost", error.lost))
        if count
    ]
    return ", ".join(parts)


def met(value: bool | None) -> str:
    return "" if value is None else "met" if value else "**missed**"


# --- tables ---


def promise_table(verdicts: Sequence[Verdict]) -> Table:
    header = ("work", "must", "aim", "measured", "fastest rival", "times faster", "must", "aim")
    rows = [(v.work, v.must, v.aim, v.measured, v.rival, v.ratio, met(v.must_met), met(v.aim_met)) for v in verdicts]
    return Table("What was promised", header, rows)


def time_table(lines: Sequence[Line]) -> Table:
    header = ("bench", "contender", "least", "median", "quartiles", "turns", "times comove", "error")
    rows = []
    for _, group in groupby(lines, key=lambda line: line.bench):
        timed = [line for line in group if line.least > 0]
        for i, line in enumerate(timed):
            rows.append(
                (
                    f"`{line.bench}`" if i == 0 else "",
                    line.contender,
                    f"{digits(line.least)} {line.unit}" if i == 0 else digits(line.least),
                    digits(line.median),
                    f"{digits(line.quartiles[0])} - {digits(line.quartiles[1])}",
                    str(line.turns),
                    f"{line.least / timed[0].least:.2f}",
                    error_cell(line.errors.get(EASY)),
                )
            )
    note = (
        "Nanoseconds a row, an update or a bar. Contenders take turns in one process; the first of a bench is the "
        "comove that the others are compared with, by the least time. The error is the largest against exact "
        "arithmetic on ordinary returns, in units of the natural scale of the reading."
    )
    return Table("Times", header, rows, note)


def latency_table(lines: Sequence[Line]) -> Table:
    header = ("bench", "contender", "mean", "p50", "p99", "p99.9", "max")
    rows = []
    for _, group in groupby((line for line in lines if line.percentiles), key=lambda line: line.bench):
        for i, line in enumerate(group):
            single = [nanoseconds_cell(line.percentiles[p]) for p in ("p50", "p99", "p99.9", "max")]
            mean = digits(line.least) if line.least else ""
            rows.append((f"`{line.bench}`" if i == 0 else "", line.contender, mean, *single))
    note = (
        "Nanoseconds of single calls. Each call is timed by itself and the median cost of two reads of the clock is "
        "taken off; percentiles are of each turn, then the median over the turns; the maximum is over all turns. "
        "The line of the clock alone is the same loop around nothing: what lies above it there is the machine, not "
        "the library. The mean is of a tight loop without a clock inside (least of the turns), so it includes the "
        "loop."
    )
    return Table("Single updates", header, rows, note)


def nanoseconds_cell(value: float) -> str:
    return f"{value:.0f}"


def error_tables(lines: Sequence[Line]) -> list[Table]:
    """One table a set of inputs."""
    judged = [line for line in lines if len(line.errors) > 1]
    by_inputs: dict[tuple[str, ...], list[Line]] = {}
    for line in judged:
        by_inputs.setdefault(tuple(line.errors), []).append(line)
    tables = []
    for inputs, group in by_inputs.items():
        rows = []
        for _, of_bench in groupby(group, key=lambda line: line.bench):
            for i, line in enumerate(of_bench):
                cells = [error_cell(line.errors[name]) for name in inputs]
                rows.append((f"`{line.bench}`" if i == 0 else "", line.contender, *cells))
        title = f"Errors: {', '.join(inputs[1:])}"
        tables.append(Table(title, ("bench", "contender", *inputs), rows))
    return tables


# --- where it was measured ---


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in found.items()}
    model = fields.get("model name", platform.machine())
    flags = fields.get("flags", "").split()
    widest = next((flag for flag in ("avx512f", "avx2") if flag in flags), "")
    family = f"family {fields['cpu family']} model {fields['model']}" if "cpu family" in fields else ""
    return ", ".join(part for part in (model, family, widest) if part)


def circumstances(command: str, date: str, seconds: float) -> list[tuple[str, str]]:
    return [
        ("date", date),
        ("command", f"`{command}`"),
        ("took", f"{seconds:.0f} s"),
        ("processor", f"{processor()}; {os.cpu_count()} cores"),
        ("system", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
        ("versions", ", ".join(f"{name} {version(name)}" for name in PACKAGES)),
    ]


def explanations(about: Mapping[str, str]) -> str:
    """What each bench measures."""
    return "\n".join(["### The benches", "", *(f"- `{name}`: {text}" for name, text in about.items())])


# --- where it goes ---


def show(tables: Sequence[Table]) -> None:
    console = Console(width=None if Console().is_terminal else 160)
    for table in tables:
        console.print(table.rich())


def write(path: Path, tables: Sequence[Table], where: Sequence[tuple[str, str]], about: Mapping[str, str]) -> None:
    """Put the tables between the marks of the README."""
    text = path.read_text()
    before, found, rest = text.partition(START)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise SystemExit(f"{path}: the marks {START} and {END} are not there")
    facts = "\n".join(f"- {name}: {value}" for name, value in where)
    body = "\n\n".join([facts, *(table.markdown() for table in tables), explanations(about)])
    path.write_text(f"{before}{START}\n{body}\n{END}{after}")
