"""Options as TOML files: what is printed is read back, and what is wrong is told by name."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from functools import reduce

import pytest

from commands import run
from comove import ParameterError
from comove.engine import DecisionOptions, OrchestratorOptions
from comove.engine.assembly import plain_options, read_options
from comove.engine.files import options_text, read_options_file, read_options_text


def test_the_usual_options_are_printed_and_read_back():
    result = run("config", "--default")
    assert result.exit_code == 0
    assert result.stdout == options_text()
    assert read_options_text(result.stdout) == OrchestratorOptions()


def test_every_option_is_there_with_its_documentation():
    lines = options_text().splitlines()
    seen = 0

    def look(options, top=True):
        nonlocal seen
        for each in fields(options):
            value = getattr(options, each.name)
            if is_dataclass(value):
                look(value, top=False)
            elif top or each.name != "horizon":
                places = [
                    at for at, line in enumerate(lines) if line.startswith((f"{each.name} =", f"# {each.name} ="))
                ]
                assert places, each.name
                assert all(lines[at - 1].startswith("# ") for at in places), each.name
                seen += 1

    look(OrchestratorOptions())
    assert seen > 100
    assert max(map(len, lines)) <= 120


def test_changed_options_are_printed_and_read_back(tmp_path):
    file = tmp_path / "strategy.toml"
    file.write_text('capital = 500\nsources = ["alpha", "rl"]\npolicy = "a.npz"\n[decisions]\nenter_at = 0.6\n')
    options = read_options_file(file)
    assert (options.capital, options.sources, options.policy) == (500.0, ("alpha", "rl"), "a.npz")
    assert options.decisions == DecisionOptions(enter_at=0.6)
    result = run("config", "--check", file)
    assert result.exit_code == 0
    assert read_options_text(result.stdout) == options
    assert tomllib.loads(result.stdout)["decisions"]["enter_at"] == 0.6


def test_one_horizon_for_all():
    options = read_options_text("horizon = 12")
    each = [options.ensemble, options.alpha.combined, options.alpha.trend, options.patterns, options.similarity]
    assert {part.horizon for part in each} == {12}
    assert replace(options, horizon=6).regime.horizon == 6


WRONG = {
    "capital = 0": "capital must be finite and above 0, got 0",
    "capital = nan": "capital must be finite and above 0, got nan",
    "capitol = 1": "no option 'capitol'; there are capital, horizon",
    "[risk]\nmax_drawdawn = 1": "no option 'risk.max_drawdawn'; there are risk.base_fraction",
    "[risk]\nmax_drawdown = 2": "risk: max_drawdown must be",
    '[market]\nleaders = "BTC"': "market.leaders: Expected `array`, got `str`",
    "[ensemble]\nhorizon = 3": "no option 'ensemble.horizon'",
    "[alpha.trend]\nprior = true": "alpha.trend.prior: Expected `float`, got `bool`",
    'sources = ["oracle"]': "sources must be one of 'alpha'",
    'sources = ["rl", "rl"]': "sources must be different",
    "horizon = 0": "horizon must be at least 1, got 0",
    "x": "is no TOML",
    "x = " + 5_000 * "[": "is nested too deep",
    "x = " + 5_000 * "{x = ": "is nested too deep",
    "risk = 3": "risk: Expected `table`, got `int`",
    "[decisions]\nhold_rows.x = 1": "decisions.hold_rows: Expected `int`, got `table`",
    "policy = 3": "policy: Expected `str`, got `int`",
    "[risk]\nstop_basis = 'atrs'": "risk.stop_basis: must be one of 'sigma', 'atr', got 'atrs'",
    "[decisions]\nenter_at = 0.5": "enter_at must be above 0.5",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:30])
def test_what_is_wrong_is_told_by_name(text, tmp_path):
    with pytest.raises(ParameterError) as caught:
        read_options_text(text)
    assert WRONG[text] in str(caught.value)
    file = tmp_path / "strategy.toml"
    file.write_text(text)
    result = run("config", "--check", file)
    assert result.exit_code == 2
    assert "strategy.toml" in result.stderr


def test_a_mark_before_the_text_is_no_text(tmp_path):
    file = tmp_path / "strategy.toml"
    file.write_text("horizon = 6\r\n", encoding="utf-8-sig")
    assert read_options_file(file).horizon == 6


def leaves(options, path=()):
    """The place of each option."""
    for each in fields(options):
        value = getattr(options, each.name)
        if is_dataclass(value):
            yield from leaves(value, (*path, each.name))
        elif not path or each.name != "horizon":
            yield (*path, each.name)


def put(options, path, value):
    """The options with another value in a place."""
    name, *rest = path
    return replace(options, **{name: put(getattr(options, name), rest, value) if rest else value})


def others(value):
    """Values of the type of another; some of them are out of bounds."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, 2 * value]
    if isinstance(value, float):
        return [0.9 * value, 1.1 * value, 1 / 3, 1e-7, 0.7, None]
    if isinstance(value, tuple):
        return [value[::-1], value[:-1], ("A\"\\'é\n#=", "[x]", 40 * "\U0001f680")]
    if isinstance(value, str) or value is None:
        return ['a "b" \\c\t\x00\x1f\x7f\u2028.policy', "sigma", "atr", 3, 0.3, None]
    return [{"alpha": 2.0, 'a b"': 0.1, "\U0001f680\x7f": 1 / 3}]


@pytest.mark.parametrize("path", list(leaves(OrchestratorOptions())), ids=".".join)
def test_each_option_is_printed_and_read_back(path):
    usual, changed = OrchestratorOptions(), []
    for value in others(reduce(getattr, path, usual)):
        with suppress(ParameterError):
            changed.append(put(usual, path, value))
    changed = [each for each in changed if each != usual]
    assert changed
    for options in changed:
        assert read_options_text(options_text(options)) == options
        assert read_options(plain_options(options)) == options


def test_not_text(tmp_path):
    file = tmp_path / "strategy.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ParameterError, match="UTF-8"):
        read_options_file(file)


def test_one_of_both_is_needed():
    assert run("config").exit_code == 2
    assert "--default" in run("config").stderr
