"""`comove spillover`: shared turbulence is found, none is made up, files hold what was printed."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy import stats

from commands import needs_plotly, printed, run, trace_of, write
from comove import arrays
from comove.connectedness import diebold_yilmaz, log_range_volatility
from comove.data import align, simulate_market
from comove.surveys.effective import effective_pairs
from recorded_data import HOURS_2024, MINUTES, present


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


def _names(count):
    return [f"C{place}" for place in range(count)]


def _logs(rng, count, *, rows=2000, memory=0.98, size=2.0):
    """Logarithms of unrelated volatilities: autoregressions, and the noise of single candles."""
    log_vol, paths = np.zeros(count), []
    for shock in rng.normal(0, size * np.sqrt(1 - memory**2), (rows + 500, count)):
        log_vol = memory * log_vol + shock
        paths.append(log_vol)
    return (np.array(paths[500:]) + rng.normal(0, 0.3, (rows, count))).T


def _candles(vol, rng, *, start=0, step=3600, volume=1.0):
    """Candles of a given log range, in thousandths, from some hour of 2024 on."""
    low = 100 * np.exp(np.cumsum(rng.normal(0, 0.001, len(vol))))
    high = low * np.exp(np.clip(0.001 * vol, 0, 3))
    seconds = 1_704_067_200 + 3600 * start + step * np.arange(len(vol))
    ts = pl.Series(seconds * 1_000_000).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame({"ts": ts, "open": low, "high": high, "low": low, "close": high, "volume": 0 * vol + volume})


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
        logs = log_range_volatility({name: frames[name] for name in (row["asset"], "BTC")}).drop("ts").to_numpy().T
        start = int(np.flatnonzero(np.isfinite(logs).all(axis=0))[0])
        y, x = (side[start:].copy() for side in logs)
        found = arrays.rolling_spillover(
            y,
            x,
            window_size=len(y),
            min_samples=len(y) // 2,
            vol="given",
            both=True,
            inference=True,
            stderr="spaced",
            spacing=1,
        )
        for name in ("coefficient", "corr", "r_squared", "half_life", "n", "reverse_coefficient"):
            assert row[name] == pytest.approx(found[name][-1], rel=1e-9), name
        assert row["n_effective"] == pytest.approx(effective_pairs(y, x), rel=1e-9)
        wider = np.sqrt((row["n"] - 2) / (row["n_effective"] - 2))
        assert row["stderr"] == pytest.approx(wider * found["coefficient_stderr"][-1], rel=1e-9)
        if row["asset"] == "LATE":
            assert row["net_from_source"] is None
        else:
            at = [result.names.index(name) for name in ("BTC", row["asset"])]
            assert row["net_from_source"] == pytest.approx(result.net_pairwise[at[0], at[1]], abs=1e-9)


def test_error_and_p_value_are_of_one_estimate(folder, tmp_path):
    out = tmp_path / "pairs.csv"
    table = read(run("spillover", "--data", folder, "--sources", "BTC", "--no-connectedness", "--out", out), out)
    assert table["p_value"].null_count() == 0
    for row in table.iter_rows(named=True):
        for name in ("", "reverse_"):
            t = abs(row[f"{name}coefficient"]) / row[f"{name}stderr"]
            assert row["p_value"] == pytest.approx(2 * stats.t.sf(t, row["n_effective"] - 2), rel=1e-6, abs=1e-280)


def test_unrelated_turbulence_is_not_called_shared(tmp_path):
    """Heavy tails and long memory: with levels this folder has verdicts."""
    rng = np.random.default_rng(1)
    frames = {name: _candles(np.exp(log_vol), rng) for name, log_vol in zip(_names(24), _logs(rng, 24), strict=True)}
    out = tmp_path / "pairs.csv"
    folder = write(frames, tmp_path / "unrelated")
    table = read(run("spillover", "--data", folder, "--sources", "C0,C1,C2", "--no-connectedness", "--out", out), out)
    assert len(table) == 3 * 21 + 3
    assert set(table["verdict"]) == {"not shown"}


def test_the_table_of_connectedness_leaves_late_coins_out_and_says_so(frames, folder, tmp_path):
    out = tmp_path / "pairs.parquet"
    result = run("spillover", "--data", folder, "--sources", "BTC", "--lags", 2, "--horizon", 5, "--out", out)
    assert result.exit_code == 0, result.output
    assert "would remain with them (a candle that stands still does not count): LATE." in " ".join(
        result.stdout.split()
    )
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
    if vol == "rolling":
        returns = values[:, 1:] / values[:, :-1] - 1
        y, x = (np.sqrt(arrays.rolling_var(side.copy(), window_size=10)) for side in returns)
    else:
        y, x = (arrays.garman_klass(*side) for side in (values[:4], values[4:]))
    found = arrays.rolling_spillover(np.log(y), np.log(x), window_size=400, min_samples=200, vol="given")
    assert row["n"] == found["n"][-1]
    assert row["coefficient"] == pytest.approx(found["coefficient"][-1], rel=1e-10)
    # Rolling volatilities closer than their window share returns.
    assert row["n_effective"] < row["n"] / (5 if vol == "rolling" else 1)


def test_the_formats_hold_the_same(folder, tmp_path):
    frames = []
    for ending, reader in {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}.items():
        out = tmp_path / f"pairs.{ending}"
        assert run("spillover", "--data", folder, "--sources", "BTC", "--out", out).exit_code == 0
        frames.append(reader(out))
    for other in frames[1:]:
        assert_frame_equal(frames[0], other, check_exact=False, rel_tol=1e-14, abs_tol=0.0)
    assert len(json.loads((tmp_path / "pairs_connectedness.json").read_text())) == 6


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Twelve unrelated coins of 400 candles; two sources end early, one more than half of the coins do not."""
    rng = np.random.default_rng(4)
    frames = {
        name: _candles(np.exp(log_vol), rng, volume=place)
        for place, (name, log_vol) in enumerate(
            zip(_names(12), _logs(rng, 12, rows=400, memory=0.5, size=1), strict=True)
        )
    }
    ending = {name: frames[name][:376] for name in ("C0", "C1")}
    return write({**frames, **ending}, tmp_path_factory.mktemp("many") / "candles")


def test_few_candles_leave_coins_out_and_say_so(many, tmp_path):
    out = tmp_path / "pairs.csv"
    result = run("spillover", "--data", many, "--sources", "C0,C1", "--out", out)
    text = " ".join(result.stdout.split())
    # 372 rows of the regression are ten for each of 9 x 4 + 1 parameters: the sources, then those with most turnover.
    names = pl.read_csv(tmp_path / "pairs_connectedness.csv")["series"].to_list()[:-2]
    assert sorted(names) == sorted(["C0", "C1", *(f"C{place}" for place in range(5, 12))])
    assert "10 candles are needed for each of the 9 x 4 + 1 parameters" in text
    assert "there is room for more): C2, C3, C4." in text
    assert "would remain" not in text


def test_the_window_of_connectedness_ends_where_the_sources_do(many):
    text = " ".join(run("spillover", "--data", many, "--sources", "C0,C1", "--window", 200).stdout.split())
    assert "over 196 candles from 2024-01-08 08:00 to 2024-01-16 15:00" in text
    assert "would remain" not in text
    text = " ".join(run("spillover", "--data", many, "--sources", "C2", "--window", 24).stdout.split())
    assert "No table of connectedness: too few candles; even two coins at 4 lags need 90" in text


def test_the_total_of_chance_is_told(many, tmp_path):
    out = tmp_path / "pairs.csv"
    result = run("spillover", "--data", many, "--sources", "C0,C1", "--out", out)
    text = " ".join(result.stdout.split())
    told = float(text.split("nothing in common would show about ")[1].split(" %")[0])
    total = float(text.split("Total: ")[1].split(" %")[0])
    # These coins have nothing in common: their total is that of chance.
    assert told > 5
    assert told == pytest.approx(total, rel=0.25)


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        ("still", "A does not vary"),
        ("equal", "A does not vary"),
        ("mostly", "mostly still candles"),
        ("copy", "perfect fit"),
        ("later", "no common candles"),
        ("minutes", "candles differ in length"),
        ("half", "few common candles"),
        ("short", "too little data"),
    ],
)
def test_the_reason_of_a_missing_test_is_the_true_one(tmp_path, other, verdict):
    rng = np.random.default_rng(6)
    vol, another = np.exp(_logs(rng, 2, rows=200, memory=0.5, size=1))
    source = _candles(vol, rng)
    assets = {
        "still": lambda: _candles(np.zeros(200), rng),
        "equal": lambda: source.with_columns(open=1.0, low=1.0, high=2.0, close=2.0),
        "mostly": lambda: _candles(np.where(np.arange(200) % 4, 0.0, another), rng),
        "copy": lambda: source,
        "later": lambda: _candles(another, rng, start=300),
        "minutes": lambda: _candles(np.resize(another, 200 * 60), rng, step=60),
        "half": lambda: _candles(another, rng)[:80].vstack(_candles(another, rng, start=1000)),
        "short": lambda: _candles(another[:20], rng),
    }
    folder = write({"S": source, "A": assets[other]()}, tmp_path / "in")
    out = tmp_path / "pairs.csv"
    result = run("spillover", "--data", folder, "--sources", "S", "--no-connectedness", "--out", out)
    (row,) = read(result, out).to_dicts()
    assert row["verdict"] == verdict
    assert row["p_value"] is None
    assert f'"{verdict.removeprefix("A ")}": ' in result.stdout.replace("\n  ", " ")


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


@pytest.mark.parametrize("folder", [HOURS_2024, MINUTES], ids=lambda folder: folder.name)
def test_recorded_candles(folder, tmp_path):
    present(folder)
    out = tmp_path / "pairs.csv"
    result = run("spillover", "--data", folder, "--out", out)
    table = read(result, out)
    coins = len(list(folder.glob("*.parquet")))
    assert len(table) == 3 * (coins - 3) + 3
    assert table["corr"].min() > 0
    assert (table["verdict"] == "rise together").mean() > 0.8
    assert max(len(line) for line in result.stdout.splitlines() if not line.startswith("Wrote")) <= 120
