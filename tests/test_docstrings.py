"""The examples in the docstrings run: those of the package, of the compiled classes and of their stubs."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import comove

STUB = Path(comove.__file__).with_name("_comove.pyi")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def of_module(name):
    """The docstrings of a module, with or without examples, in its own namespace."""
    finder = doctest.DocTestFinder(exclude_empty=False)
    return finder.find(importlib.import_module(name), name)


def of_stub(path):
    """The docstrings of a stub, which cannot be imported."""
    parser = doctest.DocTestParser()
    found = []

    def visit(node, name):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            # The line of the docstring, counted from 0.
            line = node.body[0].lineno - 1
            found.append(parser.get_doctest(text, {"__name__": "__main__"}, name, str(path), line))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, DOCUMENTED):
                visit(child, f"{name}.{child.name}")

    visit(ast.parse(path.read_text()), path.name)
    return found


MODULES = ["comove", *(module.name for module in pkgutil.walk_packages(comove.__path__, "comove."))]
DOCSTRINGS = [docstring for name in MODULES for docstring in of_module(name)] + of_stub(STUB)
EXAMPLES = {docstring.name: docstring for docstring in DOCSTRINGS if docstring.examples}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name):
    told = []
    # What comes after a failed line would only fail because of it.
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.FAIL_FAST)
    result = runner.run(EXAMPLES[name], out=told.append)
    assert not result.failed, "".join(told)
    assert result.attempted == len(EXAMPLES[name].examples)


@pytest.mark.parametrize(
    "name",
    [
        "comove.arrays.lags.cross_correlation",
        "comove.arrays.lags.lag_scan",
        "comove.arrays.spillover.parkinson",
        "comove.arrays.pairs.rolling_beta",
        "comove.arrays.spillover.rolling_spillover",
        "comove.connectedness.rolling.rolling_diebold_yilmaz",
        "comove.connectedness.static.diebold_yilmaz",
        "comove.data.align.align",
        "comove.data.candles.read_candles",
        "comove.data.simulate.simulate_market",
        "comove.expressions.base_features",
        "comove.expressions.cross_correlation",
        "comove.expressions.rolling_beta",
        "comove.expressions.rolling_spillover",
        "comove.features.look_ahead.audit",
        "comove.features.recipe.FeatureRecipe",
        "comove.features.recipe.FeatureRecipe.build",
        "comove.features.stream.FeatureStream",
        "comove.live.LagScanner",
        "comove.live.Panel",
        "comove.live.RollingPair",
        "comove.live.SpilloverMonitor",
        "comove.plots.heat.heat_map",
        "comove.structure.calculators.BetaCalculator",
        "comove.structure.calculators.LeadLagTracker",
        "comove.structure.coordinator.MarketStructureCoordinator",
        "comove.structure.prices.PriceData",
        "comove.ticks.calls.lead_lag",
        "comove.ticks.lags.lag_grid",
        "_comove.pyi.EwmPair",
        "_comove.pyi.JointPair",
        "_comove.pyi.LagScanner",
        "_comove.pyi.Panel",
        "_comove.pyi.RollingPair",
        "_comove.pyi.RollingPair.from_bytes",
        "_comove.pyi.SpilloverMonitor",
    ],
)
def test_examples_are_found(name):
    assert name in EXAMPLES


def test_a_wrong_example_fails(tmp_path):
    path = tmp_path / "wrong.pyi"
    path.write_text('def f() -> int:\n    """Return 1.\n\n    >>> 1 + 1\n    3\n    """\n')
    (example,) = (docstring for docstring in of_stub(path) if docstring.examples)
    told = []
    assert doctest.DocTestRunner(verbose=False).run(example, out=told.append).failed == 1
    assert f'File "{path}", line 4, in wrong.pyi.f' in "".join(told)


def test_sections_are_underlined():
    """A formatter that takes a heading for text joins it with its line of dashes."""
    for docstring in DOCSTRINGS:
        lines = docstring.docstring.splitlines()
        for above, line in zip(["", *lines], lines, strict=False):
            assert not re.search(r"\w -{3,}", line), f"{docstring.name}: {line.strip()}"
            if re.fullmatch(r"\s*-{3,}\s*", line):
                assert len(line.rstrip()) == len(above.rstrip()), f"{docstring.name}: {above.strip()}"
