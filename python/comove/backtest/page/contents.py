"""What the pages are given: the attributes that they read, whoever holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import polars as pl

__all__ = ["AblationReport", "BacktestReport", "Variant"]


class BacktestReport(Protocol):
    """What `backtest_page` reads of a report; times are UTC, money is in the quote currency."""

    @property
    def equity(self) -> pl.DataFrame:
        """One row a bar: ``ts``, ``fold``, ``equity``, ``long``, ``short``, ``heat`` (over the capital), ``drawdown``,
        ``costs``, ``funding``, ``traded``, ``btc`` and ``equal``.
        """  # noqa: D205
        ...

    @property
    def trades(self) -> pl.DataFrame:
        """One row a closed part of a position: ``symbol``, ``side``, ``opened``, ``closed``, ``entry``, ``exit``,
        ``size``, ``net``, ``reason`` and ``gap``.
        """  # noqa: D205
        ...

    @property
    def metrics(self) -> Mapping[str, Any]:
        """As `comove.backtest.stats.metrics` makes them. Besides these are read, where they are there: ``intervals``,
        for "strategy", "btc" and "equal" what `bootstrap_intervals` gives at 95 %, as ``low`` and ``high`` by name (and
        a ``reason`` where they are missing); ``deflated``, the fields of a `DeflatedSharpe`.
        """  # noqa: D205
        ...

    @property
    def symbols(self) -> Sequence[str]:
        """All coins that had a candle."""
        ...

    @property
    def leaders(self) -> Sequence[str]:
        """The first is the coin of the benchmark."""
        ...

    @property
    def step_seconds(self) -> float:
        """Usual distance of two bars."""
        ...

    @property
    def capital(self) -> float:
        """Money at the beginning, more than 0."""
        ...

    @property
    def costs(self) -> Mapping[str, Any]:
        """The options of the costs by name."""
        ...

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the strategy, one in another as they are grouped; empty where it has none."""
        ...

    @property
    def folds(self) -> Sequence[Mapping[str, Any]]:
        """Where folds begin and end: ``train_first``, ``fit_last``, ``train_last``, ``test_first``, ``test_last`` as
        ISO texts, None where there is no training.
        """  # noqa: D205
        ...

    @property
    def seed(self) -> int | None:
        """What all random numbers were drawn from."""
        ...

    @property
    def ruined(self) -> str | None:
        """When nothing was left of the account, as ISO text; None where something was."""
        ...


class Variant(Protocol):
    """The same strategy with one part switched off."""

    @property
    def name(self) -> str:
        """Short, and the name of its column in the curves."""
        ...

    @property
    def words(self) -> str:
        """What was switched off."""
        ...

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Of its own backtest."""
        ...

    @property
    def difference(self) -> Mapping[str, Any]:
        """The variant less the strategy, paired bar by bar: ``mean_per_year``, ``low``, ``high`` (of returns, 0.01 is
        1 % a year), ``p_value``, ``p_holm`` (for all variants together); None with a ``reason`` where there is none.
        """  # noqa: D205
        ...


class AblationReport(Protocol):
    """What `ablation_page` reads."""

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Of the strategy with all its parts."""
        ...

    @property
    def variants(self) -> Sequence[Variant]:
        """In the order of the page."""
        ...

    @property
    def curves(self) -> pl.DataFrame:
        """``ts``, ``strategy`` (the equity with all parts), and the equity of each variant in a column of its name."""
        ...

    @property
    def capital(self) -> float:
        """Money at the beginning, more than 0."""
        ...
