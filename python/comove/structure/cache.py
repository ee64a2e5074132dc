"""Answers kept by the time of the events they are made of, never by the clock."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["AnswerCache", "CacheInfo"]

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """How often an answer was there."""

    hits: int
    misses: int
    size: int
    capacity: int


class AnswerCache(Generic[Answer]):
    """A bounded store of answers, the least recently used leaving first; safe to use from many threads.

    Parameters
    ----------
    capacity : int, at least 0
        Answers kept; 0 keeps none.

    Notes
    -----
    An answer has a subject (the question, the symbols, the options), a version (of the data) and a time. `find` gives
    it for the same three; with `within`, also for another version and a time of at most `within` later, never for an
    earlier time: that would be a look ahead.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[Hashable, Hashable, int], Answer] = OrderedDict()
        # The keys of each subject, for `within`.
        self._keys: dict[Hashable, set[tuple[Hashable, Hashable, int]]] = {}
        self._hits = self._misses = 0

    def find(
        self,
        subject: Hashable,
        version: Hashable,
        time: int,
        within: int | None = None,
        may_serve: Callable[[Answer], bool] = lambda answer: True,
    ) -> tuple[Answer, bool] | None:
        """Return an answer and whether it is of this version and time; None where there is none that may serve.

        Parameters
        ----------
        subject, version : hashable
        time : int
        within : int, optional
            How much older an answer may be, of whatever version.
        may_serve : callable
            Which of those may serve newer data.
        """
        with self._lock:
            key = asked = (subject, version, time)
            if key not in self._answers and within is not None:
                old = [
                    kept
                    for kept in self._keys.get(subject, ())
                    if time - within <= kept[2] <= time and may_serve(self._answers[kept])
                ]
                # The newest; among equal ones the version decides, so that it is always the same.
                key = max(old, key=lambda kept: (kept[2], str(kept[1])), default=asked)
            answer = self._answers.get(key)
            if answer is None:
                self._misses += 1
                return None
            self._answers.move_to_end(key)
            self._hits += 1
            return answer, key == asked

    def keep(self, subject: Hashable, version: Hashable, time: int, answer: Answer) -> None:
        """Keep an answer."""
        with self._lock:
            if not self._capacity:
                return
            key = (subject, version, time)
            self._answers[key] = answer
            self._answers.move_to_end(key)
            self._keys.setdefault(subject, set()).add(key)
            if len(self._answers) > self._capacity:
                gone, _ = self._answers.popitem(last=False)
                keys = self._keys[gone[0]]
                keys.discard(gone)
                if not keys:
                    del self._keys[gone[0]]

    def clear(self) -> None:
        """Forget all answers and counts."""
        with self._lock:
            self._answers.clear()
            self._keys.clear()
            self._hits = self._misses = 0

    def info(self) -> CacheInfo:
        """Return the counts."""
        with self._lock:
            return CacheInfo(self._hits, self._misses, len(self._answers), self._capacity)
