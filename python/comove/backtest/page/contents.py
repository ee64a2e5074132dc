"""What the pages are given: the attributes that they read, whoever holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import polars as pl

__all__ = ["AblationReport", "BacktestReport"]


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


class AblationReport(Protocol):
    """What `ablation_page` reads."""

    @property
    def table(self) -> pl.DataFrame:
        """A row a strategy, the one with all its parts ("base") first: ``name``, ``words``, ``total_return``,
        ``sharpe``; of a variant less the base ``value`` (return a year, 0.01 is 1 %), ``low``, ``high``, ``p_value``,
        ``adjusted`` (for all variants together), ``reason`` (why there is no p-value), and ``gross_value``, the
        difference before costs. What there is not is null.
        """  # noqa: D205
        ...

    @property
    def returns(self) -> pl.DataFrame:
        """A row a bar and strategy: ``ts``, ``name``, ``net`` (return of the bar); without those that were ruined."""
        ...

    @property
    def answer(self) -> str:
        """Whether market structure helps, in a sentence or two."""
        ...
