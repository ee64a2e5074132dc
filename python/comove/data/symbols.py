"""From file names to symbols, for a whole folder at once.

A tail is taken off only if every file carries it: ``BTC_USDT-1h``, ``ETH_USDT-1h`` are BTC and ETH, while
in a folder that also holds ``ETHBTC-1h`` only the ``-1h`` goes. So a name like USDC or BUSD is never cut
by chance.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ..errors import DataError

# As exchanges and downloaders write them: BTC_USDT_USDT-1m-futures, BTCUSDT_1h, ETH-USD-1d.
_TAIL = re.compile(r"(?:[-_](?P<length>\d{1,3}(?:min|s|m|h|H|d|D|w|W|M)))?(?P<market>[-_](?:futures|spot|perp))?$")
_QUOTE = re.compile(r"(?:[-_]?(?:USDT|USDC|FDUSD|BUSD)(?:[-_:](?:USDT|USDC))?|[-_]USD)$", re.IGNORECASE)


def symbols_of(stems: Sequence[str], *, source: str) -> list[str]:
    """Symbols of the files of one folder.

    Parameters
    ----------
    stems : sequence of str
        File names without folder and extension.
    source : str
        The folder, for messages.

    Returns
    -------
    list of str
        One a file, in the given order. A candle length and market (``-1h``, ``_1m``, ``-1m-futures``) is
        taken off if every file has the same one, then a quote currency (``USDT``, ``_USDT``, ``-USD``
        ...) if every file has the same one and something is left of each name.

    Raises
    ------
    DataError
        The names speak of different candle lengths, or two files are of one symbol.

    Examples
    --------
    >>> symbols_of(["BTC_USDT-1h", "ETH_USDT-1h"], source="data")
    ['BTC', 'ETH']
    >>> symbols_of(["BTC", "USDC"], source="data")
    ['BTC', 'USDC']
    """
    tails = [_TAIL.search(stem) for stem in stems]
    lengths = Counter(tail["length"] for tail in tails if tail and tail["length"])
    if len(lengths) > 1:
        held = ", ".join(f"{length} ({count})" for length, count in sorted(lengths.items()))
        raise DataError(f"{source}: candles of several lengths in one folder: {held}; keep one", "folder_mixed")
    names = _without(stems, _TAIL)
    names = _without(names, _QUOTE)
    seen: dict[str, str] = {}
    for stem, name in zip(stems, names, strict=True):
        if name in seen:
            raise DataError(f"{source}: {seen[name]!r} and {stem!r} are both of symbol {name}", "symbol_duplicate")
        seen[name] = stem
    return names


def _without(names: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
    tails = [hit.group() if (hit := pattern.search(name)) else "" for name in names]
    same = len({re.sub(r"[-_:]", "", tail).upper() for tail in tails}) == 1
    if not same or any(len(tail) == len(name) for tail, name in zip(tails, names, strict=True)):
        return list(names)
    return [name[: len(name) - len(tail)] for tail, name in zip(tails, names, strict=True)]
