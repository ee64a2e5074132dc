"""The exception classes of comove.

`ComoveError` is the root. Callers branch on the class or on `code`; the wording of a message may change.
"""

from __future__ import annotations

__all__ = ["ComoveError", "DataError", "OrderError", "ParameterError", "StateError"]


class ComoveError(Exception):
    """Root of all errors raised by comove.

    Parameters
    ----------
    message : str
        Names the parameter, the value and the bound.
    code : str
        A short, stable name of the rule that was broken, as in ``"window_size"``.

    Attributes
    ----------
    code : str
    """

    def __init__(self, message: str, code: str = "comove") -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[ComoveError], tuple[str, str]]:
        return type(self), (str(self), self.code)


class ParameterError(ComoveError, ValueError):
    """An option is outside its bounds, or two options contradict each other."""


class DataError(ComoveError, ValueError):
    """The data cannot be used as given: shapes, dtypes, symbols, prices, capacity."""


class OrderError(DataError):
    """Time ran backwards, or a timestamp came twice where it may not."""


class StateError(ComoveError, RuntimeError):
    """A snapshot is unusable: truncated, corrupted, foreign or newer than this version."""
