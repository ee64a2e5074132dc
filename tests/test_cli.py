"""The command line: what it writes is right, what it says is plain, how it ends."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import check_features
from commands import run
from comove import FeatureRecipe, __version__
from comove.cli import demo as demo_module
from comove.data import simulate_market
from recorded_data import HOURS_2024, needs


@pytest.fixture
def folder(tmp_path):
    """A folder of simulated candles; one coin lists late."""
    place = tmp_path / "candles"
    place.mkdir()
    frames = simulate_market(n_bars=300, assets=["WIF", "BONK"], late_listings=1, gaps=4, bad_ticks=0, seed=2).frames
    for symbol, frame in frames.items():
        frame.write_parquet(place / f"{symbol}.parquet")
    return place


def names(folder):
    return sorted(file.name for file in folder.iterdir())


# --- demo ---


def test_demo_in_a_process_of_its_own():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "from comove.cli import main; main()", "demo"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for part in ("True and estimated betas", "BONK", "not one bit differs", "standard errors (allowed"):
        assert part in done.stdout


@pytest.mark.parametrize("seed", range(8))
def test_demo_finds_the_betas_of_any_market(seed):
    result = run("demo", "--seed", seed)
    assert result.exit_code == 0, result.output


def test_demo_fails_when_an_estimate_is_off(monkeypatch):
    honest = demo_module._measure

    def wrong(market, coin):
        first, *rest = honest(market, coin)
        return [replace(first, joint=replace(first.joint, value=first.joint.value + 0.2)), *rest]

    monkeypatch.setattr(demo_module, "_measure", wrong)
    result = run("demo")
    assert result.exit_code == 1
    assert "further from the truth than chance allows" in result.output


def test_demo_fails_when_a_bad_print_leaves_a_trace(monkeypatch):
    # A window longer than the demo believes it to be: the print is still in it where it should have left.
    window, honest = demo_module._WINDOW, FeatureRecipe

    def longer(**options):
        if options["window_size"] == window:
            options["window_size"] = window + 10
        return honest(**options)

    monkeypatch.setattr(demo_module, "FeatureRecipe", longer)
    result = run("demo")
    assert result.exit_code == 1
    assert "left a trace" in result.output


# --- features ---


def test_features_writes_what_the_recipe_builds(folder, tmp_path):
    out = tmp_path / "deep" / "out"
    result = run("features", "--data", folder, "--assets", "WIF", "--leaders", "BTC,SOL", "--window", 20, "--out", out)
    assert result.exit_code == 0, result.output
    assert names(out) == ["WIF.parquet"]
    frame, btc, sol = (pl.read_parquet(folder / f"{name}.parquet") for name in ("WIF", "BTC", "SOL"))
    built = FeatureRecipe(window_size=20).build_with_market_context(frame, btc_frame=btc, sol_frame=sol)
    built = built.drop("open", "high", "low", "volume")
    written = pl.read_parquet(out / "WIF.parquet")
    assert_frame_equal(written, built, check_exact=True)
    assert written.columns[:3] == ["ts", "close", "ret_1"]
    assert written.width == 73


@pytest.mark.parametrize(
    ("columns", "width", "first"),
    [("base", 61, "ret_1"), ("context", 10, "btc_beta"), ("rsi_14, SOL_beta,rsi_14", 2, "rsi_14")],
)
def test_columns_by_group_or_name(folder, tmp_path, columns, width, first):
    out = tmp_path / "out"
    asked = ("--assets", "WIF", "--leaders", "BTC,SOL", "--columns", columns, "--out", out)
    assert run("features", "--data", folder, *asked).exit_code == 0
    written = pl.read_parquet(out / "WIF.parquet")
    assert written.width == width + 2
    assert written.columns[2] == first


def test_all_leaves_the_leaders_out_and_the_table_says_what_there_is(folder, tmp_path):
    result = run("features", "--data", folder, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert names(tmp_path / "out") == ["BONK.parquet", "WIF.parquet"]
    written = pl.read_parquet(tmp_path / "out" / "BONK.parquet")
    assert written.columns[2:] == list(FeatureRecipe().metadata())
    line = next(line for line in result.stdout.splitlines() if line.startswith("│ BONK"))
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[1] == str(len(written))
    assert cells[2] == f"{written['ts'][0]:%Y-%m-%d %H:%M}"
    last = f"{written['btc_beta'][-1]:.2f} / {written['btc_correlation'][-1]:.2f}"
    assert cells[5].rstrip("*").strip() == last
    assert "Wrote 2 files" in result.stdout


def test_coverage_is_the_share_of_true_rows(folder, tmp_path):
    for fill in ("forward", "none", "forward_backward"):
        out = tmp_path / fill
        asked = ("--assets", "BONK", "--columns", "context", "--fill", fill)
        result = run("features", "--data", folder, "--out", out, *asked)
        line = next(line for line in result.stdout.splitlines() if line.startswith("│ BONK"))
        covered = line.split("│")[5].strip()
        missing = pl.read_parquet(out / "BONK.parquet").drop_nulls()
        if fill == "none":
            rows = pl.read_parquet(folder / "BONK.parquet").height
            assert 0 < missing.height < rows
            share = f"{missing.height / rows:.1%}"
    assert covered == share


def test_fill_options_reach_the_recipe(folder, tmp_path):
    out = tmp_path / "out"
    options = {"--fill": "none", "--returns": "log", "--fill-limit": 3}
    flat = [str(part) for pair in options.items() for part in pair]
    assert run("features", "--data", folder, "--assets", "BONK", "--out", out, *flat).exit_code == 0
    checked = check_features.check(folder, out, cells=40, fill=None, returns="log", assets=["BONK"])
    assert not checked.wrong
    assert checked.kinds["missing"]
    assert run("features", "--data", folder, "--assets", "BONK", "--out", out, "--fill-limit", 3).exit_code == 0
    assert not check_features.check(folder, out, cells=40, fill_limit=3, assets=["BONK"]).wrong


def test_symbols_in_any_case_once_and_a_leader_as_an_asset(folder, tmp_path):
    result = run(
        "features",
        "--data",
        folder,
        "--assets",
        "wif, btc,WIF,",
        "--leaders",
        "btc",
        "--out",
        tmp_path / "out",
    )
    assert result.exit_code == 0, result.output
    assert names(tmp_path / "out") == ["BTC.parquet", "WIF.parquet"]
    assert pl.read_parquet(tmp_path / "out" / "BTC.parquet")["btc_beta"][-1] == 1.0


def test_csv_folders_with_exchange_names(folder, tmp_path):
    place = tmp_path / "csv"
    place.mkdir()
    for file in folder.iterdir():
        pl.read_parquet(file).write_csv(place / f"{file.stem}USDT_1h.csv")
    assert run("features", "--data", place, "--out", tmp_path / "out").exit_code == 0
    assert run("features", "--data", folder, "--out", tmp_path / "same").exit_code == 0
    for name in ("BONK.parquet", "WIF.parquet"):
        one, other = (pl.read_parquet(tmp_path / place / name) for place in ("out", "same"))
        assert_frame_equal(one, other, check_exact=True)


def test_one_bad_file_does_not_stop_the_others(folder, tmp_path):
    (folder / "BAD.parquet").write_bytes(b"PAR1 nonsense")
    far = pl.read_parquet(folder / "BONK.parquet").with_columns(pl.col("ts").dt.offset_by("10y"))
    far.write_parquet(folder / "FAR.parquet")
    result = run("features", "--data", folder, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert names(tmp_path / "out") == ["BONK.parquet", "WIF.parquet"]
    assert "2 of 4 assets failed" in result.stderr
    assert "BAD" in result.stderr
    assert "FAR: no timestamp with a price of both" in result.stderr


def test_a_failed_write_leaves_the_old_file_and_no_draft(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert run("features", "--data", folder, "--assets", "BONK", "--out", out).exit_code == 0
    before = (out / "BONK.parquet").read_bytes()

    def full(frame, file):
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    result = run("features", "--data", folder, "--assets", "BONK", "--window", 10, "--out", out)
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert names(out) == ["BONK.parquet"]
    assert (out / "BONK.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing option '--data'"),
        (["--data", "nowhere", "--out", "out"], 2, "'nowhere' does not exist"),
        (["--data", "candles"], 2, "Missing option '--out'"),
        (["--data", "candles", "--out", "candles"], 2, "would be written over"),
        (["--data", "candles", "--out", "out", "--window", "2"], 2, "'--window': 2 is not in the range"),
        (["--data", "candles", "--out", "out", "--fill-limit", "-1"], 2, "'--fill-limit'"),
        (["--data", "candles", "--out", "out", "--fill", "zero"], 2, "'zero' is not one of"),
        (["--data", "candles", "--out", "out", "--returns", "percent"], 2, "'percent' is not one of"),
        (["--data", "candles", "--out", "out", "--columns", ","], 2, "--columns names no column"),
        (["--data", "candles", "--out", "out", "--columns", "rsi_15"], 2, "'rsi_15' is no feature"),
        (["--data", "candles", "--out", "out", "--assets", ","], 2, "--assets names no symbol"),
        (
            ["--data", "candles", "--out", "out", "--assets", "DOGE"],
            1,
            "no candle file of DOGE; there are: BONK, BTC",
        ),
        (["--data", "candles", "--out", "out", "--leaders", "BTC,XYZ"], 1, "no candle file of XYZ"),
        (["--data", "empty", "--out", "out"], 1, "no candle files"),
        (
            ["--data", "candles", "--out", "out", "--leaders", "BTC,ETH,SOL,WIF,BONK"],
            1,
            "no symbols beside the leaders",
        ),
        (["--data", "candles", "--out", "candles/BTC.parquet/out"], 1, "BTC.parquet"),
    ],
)
def test_errors_without_traceback(folder, monkeypatch, arguments, code, message):
    monkeypatch.chdir(folder.parent)
    Path("empty").mkdir()
    result = run("features", *arguments)
    assert result.exit_code == code, result.output
    assert message in " ".join(result.stderr.split())
    assert not Path("out").exists()


def test_help_and_version():
    assert run("--version").output == f"comove, version {__version__}\n"
    for arguments in (["--help"], ["demo", "--help"], ["features", "-h"]):
        result = run(*arguments)
        assert result.exit_code == 0
        assert "Usage: " in result.output
    assert "LOOKS AHEAD" in " ".join(result.output.split())


# --- a whole set of recorded candles ---


@needs(HOURS_2024)
def test_a_whole_recorded_set_against_exact_arithmetic(tmp_path):
    result = run("features", "--data", HOURS_2024, "--assets", "all", "--leaders", "BTC,ETH,SOL", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    checked = check_features.check(HOURS_2024, tmp_path, cells=440, seed=4)
    assert not checked.wrong, "\n".join(checked.wrong)
    assert checked.cells == 440
    assert {"true", "default", "carried on"} <= set(checked.kinds)
