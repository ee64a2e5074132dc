"""Asynchronous ticks: who moves first, from trades or quotes as they come.

Nothing is put on a grid of time, so nothing is lost or invented by it: each interval between two ticks of one series
is multiplied with every interval of the other that it overlaps, after a shift by a lag (Hoffmann, Rosenbaum and Yoshida
2013). The lag at which that sum is largest says who leads.

Times and lags are whole nanoseconds. A negative lag means that the leader moved first. Of equal times the last price
counts; ticks whose price is missing (NaN, None, infinite) are left out. Inputs are not modified, and the interpreter
lock is released.
"""

from __future__ import annotations

from comove.ticks.calls import hayashi_yoshida, lead_lag, lead_lag_matrix
from comove.ticks.lags import lag_grid
from comove.ticks.results import LeadLag, LeadLagMatrix

__all__ = ["LeadLag", "LeadLagMatrix", "hayashi_yoshida", "lag_grid", "lead_lag", "lead_lag_matrix"]
