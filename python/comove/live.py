"""The live door: objects that are fed one row at a time.

They share their verbs: `update` takes in a row and returns the main reading or None; `update_many` takes arrays and
returns what the batch door would; `peek` says what `update` would say and changes nothing (the forming candle);
`amend` puts another row in the place of the last one; `copy`, `reset`, `to_bytes`, `from_bytes`, pickle. Readings are
properties, None where not defined. A refused row leaves the object as it was, byte for byte.

The same rows from the same first row give bit for bit what the arrays and the Polars expressions give.
"""

from __future__ import annotations

from comove._comove import EwmPair, JointPair, LagScanner, Panel, PanelReadings, RollingPair, SpilloverMonitor

__all__ = ["EwmPair", "JointPair", "LagScanner", "Panel", "PanelReadings", "RollingPair", "SpilloverMonitor"]
