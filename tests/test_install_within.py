"""`.ci/install_within.py`: what counts as installed, and that nothing half installed is left."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "install_within.py"
PROJECT = '[project]\nname = "x"\n[project.optional-dependencies]\nrl = ["torch>=2", "gymnasium"]\n'


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The script as a module in a folder with a project, whose pip notes what it was asked for."""
    spec = importlib.util.spec_from_file_location("install_within", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text(PROJECT)
    module.asked, module.code = [], 0

    def install(wanted, target, draft, seconds):
        module.asked.append(wanted)
        target.mkdir()
        (target / "half.py").touch()
        assert draft.is_dir()
        return module.code

    monkeypatch.setattr(module, "install", install)
    return module


def test_the_same_is_installed_once(script):
    assert script.main("5", "made", "rl") == script.main("5", "made", "rl") == 0
    assert script.asked == [["torch>=2", "gymnasium"]]
    assert not Path("made.part").exists()


@pytest.mark.parametrize("change", ["requirements", "python"])
def test_of_other_requirements_or_another_python_it_is_installed_again(script, change, monkeypatch):
    script.main("5", "made", "rl")
    Path("made/old.py").touch()
    if change == "requirements":
        Path("pyproject.toml").write_text(PROJECT.replace(">=2", ">=3"))
    else:
        monkeypatch.setattr(script.sys, "implementation", type("Other", (), {"cache_tag": "cpython-399"}))
    assert script.main("5", "made", "rl") == 0
    assert len(script.asked) == 2
    assert not Path("made/old.py").exists()


@pytest.mark.parametrize("code", [75, 1])
def test_what_failed_leaves_nothing(script, code):
    script.code = code
    assert script.main("5", "made", "rl") == code
    assert not Path("made").exists()
    assert not Path("made.part").exists()


def test_time_that_runs_out_ends_pip(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("install_within", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    begun = []

    def slow(command, **options):
        pip = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], **options)
        begun.append(pip)
        return pip

    monkeypatch.setattr(module, "subprocess", type("S", (), {**vars(subprocess), "Popen": staticmethod(slow)}))
    assert module.install(["x"], tmp_path / "made", tmp_path, 0.2) == module.OUT_OF_TIME
    assert begun[0].returncode is not None
