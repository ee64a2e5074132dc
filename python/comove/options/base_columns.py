"""The base columns of the feature recipe: their names in order, and what each is made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from comove.errors import ParameterError

#: What base columns are made of besides the time, in the order of the core. Of the leader: its close.
BAR_INPUTS = ("open", "high", "low", "close", "volume")
BOOK_INPUTS = ("bid", "ask", "bid_volume", "ask_volume", "funding_rate")
BASE_INPUTS = (*BAR_INPUTS, "leader_close", *BOOK_INPUTS)

_CLOSE = ("close",)
_RANGE = ("high", "low")
_BAR = ("high", "low", "close")
_VOLUME = ("volume",)
_BOOK = ("bid_volume", "ask_volume")

#: Every column in its order, and its inputs. The last three are there where the data has their inputs.
BASE_COLUMNS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            *("ret_1", "ret_3", "ret_5", "zscore_ret_1", "zscore_ret_3", "zscore_ret_5"),
            *("ema_5", "ema_21", "ema_8", "ema_34", "ema_diff_5_21", "ema_diff_8_34", "rsi_7", "rsi_14"),
        ),
        _CLOSE,
    ),
    **dict.fromkeys(("atr", "adx"), _BAR),
    **dict.fromkeys(("bb_upper", "bb_lower", "bb_width", "realized_sigma_30", "realized_sigma_60"), _CLOSE),
    **dict.fromkeys(("range_pct", "typical_price"), _BAR),
    "micro_trend": _CLOSE,
    **dict.fromkeys(("tod_fraction", "tod_sin", "tod_cos", "day_of_week", "dow_sin", "dow_cos"), ()),
    "volatility_regime": _CLOSE,
    "price_position_in_range": _BAR,
    **dict.fromkeys(("volume_mean_240", "volume_std_240"), _VOLUME),
    "coin_age_days": (),
    "ignition": (*_BAR, "volume"),
    "breakout_thrust": _BAR,
    "breakout_quality": ("close", "volume"),
    **dict.fromkeys(("compression_score", "compression_rank", "nr7_density"), _RANGE),
    "mean_revert_bias": _CLOSE,
    "pullback_depth": ("high", "close"),
    "micro_score": ("close", "volume"),
    "uptick_ratio": _CLOSE,
    "spread_bps": _RANGE,
    **dict.fromkeys(("leader_bias", "rs_score"), ("close", "leader_close")),
    **dict.fromkeys(
        (
            *("trend_strength", "ema_slope", "momentum_slope", "htf_bias"),
            *("trend_flag_5", "trend_flag_30", "trend_flag_120", "trend_strength_5_60", "trend_strength_30_240"),
        ),
        _CLOSE,
    ),
    "vol_jump_z": _VOLUME,
    "kurtosis": _CLOSE,
    **dict.fromkeys(("vwap", "close_to_vwap"), (*_BAR, "volume")),
    "orderbook_imbalance": _BOOK,
    "microprice": ("bid", "ask", *_BOOK),
    "funding_rate_trend": ("funding_rate",),
}

#: Those that need an order book or a funding rate.
OPTIONAL_COLUMNS = tuple(name for name, inputs in BASE_COLUMNS.items() if set(inputs) & set(BOOK_INPUTS))


def column_names(columns: object) -> tuple[str, ...]:
    """Return names of columns as a tuple.

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
    return names


def usual_columns(given: Collection[str]) -> list[str]:
    """Return the columns there are without being named: the 61, and of the others those whose inputs are given."""
    return [name for name, inputs in BASE_COLUMNS.items() if name not in OPTIONAL_COLUMNS or set(inputs) <= set(given)]


def needed_inputs(columns: Sequence[str] | None, names: Sequence[str]) -> list[str]:
    """Return the inputs that `names` are made of, in their order; the whole bar where no `columns` were asked for."""
    found = {name for column in names for name in BASE_COLUMNS[column]}
    found |= set(BAR_INPUTS) if columns is None else set()
    return [name for name in BASE_INPUTS if name in found]


def base_columns(columns: object, given: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the names of the columns and of the inputs they need.

    Parameters
    ----------
    columns : sequence of str or None
        As the user gives them; None for the usual ones.
    given : collection of str
        The inputs there are.

    Raises
    ------
    ParameterError
        Not names of columns, one twice, none; an input that is not given.
    """
    if columns is None:
        names = usual_columns(given)
    else:
        names = list(column_names(columns))
        for name in names:
            if name not in BASE_COLUMNS:
                near = get_close_matches(name, BASE_COLUMNS, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ParameterError(f"columns: {name!r} is no base column{hint}", "columns")
    inputs = needed_inputs(None if columns is None else names, names)
    for name in inputs:
        # Without a leader what compares with it is missing.
        if name not in given and name != "leader_close":
            of = next((column for column in names if name in BASE_COLUMNS[column]), "the bar")
            raise ParameterError(f"{name} must be given for {of}", "input")
    return names, [name for name in inputs if name in given]
