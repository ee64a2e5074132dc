"""`comove spillover`: shared turbulence is found, none is made up, files hold what was printed."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from commands import DATA, HOURS, MINUTES, printed, run, trace_of, write
from comove import arrays
from comove.cli.spacing import spacing_of
from comove.connectedness import diebold_yilmaz, log_range_volatility
from comove.data import align, simulate_market
from comove.live import SpilloverMonitor

needs_plotly = pytest.mark.skipif(importlib.util.find_spec("plotly") is None, reason="needs the extra viz")


@pytest.fixture(scope="module")
def frames():
    """Coins that move with BTC, one that has nothing to do with it, and one that lists late."""
    frames = simulate_market(
        n_bars=2000, assets=["WIF", "BONK"], leaders=["BTC"], noise=0.5, late_listings=0, bad_ticks=0, gaps=3, seed=3
    ).frames
    alone = simulate_market(n_bars=2000, assets=["X"], leaders=["Y"], late_listings=0, bad_ticks=0, gaps=0, seed=77)
    return {**frames, "ALONE": alone.frames["Y"], "LATE": frames["WIF"][1500:]}


@pytest.fixture(scope="module")
def folder(frames, tmp_path_factory):
    return write(frames, tmp_path_factory.mktemp("spill") / "candles")


def read(result, out):
    assert result.exit_code == 0, result.output
    return pl.read_csv(out)


def test_shared_turbulence_is_found_and_none_is_made_up(folder, tmp_path):
    out = tmp_path / "pairs.csv"
    result = run("spillover", "--data", folder, "--sources", "BTC", "--out", out)
    verdicts = dict(read(result, out).select("asset", "verdict").rows())
    assert verdicts["WIF"] == verdicts["BONK"] == "rise together"
    assert verdicts["ALONE"] == "not shown"
    assert {row[0]: row[-1] for row in printed(result) if row[1] == "BTC"} == verdicts


def test_numbers_are_those_of_the_library(frames, folder, tmp_path):
    out = tmp_path / "deep" / "pairs.csv"
    table = read(run("spillover", "--data", folder, "--sources", "BTC", "--out", out), out)
    result = diebold_yilmaz(log_range_volatility({name: frames[name] for name in ("BTC", "ALONE", "BONK", "WIF")}))
    for row in table.iter_rows(named=True):
        grid = align({name: frames[name] for name in (row["asset"], "BTC")}, how="outer", column=("high", "low")).frame
        sides = grid.drop("ts").to_numpy().T.copy()
        start = int(np.flatnonzero(np.isfinite(sides).all(axis=0))[0])
        y, x = list(sides[:2, start:]), list(sides[2:, start:])
        found = arrays.rolling_spillover(
            y,
            x,
            window_size=len(y[0]),
            min_samples=len(y[0]) // 2,
            vol="parkinson",
            both=True,
            inference=True,
            spacing=row["spacing"],
        )
        given = {"stderr": "coefficient_stderr", "p_value": "coefficient_p_value"}
        for name in ("coefficient", "corr", "r_squared", "half_life", "n", "reverse_coefficient", *given):
            assert row[name] == found[given.get(name, name)][-1], name
        if row["asset"] == "LATE":
            assert row["net_from_source"] is None
        else:
            at = [result.names.index(name) for name in ("BTC", row["asset"])]
            assert row["net_from_source"] == pytest.approx(result.net_pairwise[at[0], at[1]], abs=1e-9)


def test_the_table_of_connectedness_leaves_late_coins_out_and_says_so(frames, folder, tmp_path):
    out = tmp_path / "pairs.parquet"
    result = run("spillover", "--data", folder, "--sources", "BTC", "--lags", 2, "--horizon", 5, "--out", out)
    assert result.exit_code == 0, result.output
    assert "would remain with them: LATE." in " ".join(result.stdout.split())
    written = pl.read_parquet(tmp_path / "pairs_connectedness.parquet")
    names = ["BTC", "ALONE", "BONK", "WIF"]
    expected = diebold_yilmaz(log_range_volatility({name: frames[name] for name in names}), 2, 5)
    assert_frame_equal(written, expected.to_frame(), abs_tol=1e-9)
    ranked = [row for row in printed(result) if len(row) == 6]
    order = np.argsort(-expected.net)
    assert [row[0] for row in ranked] == [names[i] for i in order]
    assert [row[3] for row in ranked] == [f"{expected.net[i]:+.1f}" for i in order]
    assert f"Total: {expected.total:.1f} %" in " ".join(result.stdout.split())
    for row in ranked:
        signs = {np.sign(float(value)) for value in [row[3], *row[4].split()]}
        assert row[5] == ("not steady" if len(signs) > 1 else "gives" if 1 in signs else "takes")


def test_without_connectedness(folder, tmp_path):
    out = tmp_path / "pairs.csv"
    result = run("spillover", "--data", folder, "--sources", "BTC", "--no-connectedness", "--out", out)
    table = read(result, out)
    assert table["net_from_source"].null_count() == len(table)
    assert "Givers" not in result.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["pairs.csv"]


def test_too_short_for_connectedness_is_said(folder):
    result = run("spillover", "--data", folder, "--assets", "WIF", "--sources", "BTC", "--window", 12)
    assert result.exit_code == 0, result.output
    assert "No table of connectedness: " in " ".join(result.stdout.split())


@pytest.mark.parametrize("vol", ["garman_klass", "rolling"])
def test_other_volatilities(frames, folder, tmp_path, vol):
    out = tmp_path / "pairs.csv"
    chosen = ["--vol", vol, "--window", 400, *(["--vol-window", 10] if vol == "rolling" else [])]
    options = ["--sources", "BTC", "--assets", "WIF", "--no-connectedness", "--out", out]
    (row,) = read(run("spillover", "--data", folder, *options, *chosen), out).to_dicts()
    columns = ("close",) if vol == "rolling" else ("open", "high", "low", "close")
    grid = align({name: frames[name] for name in ("WIF", "BTC")}, how="outer", column=columns).frame
    values = grid.drop("ts").to_numpy().T.copy()
    kind = {"vol": vol}
    if vol == "rolling":
        values = values[:, 1:] / values[:, :-1] - 1
        kind["vol_window"] = 10
    y, x = (values[0], values[1]) if vol == "rolling" else (list(values[:4]), list(values[4:]))
    found = arrays.rolling_spillover(y, x, window_size=400, min_samples=200, **kind)
    assert row["n"] == found["n"][-1]
    assert row["coefficient"] == pytest.approx(found["coefficient"][-1], rel=1e-10)
    # Rolling volatilities closer than their window share returns.
    assert row["spacing"] >= (10 if vol == "rolling" else 1)


def test_the_formats_hold_the_same(folder, tmp_path):
    frames = []
    for ending, reader in {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}.items():
        out = tmp_path / f"pairs.{ending}"
        assert run("spillover", "--data", folder, "--sources", "BTC", "--out", out).exit_code == 0
        frames.append(reader(out))
    for other in frames[1:]:
        assert_frame_equal(frames[0], other, check_exact=False, rel_tol=1e-14, abs_tol=0.0)
    assert len(json.loads((tmp_path / "pairs_connectedness.json").read_text())) == 6


@needs_plotly
def test_the_heat_map_holds_the_data(folder, tmp_path):
    page, out = tmp_path / "map.html", tmp_path / "pairs.csv"
    read(run("spillover", "--data", folder, "--sources", "BTC", "--plot", page, "--out", out), out)
    shares = {row[0]: row[1:] for row in pl.read_csv(tmp_path / "pairs_connectedness.csv").rows()}
    names = list(shares)[:4]
    trace = trace_of(page)
    for row, values in zip(trace["y"], trace["z"], strict=True):
        for column, value in zip(trace["x"], values, strict=True):
            assert value == (None if row == column else pytest.approx(shares[row][names.index(column)], abs=1e-9))
    options = ["--sources", "BTC,WIF", "--no-connectedness", "--plot", page, "--out", out]
    table = read(run("spillover", "--data", folder, *options), out)
    trace = trace_of(page)
    corr = {(row["asset"], row["source"]): row["corr"] for row in table.iter_rows(named=True)}
    assert trace["z"] == [[corr.get((asset, source)) for source in trace["x"]] for asset in trace["y"]]


def test_one_bad_file_does_not_stop_the_others(frames, tmp_path):
    folder = write(frames, tmp_path / "in")
    (folder / "BAD.parquet").write_bytes(b"PAR1 nonsense")
    out = tmp_path / "pairs.csv"
    result = run("spillover", "--data", folder, "--sources", "BTC", "--out", out)
    assert result.exit_code == 1
    assert "1 of 6 symbols failed" in result.stderr
    assert len(pl.read_csv(out)) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing option '--data'"),
        (["--data", "candles", "--window", "2"], 2, "--window must be 0 or at least 3, got 2"),
        (["--data", "candles", "--vol", "atr"], 2, "'atr' is not one of"),
        (["--data", "candles", "--vol-window", "9"], 2, "--vol-window goes with --vol rolling, got 9 with parkinson"),
        (["--data", "candles", "--lags", "0"], 2, "'--lags'"),
        (["--data", "candles", "--out", "pairs.txt"], 2, "--out must end in .csv or .parquet or .json"),
        (["--data", "candles", "--sources", "BTC", "--horizon", "10001"], 2, "1<=x<=10000"),
        (["--data", "candles", "--sources", "ETH"], 1, "no candle file of ETH"),
        (["--data", "candles", "--sources", "BTC", "--assets", "btc"], 1, "no pair of an asset and another source"),
        (["--data", "empty"], 1, "no candle files"),
    ],
)
def test_errors_without_traceback(folder, monkeypatch, tmp_path, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "candles").symlink_to(folder, target_is_directory=True)
    (tmp_path / "empty").mkdir()
    result = run("spillover", *arguments)
    assert result.exit_code == code, result.output
    assert message in " ".join(result.stderr.split())


# --- how far apart points are separate evidence ---


def _volatilities(seed, rows, memory, series):
    """Exp of an AR(1) plus noise of single candles, shape (series, rows)."""
    rng = np.random.default_rng(seed)
    log_vol, paths = np.zeros(series), []
    for shock in rng.normal(0, 0.6 * np.sqrt(1 - memory**2), (rows + 1000, series)):
        log_vol = memory * log_vol + shock
        paths.append(log_vol)
    return np.exp(np.array(paths[1000:]) + rng.normal(0, 0.4, (rows, series))).T.copy()


@pytest.mark.parametrize("memory", [0.0, 0.9, 0.98])
def test_unrelated_volatilities_are_not_called_related(memory):
    trials = 200
    vols = _volatilities(5, 1000, memory, 2 * trials)
    rejected = {"spaced": 0, "every row": 0}
    for y, x in zip(vols[::2], vols[1::2], strict=True):
        for name, spacing in (("spaced", max(spacing_of(y), spacing_of(x))), ("every row", 1)):
            monitor = SpilloverMonitor(vol="given", window_size=1000, spacing=spacing)
            monitor.update_many(y, x)
            rejected[name] += monitor.coefficient_p_value < 0.05
    # At 5 %, 21 of 200 or more has a chance of 0.1 %.
    assert rejected["spaced"] <= 20
    if memory:
        # What the spacing is for.
        assert rejected["every row"] > 40


def test_spacing_of_a_known_series():
    wave = np.tile(np.repeat([1.0, 2.0], 3), 60)
    r = [np.mean((wave[k:] - 1.5) * (wave[: len(wave) - k] - 1.5)) / 0.25 for k in range(37)]
    assert spacing_of(wave) == max(k for k in range(37) if r[k] >= 0.2) + 1
    assert spacing_of(np.random.default_rng(1).normal(size=5000)) == 1
    holes = np.where(np.arange(360) % 7 == 0, np.nan, wave)
    assert spacing_of(holes) == spacing_of(wave)
    for nothing in (np.ones(100), np.full(100, np.nan), np.array([1.0, 2.0]), np.array([])):
        assert spacing_of(nothing) == 1


@pytest.mark.parametrize("folder", [HOURS, MINUTES], ids=lambda folder: folder.name)
def test_recorded_candles(folder, tmp_path):
    if not folder.is_dir():
        pytest.skip(f"the recorded candles are not at {DATA}; COMOVE_DATA names their folder")
    out = tmp_path / "pairs.csv"
    result = run("spillover", "--data", folder, "--out", out)
    table = read(result, out)
    coins = len(list(folder.glob("*.parquet")))
    assert len(table) == 3 * (coins - 3) + 3
    assert table["corr"].min() > 0
    assert (table["verdict"] == "rise together").mean() > 0.8
    assert max(len(line) for line in result.stdout.splitlines() if not line.startswith("Wrote")) <= 120
