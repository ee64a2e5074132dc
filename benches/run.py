"""Measure comove side by side with other libraries, and write the tables of README.md.

make bench                      everything, about twenty minutes; writes README.md
make bench BENCH_ARGS=--quick   tiny sizes: does every bench run?
make bench BENCH_ARGS="--only corr/batch --only panel"
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from measure import Bench, Line, Scale

HERE = Path(__file__).resolve().parent
RIVALS = ("numba", "numbagg", "pandas", "polars_ds", "polars_ols", "pyarrow", "river", "talib")
# Read once, when a library is imported.
THREAD_VARIABLES = (
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)
DEFAULT_THREADS = "features, recipe and cross_correlation, default threads"


def benches(threads: str) -> list[Bench]:
    """The benches, imported only now: the number of threads must be set before."""
    sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
    import ablation
    import batch
    import features
    import lag_panel
    import lags
    import live
    import orchestrator
    import panel
    import recipe
    import spillover
    import structure
    import ticks
    from measure import Bench

    if threads == "default":
        return [*features.BENCHES, *recipe.BENCHES, *lags.BENCHES_OF_POLARS]
    child = Bench(DEFAULT_THREADS, "", in_another_process)
    modules = (batch, live, lags, spillover, panel, lag_panel, structure, orchestrator, ticks, features, ablation)
    return [*(bench for module in modules for bench in module.BENCHES), *recipe.BENCHES, *recipe.ALONE, child]


def in_another_process(scale: Scale) -> list[Line]:
    """The benches of Polars once more, with as many threads as it takes by itself; those are fixed at import."""
    from measure import QUICK, Error, Line

    if os.cpu_count() == 1:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.json"
        command = [sys.executable, __file__, "--threads", "default", "--json", str(path)]
        environment = {k: v for k, v in os.environ.items() if k not in THREAD_VARIABLES}
        subprocess.run(
            [*command, *(["--quick"] if scale == QUICK else [])],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        found = json.loads(path.read_text())["lines"]
    return [
        Line(**{**line, "errors": {name: Error(**error) for name, error in line["errors"].items()}}) for line in found
    ]


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="Tiny sizes; nothing is written.")
@click.option("--only", multiple=True, metavar="TEXT", help="Benches whose name contains TEXT; nothing is written.")
@click.option("--list", "listed", is_flag=True, help="The names of the benches.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the results there too.")
@click.option("--readme", type=click.Path(path_type=Path), default=HERE / "README.md", show_default=False)
@click.option("--threads", type=click.Choice(["one", "default"]), default="one", hidden=True)
def main(quick: bool, only: tuple[str, ...], listed: bool, json_path: Path | None, readme: Path, threads: str) -> None:
    missing = [name for name in RIVALS if find_spec(name) is None]
    if missing:
        raise click.ClickException(f"not installed: {', '.join(missing)}; `make bench` installs them")
    if threads == "one":
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    chosen = [b for b in benches(threads) if not only or any(text in b.name for text in only)]
    if listed:
        click.echo("\n".join(bench.name for bench in chosen))
        return
    if not chosen:
        raise click.UsageError(f"no bench has a name that contains {' or '.join(only)}")

    import table
    from measure import FULL, QUICK
    from promises import verdicts

    began, lines = time.monotonic(), []
    for bench in chosen:
        start = time.monotonic()
        lines += bench.run(QUICK if quick else FULL)
        click.echo(f"{time.monotonic() - start:6.1f} s  {bench.name}", err=True)
    promised = verdicts(lines)
    tables = [table.time_table(lines)]
    if any(line.percentiles for line in lines):
        tables.append(table.latency_table(lines))
    tables += table.error_tables(lines)
    if promised:
        tables.insert(0, table.promise_table(promised))
    table.show(tables)
    if json_path:
        results = {"lines": [asdict(line) for line in lines], "verdicts": [asdict(v) for v in promised]}
        json_path.write_text(json.dumps(results, indent=1))
    if not (quick or only or threads == "default"):
        about = {bench.name: bench.about for bench in chosen if bench.about}
        facts = table.circumstances("make bench", time.strftime("%Y-%m-%d"), time.monotonic() - began)
        table.write(readme, tables, facts, about)
        click.echo(f"written to {readme}", err=True)


if __name__ == "__main__":
    main()
