"""The ensemble: one probability from all sources that are awake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import numpy as np

from comove.errors import ComoveError, DataError, ParameterError, StateError
from comove.options import Floats, options_of
from comove.signals.context import Context
from comove.signals.ensemble.calibration import Calibrator
from comove.signals.ensemble.copies import Copies, RegimeCopies, read_array
from comove.signals.ensemble.elementary import added, exp
from comove.signals.ensemble.options import EnsembleOptions, source_name
from comove.signals.ensemble.prediction import EnsemblePrediction, Said, Silence, in_words, joined
from comove.signals.ensemble.seats import Seat, SourceStatus
from comove.signals.ensemble.waiting import STAGES, Waiting
from comove.signals.protocol import PredictionSource, bar_row
from comove.state import Sealed, unpack
from comove.structure import MarketRegime
from comove.structure.regimes import REGIMES

__all__ = ["EnsemblePredictor"]

_REGIMES: Final = (*REGIMES, MarketRegime.UNKNOWN)

Registry = Mapping[str, type[PredictionSource]]


class EnsemblePredictor(Sealed):
    """Weighs prediction sources by their own record of each symbol.

    1. *Mixture*: the aggregating algorithm for the square loss with sleeping experts, in interleaved copies, one for
       each symbol and row modulo the horizon. Over the rounds in which a source was awake, the mixture's loss exceeds
       the source's by at most ln(1 / prior) / 2 a copy (`comove.signals.ensemble.aggregation`).
    2. *Regime adjustment*: the mixture against specialists, each source in each regime, by the same algorithm
       (`comove.signals.ensemble.copies`).
    3. *Calibration*: what came of such probabilities, all symbols together (`comove.signals.ensemble.calibration`).

    A source sleeps where it abstains, looks another number of rows ahead, or fails: it is left out, and not counted as
    1/2. One that raises sleeps for what is left of the bar; after `max_failures` bars in a row it stays off until
    `revive`, and is not fed meanwhile.

    Parameters
    ----------
    sources : sequence of PredictionSource
        With different names.
    options : EnsembleOptions, optional

    Attributes
    ----------
    abstained : dict of str to str
        Why nothing is said of a symbol in the last bar.
    registry : dict of str to type, of the class
        Sources that `from_bytes` can make, by name; `register` adds one.

    Raises
    ------
    ParameterError
        Not a source, or a name twice.

    Notes
    -----
    Of each symbol that was ever seen it keeps about 60 bytes times the horizon times one more than the sources, 10 kB
    with 24 rows and 6 sources: one that goes may come back, and its record with it.
    """

    __slots__ = (
        "_bars", "_calibrator", "_copies", "_losses", "_place", "_present", "_regimes", "_row", "_said", "_seats",
        "_settled", "_waiting", "abstained", "options",
    )  # fmt: skip

    kind = "ensemble"
    registry: ClassVar[dict[str, type[PredictionSource]]] = {}

    def __init__(self, sources: Sequence[PredictionSource] = (), options: EnsembleOptions | None = None) -> None:
        self.options = o = options_of(options, EnsembleOptions)
        self.abstained: dict[str, str] = {}
        self._row = -1
        self._place: dict[str, int] = {}
        self._present: set[str] = set()
        # What was said in the last bar, and that by symbol.
        self._bars: list[Said] = []
        self._said: dict[str, EnsemblePrediction | None] = {}
        self._seats: list[Seat] = []
        self._copies = Copies(o.horizon, o.share)
        self._regimes = RegimeCopies(o.horizon) if o.regime_adjustment else None
        self._calibrator = Calibrator(o) if o.calibration else None
        self._waiting = Waiting(o.horizon)
        self._losses: Floats = np.zeros(len(STAGES))
        self._settled = 0
        for source in sources:
            self.add(source)

    @property
    def row(self) -> int:
        """Number of the last bar; -1 before it."""
        return self._row

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, in their order."""
        return tuple(seat.name for seat in self._seats if seat.source is not None)

    def source(self, name: str) -> PredictionSource:
        """Return a source."""
        return self._seat(name)[1]

    def add(self, source: PredictionSource) -> None:
        """Add a source, which is asked from the next bar on.

        In each copy it gets the weight that its prior gives it beside the others, of what weight there is.
        """
        if not isinstance(source, PredictionSource):
            raise ParameterError(f"source must be a PredictionSource, got {source!r}", "type")
        name = source_name(source.name)
        if name in self.sources:
            raise ParameterError(f"sources must have different names, got {name!r} twice", "source")
        mass = self.options.prior.get(name, 1.0)
        self._copies.add_source(mass)
        if self._regimes is not None:
            self._regimes.add_source(mass)
        self._waiting.add_source()
        self._seats.append(Seat(name, source, waiting=self._row >= 0))

    def remove(self, name: str) -> PredictionSource:
        """Take a source out and return it.

        The others share its weight. What it said before still has its outcome, and then it is forgotten.
        """
        seat, source = self._seat(name)
        seat.source, seat.left = None, self._row
        self._forget(self._row)
        return source

    def revive(self, name: str) -> None:
        """Turn a source on that failed too often; it is asked again from the next bar it observes."""
        seat, _ = self._seat(name)
        seat.revive()
        seat.waiting = True

    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: feed each source, and learn from the outcomes of what was said `horizon` rows ago.

        Parameters
        ----------
        contexts : sequence of Context
            Of all symbols that have a candle in the bar.

        Raises
        ------
        ParameterError
            Not contexts.
        OrderError
            A row that is not after the last one.
        DataError
            Contexts of different rows, or a symbol twice; the ensemble stays as it was.
        """
        contexts = tuple(contexts)
        row = self._check(contexts)
        for seat in self._seats:
            seat.observe(contexts, self.options.max_failures)
        self.abstained, self._bars, self._said = {}, [], {}
        self._present = {context.symbol for context in contexts}
        if not contexts:
            return
        self._row = row
        fresh = [context.symbol for context in contexts if context.symbol not in self._place]
        if fresh:
            self._add_symbols(fresh)
        closes = np.full(len(self._place), np.nan)
        closes[[self._place[context.symbol] for context in contexts]] = [context.close for context in contexts]
        outcomes = self._waiting.outcomes(row, closes)
        if outcomes is not None:
            self._learn(row % self.options.horizon, outcomes)
        self._waiting.begin(row, closes)
        self._forget(row)

    def predict(self, context: Context) -> EnsemblePrediction | None:
        """Return the prediction for a symbol of the last bar; None where all sleep, and `abstained` says why.

        Asked twice in a bar, it says the same, and no source is asked again.

        Raises
        ------
        DataError
            A context that is not of the last bar observed.
        """
        return self.predict_all([context])[context.symbol]

    def predict_all(self, contexts: Sequence[Context]) -> dict[str, EnsemblePrediction | None]:
        """Return `predict` of several symbols, in a fraction of the time."""
        for context in contexts:
            if context.row != self._row or context.symbol not in self._present:
                raise DataError(
                    f"context must be of the last bar observed, row {self._row}, got row {context.row} of"
                    f" {context.symbol}",
                    "context",
                )
        new = {each.symbol: each for each in contexts if each.symbol not in self._said}
        if new:
            self._predict(list(new.values()))
        return {context.symbol: self._said[context.symbol] for context in contexts}

    def weights(self, symbol: str | None = None) -> dict[str, float]:
        """Return the weight of each source in the mixture, adding up to 1.

        Parameters
        ----------
        symbol : str, optional
            The mean over its copies that have learnt; by default over those of all symbols. The prior where there are
            none.
        """
        live = [place for place, seat in enumerate(self._seats) if seat.source is not None]
        if not live:
            return {}
        used = self._copies.rounds > 0
        if symbol is not None:
            used = used & (np.arange(len(self._place)) == self._place.get(symbol, -1))
        mass = self._copies.mass[live]
        if used.any():
            logs = self._copies.log_weights.transpose(1, 0, 2)[live][:, used]
            each = exp(logs - logs.max(axis=0))
            mass = (each / added(each)).sum(axis=1)
        return {self._seats[place].name: float(weight) for place, weight in zip(live, mass / mass.sum(), strict=True)}

    @property
    def status(self) -> dict[str, SourceStatus]:
        """How each source fares."""
        copies, bounds = self._copies.copies().tolist(), self._copies.bounds().tolist()
        return {
            seat.name: SourceStatus(
                name=seat.name,
                on=not seat.off,
                awake_share=seat.awake / seat.asked if seat.asked else None,
                rounds=seat.rounds,
                loss=seat.loss,
                mixture_loss=seat.mixture_loss,
                copies=copies[place],
                bound=bounds[place],
                failures=seat.failures,
                failures_in_row=seat.in_row,
                failure=seat.failure,
            )
            for place, seat in enumerate(self._seats)
            if seat.source is not None
        }

    @property
    def settled(self) -> int:
        """Predictions of the ensemble that have had their outcome."""
        return self._settled

    @property
    def stage_losses(self) -> dict[str, float | None]:
        """Mean of (p - y)^2 after each stage, over `settled` outcomes; None before the first."""
        return {
            stage: float(loss) / self._settled if self._settled else None
            for stage, loss in zip(STAGES, self._losses, strict=True)
        }

    @classmethod
    def register(cls, source: type[PredictionSource]) -> None:
        """Let `from_bytes` know the class of a source, by its name."""
        cls.registry[source_name(source.name)] = source

    def _seat(self, name: str) -> tuple[Seat, PredictionSource]:
        """Return the seat of a source that is there, and the source."""
        for seat in self._seats:
            if seat.name == name and seat.source is not None:
                return seat, seat.source
        raise ParameterError(f"source must be one of {list(self.sources)}, got {name!r}", "source")

    def _check(self, contexts: tuple[Context, ...]) -> int:
        for context in contexts:
            if not isinstance(context, Context):
                raise ParameterError(f"contexts must be of Context, got {context!r}", "type")
        return bar_row(contexts, self._row)

    def _add_symbols(self, symbols: list[str]) -> None:
        for symbol in symbols:
            self._place[symbol] = len(self._place)
        self._copies.add_symbols(len(symbols))
        if self._regimes is not None:
            self._regimes.add_symbols(len(symbols))
        self._waiting.add_symbols(len(symbols))

    def _learn(self, at: int, outcomes: Floats) -> None:
        """Take in the outcomes of the row that lies at a place of the ring."""
        waiting = self._waiting
        said, (mixture, adjusted, final) = waiting.said[at], waiting.stages[at]
        known = (mixture == mixture) & (outcomes == outcomes)
        if not known.any():
            return
        self._copies.learn(at, mixture, said, outcomes)
        if self._regimes is not None:
            self._regimes.learn(at, waiting.regimes[at], adjusted, mixture, said, outcomes)
        if self._calibrator is not None:
            self._calibrator.learn(adjusted, outcomes)
        self._settled += int(known.sum())
        losses = (np.stack([mixture, adjusted, final]) - outcomes) ** 2
        self._losses += np.where(known, losses, 0.0).sum(axis=1)
        own = (said - outcomes) ** 2
        awake = own == own
        counts, sums = awake.sum(axis=1).tolist(), np.where(awake, own, 0.0).sum(axis=1).tolist()
        beside = np.where(awake, losses[0], 0.0).sum(axis=1).tolist()
        for seat, count, loss, mixture_loss in zip(self._seats, counts, sums, beside, strict=True):
            seat.rounds += count
            seat.loss += loss
            seat.mixture_loss += mixture_loss

    def _forget(self, row: int) -> None:
        """Drop the seats of sources that left and wait for no outcome."""
        for place in range(len(self._seats) - 1, -1, -1):
            seat = self._seats[place]
            if seat.source is None and (seat.left < 0 or row >= seat.left + self.options.horizon):
                del self._seats[place]
                self._copies.drop_source(place)
                if self._regimes is not None:
                    self._regimes.drop_source(place)
                self._waiting.drop_source(place)

    def _predict(self, contexts: list[Context]) -> None:
        o, at = self.options, self._row % self.options.horizon
        columns = np.array([self._place[context.symbol] for context in contexts], np.int64)
        said, asleep = self._ask(contexts)
        mixed = self._copies.mix(at, columns, said)
        adjusted, shares, names = mixed.up, mixed.shares, None
        if self._regimes is not None:
            names = [context.label.regime for context in contexts]
            # Faster than a mapping: the hash of an enum's member is made in Python.
            regimes = np.array([_REGIMES.index(regime) for regime in names], np.int64)
            second = self._regimes.mix(at, columns, regimes, mixed.up, said)
            adjusted, shares = second.up, second.shares[0] * mixed.shares + second.shares[1:]
            self._waiting.regimes[at, columns] = regimes
        final = adjusted if self._calibrator is None else self._calibrator.correct(adjusted)
        self._waiting.said[at][:, columns] = said
        self._waiting.stages[at][:, columns] = (mixed.up, adjusted, final)
        agrees = np.where(final >= 0.5, said > 0.5, said < 0.5)
        bar = Said(
            self._row,
            o.horizon,
            tuple(context.symbol for context in contexts),
            tuple(seat.name for seat in self._seats),
            mixed.up.tolist(),
            adjusted.tolist(),
            final.tolist(),
            np.where(agrees, shares, 0.0).sum(axis=0).tolist(),
            said,
            shares,
            mixed.parts,
            names,
            self._calibrator is not None,
            asleep,
        )
        self._bars.append(bar)
        found = bar.predictions()
        self._said.update(found)
        for at, (symbol, prediction) in enumerate(found.items()):
            if prediction is None:
                told = "; ".join(f"{name}: {reason}" for name, reason in in_words(asleep[at]).items())
                self.abstained[symbol] = f"all sources sleep: {told}" if told else "there is no source"

    def _ask(self, contexts: list[Context]) -> tuple[Floats, list[dict[str, Silence]]]:
        """Return what the sources say, shape (sources, contexts), and why those sleep that do."""
        said: Floats = np.full((len(self._seats), len(contexts)), np.nan)
        asleep: list[dict[str, Silence]] = [{} for _ in contexts]
        for place, seat in enumerate(self._seats):
            if seat.source is not None:
                said[place] = seat.ask(contexts, asleep, self.options.horizon, self.options.max_failures)
        for seat, awake in zip(self._seats, (said == said).sum(axis=1).tolist(), strict=True):
            if seat.source is not None:
                seat.asked += len(contexts)
                seat.awake += awake
        return said, asleep

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept, each source's own snapshot included."""
        return {
            "options": self.options.to_state(),
            "row": self._row,
            "symbols": list(self._place),
            "present": bool(self._present),
            "seats": [seat.to_state() for seat in self._seats],
            "copies": self._copies.to_state(),
            "regimes": None if self._regimes is None else self._regimes.to_state(),
            "calibrator": None if self._calibrator is None else self._calibrator.to_state(),
            "waiting": self._waiting.to_state(),
            "losses": self._losses,
            "settled": self._settled,
            "abstained": self.abstained,
            "said": [bar.to_state() for bar in joined(self._bars, self._place)],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], registry: Registry | None = None) -> Self:
        """Return the ensemble of a state.

        Parameters
        ----------
        state : mapping
        registry : mapping of str to type, optional
            Classes of the sources by name, before those of the class's own `registry`.

        Raises
        ------
        StateError
            A source whose class is in neither.
        """
        ensemble = cls((), EnsembleOptions(**state["options"]))
        known = {**cls.registry, **({} if registry is None else registry)}
        for each in state["seats"]:
            name, source = each["name"], None
            if each["source"] is not None:
                if name not in known:
                    raise StateError(f"the snapshot has the source {name!r}, known are {sorted(known)}", "state_source")
                source = known[name].from_bytes(each["source"])
            ensemble._seats.append(Seat.from_state(each, source))
        ensemble._row = int(state["row"])
        ensemble._place = {str(symbol): place for place, symbol in enumerate(state["symbols"])}
        shape = len(ensemble._seats), len(ensemble._place)
        ensemble._copies.read(state["copies"], *shape)
        ensemble._waiting.read(state["waiting"], *shape)
        if ensemble._regimes is not None:
            ensemble._regimes.read(state["regimes"], *shape)
        if ensemble._calibrator is not None:
            ensemble._calibrator.read(state["calibrator"])
        closes = ensemble._waiting.closes[ensemble._row % ensemble.options.horizon]
        if closes.size and state["present"]:
            ensemble._present = {symbol for symbol, place in ensemble._place.items() if closes[place] == closes[place]}
        ensemble._losses = read_array(state, "losses", (len(STAGES),))
        ensemble._settled = int(state["settled"])
        ensemble.abstained = dict(state["abstained"])
        ensemble._bars = [Said.from_state(each) for each in state["said"]]
        for bar in ensemble._bars:
            ensemble._said.update(bar.predictions())
        return ensemble

    @classmethod
    def from_bytes(cls, snapshot: bytes, /, registry: Registry | None = None) -> Self:
        """Restore a snapshot; `registry` as in `from_state`.

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer than this version, or of another class; a source that is not
            known.
        """
        tree = unpack(cls.kind, snapshot)
        try:
            return cls.from_state(tree, registry)
        except StateError:
            raise
        except (ArithmeticError, AttributeError, ComoveError, LookupError, TypeError, ValueError) as error:
            raise StateError(f"the snapshot's content is unusable: {error}", "state_content") from error

    def copy(self) -> Self:
        """Return an independent copy."""
        return type(self).from_bytes(self.to_bytes(), self._classes())

    def _classes(self) -> dict[str, type[PredictionSource]]:
        return {seat.name: type(seat.source) for seat in self._seats if seat.source is not None}

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.to_bytes(), self._classes())


def _restored(
    kind: type[EnsemblePredictor], snapshot: bytes, registry: dict[str, type[PredictionSource]]
) -> EnsemblePredictor:
    """Return a pickled ensemble; pickle itself finds the classes of its sources."""
    return kind.from_bytes(snapshot, registry)
