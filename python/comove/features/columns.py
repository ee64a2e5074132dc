"""The registry: every column the recipe can build, and what is known about it before any data.

Letters: c close of the asset, b close of the leader, r and s their one-row returns, n-row return = c / c[-n] - 1
(or ln(c / c[-n])).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal

from comove.errors import ParameterError

__all__ = ["AGE", "CROSS_ASSET", "ColumnMetadata", "age_column", "cross_asset_columns", "pick"]

#: The columns of one leader, in their order; each is written `<leader>_<kind>`.
CROSS_ASSET = ("beta", "correlation", "divergence", "volatility", "relative_momentum")
#: The column of a leader that is there on request.
AGE = "age"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMetadata:
    """What is known about a feature column before any data.

    Attributes
    ----------
    name : str
    definition : str
        The formula, with the recipe's own options in it.
    inputs : tuple of str
        Columns of the candles; those of a leader as in ``"btc.close"``.
    lookback : int, "fades" or "all"
        Rows, this one included, that the value depends on before filling; "fades" for an exponential memory, "all"
        where one row of long ago is enough to matter.
    warm_up : int
        Rows until the first value, that row included, where nothing is missing. As `Panel.warmup`.
    range : (float or None, float or None)
        Least and greatest value; None where there is no bound.
    unit : str
    default : float or None
        What `fill` puts where there is no value to carry on; None: it stays missing.
    source : str
    causal : bool
        Whether the value at a row uses that row and earlier ones only. False under ``fill="forward_backward"``.
    """

    name: str
    definition: str
    inputs: tuple[str, ...]
    lookback: int | Literal["fades", "all"]
    warm_up: int
    range: tuple[float | None, float | None]
    unit: str
    default: float | None
    source: str
    causal: bool = True

    def delayed(self, lag: int) -> ColumnMetadata:
        """Return the same column shown `lag` rows later."""
        if lag == 0:
            return self
        lookback = self.lookback + lag if isinstance(self.lookback, int) else self.lookback
        text = f"{self.definition}; as of {lag} row{'s' if lag > 1 else ''} before"
        return replace(self, lookback=lookback, warm_up=self.warm_up + lag, definition=text)


def cross_asset_columns(leader: str, options: Mapping[str, Any]) -> list[ColumnMetadata]:
    """Return the five columns of one leader, under the options of `comove.cross_asset_features`."""
    window, vol = options["window_size"], options["vol_window"]
    short, long, momentum = options["short"], options["long"], options["momentum"]
    least = options["min_samples"] or window
    both = ("close", f"{leader}.close")
    kind = "log" if options["returns"] == "log" else "simple"
    pairs = f"{kind} one-row returns, {window} rows"
    pairs += f", at least {least} complete pairs" if least < window else ""
    moments = "Chan, Golub and LeVeque (1979), eq. 2.1"
    return [
        ColumnMetadata(
            name=f"{leader}_beta",
            definition=f"cov(r, s) / var(s) of {pairs}",
            inputs=both,
            lookback=window + 1,
            warm_up=least + 1,
            range=(None, None),
            unit="ratio",
            default=1.0,
            source=f"least squares; {moments}",
        ),
        ColumnMetadata(
            name=f"{leader}_correlation",
            definition=f"cov(r, s) / sqrt(var(r) var(s)) of {pairs}",
            inputs=both,
            lookback=window + 1,
            warm_up=least + 1,
            range=(-1.0, 1.0),
            unit="ratio",
            default=0.0,
            source=f"Pearson; {moments}",
        ),
        ColumnMetadata(
            name=f"{leader}_divergence",
            definition=f"clip(d{short} - d{long}, -0.2, 0.2) / 0.2, dn the {kind} n-row return minus the leader's",
            inputs=both,
            lookback=max(short, long) + 1,
            warm_up=max(short, long) + 1,
            range=(-1.0, 1.0),
            unit="ratio",
            default=0.0,
            source="comove",
        ),
        ColumnMetadata(
            name=f"{leader}_volatility",
            definition=f"standard deviation (ddof 1) of the leader's {kind} one-row returns, {vol} rows",
            inputs=(f"{leader}.close",),
            lookback=vol + 1,
            warm_up=vol + 1,
            range=(0.0, None),
            unit="fraction",
            default=0.02,
            source=moments,
        ),
        ColumnMetadata(
            name=f"{leader}_relative_momentum",
            definition=f"{kind} {momentum}-row return minus the leader's",
            inputs=both,
            lookback=momentum + 1,
            warm_up=momentum + 1,
            range=(None, None),
            unit="fraction",
            default=0.0,
            source="comove",
        ),
    ]


def age_column(leader: str) -> ColumnMetadata:
    """Return the age of one leader."""
    return ColumnMetadata(
        name=f"{leader}_{AGE}",
        definition="rows of the grid since the leader last had a price, 0 for now; never filled",
        inputs=(f"{leader}.close",),
        lookback="all",
        warm_up=1,
        range=(0.0, None),
        unit="rows",
        default=None,
        source="comove",
    )


def pick(available: Iterable[ColumnMetadata], wanted: Sequence[str] | None) -> list[ColumnMetadata]:
    """Return the columns named in `wanted`, in that order; all for None.

    Raises
    ------
    ParameterError
        A name that is not there.
    """
    by_name = {column.name: column for column in available}
    if wanted is None:
        return list(by_name.values())
    for name in wanted:
        if name not in by_name:
            near = get_close_matches(name, by_name, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ParameterError(
                f"columns: {name!r} is not among the {len(by_name)} columns of these inputs and leaders{hint}",
                "columns",
            )
    return [by_name[name] for name in wanted]
