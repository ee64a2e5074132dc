"""Fixed seeds for the whole suite."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Derandomised: the same examples on every run, a failing one is printed. No deadline: nothing is timed.
settings.register_profile(
    "comove", derandomize=True, deadline=None, max_examples=40, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("comove")
