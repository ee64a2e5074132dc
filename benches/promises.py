"""What was promised of speed, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from measure import Line

# A bench's lines by contender.
Lines = Mapping[str, Mapping[str, Line]]

# How the names of benches of all lags begin; the number of threads of Polars and the window follow.
ALL_LAGS = "cross_correlation/batch, "

# The largest growth from window 30 to 10 000 that counts as none: what is left is memory, not arithmetic.
NO_GROWTH = 1.5


@dataclass(frozen=True)
class Verdict:
    """One promise. Times are the least of all turns, on both sides."""

    work: str
    must: str
    aim: str
    measured: str
    rival: str
    ratio: str
    must_met: bool
    aim_met: bool | None
    """None where there is no aim beyond the must."""


def nanoseconds(value: float) -> str:
    """A time in a readable unit."""
    if value >= 1e6:
        return f"{value / 1e6:.3g} ms"
    return f"{value / 1e3:.3g} us" if value >= 1e4 else f"{value:.3g} ns"


def fastest(lines: Mapping[str, Line], names: Sequence[str]) -> Line:
    return min((lines[name] for name in names), key=lambda line: line.least)


def windows(benches: Lines, prefix: str) -> dict[int, Mapping[str, Line]]:
    """The benches that differ in their window alone, by window."""
    found = {int(name.rpartition("w")[2]): lines for name, lines in benches.items() if name.startswith(prefix + "w")}
    return dict(sorted(found.items()))


def correlation(benches: Lines) -> list[Verdict]:
    lines = benches["corr/batch/w30"]
    rival = fastest(lines, ["TA-Lib CORREL", "numbagg move_corr", "polars rolling_corr", "pandas rolling.corr"])
    ours, reused = lines["comove arrays"].least, lines["comove arrays, out="].least
    return [
        Verdict(
            "batch correlation, 1M rows, window 30, one thread",
            "faster than all",
            "3.5 ns/row",
            f"{nanoseconds(ours)}/row ({nanoseconds(reused)} with out=)",
            f"{rival.contender} {nanoseconds(rival.least)}",
            f"{rival.least / ours:.2f}",
            ours < rival.least,
            ours <= 3.5,
        )
    ]


def regression(benches: Lines) -> list[Verdict]:
    lines = benches["regression/batch/w30"]
    rival = fastest(lines, ["polars-ols (beta, alpha)", "polars-ds (beta, alpha, pred)"])
    ours = lines["comove arrays, out="].least
    return [
        Verdict(
            "batch regression, 7 readings, out=",
            "20 times faster",
            "15 ns/row",
            f"{nanoseconds(ours)}/row",
            f"{rival.contender} {nanoseconds(rival.least)}",
            f"{rival.least / ours:.1f}",
            rival.least / ours >= 20,
            ours <= 15,
        )
    ]


def live(benches: Lines) -> list[Verdict]:
    lines = benches["pair/live/w30"]
    rival, ours = lines["TA-Lib stream CORREL"], lines["comove update"]
    tail = ours.percentiles["p99.9"]
    return [
        Verdict(
            "live update of one pair through Python, all readings kept",
            "<= TA-Lib's",
            "120 ns, p99.9 below 1 us",
            f"{nanoseconds(ours.least)}, p99.9 {nanoseconds(tail)}",
            f"{rival.contender} {nanoseconds(rival.least)}, p99.9 {nanoseconds(rival.percentiles['p99.9'])}",
            f"{rival.least / ours.least:.2f}",
            ours.least <= rival.least,
            ours.least <= 120 and tail < 1000,
        )
    ]


def panel(benches: Lines) -> list[Verdict]:
    by_window = windows(benches, "panel/live/500x3, ")
    ours = {size: lines["comove update, beta, corr"] for size, lines in by_window.items()}
    rivals = {size: lines["NumPy, the window again"] for size, lines in by_window.items()}
    slowest = max(line.least for line in ours.values())
    single = ours[1440].percentiles
    tail = single["p99"] / single["p50"]
    return [
        Verdict(
            "one bar of a panel, 500 assets x 3 leaders, beta + corr",
            "25 us at any window",
            "10 us",
            ", ".join(f"w{size} {nanoseconds(line.least)}" for size, line in ours.items()),
            ", ".join(f"w{size} {nanoseconds(line.least)}" for size, line in rivals.items()),
            ", ".join(f"{rivals[size].least / line.least:.3g}" for size, line in ours.items()),
            slowest <= 25e3,
            slowest <= 10e3,
        ),
        Verdict(
            "no spikes: 99th percentile of a bar, window 1440",
            "below 5 medians",
            "",
            f"{nanoseconds(single['p99'])} / {nanoseconds(single['p50'])} = {tail:.2f}",
            "",
            "",
            tail < 5,
            None,
        ),
    ]


def features(benches: Lines) -> list[Verdict]:
    verdicts = []
    for name, lines in benches.items():
        if not name.startswith("features/"):
            continue
        rival = fastest(lines, ["plain Polars", "plain Polars, lazy"])
        ours = lines["comove"].least
        ratio = rival.least / ours
        verdicts.append(
            Verdict(
                f"15 cross-asset features, 1M rows, {name.rpartition('/')[2]}",
                "5 times faster",
                "15 times",
                f"{nanoseconds(ours)}/row",
                f"{rival.contender} {nanoseconds(rival.least)}",
                f"{ratio:.1f}",
                ratio >= 5,
                ratio >= 15,
            )
        )
    return verdicts


def recipe(benches: Lines) -> list[Verdict]:
    verdicts = []
    for name, lines in benches.items():
        if not name.startswith("recipe/polars/"):
            continue
        rival, ours = lines["plain Polars, lazy"], lines["comove FeatureRecipe"].least
        ratio = rival.least / ours
        verdicts.append(
            Verdict(
                f"the feature recipe, 1M rows, {name.rpartition(', ')[2]}",
                "2 times faster",
                "",
                f"{nanoseconds(ours)}/row ({nanoseconds(lines['comove expression'].least)} without grid and fill)",
                f"{rival.contender} {nanoseconds(rival.least)}",
                f"{ratio:.1f}",
                ratio >= 2,
                None,
            )
        )
    return verdicts


def recipe_alone(benches: Lines) -> list[Verdict]:
    most = benches["recipe/memory/61 columns"]["comove FeatureRecipe"].least
    bar = benches["recipe/live/76 columns"]["comove FeatureStream"]
    late = bar.percentiles["p99.9"]
    return [
        Verdict("memory of the recipe", "3 times the output", "", f"{most:.2f}", "", "", most <= 3, None),
        Verdict(
            "one bar of the recipe live, 3 leaders",
            "100 us",
            "20 us",
            f"{nanoseconds(bar.least)}, p99.9 {nanoseconds(late)}",
            "",
            "",
            bar.least <= 1e5,
            bar.least <= 2e4,
        ),
    ]


def lead_lag(benches: Lines) -> list[Verdict]:
    name, shared = "comove, one thread", "comove, all threads"
    small, middle, large = (benches[f"ticks/81 lags, {millions}M a side"] for millions in ("0.1", "1", "10"))
    rival, ours = small["NumPy, searchsorted"], small[name].least
    ratio, growth = rival.least / ours, large[name].least / middle[name].least
    with_all = f", {nanoseconds(large[shared].least)} with all threads" if shared in large else ""
    return [
        Verdict(
            "lead and lag of ticks, 81 lags, 0.1M a side, one thread",
            "20 times faster",
            "100 times",
            f"{nanoseconds(ours)}/tick",
            f"{rival.contender} {nanoseconds(rival.least)}",
            f"{ratio:.0f}",
            ratio >= 20,
            ratio >= 100,
        ),
        Verdict(
            "cost of a tick does not grow with their number",
            f"10M at most {NO_GROWTH} times 1M",
            "",
            f"10M a side {nanoseconds(large[name].least)}/tick{with_all}",
            "",
            f"{growth:.2f}",
            growth <= NO_GROWTH,
            None,
        ),
    ]


def all_lags(benches: Lines) -> list[Verdict]:
    """One verdict a number of threads of Polars; both doors must keep the promise, the arrays have the aim."""
    verdicts = []
    for threads in sorted({name[len(ALL_LAGS) :].rpartition("/")[0] for name in benches if name.startswith(ALL_LAGS)}):
        by_window = windows(benches, f"{ALL_LAGS}{threads}/")
        rivals = {
            size: lines["21 polars expressions"].least
            for size, lines in by_window.items()
            if "21 polars expressions" in lines
        }
        if not rivals:
            continue
        doors = [
            {size: by_window[size][name].least for size in rivals}
            for name in ("comove arrays, out=", "comove expression")
        ]
        ratios = {size: [value / door[size] for door in doors] for size, value in rivals.items()}
        verdicts.append(
            Verdict(
                f"cross-correlation of 21 lags, 1M rows, out= (expression), {threads} for Polars",
                "20 times faster",
                "60 ns/row",
                ", ".join(f"w{n} {nanoseconds(doors[0][n])} ({nanoseconds(doors[1][n])})" for n in rivals),
                "21 polars expressions " + ", ".join(f"w{n} {nanoseconds(value)}" for n, value in rivals.items()),
                ", ".join(f"{arrays:.1f} ({expression:.1f})" for arrays, expression in ratios.values()),
                min(min(both) for both in ratios.values()) >= 20,
                max(doors[0].values()) <= 60,
            )
        )
    return verdicts


def lags_live(benches: Lines) -> list[Verdict]:
    by_window = {size: lines["comove update"] for size, lines in windows(benches, "lag_scan/live/").items()}
    slowest = max(line.least for line in by_window.values())
    tail = max(line.percentiles["p99.9"] for line in by_window.values())
    return [
        Verdict(
            "live update of 21 lags through Python, all readings kept",
            "below 1 us at any window",
            "300 ns",
            ", ".join(f"w{n} {nanoseconds(line.least)}" for n, line in by_window.items())
            + f", p99.9 at most {nanoseconds(tail)}",
            "",
            "",
            slowest < 1000,
            slowest <= 300,
        )
    ]


def lags_panel(benches: Lines) -> list[Verdict]:
    by_window = windows(benches, "panel/lags/500x3x21, ")
    ours = {size: lines["comove update, 21 lags"].least for size, lines in by_window.items()}
    rivals = {size: lines["NumPy, the window again"].least for size, lines in by_window.items()}
    return [
        Verdict(
            "one bar of a panel, 500 assets x 3 leaders x 21 lags",
            "below 1 ms at any window",
            "",
            ", ".join(f"w{n} {nanoseconds(value)}" for n, value in ours.items()),
            ", ".join(f"w{n} {nanoseconds(value)}" for n, value in rivals.items()),
            ", ".join(f"{rivals[n] / value:.3g}" for n, value in ours.items()),
            max(ours.values()) < 1e6,
            None,
        )
    ]


def regimes(benches: Lines) -> list[Verdict]:
    line = benches["structure/live/47 coins"]["detect_market_regime, an asset"]
    median = line.percentiles["p50"]
    return [
        Verdict(
            "detect_market_regime live, a call",
            "below 20 us",
            "",
            f"{nanoseconds(median)}, p99 {nanoseconds(line.percentiles['p99'])}",
            "",
            "",
            median < 20_000,
            None,
        )
    ]


def growth(work: str, prefix: str, contender: str, benches: Lines) -> list[Verdict]:
    least = {size: lines[contender].least for size, lines in windows(benches, prefix).items()}
    ratio = least[max(least)] / least[30]
    return [
        Verdict(
            work,
            f"at most {NO_GROWTH} times window 30",
            "",
            ", ".join(f"w{size} {nanoseconds(value)}" for size, value in least.items()),
            "",
            f"{ratio:.2f}",
            ratio <= NO_GROWTH,
            None,
        )
    ]


growth_of_rows = partial(growth, "cost of a row does not grow with the window", "corr/batch/", "comove arrays")
growth_of_ticks = partial(growth, "cost of a tick does not grow with the window", "pair/live/", "comove update")
growth_of_lag_rows = partial(
    growth,
    "cost of a row of 21 lags does not grow with the window",
    f"{ALL_LAGS}1 thread/",
    "comove arrays, out=",
)
growth_of_lag_ticks = partial(
    growth, "cost of a tick of 21 lags does not grow with the window", "lag_scan/live/", "comove update"
)

# Each promise with the benches it needs.
PROMISES: tuple[tuple[Callable[[Lines], list[Verdict]], tuple[str, ...]], ...] = (
    (correlation, ("corr/batch/w30",)),
    (regression, ("regression/batch/w30",)),
    (live, ("pair/live/w30",)),
    (panel, ("panel/live/500x3, w1440",)),
    (all_lags, ()),
    (lags_live, ("lag_scan/live/w30",)),
    (lags_panel, ("panel/lags/500x3x21, w30",)),
    (lead_lag, ("ticks/81 lags, 0.1M a side", "ticks/81 lags, 1M a side", "ticks/81 lags, 10M a side")),
    (features, ()),
    (regimes, ("structure/live/47 coins",)),
    (recipe, ()),
    (recipe_alone, ("recipe/memory/61 columns", "recipe/live/76 columns")),
    (growth_of_rows, ("corr/batch/w30", "corr/batch/w10000")),
    (growth_of_ticks, ("pair/live/w30", "pair/live/w10000")),
    (growth_of_lag_rows, (f"{ALL_LAGS}1 thread/w30", f"{ALL_LAGS}1 thread/w10000")),
    (growth_of_lag_ticks, ("lag_scan/live/w30", "lag_scan/live/w10000")),
)


def verdicts(lines: Sequence[Line]) -> list[Verdict]:
    """The promises whose benches were run."""
    benches: dict[str, dict[str, Line]] = {}
    for line in lines:
        benches.setdefault(line.bench, {})[line.contender] = line
    return [
        verdict
        for promise, needed in PROMISES
        if all(name in benches for name in needed)
        for verdict in promise(benches)
    ]
