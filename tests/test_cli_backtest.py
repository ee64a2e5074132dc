"""`comove backtest`: a folder of candles in, a folder with tables and a page out, the same bytes when run again."""

from __future__ import annotations

import json

import polars as pl
import pytest

from commands import run, write
from comove.backtest import Report
from comove.cli.backtest_options import read_asked
from comove.data import simulate_market

CONFIG = """
horizon = 6
sources = ["alpha", "structure"]
[market]
leaders = ["BTC", "ETH"]
window_size = 60
lag_window = 60
[decisions]
enter_at = 0.505
cost = 0.0
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with candles of five coins, a strategy and costs."""
    folder = tmp_path_factory.mktemp("place")
    market = simulate_market(n_bars=500, assets=["AAA", "BBB"], late_listings=0, seed=7)
    write(market.frames, folder / "candles")
    (folder / "strategy.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "costs.toml").write_text("fee = 0.0005\nfunding_rate = 0.0\n", encoding="utf-8")
    return folder


def backtest(place, out, *more):
    return run(
        "backtest", "--config", place / "strategy.toml", "--data", place / "candles", "--out", out,
        "--train", 100, "--folds", 2, "--workers", 1, *more,
    )  # fmt: skip


def files_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def done(place):
    out = place / "out"
    return backtest(place, out, "--costs", place / "costs.toml", "--assets", "aaa,BBB"), out


def test_the_folder_holds_tables_figures_and_the_page(done):
    result, out = done
    assert result.exit_code == 0, result.output
    assert sorted(files_of(out)) == [
        "attribution.parquet", "decisions.parquet", "equity.parquet", "metrics.json", "report.html", "report.json",
        "run.json", "strategy.comove", "trades.parquet",
    ]  # fmt: skip
    report = Report.read(out)
    # Of the leaders those of the strategy, not SOL.
    assert report.symbols == ("AAA", "BBB", "BTC", "ETH")
    assert report.costs["fee"] == 0.0005
    assert report.options["horizon"] == 6
    assert len(report.folds) == 2
    assert report.equity.height == 400
    assert json.loads((out / "metrics.json").read_text(encoding="utf-8")) == report.metrics
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_what_is_printed_is_what_the_report_says(done):
    result, out = done
    report = Report.read(out)
    gained = report.equity["equity"][-1] / report.capital - 1.0
    assert f"{gained:+.1%}" in result.stdout
    assert f"{report.equity['costs'].sum():,.2f} for trading" in result.stdout
    assert f"{report.trades.height} trade" in result.stdout
    assert "bars" in result.stderr


def test_the_same_command_again_gives_the_same_bytes(place, done):
    result, out = done
    before = files_of(out)
    again = backtest(place, out, "--costs", place / "costs.toml", "--assets", "aaa,BBB")
    assert (again.exit_code, again.stdout) == (0, result.stdout)
    assert files_of(out) == before
    other = place / "other"
    assert backtest(place, other, "--costs", place / "costs.toml", "--assets", "AAA,BBB").exit_code == 0
    assert files_of(other) == before


def test_another_run_into_the_same_folder_is_refused(place, done):
    result = backtest(place, done[1], "--assets", "AAA,BBB")
    assert result.exit_code == 1
    assert "holds another run: costs differ" in " ".join(result.stderr.split())


def test_from_and_until_cut_the_candles(place, tmp_path):
    result = backtest(place, tmp_path / "cut", "--from", "2024-01-03", "--until", "2024-01-10T12:00:00")
    assert result.exit_code == 0, result.output
    times = Report.read(tmp_path / "cut").equity["ts"]
    assert times[0].isoformat() == "2024-01-07T04:00:00+00:00"
    assert times[-1].isoformat() == "2024-01-10T11:00:00+00:00"


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (("--assets", "XYZ"), 1, "no candle file of XYZ"),
        (("--folds", 0), 2, "--folds"),
        (("--training", "all"), 2, "--training"),
        (("--from", "yesterday"), 2, "--from"),
        (("--from", "2030-01-01"), 1, "no candles between"),
        (("--train", 499), 1, "need at least 503 bars, got 500"),
        (("--seed", -1), 2, "--seed"),
    ],
)
def test_what_cannot_be_done_is_said(place, tmp_path, more, code, says):
    result = backtest(place, tmp_path / "out", *more)
    assert result.exit_code == code
    assert says in " ".join(result.stderr.split())
    assert not (tmp_path / "out" / "report.json").exists()


@pytest.mark.parametrize(
    ("option", "text", "says"),
    [
        ("--config", "horizon = 0", "horizon"),
        ("--config", "[markets]", "markets"),
        ("--costs", "fee = 2.0", "fee"),
        ("--costs", "fees = 0.1", "fees"),
    ],
)
def test_files_of_options_are_checked(place, tmp_path, option, text, says):
    file = tmp_path / "options.toml"
    file.write_text(text, encoding="utf-8")
    result = run("backtest", "--data", place / "candles", "--out", tmp_path / "out", option, file)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_folder_of_the_candles_is_not_that_of_the_tables(place):
    before = files_of(place / "candles")
    result = backtest(place, place / "candles")
    assert result.exit_code == 2
    assert "--out must be another folder than --data" in " ".join(result.stderr.split())
    assert files_of(place / "candles") == before


def asked(data, **more):
    return read_asked(**{
        "config": None, "data": data, "assets": "all", "first": None, "last": None, "folds": 1, "train": 1,
        "training": "rolling", "embargo": 0, "agent": False, "workers": 1, "seed": 0, "costs_file": None, **more,
    })  # fmt: skip


def test_a_column_of_funding_is_read_too(place, tmp_path):
    frame = pl.read_parquet(place / "candles" / "BTC.parquet")
    write({"BTC": frame.with_columns(funding=0.001, other=1), "AAA": frame}, tmp_path / "candles")
    frames = asked(tmp_path / "candles").frames
    assert frames["BTC"]["funding"].unique().to_list() == [0.001]
    assert frames["BTC"].columns == [*frames["AAA"].columns, "funding"]


def test_leaders_are_found_in_any_case(place, tmp_path):
    frame = pl.read_parquet(place / "candles" / "BTC.parquet")
    write({"btc": frame, "aaa": frame}, tmp_path / "candles")
    assert sorted(asked(tmp_path / "candles").frames) == ["BTC", "aaa"]


def test_no_leader_in_the_folder_is_said(place, tmp_path):
    write({"AAA": pl.read_parquet(place / "candles" / "AAA.parquet")}, tmp_path / "candles")
    result = run("backtest", "--data", tmp_path / "candles", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "none of the strategy's leaders" in " ".join(result.stderr.split())


def test_the_costs_that_are_printed_are_the_usual_ones(place, tmp_path):
    printed = run("config", "--costs")
    file = tmp_path / "costs.toml"
    file.write_text(printed.stdout, encoding="utf-8")
    data = place / "candles"
    assert asked(data, costs_file=file).costs == asked(data).costs
