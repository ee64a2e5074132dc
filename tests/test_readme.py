"""README.md and the page of the command line are true: commands exist, options are there, and so is what is public."""

from __future__ import annotations

import ast
import re
from importlib.metadata import entry_points

import polars as pl
import pytest
from click.testing import CliRunner

import comove
from comove.cli import main
from pages import DOCS, PAGES, README, ROOT, blocks_of, commands_of, name_of, run, text_of

COMMANDS = tuple(main.commands)
COMMAND_LINE = DOCS / "command-line.md"

# How the market structure is asked, whatever a page says around it.
CALLS = """
coordinator = MarketStructureCoordinator()
coordinator.update_leader_data("BTC", PriceData(timestamps=btc_times, prices=btc_prices))
beta = coordinator.get_beta("BONK", PriceData(timestamps=bonk_times, prices=bonk_prices), "BTC", current_time=now)
beta.beta, beta.r_squared
features = FeatureRecipe().build_with_market_context(bonk_df, btc_frame=btc_df, sol_frame=sol_df)
snapshot = coordinator.detect_market_regime("BONK", bonk_data, current_time=now)
snapshot.regime.value
(
    snapshot.regime_confidence,
    snapshot.leader_volatilities.get("BTC"),
    snapshot.cross_asset_correlation,
    snapshot.divergence_score,
)
"""


def the_calls():
    """The block of the README that holds them."""
    found = [block for block in blocks_of(text_of(README)) if "MarketStructureCoordinator()" in block.text]
    (block,) = found
    return block


def test_the_three_questions_are_asked_in_these_words():
    assert ast.dump(ast.parse(the_calls().text)) == ast.dump(ast.parse(CALLS))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_exists(page):
    targets = re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE)
    (script,) = entry_points(group="console_scripts", name="comove")
    assert script.load() is main
    for line, (program, *arguments) in commands_of(blocks_of(text_of(page))):
        match program:
            case "make":
                assert arguments[0] in targets, f"line {line}: no target {arguments[0]}"
            case "comove":
                assert arguments[0] in main.commands, f"line {line}: no command {arguments[0]}"
            case "pip":
                # What `make wheel` puts there.
                assert arguments == ["install", "dist/*.whl"]
            case _:
                pytest.fail(f"line {line}: nobody said that {program} is needed")
    for target in re.findall(r"`make ([a-z-]+)`", text_of(page)):
        assert target in targets


def test_the_readme_says_how_to_begin():
    seen = {(program, arguments[0]) for _, (program, *arguments) in commands_of(blocks_of(text_of(README)))}
    assert {("make", "demo"), ("make", "test"), ("make", "wheel"), ("comove", "demo")} <= seen


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_the_commands(command):
    result = CliRunner().invoke(main, [command, "--help"], prog_name="comove")
    assert result.exit_code == 0
    assert f"Usage: comove {command}" in result.output


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_option_it_shows_is_in_the_help(page):
    for line, (program, *arguments) in commands_of(blocks_of(text_of(page))):
        if program == "comove":
            help_text = CliRunner().invoke(main, [arguments[0], "--help"]).output
            for option in (argument for argument in arguments if argument.startswith("--")):
                assert option in help_text, f"line {line}: no option {option}"


def section_of(command):
    return text_of(COMMAND_LINE).partition(f"\n## comove {command}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_the_command_line_has_every_option(command):
    section = section_of(command)
    names = {name for option in main.commands[command].params for name in (*option.opts, *option.secondary_opts)}
    assert not {name for name in names if not re.search(rf"`{name}[` ]", section)}
    # And no other.
    assert set(re.findall(r"`(--[a-z-]+)", section)) <= names | {"--assets"}


def test_the_columns_of_the_results_are_explained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(blocks_of(text_of(COMMAND_LINE)), COMMAND_LINE)
    tables = {
        "leadlag": [pl.read_csv("results/leadlag.csv")],
        "spillover": [pl.read_parquet("results/spillover.parquet")],
    }
    for command, frames in tables.items():
        rows = "\n".join(re.findall(r"^\| `.*$", section_of(command), re.MULTILINE))
        missing = [name for table in frames for name in table.columns if f"`{name}`" not in rows]
        assert not missing, command
    assert sorted(file.name for file in (tmp_path / "features").iterdir()) == ["BONK.parquet", "WIF.parquet"]


def test_every_public_name_is_there():
    text = text_of(README)
    names = {*comove.__all__, *comove.live.__all__, *comove.arrays.__all__} - {"__version__"}
    missing = [name for name in sorted(names) if not re.search(rf"\b{name}\b", text)]
    assert not missing
