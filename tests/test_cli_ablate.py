"""`comove ablate` and `comove guard` on a small market."""

from __future__ import annotations

import json

import polars as pl
import pytest
from click.testing import CliRunner

import comove.cli.guard as guard_module
from ablation_cases import LED, led
from comove.backtest import ChangedDecision, LookAheadReport
from comove.backtest.ablation import Ablation
from comove.backtest.variants import ALL, variants
from comove.cli import main
from comove.engine.files import options_text


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    folder = tmp_path_factory.mktemp("market")
    for symbol, frame in led(3, 330).items():
        frame.write_parquet(folder / f"{symbol}.parquet")
    (folder / "led.toml").write_text(options_text(LED), encoding="utf-8")
    (folder / "bare.toml").write_text(options_text(variants(LED)[ALL].options), encoding="utf-8")
    return folder


def asked(command, market, *more, config="led.toml"):
    shared = ["--data", str(market), "--config", str(market / config), "--folds", "1", "--train", "150"]
    return CliRunner().invoke(main, [command, *shared, "--workers", "1", "--assets", "AAA,BBB,CCC", *more])


def test_ablate_tells_whether_structure_helps(market, tmp_path):
    found = asked("ablate", market, "--variants", "leader_engine, regimes", "--out", str(tmp_path))
    assert found.exit_code == 0, found.output
    text = " ".join(found.output.split())
    assert "Where the alpha engine that waits for coins to catch up with a leader is off, it earns" in text
    assert "Of 3 strategies that were tried" in text
    assert "at the strategy's volatility" in text
    made = Ablation.read(tmp_path)
    assert made.table["name"].to_list() == ["base", "leader_engine", "regimes"]
    assert set(pl.read_parquet(tmp_path / "base" / "trades.parquet")["symbol"]) <= {"AAA", "BBB", "CCC", "BTC"}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert made.answer.split(" (p")[0] in page


def test_ablate_needs_something_to_switch_off(market, tmp_path):
    out = tmp_path / "out"
    found = asked("ablate", market, "--out", str(out), config="bare.toml")
    assert found.exit_code == 1
    assert "no part of market structure" in found.output
    found = asked("ablate", market, "--variants", " ,", "--out", str(out))
    assert found.exit_code == 2
    assert "--variants names no variant" in found.output
    # Nothing was run for it.
    assert not out.exists()


def test_ablate_knows_its_variants(market, tmp_path):
    found = asked("ablate", market, "--variants", "beta", "--out", str(tmp_path))
    assert found.exit_code == 2
    assert "variants must be one of 'beta_sizing'" in found.output


def test_guard_passes_what_does_not_look_ahead(market, tmp_path):
    found = asked("guard", market, "--cuts", "1", "--out", str(tmp_path))
    assert found.exit_code == 0, found.output
    tree = json.loads((tmp_path / "guard.json").read_text())
    assert f"Nothing looks ahead: {tree['decisions']} decisions, of which {tree['acted']} were" in found.output
    assert (tree["found"], len(tree["cuts"]), tree["acted"] > 0) == ([], 1, True)


def test_guard_fails_where_something_looks_ahead(market, tmp_path, monkeypatch):
    def leaking(frames, **options):
        changed = ChangedDecision(0, "AAA", "size", 1.0, 2.0, 3_600_000_000_000, "scrambled")
        return LookAheadReport(
            cuts=(3_600_000_000_000,), futures=("scrambled",), decisions=5, acted=1, found=(changed,)
        )

    monkeypatch.setattr(guard_module, "check_look_ahead", leaking)
    found = asked("guard", market, "--out", str(tmp_path))
    assert found.exit_code == 1
    assert "size of AAA at 1970-01-01T00:00:00Z changes from 1.0 to 2.0" in " ".join(found.output.split())
    assert json.loads((tmp_path / "guard.json").read_text())["found"][0]["symbol"] == "AAA"
