"""`comove leadlag`: planted leaders are found and named, nobody is made one, files hold what was printed."""

from __future__ import annotations

import json
import re
import sys

import click
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from commands import needs_plotly, printed, run, trace_of, write
from comove import arrays
from comove.cli import leadlag_report
from comove.cli.console import open_console
from comove.cli.folder import write_whole
from comove.data import align, simulate_market
from comove.surveys.significance import holm
from recorded_data import HOURS_2024, MINUTES, present

# WIF follows BTC by two candles, FAST is three ahead of it, BONK and PEPE move with it.
LAGS = {"WIF": -2, "BONK": 0, "FAST": 3, "PEPE": 0}


def market(lags, seed=1, **options):
    options = {"late_listings": 1, "gaps": 4, "bad_ticks": 0, "n_bars": 1500, **options}
    return simulate_market(assets=list(LAGS), leaders=["BTC"], lags=lags, seed=seed, **options).frames


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    frames = market([[lag] for lag in LAGS.values()])
    return write(frames, tmp_path_factory.mktemp("planted") / "candles")


def read(result, out):
    assert result.exit_code == 0, result.output
    return pl.read_csv(out)


def test_planted_leaders_are_found_and_said(planted):
    result = run("leadlag", "--data", planted, "--leaders", "BTC")
    assert result.exit_code == 0, result.output
    rows = {row[0]: row for row in printed(result)}
    assert {asset: row[-1] for asset, row in rows.items()} == {
        "WIF": "BTC leads by 2 candles",
        "FAST": "FAST leads by 3 candles",
        "BONK": "nobody leads",
        "PEPE": "nobody leads",
    }
    assert rows["WIF"][3] == "-2 (2 h before)"
    assert rows["FAST"][3] == "3 (3 h after)"
    # The strongest evidence for the leader is on top.
    assert printed(result)[0][0] == "WIF"
    assert "Found: BTC leads WIF; FAST leads BTC." in " ".join(result.stdout.split())


def test_nobody_leads_where_nobody_does(tmp_path):
    # Holm: over 20 markets of 4 pairs, one wrong verdict is expected; more than 4 have a chance of 0.3 %.
    wrong = 0
    for seed in range(20):
        folder = write(market(0, seed, n_bars=600), tmp_path / str(seed))
        table = read(
            run("leadlag", "--data", folder, "--leaders", "BTC", "--out", tmp_path / "o.csv"), tmp_path / "o.csv"
        )
        wrong += int((table["verdict"] != "nobody leads").any())
        assert (table["corr_same"] > 0).all()
    assert wrong <= 4


def test_numbers_are_those_of_the_library(planted, tmp_path):
    out = tmp_path / "deep" / "pairs.csv"
    table = read(run("leadlag", "--data", planted, "--leaders", "BTC", "--max-lag", 6, "--out", out), out)
    for row in table.iter_rows(named=True):
        frames = {name: pl.read_parquet(planted / f"{name}.parquet") for name in (row["asset"], "BTC")}
        grid = align(frames, how="outer").frame.filter(pl.col("ts") <= frames[row["asset"]]["ts"][-1])
        y, x = grid.select(pl.exclude("ts") / pl.exclude("ts").shift(1) - 1).to_numpy()[1:].T.copy()
        start = max(np.flatnonzero(np.isfinite(side))[0] for side in (y, x))
        y, x = y[start:], x[start:]
        size = len(y) - 6
        scan = arrays.lag_scan(y, x, window_size=size, max_lag=6, min_samples=size // 2, inference=True)
        for column, name in {"lead_p": "lead_p_value", "follow_p": "follow_p_value"}.items():
            assert row[column] == scan[name][-1]
        for name in ("lag", "corr", "llr", "n", "p_value"):
            assert row[name] == scan[name][-1]
        cross = arrays.cross_correlation(y, x, window_size=size, max_lag=6, min_samples=size // 2)
        assert row["corr_same"] == cross[-1, 6]
        assert row["lag_seconds"] == 3600 * row["lag"]


def test_a_window_takes_the_last_candles(planted, tmp_path):
    out = tmp_path / "pairs.csv"
    options = ["--leaders", "BTC", "--assets", "PEPE", "--window", 200, "--returns", "log", "--out", out]
    (row,) = read(run("leadlag", "--data", planted, *options), out).to_dicts()
    frames = {name: pl.read_parquet(planted / f"{name}.parquet") for name in ("PEPE", "BTC")}
    grid = align(frames, how="outer").frame
    y, x = np.diff(np.log(grid.drop("ts").to_numpy().T))
    scan = arrays.lag_scan(y[-210:], x[-210:], window_size=200, min_samples=100, inference=True)
    assert row["lead_p"] == pytest.approx(scan["lead_p_value"][-1], rel=1e-9)
    assert row["corr"] == pytest.approx(scan["corr"][-1], abs=1e-12)


def test_the_formats_hold_the_same(planted, tmp_path):
    frames = []
    for ending, reader in {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}.items():
        out = tmp_path / f"pairs.{ending}"
        result = run("leadlag", "--data", planted, "--leaders", "BTC", "--out", out)
        assert result.exit_code == 0, result.output
        assert f"Wrote 4 pairs to {out}" in " ".join(result.stdout.split())
        frames.append(reader(out))
    for other in frames[1:]:
        assert_frame_equal(frames[0], other, check_exact=False, rel_tol=1e-14, abs_tol=0.0)
    assert len(json.loads((tmp_path / "pairs.json").read_text())) == 4


def test_leaders_among_themselves_and_each_pair_once(tmp_path):
    folder = write(simulate_market(n_bars=300, assets=["WIF"], late_listings=0, bad_ticks=0).frames, tmp_path / "in")
    out = tmp_path / "pairs.csv"
    table = read(run("leadlag", "--data", folder, "--sort", "asset", "--out", out), out)
    pairs = sorted(zip(table["asset"], table["leader"], strict=True))
    assert pairs == [("ETH", "BTC"), ("SOL", "BTC"), ("SOL", "ETH"), ("WIF", "BTC"), ("WIF", "ETH"), ("WIF", "SOL")]
    only = read(run("leadlag", "--data", folder, "--assets", "btc", "--leaders", "ETH,btc", "--out", out), out)
    assert only.select("asset", "leader").rows() == [("BTC", "ETH")]


@pytest.mark.parametrize(
    ("sort", "column", "descending"),
    [("lead", "lead_p", False), ("follow", "follow_p", False), ("llr", "llr", True), ("asset", "asset", False)],
)
def test_the_ranking(planted, tmp_path, sort, column, descending):
    out = tmp_path / "pairs.csv"
    result = run("leadlag", "--data", planted, "--leaders", "BTC", "--sort", sort, "--top", 2, "--out", out)
    table = read(result, out)
    assert table[column].to_list() == sorted(table[column], reverse=descending)
    assert [row[0] for row in printed(result)] == table["asset"][:2].to_list()
    assert "2 more pairs" in " ".join(result.stdout.split())


def test_too_little_data_is_said_and_not_tested(planted, tmp_path):
    place = tmp_path / "in"
    frames = {file.stem: pl.read_parquet(file) for file in planted.iterdir()}
    frames["NEW"] = frames["PEPE"][-25:]
    frames["AWAY"] = frames["PEPE"].with_columns(pl.col("ts").dt.offset_by("3650d"))
    write(frames, place)
    out = tmp_path / "pairs.csv"
    result = run("leadlag", "--data", place, "--leaders", "BTC", "--out", out)
    table = read(result, out)
    little = table.filter(pl.col("lead_p").is_null())
    assert dict(little.select("asset", "verdict").rows()) == {"AWAY": "no common candles", "NEW": "too little data"}
    assert little["lag"].null_count() == little["lead_p_adjusted"].null_count() == 2
    assert "Not tested: 1 pair (no common candles), 1 pair (too little data)." in " ".join(result.stdout.split())
    # The two are no tests: 4 pairs, 8 p-values.
    assert "all 8 p-values" in " ".join(result.stdout.split())
    table = read(run("leadlag", "--data", planted, "--leaders", "BTC", "--window", 5, "--out", out), out)
    assert set(table["verdict"]) == {"too little data"}


def test_the_reason_of_no_test_is_the_true_one(planted, tmp_path):
    btc, pepe = (pl.read_parquet(planted / f"{name}.parquet") for name in ("BTC", "PEPE"))
    hours = pl.col("ts").dt.hour()
    prices = ("open", "high", "low", "close")
    frames = {
        "BTC": btc,
        "STUCK": pepe.with_columns(pl.lit(2.0).alias(name) for name in prices),
        # Its one move comes so late that no move of BTC follows it.
        "ONCE": btc.with_columns(
            pl.when(pl.int_range(pl.len()) < pl.len() - 1).then(1.0).otherwise(2.0).alias(name) for name in prices
        ),
        "SLOW": pepe.filter(hours % 4 == 0),
        "TURNS": pepe.filter(hours % 4 == 1).vstack(pepe.filter(hours % 4 == 2)).sort("ts"),
        "HOLES": pepe.with_columns(close=pl.when(hours % 2 == 0).then("close")),
        "EMPTY": pepe.with_columns(close=pl.lit(None, pl.Float64)),
    }
    out = tmp_path / "pairs.csv"
    result = run("leadlag", "--data", write(frames, tmp_path / "in"), "--leaders", "BTC", "--out", out)
    table = read(result, out)
    assert dict(table.select("asset", "verdict").rows()) == {
        "STUCK": "STUCK does not vary",
        "ONCE": "ONCE hardly varies",
        "SLOW": "candles differ in length",
        "TURNS": "too little data",
        "HOLES": "candles differ in length",
        "EMPTY": "no common candles",
    }
    assert "(STUCK does not vary)" in " ".join(result.stdout.split())


def test_one_pair_is_one_pair(planted, tmp_path):
    out = tmp_path / "pairs.csv"
    result = run("leadlag", "--data", planted, "--leaders", "BTC", "--assets", "WIF", "--out", out)
    said = " ".join(result.stdout.split())
    assert "Of 1 pair without any lead" in said
    assert "1 pairs" not in said.replace("1 of 1 pairs", "")


def test_pairs_that_lead_each_other_are_named(capsys):
    table = pl.DataFrame({"asset": ["WIF"], "leader": ["BTC"], "lead_p": [1e-9], "verdict": ["each leads the other"]})
    leadlag_report.explain(table, 10, open_console())
    assert "Found: WIF and BTC lead each other." in " ".join(capsys.readouterr().out.split())


def test_the_help_says_what_the_file_holds(planted, tmp_path):
    out = tmp_path / "pairs.csv"
    table = read(run("leadlag", "--data", planted, "--leaders", "BTC", "--out", out), out)
    page = run("leadlag", "--help").output
    for column in table.columns:
        assert re.search(rf"^  [a-z_, ]*\b{column}\b", page, re.MULTILINE), column
    assert "1<=x<=4096" in page


def test_one_bad_file_does_not_stop_the_others(planted, tmp_path):
    folder = write({file.stem: pl.read_parquet(file) for file in planted.iterdir()}, tmp_path / "in")
    (folder / "BAD.parquet").write_bytes(b"PAR1 nonsense")
    spoilt = pl.read_parquet(folder / "PEPE.parquet").with_columns(close=-pl.col("close"))
    spoilt.write_parquet(folder / "PEPE.parquet")
    out = tmp_path / "pairs.csv"
    result = run("leadlag", "--data", folder, "--leaders", "BTC", "--out", out)
    assert result.exit_code == 1
    assert "2 of 6 symbols failed" in result.stderr
    assert "close -" in result.stderr
    assert sorted(pl.read_csv(out)["asset"]) == ["BONK", "FAST", "WIF"]


@needs_plotly
def test_the_heat_map_holds_the_data(planted, tmp_path):
    page, out = tmp_path / "map.html", tmp_path / "pairs.csv"
    result = run("leadlag", "--data", planted, "--leaders", "BTC", "--plot", page, "--out", out)
    table = read(result, out)
    trace = trace_of(page)
    assert trace["y"] == table["asset"].to_list()
    assert trace["x"] == [str(lag) for lag in range(-10, 11)]
    assert [row[10] for row in trace["z"]] == table["corr_same"].to_list()
    result = run("leadlag", "--data", planted, "--leaders", "BTC,WIF", "--plot", page, "--out", out)
    table = read(result, out)
    trace = trace_of(page)
    assert trace["x"] == ["BTC", "WIF"]
    by_pair = {(row["asset"], row["leader"]): row["lead_p"] for row in table.iter_rows(named=True)}
    for asset, values in zip(trace["y"], trace["z"], strict=True):
        for leader, value in zip(trace["x"], values, strict=True):
            p_value = by_pair.get((asset, leader))
            expected = None if p_value is None else min(10.0, -np.log10(max(p_value, 1e-10)))
            assert value == (expected if expected is None else pytest.approx(expected))


def test_without_plotly_the_message_says_what_to_install(planted, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    # Before any work: not one candle is read.
    monkeypatch.setattr("comove.cli.folder.read_with", None)
    for command, leaders in (("leadlag", "--leaders"), ("spillover", "--sources")):
        result = run(command, "--data", planted, leaders, "BTC", "--plot", tmp_path / "map.html")
        assert result.exit_code == 1
        assert "pip install comove[viz]" in result.stderr
        assert not (tmp_path / "map.html").exists()


@pytest.mark.parametrize("option", ["--out", "--plot"])
def test_a_place_that_cannot_be_written_is_found_before_the_work(planted, tmp_path, monkeypatch, option):
    monkeypatch.setattr("comove.cli.folder.read_with", None)
    monkeypatch.setattr("comove.cli.folder.check_plotly", lambda: None)
    (tmp_path / "file").touch()
    name = "pairs.csv" if option == "--out" else "map.html"
    for target in (tmp_path / "file" / name, tmp_path / "file" / "deep" / name, tmp_path / (300 * "x" + name)):
        for command, leaders in (("leadlag", "--leaders"), ("spillover", "--sources")):
            result = run(command, "--data", planted, leaders, "BTC", option, target)
            assert result.exit_code == 1, result.output
            assert f"cannot write {target}: " in " ".join(result.stderr.split())
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_what_fails_later_names_the_target(tmp_path):
    def fail(draft):
        raise FileNotFoundError(f"No such file or directory (os error 2): {draft}")

    target = tmp_path / "pairs.csv"
    with pytest.raises(click.ClickException) as caught:
        write_whole(target, fail)
    message = f"cannot write {target}: No such file or directory (os error 2): {target}"
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing option '--data'"),
        (["--data", "candles", "--max-lag", "0"], 2, "'--max-lag'"),
        (["--data", "candles", "--window", "2"], 2, "--window must be 0 or at least 3, got 2"),
        (["--data", "candles", "--returns", "percent"], 2, "'percent' is not one of"),
        (["--data", "candles", "--sort", "size"], 2, "'size' is not one of"),
        (["--data", "candles", "--out", "pairs.xlsx"], 2, "--out must end in .csv or .parquet or .json"),
        (["--data", "candles", "--plot", "map.png"], 2, "--plot must end in .html"),
        (["--data", "candles", "--out", "candles/pairs.csv"], 2, "--out must be in another folder than --data"),
        (["--data", "candles", "--leaders", "ETH"], 1, "no candle file of ETH; there are: BONK, BTC"),
        (["--data", "candles", "--leaders", "BTC", "--assets", "BTC"], 1, "no pair of an asset and another leader"),
        (["--data", "empty"], 1, "no candle files"),
    ],
)
def test_errors_without_traceback(planted, monkeypatch, tmp_path, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "candles").symlink_to(planted, target_is_directory=True)
    (tmp_path / "empty").mkdir()
    result = run("leadlag", *arguments)
    assert result.exit_code == code, result.output
    assert message in " ".join(result.stderr.split())


def test_holm_on_numbers_worked_by_hand():
    given = np.array([0.01, 0.04, np.nan, 0.03, 0.005])
    np.testing.assert_allclose(holm(given), [0.03, 0.06, np.nan, 0.06, 0.02], rtol=1e-15)
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).tolist() == []


@pytest.mark.parametrize("folder", [HOURS_2024, MINUTES], ids=lambda folder: folder.name)
def test_recorded_candles(folder, tmp_path):
    present(folder)
    out = tmp_path / "pairs.csv"
    result = run("leadlag", "--data", folder, "--top", 0, "--out", out)
    table = read(result, out)
    coins = len(list(folder.glob("*.parquet")))
    assert len(printed(result)) == len(table) == 3 * (coins - 3) + 3
    # The whole market moves together, in the same candle.
    assert (table["lag"] == 0).all()
    assert "too little data" not in set(table["verdict"])
    assert max(len(line) for line in result.stdout.splitlines() if not line.startswith("Wrote")) <= 120
