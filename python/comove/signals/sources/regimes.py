"""What followed each regime of the market, for the asset itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import ClassVar

from comove.options import MAX_LIVE_ROWS, positive, whole
from comove.signals.context import Context
from comove.signals.opinions import KeptOpinions, Opinions
from comove.signals.protocol import bar_row
from comove.signals.sources.followed import (
    USUAL_ASSET_PRIOR,
    USUAL_HORIZON,
    USUAL_POOLED_PRIOR,
    FollowingSource,
    Past,
)

__all__ = ["RegimeSource", "RegimeSourceOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeSourceOptions:
    """Horizon and priors of what followed a regime.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    horizon: int = USUAL_HORIZON
    """Rows ahead; at least 1."""
    pooled_prior: float = USUAL_POOLED_PRIOR
    """Episodes that 1/2 is worth against the record of all assets; above 0. With 30 a Brier score on noise loses 0.004
    at the most."""
    asset_prior: float = USUAL_ASSET_PRIOR
    """Episodes that the record of all assets is worth against the asset's own; above 0. More than `pooled_prior`, for
    what follows a regime differs less from coin to coin than from nothing."""

    def __post_init__(self) -> None:
        checked = whole("horizon", self.horizon, least=1, most=MAX_LIVE_ROWS, because="2^24")
        object.__setattr__(self, "horizon", checked)
        for name in ("pooled_prior", "asset_prior"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))


class RegimeSource(FollowingSource[RegimeSourceOptions]):
    """Probability of a rise by what followed the present regime.

    The asset's record of the regime is shrunk towards that of all assets, and that towards 1/2; outcomes are counted
    as episodes that do not overlap (see `comove.signals.sources.followed`).

    A regime that is unknown because none is clearly ahead is a state like the others: that the market is undecided is
    known, and something followed it. Where data are missing, nothing is noted and nothing is said.

    Parameters
    ----------
    options : RegimeSourceOptions, optional

    Raises
    ------
    ParameterError
        Other options.

    Notes
    -----
    A bar costs the regime of each asset by name, which its context keeps, and some additions.
    """

    __slots__ = ()

    kind = "regime-source"
    name: ClassVar[str] = "regime"
    options_type = RegimeSourceOptions

    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: the outcomes of earlier regimes, and the regime each asset is in now.

        Raises
        ------
        OrderError, DataError
            As `bar_row`, and the source is as it was.
        """
        self._row = bar_row(contexts, self._row)
        self.abstained = {}
        if not contexts:
            return
        self._opinions = KeptOpinions({})
        self._followed.learn(contexts)
        # All of them before anything is noted: where one fails, nothing is.
        labels = [context.label for context in contexts]
        missing = {
            context.symbol: context.regime.reason
            for context, label in zip(contexts, labels, strict=True)
            if not label.known
        }
        found: dict[str, tuple[str, Past | None]] = {}
        for context, label in zip(contexts, labels, strict=True):
            if label.known:
                symbol, state = context.symbol, label.regime.value
                self._followed.note(context, (state,))
                found[symbol] = state, self._followed.past(symbol, state)
        self._opinions = _OfRegimes([each.symbol for each in contexts], found, missing, self.horizon)


class _OfRegimes(Opinions):
    """What followed the regime each asset is in."""

    __slots__ = ("_found", "_horizon", "_missing")

    def __init__(
        self,
        symbols: Sequence[str],
        found: Mapping[str, tuple[str, Past | None]],
        missing: Mapping[str, str | None],
        horizon: int,
    ) -> None:
        self._found, self._missing, self._horizon = found, missing, horizon
        # In the order of the contexts.
        self.ups = {symbol: nan for symbol in symbols}
        for symbol, (_, past) in found.items():
            if past is not None:
                self.ups[symbol] = past.up

    def words(self, symbol: str) -> str:
        """Return the regime of a symbol and its record."""
        if symbol in self._missing:
            return f"no regime: {self._missing[symbol]}"
        state, past = self._found[symbol]
        if past is None:
            return f"no outcome of the regime {state} yet, it takes {self._horizon} rows"
        return f"regime {state}: {past.words(symbol)}; shrunk to {past.up:.1%}"
