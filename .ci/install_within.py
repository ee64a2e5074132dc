"""Install an extra of pyproject.toml into a folder within so many seconds, whole or not at all.

Run it as `python .ci/install_within.py SECONDS FOLDER EXTRA`. Exit codes: 0 it is there, installed now or before from
the same requirements for the same Python; 75 time ran out; anything else is pip's.
"""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
from pathlib import Path

OUT_OF_TIME = 75
ENDING = 10


def main(seconds: str, folder: str, extra: str) -> int:
    """Return the exit code."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted: list[str] = project["optional-dependencies"][extra]
    target, draft = Path(folder), Path(f"{folder}.part")
    stamp = target / "installed.txt"
    # Of another Python the compiled packages are not found, or crash.
    asked = "\n".join([f"# {sys.implementation.cache_tag} {sysconfig.get_platform()}", *wanted])
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == asked:
        return 0
    for place in (target, draft):
        shutil.rmtree(place, ignore_errors=True)
    draft.mkdir(parents=True)
    begun = time.monotonic()
    code = install(wanted, target, draft, float(seconds))
    shutil.rmtree(draft, ignore_errors=True)
    if code == 0:
        stamp.write_text(asked, encoding="utf-8")
        print(f"installed the extra {extra} in {time.monotonic() - begun:.0f} s")
    else:
        shutil.rmtree(target, ignore_errors=True)
    return code


def install(wanted: list[str], target: Path, draft: Path, seconds: float) -> int:
    """Run pip, which unpacks into `draft` before it moves to `target`; end it when time runs out."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(target), *wanted]
    pip = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(draft.absolute())})
    try:
        return pip.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        pip.send_signal(signal.SIGINT)
    try:
        pip.wait(timeout=ENDING)
    except subprocess.TimeoutExpired:
        pip.kill()
        pip.wait()
    return OUT_OF_TIME


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
