"""`FeatureRecipe`: options once, columns for any asset."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import polars as pl

from comove import options
from comove.errors import DataError, ParameterError
from comove.features import fill as filling
from comove.features import grid
from comove.features.build import build, build_each
from comove.features.columns import ColumnMetadata
from comove.features.fill import Fill
from comove.features.plan import NAMED_LEADERS, Plan, checked_columns, ordered_leaders
from comove.options import BOOK_INPUTS, Returns

__all__ = ["FeatureRecipe"]

Frame: TypeAlias = pl.DataFrame | pl.LazyFrame
_FrameT = TypeVar("_FrameT", pl.DataFrame, pl.LazyFrame)
#: Options of the cross-asset columns, in rows.
_ROWS = ("window_size", "vol_window", "short", "long", "momentum")


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
        relative ones 0.0; base columns have none and stay missing). None: null. "forward_backward" **looks ahead**:
        also the next value, from at most `fill_limit` rows later; not for backtests or training.
    fill_limit : int, at least 0
        Rows of the grid on which windows age, so that holes in the asset's candles count: a value from before a long
        halt does not come back after it.
    lag : int, at least 0
        Shows every column that many rows of the asset later, after filling. A candle's close is known when the candle
        ends: who trades at the open of a row takes ``lag=1``.
    ages : bool
        Adds `<leader>_age`: rows of the grid since the leader last had a price, 0 for now (UInt32, never filled).
    columns : sequence of str, optional
        Only these columns, in this order, as in ``["rsi_14", "btc_beta", "btc_age"]``; all by default.

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
    >>> features.width
    72
    >>> features.columns[6:9], features.columns[-2:]
    (['ret_1', 'ret_3', 'ret_5'], ['btc_volatility', 'btc_relative_momentum'])
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
    ages: bool = False
    columns: Sequence[str] | None = None

    def __post_init__(self) -> None:
        chosen = options.cross_asset(
            self.window_size, self.min_samples, {name: getattr(self, name) for name in _ROWS[1:]}, self.returns
        )
        if self.fill is not None and (not isinstance(self.fill, str) or self.fill not in filling.POLICIES):
            raise ParameterError(f"fill must be 'forward', 'forward_backward' or None, got {self.fill!r}", "choice")
        # Numbers of Python and not of NumPy: a stream spells them out in its snapshots.
        plain: dict[str, Any] = {name: chosen[name] for name in _ROWS}
        plain["min_samples"] = None if self.min_samples is None else chosen["min_samples"]
        plain |= {name: options.whole(name, getattr(self, name), least=0) for name in ("fill_limit", "lag")}
        plain["ages"] = options.flag("ages", self.ages)
        for name, value in plain.items():
            object.__setattr__(self, name, value)
        if self.columns is not None:
            object.__setattr__(self, "columns", checked_columns(self.columns))

    def build(self, frame: _FrameT, *, over: str | Sequence[str] | None = None) -> _FrameT:
        """Add the base columns of a symbol, from its own candles.

        Parameters
        ----------
        frame : DataFrame or LazyFrame
            Candles: ``ts``, rising without repeats, naive times in UTC; ``open``, ``high``, ``low``, ``close``, prices
            above 0; ``volume``, not below 0; null or NaN where missing. Where they are there, also ``bid``, ``ask``,
            ``bid_volume``, ``ask_volume``, likewise, and ``funding_rate``. A recipe with `columns` needs only what
            those are made of. Other columns pass through.
        over : str or sequence of str, optional
            The columns that name the symbol, for a frame of many: each is built by itself.

        Returns
        -------
        DataFrame or LazyFrame, as `frame`
            The rows and columns of `frame` as they are, then the base columns (Float64) in the order of
            `comove.features.BASE_COLUMNS`, or the recipe's `columns`. `leader_bias` and `rs_score` are null here.

        Raises
        ------
        DataError
            A column that is not there, prices that cannot be, a column of `frame` that bears the name of a feature.
        OrderError
            Time runs backwards or a timestamp comes twice.
        ParameterError
            `columns` that need a leader.

        Notes
        -----
        The value at a row uses rows up to and including it, except under ``fill="forward_backward"``. Every row of
        `frame` is a row of the windows; a timestamp that is not there is none. Constant work a row.

        Examples
        --------
        >>> from comove import FeatureRecipe
        >>> from comove.data import simulate_market
        >>> candles = simulate_market(assets=["BONK"]).frames["BONK"]
        >>> FeatureRecipe(columns=["rsi_14", "vwap"]).build(candles).columns[6:]
        ['rsi_14', 'vwap']
        """
        return self._add(frame, {}, over)

    def build_with_market_context(
        self,
        frame: _FrameT,
        *,
        btc_frame: Frame | None = None,
        eth_frame: Frame | None = None,
        sol_frame: Frame | None = None,
        leaders: Mapping[str, Frame] | None = None,
        over: str | Sequence[str] | None = None,
    ) -> _FrameT:
        """Add the base columns, and the cross-asset columns of every leader that is given.

        All prices are laid on the union of the timestamps of the asset and its leaders. A return needs both
        neighbouring rows of that grid, and windows age on it, those of the base columns from the asset's first row on;
        the rows that come back are the asset's.

        Parameters
        ----------
        frame, over
            As in `build`.
        btc_frame, eth_frame, sol_frame : DataFrame or LazyFrame, optional
            Leaders, with ``ts`` and ``close``. The asset itself may be one. No columns come of those left out. The
            first of btc, eth, sol and the others by name leads `leader_bias` and `rs_score`.
        leaders : mapping of name to frame, optional
            Any other leaders: ``{"BNB": frame}`` gives ``bnb_beta`` and so on.

        Returns
        -------
        DataFrame or LazyFrame, as `frame`
            The rows and columns of `frame` as they are, the base columns as in `build`, then for each leader Float64
            columns ``<leader>_beta``, ``_correlation``, ``_divergence``, ``_volatility``, ``_relative_momentum`` (or
            the recipe's `columns`): btc, eth, sol, then the others by name. A LazyFrame reads nothing until it is
            collected.

        Raises
        ------
        DataError
            A frame without its columns or with prices that cannot be; a leader that shares no timestamp or no return
            with the asset; a column of `frame` that bears the name of a feature.
        OrderError
            Time runs backwards or a timestamp comes twice.
        ParameterError
            A leader given twice, a name that is no leader's; `columns` that no leader given has.

        Notes
        -----
        The value at a row uses rows up to and including it, except under ``fill="forward_backward"``. Without
        filling the cross-asset columns have the bits of `comove.live.Panel` fed with the same grid; the whole row, fill
        and lag included, has those of `comove.FeatureStream`. Constant work a row and leader.
        """
        others = {} if leaders is None else leaders
        return self._add(frame, ordered_leaders({"btc": btc_frame, "eth": eth_frame, "sol": sol_frame}, others), over)

    def metadata(
        self, leaders: Sequence[str] = NAMED_LEADERS, *, inputs: Collection[str] = ()
    ) -> dict[str, ColumnMetadata]:
        """Describe the columns: inputs, lookback, warm-up, range, definition, source.

        Parameters
        ----------
        leaders : sequence of str
            As they would be given to `build_with_market_context`, in any case.
        inputs : collection of str
            Columns of order book and funding rate that the candles have, as in `build`.

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
        for name in inputs:
            options.choice("inputs", name, BOOK_INPUTS)
        found = self.plan(ordered_leaders({}, dict.fromkeys(leaders)), inputs)
        return {column.name: column for column in found.columns}

    def kernel_options(self) -> dict[str, Any]:
        """Return the options of `comove.cross_asset_features`."""
        return {name: getattr(self, name) for name in (*_ROWS, "min_samples", "returns")}

    def plan(self, leaders: Collection[str], given: Collection[str]) -> Plan:
        """Return the columns for these leaders, in their order, and inputs of order book and funding rate."""
        return Plan.of(
            self.columns,
            self.kernel_options(),
            leaders=leaders,
            given=given,
            ages=self.ages,
            lag=self.lag,
            causal=self.fill != "forward_backward",
        )

    def _add(self, frame: _FrameT, leaders: Mapping[str, Frame], over: str | Sequence[str] | None) -> _FrameT:
        grid.check_columns(frame, "frame", ())
        for name, leader in leaders.items():
            grid.check_columns(leader, name)
        schema = frame.collect_schema()
        plan: Plan = self.plan(leaders, [name for name in BOOK_INPUTS if name in schema])
        grid.check_columns(frame, "frame", plan.reads)
        symbols = _symbol_columns(over, schema)
        for column in plan.columns:
            if column.name in schema:
                raise DataError(f"frame: already has a column {column.name!r}", "columns_taken")

        def add(whole: pl.DataFrame) -> pl.DataFrame:
            prices = {name: grid.read_prices(leader, name) for name, leader in leaders.items()}
            built = build_each(whole, symbols, prices, plan, self) if symbols else build(whole, prices, plan, self)
            return whole.hstack(built)

        if isinstance(frame, pl.DataFrame):
            return add(frame)
        for column in plan.columns:
            schema[column.name] = pl.UInt32() if plan.is_age(column.name) else pl.Float64()
        return pl.defer(lambda: add(frame.collect()), schema=schema)


def _symbol_columns(over: object, schema: Mapping[str, Any]) -> list[str]:
    """Return the columns that name the symbol.

    Raises
    ------
    ParameterError
        Not names of columns of the frame, or one twice.
    """
    if over is None:
        return []
    names = [over] if isinstance(over, str) else over
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise ParameterError(f"over must be the name of a column or a sequence of names, got {over!r}", "type")
    for name in names:
        if name not in schema:
            raise ParameterError(f"over: no column {name!r}; found: {', '.join(schema)}", "over")
    if len(set(names)) < len(names):
        raise ParameterError(f"over names a column twice, got {over!r}", "over")
    return list(names)
