"""What followed each regime of the market, for the asset itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from comove.options import MAX_LIVE_ROWS, options_of, positive, whole
from comove.signals.context import Context
from comove.signals.protocol import Prediction, PredictionSource, bar_row
from comove.signals.sources.followed import (
    USUAL_ASSET_PRIOR,
    USUAL_HORIZON,
    USUAL_POOLED_PRIOR,
    Followed,
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


class RegimeSource(PredictionSource):
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
    A bar costs the regime of each asset, which its context keeps, and some additions.
    """

    __slots__ = ("_followed", "_row", "abstained", "horizon", "options")

    kind = "regime-source"
    name: ClassVar[str] = "regime"

    def __init__(self, options: RegimeSourceOptions | None = None) -> None:
        chosen = options_of(options, RegimeSourceOptions)
        self.options, self.horizon = chosen, chosen.horizon
        self.abstained: dict[str, str] = {}
        self._row = -1
        self._followed = Followed(chosen.horizon, chosen.pooled_prior, chosen.asset_prior)

    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: the outcomes of earlier regimes, and the regime each asset is in now.

        Raises
        ------
        OrderError, DataError
            As `bar_row`, and the source is as it was.
        """
        self._row = bar_row(contexts, self._row)
        self.abstained = {}
        self._followed.learn(contexts)
        regimes = [context.regime for context in contexts]
        for context, regime in zip(contexts, regimes, strict=True):
            if regime.scores:
                self._followed.note(context, (regime.regime.value,))

    def predict(self, context: Context) -> Prediction | None:
        """Return what followed the present regime; None where data are missing or nothing has followed yet."""
        symbol = context.symbol
        if context.row != self._row:
            self.abstained[symbol] = f"row {context.row} was not observed last"
            return None
        regime = context.regime
        if not regime.scores:
            self.abstained[symbol] = f"no regime: {regime.reason}"
            return None
        state = regime.regime.value
        past = self._followed.past(symbol, state)
        if past is None:
            self.abstained[symbol] = f"no outcome of the regime {state} yet, it takes {self.horizon} rows"
            return None
        reason = f"regime {state}: {past.words(symbol)}; shrunk to {past.up:.1%}"
        return Prediction.of(past.up, self.horizon, reason)

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept, options included."""
        return {
            "options": asdict(self.options),
            "row": self._row,
            "abstained": self.abstained,
            "followed": self._followed.to_state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the source of a state."""
        source = cls(RegimeSourceOptions(**state["options"]))
        source._row = int(state["row"])
        source.abstained = {str(symbol): str(reason) for symbol, reason in state["abstained"].items()}
        source._followed.read(state["followed"])
        return source
