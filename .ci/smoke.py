"""Try an installed wheel: it is whole, and the three doors give the known answer.

Run it as `python -I .ci/smoke.py`, so that the sources of the checkout are not on the path.
"""

import importlib.metadata
import sys
from pathlib import Path

import numpy as np
import polars as pl

import comove as cm
from comove.arrays import rolling_beta
from comove.live import RollingPair


def main() -> None:
    """Exit with a message at the first thing that is wrong."""
    package = Path(cm.__file__).parent
    libraries = [path.name for path in package.iterdir() if path.suffix in {".so", ".pyd", ".dylib"}]
    check("one shared library in the package", len(libraries), 1)
    check("py.typed", (package / "py.typed").is_file(), True)
    check("version", cm.__version__, importlib.metadata.version("comove"))

    # The asset is twice the benchmark and every value is a power of two, so beta is exactly 2.
    benchmark = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    asset = 2.0 * benchmark
    expected = [None, None, 2.0, 2.0, 2.0]
    pair = RollingPair(window_size=3)
    frame = pl.DataFrame({"asset": asset, "benchmark": benchmark})
    column = frame.lazy().select(beta=cm.rolling_beta("asset", "benchmark", window_size=3)).collect()
    array = rolling_beta(asset, benchmark, window_size=3)
    check("live", [pair.update(y, x) for y, x in zip(asset, benchmark, strict=True)], expected)
    check("expression", column["beta"].to_list(), expected)
    check("array", [None if np.isnan(beta) else float(beta) for beta in array], expected)
    print(f"comove {cm.__version__} from {package}: {libraries[0]} works")


def check(what: str, found: object, expected: object) -> None:
    """Exit unless `found` equals `expected`."""
    if found != expected:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")


if __name__ == "__main__":
    main()
