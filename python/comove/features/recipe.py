"""`FeatureRecipe`: options once, columns for any asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import polars as pl

from comove import expressions, options
from comove.errors import DataError, ParameterError
from comove.features import columns as registry
from comove.features import fill as filling
from comove.features import grid
from comove.features.columns import ColumnMetadata
from comove.features.fill import Fill
from comove.options import Returns

__all__ = ["FeatureRecipe"]

Frame: TypeAlias = pl.DataFrame | pl.LazyFrame
_FrameT = TypeVar("_FrameT", pl.DataFrame, pl.LazyFrame)

#: The leaders with an argument of their own; their columns come first, in this order.
_NAMED_LEADERS = ("btc", "eth", "sol")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRecipe:
    """Options of the feature columns, checked once; the same recipe then serves any asset.

    Parameters
    ----------
    window_size : int, at least 3
        Rows of beta and correlation.
    vol_window : int, at least 2
        Rows of the leader's volatility.
    short, long : int, at least 1
        Rows of the two returns that divergence compares.
    momentum : int, at least 1
        Rows of relative momentum.
    min_samples : int, 2 to `window_size`, default `window_size`
        Complete pairs that beta and correlation need.
    returns : {"simple", "log"}
    fill : {"forward", "forward_backward"} or None
        What stands where a column is not defined. "forward": its last value, for at most `fill_limit` rows; beyond
        that, and before the first value, the column's default (beta 1.0, correlation 0.0, volatility 0.02, the
        relative ones 0.0). None: null. "forward_backward" **looks ahead**: also the next value, from at most
        `fill_limit` rows later; not for backtests or training.
    fill_limit : int, at least 0
        Rows of the grid on which windows age, so that holes in the asset's candles count: a value from before a long
        halt does not come back after it.
    lag : int, at least 0
        Shows every column that many rows of the asset later, after filling. A candle's close is known when the candle
        ends: who trades at the open of a row takes ``lag=1``.
    columns : sequence of str, optional
        Only these columns, in this order, as in ``["btc_beta", "eth_volatility"]``; all by default.

    Raises
    ------
    ParameterError
        An option out of its bounds.

    Examples
    --------
    >>> from comove import FeatureRecipe
    >>> from comove.data import simulate_market
    >>> frames = simulate_market(assets=["BONK"]).frames
    >>> features = FeatureRecipe().build_with_market_context(frames["BONK"], btc_frame=frames["BTC"])
    >>> features.columns[6:]
    ['btc_beta', 'btc_correlation', 'btc_divergence', 'btc_volatility', 'btc_relative_momentum']
    """

    window_size: int = 30
    vol_window: int = 20
    short: int = 5
    long: int = 20
    momentum: int = 10
    min_samples: int | None = None
    returns: Returns = "simple"
    fill: Fill = "forward"
    fill_limit: int = 24
    lag: int = 0
    columns: Sequence[str] | None = None

    def __post_init__(self) -> None:
        lookbacks = {name: getattr(self, name) for name in ("vol_window", "short", "long", "momentum")}
        options.cross_asset(self.window_size, self.min_samples, lookbacks, self.returns)
        if self.fill is not None and (not isinstance(self.fill, str) or self.fill not in filling.POLICIES):
            raise ParameterError(f"fill must be 'forward', 'forward_backward' or None, got {self.fill!r}", "choice")
        options.whole("fill_limit", self.fill_limit, least=0)
        options.whole("lag", self.lag, least=0)
        if self.columns is not None:
            object.__setattr__(self, "columns", _checked_columns(self.columns))

    def build_with_market_context(
        self,
        frame: _FrameT,
        *,
        btc_frame: Frame | None = None,
        eth_frame: Frame | None = None,
        sol_frame: Frame | None = None,
        leaders: Mapping[str, Frame] | None = None,
    ) -> _FrameT:
        """Add the cross-asset columns of every leader that is given.

        All prices are laid on the union of the timestamps of the asset and its leaders. A return needs both
        neighbouring rows of that grid, and windows age on it; the rows that come back are the asset's.

        Parameters
        ----------
        frame : DataFrame or LazyFrame
            The asset, with ``ts`` and ``close``: rising times without repeats, naive ones in UTC; prices above 0, null
            or NaN where missing. Other columns pass through.
        btc_frame, eth_frame, sol_frame : DataFrame or LazyFrame, optional
            Leaders, with the same two columns. The asset itself may be one. No columns come of those left out.
        leaders : mapping of name to frame, optional
            Any other leaders: ``{"BNB": frame}`` gives ``bnb_beta`` and so on.

        Returns
        -------
        DataFrame or LazyFrame, as `frame`
            The rows and columns of `frame` as they are, then for each leader Float64 columns ``<leader>_beta``,
            ``_correlation``, ``_divergence``, ``_volatility``, ``_relative_momentum`` (or the recipe's `columns`): btc,
            eth, sol, then the others by name. A LazyFrame reads nothing until it is collected.

        Raises
        ------
        DataError
            A frame without those columns or with prices not above 0; a leader that shares no timestamp or no return
            with the asset; a column of `frame` that bears the name of a feature.
        OrderError
            Time runs backwards or a timestamp comes twice.
        ParameterError
            A leader given twice, a name that is no leader's; `columns` that no leader given has.

        Notes
        -----
        The value at a row uses rows up to and including it, except under ``fill="forward_backward"``. Without
        filling it has the bits of `comove.live.Panel` fed with the same grid. Constant work a row and leader.
        """
        given = _ordered({"btc": btc_frame, "eth": eth_frame, "sol": sol_frame}, {} if leaders is None else leaders)
        grid.check_columns(frame, "frame")
        for name, leader in given.items():
            grid.check_columns(leader, name)
        wanted = self._columns(given)
        schema = frame.collect_schema()
        for column in wanted:
            if column.name in schema:
                raise DataError(f"frame: already has a column {column.name!r}", "columns_taken")
        if isinstance(frame, pl.DataFrame):
            return self._build(frame, given, wanted)
        for column in wanted:
            schema[column.name] = pl.Float64()
        return pl.defer(lambda: self._build(frame.collect(), given, wanted), schema=schema)

    def metadata(self, leaders: Sequence[str] = _NAMED_LEADERS) -> dict[str, ColumnMetadata]:
        """Describe the columns: inputs, lookback, warm-up, range, definition, source.

        Parameters
        ----------
        leaders : sequence of str
            As they would be given to `build_with_market_context`, in any case.

        Returns
        -------
        dict of str to ColumnMetadata
            In the order of the columns. ``polars.DataFrame(list(recipe.metadata().values()))`` shows a table.

        Raises
        ------
        ParameterError

        Examples
        --------
        >>> from comove import FeatureRecipe
        >>> FeatureRecipe(lag=1).metadata(["BTC"])["btc_volatility"].warm_up
        22
        """
        if isinstance(leaders, str):
            raise ParameterError(f"leaders must be a sequence of names, got the string {leaders!r}", "type")
        found = self._columns(_ordered({}, dict.fromkeys(leaders)))
        return {column.name: column for column in found}

    def _columns(self, leaders: Mapping[str, Any]) -> list[ColumnMetadata]:
        """Return the columns to build, in their order."""
        kernel = self._kernel_options()
        every = [column for name in leaders for column in registry.cross_asset_columns(name, kernel)]
        causal = self.fill != "forward_backward"
        return [replace(column.delayed(self.lag), causal=causal) for column in registry.pick(every, self.columns)]

    def _kernel_options(self) -> dict[str, Any]:
        names = ("window_size", "vol_window", "short", "long", "momentum", "min_samples", "returns")
        return {name: getattr(self, name) for name in names}

    def _build(
        self, frame: pl.DataFrame, leaders: Mapping[str, Frame], wanted: Sequence[ColumnMetadata]
    ) -> pl.DataFrame:
        asset = grid.read_prices(frame, "frame")
        others = {name: grid.read_prices(leader, name) for name, leader in leaders.items()}
        asset_price, leader_prices, rows = grid.lay_on_union(asset, others)
        for name, price in leader_prices.items():
            grid.refuse_unrelated(asset, others[name], asset_price, price)

        laid = pl.DataFrame({"": asset_price, **leader_prices})
        kernel = self._kernel_options()
        structs = laid.select(
            expressions.cross_asset_features("", name, **kernel)
            .struct.rename_fields([f"{name}_{kind}" for kind in registry.CROSS_ASSET])
            .alias(name)
            for name in leader_prices
        )
        values = structs.unnest(*leader_prices) if leader_prices else structs
        values = values.select(column.name for column in wanted)
        if len(rows) < len(laid):
            values = values[rows]
        filled = filling.fill_columns(
            values,
            pl.Series("rows", rows),
            policy=self.fill,
            limit=self.fill_limit,
            lag=self.lag,
            defaults={column.name: column.default for column in wanted},
        )
        return frame.hstack(filled)


def _checked_columns(columns: object) -> tuple[str, ...]:
    """Return the names of columns as a tuple.

    Raises
    ------
    ParameterError
        Not a sequence of names, none, or one twice.
    """
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        raise ParameterError(f"columns must be a sequence of names, got {columns!r}", "type")
    names = tuple(columns)
    if not names:
        raise ParameterError("columns must name at least 1 column, got none", "columns")
    for name in names:
        if not isinstance(name, str):
            raise ParameterError(f"columns must be names, got {name!r}", "type")
        if names.count(name) > 1:
            raise ParameterError(f"columns names {name!r} twice", "columns")
        if not any(name.endswith(f"_{kind}") for kind in registry.CROSS_ASSET):
            kinds = ", ".join(f"<leader>_{kind}" for kind in registry.CROSS_ASSET)
            raise ParameterError(f"columns: {name!r} is no feature; there are {kinds}", "columns")
    return names


def _ordered(named: Mapping[str, Any], others: object) -> dict[str, Any]:
    """Return leader (lowercased) to frame: btc, eth, sol, then the others by name.

    Raises
    ------
    ParameterError
        `others` is no mapping of names, or a leader is there twice.
    """
    if not isinstance(others, Mapping):
        raise ParameterError(f"leaders must be a mapping of names to frames, got {type(others).__name__}", "type")
    given = {name: frame for name, frame in named.items() if frame is not None}
    for name, frame in others.items():
        if not isinstance(name, str) or not name.strip():
            raise ParameterError(f"leaders must be named, got {name!r}", "leaders")
        if name.lower() in given:
            raise ParameterError(f"the leader {name!r} is given twice", "leaders")
        given[name.lower()] = frame
    first = [name for name in _NAMED_LEADERS if name in given]
    return {name: given[name] for name in (*first, *sorted(given.keys() - set(first)))}
