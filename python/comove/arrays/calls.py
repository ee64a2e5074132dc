"""What all array functions do: check, make room, call the core column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from comove import _comove, options
from comove.errors import DataError, ParameterError
from comove.options import Floats


def inputs(
    asset: object, benchmark: object, chosen: Mapping[str, Any], by: object
) -> tuple[Floats, Floats, options.Timestamps | None]:
    """Return the asset, its benchmark, and the times of a window by time."""
    y = options.floats("asset", asset)
    x = options.series("benchmark", benchmark, len(y))
    times = options.timestamps("by", by, len(y)) if "window_span" in chosen else None
    return y, x, times


def single(
    estimator: str, chosen: dict[str, Any], asset: object, benchmark: object, by: object, out: Floats | None
) -> Floats:
    """Run an estimator of one output."""
    if estimator == "rolling_var":
        y = options.floats("values", asset)
        others: list[Floats] = []
        times = options.timestamps("by", by, len(y)) if "window_span" in chosen else None
    else:
        y, x, times = inputs(asset, benchmark, chosen, by)
        others = [x]
    if out is None:
        result: Floats = run(estimator, chosen, y, others, times, 1, None)[0]
        return result
    run(estimator, chosen, y, others, times, 1, checked_out(out, y.shape, [y, *others, times])[np.newaxis])
    return out


def block(
    estimator: str,
    chosen: dict[str, Any],
    y: Floats,
    others: list[Floats],
    times: options.Timestamps | None,
    names: tuple[str, ...],
    out: Floats | None,
) -> dict[str, Floats]:
    """Run an estimator of several outputs into one block of memory."""
    block = None if out is None else checked_out(out, (len(names), *y.shape), [y, *others, times])
    return dict(zip(names, run(estimator, chosen, y, others, times, len(names), block), strict=True))


def run(
    estimator: str,
    chosen: dict[str, Any],
    y: Floats,
    others: list[Floats],
    times: options.Timestamps | None,
    outputs: int,
    block: Floats | None,
) -> Floats:
    """Run an estimator column by column; the result has shape (outputs, *y.shape)."""
    if block is None:
        # Each column of each output is contiguous.
        block = np.empty((outputs, *y.shape[::-1]))
        block = block if y.ndim == 1 else block.transpose(0, 2, 1)
    for j in range(1 if y.ndim == 1 else y.shape[1]):
        column = np.ascontiguousarray(y if y.ndim == 1 else y[:, j])
        places = list(block if y.ndim == 1 else block[:, :, j])
        results = [place if place.flags.c_contiguous else np.empty(len(place)) for place in places]
        _comove.run({"estimator": estimator, **chosen}, [column, *others], times, results)
        for place, result in zip(places, results, strict=True):
            if place is not result:
                place[:] = result
    return block


def checked_out(out: object, shape: tuple[int, ...], inputs: Sequence[npt.NDArray[Any] | None]) -> Floats:
    """Return `out` if results of `shape` can go there."""
    if not isinstance(out, np.ndarray) or out.dtype != np.float64:
        kind = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
        raise ParameterError(f"out must be a float64 array, got {kind}", "out")
    if out.shape != shape:
        raise DataError(f"out must have shape {shape}, got {out.shape}", "shape")
    if not out.flags.writeable:
        raise ParameterError("out must be writeable, got a read-only array", "out")
    if any(values is not None and np.may_share_memory(out, values) for values in inputs):
        raise ParameterError("out must not share memory with an input", "out")
    if any(stride == 0 and length > 1 for stride, length in zip(out.strides, out.shape, strict=True)):
        raise ParameterError("out must have a place of its own for every value, got a stride of 0", "out")
    return out
