"""Killed half way and run again: the same bytes, whatever the number of processes, and nothing that is done is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest

from backtest_cases import Maker, flat, replayed, walk
from comove import FeatureRecipe, MasterOrchestrator
from comove.backtest import Costs, Report, WalkForward, run
from comove.backtest.replay import FoldRun
from comove.data import simulate_market
from comove.engine import MarketOptions, OrchestratorOptions
from comove.errors import DataError, StateError
from rl_cases import following_policy

OPTIONS = OrchestratorOptions(
    sources=("alpha", "structure"), market=MarketOptions(window_size=60, lag_window=60), horizon=6
)
PLAN = WalkForward(folds=3, train=120)
CHUNK = 60


@pytest.fixture(scope="module")
def market():
    return simulate_market(n_bars=600, assets=["AAA"], leaders=["BTC", "ETH"], seed=3).frames


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Saves are a thousand bars apart; these markets are short."""
    monkeypatch.setattr("comove.backtest.running.CHUNK", CHUNK)


@pytest.fixture(scope="module")
def whole(market, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("comove.backtest.running.CHUNK", CHUNK)
        run(market, OPTIONS, plan=PLAN, out=out, replications=100)
    return out


def files_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


class Killed(Exception):
    pass


@pytest.mark.parametrize("at", [1, 75, 180, 181, 250, 419])
def test_cut_short_at_any_bar_and_run_again(market, whole, tmp_path, monkeypatch, at):
    """In the first fold's training, at a save, right after one, in the second fold, in the last."""
    calls = [0]
    for name in ("update", "learn"):
        own = getattr(MasterOrchestrator, name)

        def counted(self, *args, own=own, **options):
            calls[0] += 1
            if calls[0] == at:
                raise Killed
            return own(self, *args, **options)

        monkeypatch.setattr(MasterOrchestrator, name, counted)
    with pytest.raises(Killed):
        run(market, OPTIONS, plan=PLAN, out=tmp_path, replications=100)
    before = calls[0]
    report = run(market, OPTIONS, plan=PLAN, out=tmp_path, replications=100)
    assert files_of(tmp_path) == files_of(whole)
    assert report.equity.height == 480
    # All folds together have 840 bars; no more than what came after the last save is run again.
    assert calls[0] - before <= 840 - at + 1 + CHUNK
    assert calls[0] - before >= 840 - at


def test_two_processes_and_one_give_the_same_bytes(market, whole, tmp_path):
    run(market, OPTIONS, plan=PLAN, out=tmp_path, workers=2, replications=100)
    assert files_of(tmp_path) == files_of(whole)


SCRIPT = """
import sys
from comove.backtest import WalkForward, run
from comove.backtest import running
from test_backtest_resume import CHUNK, OPTIONS, PLAN
from comove.data import simulate_market

if __name__ == "__main__":
    running.CHUNK = CHUNK
    market = simulate_market(n_bars=600, assets=["AAA"], leaders=["BTC", "ETH"], seed=3).frames
    run(market, OPTIONS, plan=PLAN, out=sys.argv[1], workers=2, replications=100)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_with_its_workers_and_run_again(market, whole, tmp_path):
    """The signal that no program can catch; workers that have lost their parent are gone at once."""
    script, out = tmp_path / "script.py", tmp_path / "out"
    script.write_text(SCRIPT, encoding="utf-8")
    path = os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, str(script), str(out)], env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while not list(out.glob("folds/*/state.comove")):
        assert time.monotonic() < deadline, "nothing was saved"
        assert process.poll() is None, "the run was over before it was killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    # It ends when nobody holds the output any more: not the process, and none of its workers.
    process.communicate(timeout=60)
    assert not (out / "report.json").exists()
    run(market, OPTIONS, plan=PLAN, out=out, replications=100)
    assert files_of(out) == files_of(whole)


def test_what_is_finished_comes_back_at_once(market, whole, monkeypatch):
    monkeypatch.setattr(MasterOrchestrator, "update", None)
    monkeypatch.setattr(MasterOrchestrator, "learn", None)
    before = files_of(whole)
    report = run(market, OPTIONS, plan=PLAN, out=whole, replications=100)
    assert report.equity.equals(Report.read(whole).equity)
    assert files_of(whole) == before


@pytest.mark.parametrize("change", ["plan", "options", "candles", "seed", "costs"])
def test_a_folder_of_another_run_is_refused(market, whole, change):
    options = {"plan": PLAN, "out": whole, "replications": 100}
    frames, strategy = market, OPTIONS
    if change == "plan":
        options["plan"] = WalkForward(folds=2, train=120)
    elif change == "options":
        strategy = OrchestratorOptions(sources=("alpha",), market=OPTIONS.market, horizon=6)
    elif change == "candles":
        frames = {**market, "AAA": market["AAA"].with_columns(pl.col("volume") * 2.0)}
    elif change == "costs":
        options["costs"] = Costs(fee=0.0)
    else:
        options["seed"] = 1
    before = files_of(whole)
    with pytest.raises(StateError, match=change):
        run(frames, strategy, **options)
    assert files_of(whole) == before


def test_the_last_strategy_goes_on_live(market, whole):
    engine = MasterOrchestrator.from_bytes((whole / "strategy.comove").read_bytes())
    assert engine.market.row + 1 == 120 + 160
    assert not engine.book.positions
    engine.update(10**19 // 4, {"BTC": {"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0}})


def test_a_report_is_read_as_it_was_written(market, whole, tmp_path):
    report = Report.read(whole)
    report.write(tmp_path)
    again = Report.read(tmp_path)
    for name in ("equity", "trades", "attribution", "decisions"):
        assert getattr(again, name).equals(getattr(report, name)), name
    assert again.metrics == report.metrics
    assert again.about == report.about
    tested = market["BTC"]["ts"].max()
    assert report.decisions["ts"].max() == report.equity["ts"].max() >= tested
    assert report.decisions.select("ts", "symbol").is_unique().all()
    np.testing.assert_array_equal(report.decisions["fold"].unique(maintain_order=True), [0, 1, 2])


def test_a_part_of_a_report_is_refused(whole, tmp_path):
    with pytest.raises(DataError, match="no report"):
        Report.read(tmp_path)
    for name, content in files_of(whole).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "trades.parquet").unlink()
    with pytest.raises(DataError, match=r"there is no trades\.parquet"):
        Report.read(tmp_path)


def test_a_report_without_a_folder_is_written_later(tmp_path):
    report, _ = replayed({"BTC": walk(60, seed=1)}, {0: {"BTC": ("buy", 100.0)}})
    report.write(tmp_path)
    again = Report.read(tmp_path)
    assert again.trades.equals(report.trades)
    assert again.decisions.equals(report.decisions)
    report.write(tmp_path)
    again.write(tmp_path)
    assert Report.read(tmp_path).decisions.equals(report.decisions)


@pytest.mark.parametrize("name", ["report.json", "metrics.json", "equity.parquet", "run.json"])
@pytest.mark.parametrize("content", [b"", b"[]", b"{"])
def test_a_damaged_file_of_a_finished_run_is_named(market, whole, tmp_path, name, content):
    for each, kept in files_of(whole).items():
        (tmp_path / each).write_bytes(kept)
    (tmp_path / name).write_bytes(content)
    with pytest.raises((DataError, StateError), match=name.replace(".", r"\.")):
        run(market, OPTIONS, plan=PLAN, out=tmp_path, replications=100)


@pytest.fixture
def stopped(market, tmp_path, monkeypatch):
    """The folder of the first fold of a run that was killed in the second one."""
    saves, save = [], FoldRun._save

    def saved(*args, **options):
        save(*args, **options)
        saves.append(args)
        if len(saves) == 6:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(FoldRun, "_save", saved)
        with pytest.raises(Killed):
            run(market, OPTIONS, plan=PLAN, out=tmp_path, replications=100)
    return tmp_path / "folds" / "00"


@pytest.mark.parametrize("name", ["state.comove", "trades-0001.parquet", "decisions-0002.parquet"])
def test_a_damaged_file_of_a_fold_is_named(market, tmp_path, stopped, name):
    (stopped / name).write_bytes(b"")
    with pytest.raises((DataError, StateError), match=name.replace(".", r"\.")):
        run(market, OPTIONS, plan=PLAN, out=tmp_path, replications=100)
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize("name", ["trades-0001.parquet", "decisions-0002.parquet"])
def test_a_lost_file_of_a_fold_is_named(market, tmp_path, stopped, name):
    (stopped / name).unlink()
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        run(market, OPTIONS, plan=PLAN, out=tmp_path, replications=100)
    assert not (tmp_path / "report.json").exists()


def test_a_fold_whose_state_is_lost_is_run_anew(market, whole, tmp_path, stopped):
    (stopped / "state.comove").unlink()
    run(market, OPTIONS, plan=PLAN, out=tmp_path, replications=100)
    assert files_of(tmp_path) == files_of(whole)


def test_killed_when_all_but_clearing_up_was_done(market, whole, tmp_path):
    for name, content in files_of(whole).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folds" / "00").mkdir(parents=True)
    run(market, OPTIONS, plan=PLAN, out=tmp_path, replications=100)
    assert not (tmp_path / "folds").exists()


def test_a_folder_in_which_another_process_is_at_work_is_refused(tmp_path):
    """From within a run: what is locked is the open file, whichever process has it."""
    frames = {"BTC": walk(60, seed=1)}
    again = []

    class Impatient(Maker):
        def __repr__(self):
            return "impatient"

        def new(self, history):
            with pytest.raises(StateError, match="another process is at work there"):
                go()
            again.append(history)
            return super().new(history)

    def go():
        maker = Impatient({})
        return run(frames, strategy=maker, plan=WalkForward(folds=2, train=0), out=tmp_path, replications=0)

    go()
    assert len(again) == 2
    assert go().equity.height == 60


def test_a_failing_fold_is_told_and_the_others_stay_done(tmp_path):
    frames = {"BTC": walk(60, seed=1), "AAA": flat(1.0, 60)}

    class Fails(Maker):
        def new(self, history):
            strategy = super().new(history)
            if len(self.made) == 2:
                strategy.update = None
            return strategy

    maker = Fails({})
    with pytest.raises(TypeError):
        run(frames, strategy=maker, plan=WalkForward(folds=2, train=0), out=tmp_path, replications=100)
    assert (tmp_path / "folds" / "00" / "state.comove").exists()
    assert not (tmp_path / "report.json").exists()
    assert replayed(frames, {})[0].equity.height == 60


def test_folds_without_a_word_on_their_run_are_refused(market, tmp_path, stopped):
    (tmp_path / "run.json").unlink()
    with pytest.raises(StateError, match=r"holds folds without run\.json, which tells of what run"):
        run(market, OPTIONS, plan=PLAN, out=tmp_path, costs=Costs(fee=0.02), replications=100)
    assert not (tmp_path / "run.json").exists()


def test_another_policy_in_the_same_file_is_another_run(market, tmp_path):
    note = {"recipe": asdict(FeatureRecipe(fill=None))}
    file, out = tmp_path / "an.policy", tmp_path / "out"
    following_policy(note=note).save(file)
    options = OrchestratorOptions(sources=("alpha", "rl"), policy=str(file), market=OPTIONS.market, horizon=6)
    plan = WalkForward(folds=1, train=500)
    first = run(market, options, plan=plan, out=out, replications=0)
    assert run(market, options, plan=plan, out=out, replications=0).equity.equals(first.equity)
    following_policy(feature="btc_beta", std=0.5, note=note).save(file)
    with pytest.raises(StateError, match="holds another run: policy differs;"):
        run(market, options, plan=plan, out=out, replications=0)
