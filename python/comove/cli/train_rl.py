"""`comove train-rl`: candles of a folder in, a trained policy out, and what it did on rows it had not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import polars as pl
from rich.table import Table

from comove.cli.console import count_text, errors, fail, number_text, open_console, say
from comove.cli.folder import (
    assets_option,
    chosen,
    data_option,
    leaders_option,
    read_each,
    refuse_failures,
    try_writing,
    write_whole,
)
from comove.data.candles import candle_files
from comove.signals.rl import NumpyPolicy, TrainingOptions, train
from comove.signals.rl.training import check_extra

__all__ = ["train_rl_command"]

_USUAL = TrainingOptions()
#: Standard errors beyond which a difference is more than chance, one time in forty on each side.
_SURE = 2.0


@click.command("train-rl", short_help="Train a trading agent (PPO), and judge it on later candles.")
@data_option
@assets_option("train on", " that is no leader")
@leaders_option("--leaders", "whose columns the agent sees; 'none' for none")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE.policy",
    help="The policy to write; comove.signals.sources.ReinforcementSource takes it, without torch.",
)
@click.option(
    "--timesteps",
    type=click.IntRange(min=1),
    default=_USUAL.timesteps,
    show_default=True,
    metavar="ROWS",
    help="Candles the agent lives through, all coins together; some 3,000 a second.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=_USUAL.seed,
    show_default=True,
    help="The same seed gives the same policy.",
)
@click.option(
    "--features",
    default="usual",
    show_default=True,
    metavar="usual|A,B,...",
    help="Columns the agent sees, as `comove features` names them; the usual ones are 13 of the coin and all five "
    "against each leader.",
)
@click.option(
    "--cost",
    type=click.FloatRange(min=0.0, max=0.1),
    default=_USUAL.cost,
    show_default=True,
    metavar="SHARE",
    help="What a trade costs, as a part of its size: 0.001 is 0.1 %.",
)
@click.option(
    "--validation",
    type=click.FloatRange(min=0.05, max=0.9),
    default=_USUAL.validation,
    show_default=True,
    metavar="SHARE",
    help="Part of the candles, the last ones, that training does not see and that judge the policy.",
)
@click.option(
    "--horizon",
    type=click.IntRange(min=1),
    default=_USUAL.horizon,
    show_default=True,
    metavar="ROWS",
    help="Candles over which the policy's live predictions are judged.",
)
def train_rl_command(
    data: Path,
    assets: str,
    leaders: str,
    out: Path,
    timesteps: int,
    seed: int,
    features: str,
    cost: float,
    validation: float,
    horizon: int,
) -> None:
    """Train an agent to be short, flat or long in each candle, and judge it on later candles.

    It learns by PPO on the first candles, costs on. The last ones judge it once, against buying and holding; the table
    shows the result, and the file keeps it, with seed, options, normalisation and versions. The file is a snapshot of
    arrays that comove reads with NumPy alone.

    Needs gymnasium, stable-baselines3 and torch: pip install comove[rl].

    \b
    Example:
    comove train-rl --data candles --assets BONK,WIF --leaders BTC,ETH,SOL --out agent.policy
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    with errors():
        if out.suffix.lower() != ".policy":
            raise click.UsageError(f"--out must end in .policy, got {out}")
        # Before the training, not after it.
        try_writing(out)
        options = TrainingOptions(
            features=_names(features),
            seed=seed,
            timesteps=timesteps,
            cost=cost,
            validation=validation,
            horizon=horizon,
        )
        check_extra()
        files = candle_files(data)
        leader_names = [] if leaders.strip().lower() == "none" else chosen("--leaders", leaders, files)
        every = assets.strip().lower() == "all"
        asset_names = (
            [name for name in files if name not in leader_names] if every else chosen("--assets", assets, files)
        )
        if not asset_names:
            raise fail(f"{data}: no symbols beside the leaders {', '.join(leader_names)}")
        wanted = list(dict.fromkeys([*leader_names, *asset_names]))
        frames, failed = read_each(files, wanted, _candles)
        refuse_failures(failed, len(wanted), "symbols")
        policy = train(frames, assets=asset_names, leaders=leader_names, options=options, progress=True)
        write_whole(out, lambda draft: draft.write_bytes(policy.to_bytes()))
        _show(policy)
        click.echo(f"Wrote {out}")


def _candles(frame: pl.DataFrame, _symbol: str) -> pl.DataFrame:
    return frame


def _names(text: str) -> tuple[str, ...]:
    if text.strip().lower() == "usual":
        return ()
    names = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if not names:
        raise click.UsageError("--features names no column.")
    return names


def _show(policy: NumpyPolicy) -> None:
    judged: dict[str, Any] = policy.note["validation"]
    console = open_console()
    first, last = (judged[name][:16].replace("T", " ") for name in ("first", "last"))
    table = Table(title=f"Unseen candles, {first} to {last}")
    for name in ("", "return", "per candle", "long", "short", "turnover"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for name, gain, *more in (
        ("the policy", judged["gain"], judged["long"], judged["short"], judged["turnover"]),
        ("buy and hold", judged["hold"], 1.0, 0.0, None),
    ):
        long, short, turnover = more
        table.add_row(
            name,
            f"{gain:+.1%}",
            f"{gain / judged['rows']:+.4%}",
            f"{long:.0%}",
            f"{short:.0%}",
            number_text(turnover, 3),
        )
    console.print(table)
    say(console, _verdict(judged), f"Trained on {count_text(policy.note['training']['traded'], 'candle')}. {_MEANING}")


_MEANING = (
    "Returns are sums over the candles, costs taken off, of the mean coin with the same capital; nothing is"
    " reinvested. Turnover is the mean change of the position, of which 2 is from short to long."
)


def _verdict(judged: dict[str, Any]) -> str:
    """Return in words what the validation shows, and what it does not."""
    apart = judged["difference"]
    by = f"by {abs(apart):.1f} standard errors over {count_text(judged['rows'], 'candle')}"
    if judged["gain"] <= 0.0:
        loss = "earned nothing" if judged["gain"] == 0.0 else "lost money"
        return f"The policy {loss} on candles it had not seen: do not trade it."
    if apart <= 0.0:
        return f"The policy fell short of buying and holding {by}: do not trade it for its own sake."
    if apart < _SURE:
        return f"The policy beat buying and holding {by}: that may well be chance."
    return (
        f"The policy beat buying and holding {by}. Of many seeds and options one does so by chance: trust the first try"
        " more than the best."
    )
