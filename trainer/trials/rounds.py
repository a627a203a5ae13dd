"""Rounds: stretches of training with and without a turn, in turns AB BA AB BA AB BA, timed side by side.

Training goes on in both arms; nothing is lost. Each stretch hands its own list of tickets to its arm's loader, which runs
dry at the stretch's end; what a fresh iterator needs to come up to speed is trained on but not timed. Where the run is due
to be evaluated in a stretch, it is, under its own knobs and beside the timing: the best model is the same as without rounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt
from statistics import fmean
from time import perf_counter

import torch

from trainer.commands import Alternate
from trainer.data.batch import Batch, Feed, close
from trainer.device import synchronise
from trainer.evaluate import Examiner
from trainer.knobs import KnobValue
from trainer.state.keeping import Keeper, evaluation
from trainer.stepping.recovery import given_up
from trainer.stepping.step import take_step
from trainer.supply import after
from trainer.training import Training
from trainer.trials.agreement import agree
from trainer.trials.crowd import Crowd
from trainer.turning import check_recomputed, check_replicas, check_turns, loader_of, set_knobs, undo
from trainer.watching.beat import Beats
from trainer.wire import Arm, StretchTaken, TrialBegan, TrialEnded
from trainer.words import Change

LOADER_KNOBS = frozenset({"workers", "prefetch", "cache"})
"""Knobs that an arm has a loader of its own for."""

WITH_THE_BATCH = frozenset({"batch_size"})
"""Knobs that change nothing of what a net makes of the same examples: their arms are not held against each other for that."""

LARGE_STEPS_LEAST = 5
"""Of a stretch with a larger batch: it has as many examples as one without, and so fewer steps."""

WARM_STEPS = 3
"""Steps of each arm before the first round: kernels are chosen and caches filled."""

DISCARDED_MOST = 64
"""A loader with many workers would throw away more timing than that; the rest is measured all the same."""

HIDDEN_GAIN = 0.03
"""Stretches are doubled while noise hides such a gain: while neighbours without the turn differ by over half of it …"""

NOISE_STRETCHES = 4
"""… in so many of them …"""

DOUBLINGS_MOST = 3
"""… at most so often (2 s instead of 0.25) …"""

DOUBLED_SHARE = 0.20
"""… and while the rounds take at most this share of what remains: a gain must still have time to pay."""

HOPELESS_TIMES = 2.0
"""A candidate whose warm steps take so many times as long has lost, for all rounds must agree; more of them would only
lengthen the run (bf16 on a processor without units for it: 2.3 to 30 times, measured). Neighbouring stretches on a crowded
machine differ by a third."""


class RoundsRefused(Exception):
    """The rounds cannot be run; the text says why. Nothing has changed."""


@dataclass
class _ArmState:
    """One arm: the knobs it turns and the feed it takes its batches from."""

    changes: tuple[Change, ...]
    feed: Feed
    own_feed: bool
    ratio: float = 1.0
    """Its batch over that of now."""

    @property
    def live(self) -> dict[str, KnobValue]:
        """Its knobs that turn between two steps."""
        return {change.knob: change.new for change in self.changes if change.knob not in LOADER_KNOBS}

    def agreeing(self, command: Alternate) -> dict[str, KnobValue]:
        """Return its knobs that are to leave loss and gradient of the same examples as they are."""
        asked = {turned.knob for turned in command.turns} - WITH_THE_BATCH
        return {knob: value for knob, value in self.live.items() if knob in asked}

    def steps(self, steps: int) -> int:
        """Return how many steps of its own have the examples of so many steps of now."""
        return steps if self.ratio <= 1 else max(round(steps / self.ratio), min(steps, LARGE_STEPS_LEAST))

    def lost(self, training: Training) -> bool:
        """Whether its followers are gone: from then on it is no other arm than the control."""
        return "replicas" in self.live and bool(training.replicas.lost)

    def tell_no_loss(self, training: Training) -> None:
        """Keep the loss of its followers from being told as the run's: the trial is told, and the knob is what it was."""
        if self.lost(training):
            training.replicas.untold = 0


@dataclass
class Round:
    """A stretch of each arm."""

    stretches: dict[Arm, StretchTaken]

    @property
    def hopeless(self) -> bool:
        """Whether the candidate is so slow that further rounds tell nothing new."""
        control, candidate = (self.stretches[arm] for arm in ("control", "candidate"))
        return candidate.timed_s * control.timed_samples > HOPELESS_TIMES * control.timed_s * candidate.timed_samples

    @property
    def lost_s(self) -> float:
        """Seconds that a slower candidate has cost."""
        return max(self.stretches["candidate"].timed_s - self.stretches["control"].timed_s, 0.0)

    def tell(self, training: Training) -> None:
        """Tell both stretches, in the order in which they were trained."""
        for stretch in self.stretches.values():
            training.link.say(stretch)


@dataclass(frozen=True)
class Besides:
    """What goes on beside the steps: they are told, and evaluated where the run is due to be."""

    beats: Beats
    examiner: Examiner
    keeper: Keeper

    def evaluate(
        self, training: Training, batch: Batch, live: dict[str, KnobValue], back: dict[str, KnobValue]
    ) -> float:
        """Evaluate the run under the knobs that it has without the turn; return the seconds that it took."""
        begun = perf_counter()
        self.beats.take(batch)
        set_knobs(training, back)
        event = evaluation(training, self.examiner)
        training.seconds["evaluation"] += event.seconds
        self.keeper.judge(event)
        training.link.say(event)
        set_knobs(training, live)
        self.beats.resume("evaluation")
        return perf_counter() - begun


def run(training: Training, command: Alternate, besides: Besides) -> None:
    """Run the rounds of a command and tell each stretch; afterwards the knobs are as before.

    A candidate that runs out of memory ends them: its batch is trained on without it, and the rounds so far are told.

    Raises:
        RoundsRefused: when the run is too near its end.
        KnobError, CacheRefused: when the turn cannot be made.
    """
    values = check_turns(training, command.turns)
    if command.agreement_passes:
        training.supply.check_repeatable()
    changes = tuple(Change(knob=name, old=training.knobs[name], new=value) for name, value in values.items())
    discarded = min(max(_ahead(training.knobs), _ahead({**training.knobs, **values})) + 2, DISCARDED_MOST)
    ratio = float(values.get("batch_size", training.batch_size)) / training.batch_size
    candidate = _ArmState(changes, training.supply.feed, own_feed=False, ratio=ratio)
    warm_steps = round(2 * WARM_STEPS * (1 + ratio))
    _check_fit(training, command, warm_steps, _pair_steps(candidate, command.stretch_steps, discarded))
    begun = perf_counter()
    check_replicas(training, values)
    check_recomputed(training, values)
    _give_feed(training, candidate)
    built_s = perf_counter() - begun
    crowd = Crowd()
    done: list[Round] = []
    set_up_s, agreement_s, began, why = 0.0, 0.0, False, ""
    try:
        besides.beats.trial = command.trial
        (candidate_s, slow_s), (control_s, usual_s) = (_warm_up(training, arm, besides) for arm in (candidate, None))
        if candidate.lost(training):
            raise RoundsRefused(training.replicas.lost)
        candidate_s /= candidate.ratio
        slower_s = max(control_s, candidate_s, 1e-6)
        steps = max(command.stretch_steps, round(command.stretch_s / slower_s))
        _check_fit(training, command, 0, _pair_steps(candidate, steps, discarded))
        set_up_s = built_s + max(slow_s - usual_s, 0.0)
        training.link.say(
            TrialBegan(
                **training.progress.where(),
                trial=command.trial,
                how="rounds",
                steps=round(command.rounds * _pair_steps(candidate, steps, discarded)),
            )
        )
        began = True
        if candidate_s >= HOPELESS_TIMES * control_s:
            look = max(WARM_STEPS, round(command.stretch_s / slower_s))
            done = _first_look(training, command, candidate, discarded, look, besides)
        if not done:
            agreement_s = agree(training, command, candidate.agreeing(command), candidate.feed)
            candidate.tell_no_loss(training)
            steps = _long_enough(training, command, discarded, steps, besides)
        for number in range(0 if done else command.rounds):
            done.append(_round(training, command, candidate, number, discarded, steps, besides))
            done[-1].tell(training)
            if done[-1].hopeless or candidate.lost(training):
                break
        if candidate.lost(training):
            why = training.replicas.lost
        elif done[-1].hopeless:
            why = f"a step with it takes over {HOPELESS_TIMES:.0f} times as long"
    except torch.OutOfMemoryError as full:
        why = given_up(training, full, lambda: None)
        if not began:
            raise RoundsRefused(why) from None
    finally:
        besides.beats.trial = ""
        candidate.tell_no_loss(training)
        if candidate.own_feed:
            candidate.feed.close()
    training.link.say(
        TrialEnded(
            **training.progress.where(),
            trial=command.trial,
            went_on_from="control",
            seconds=set_up_s + agreement_s + sum(one.lost_s for one in done),
            set_up_s=set_up_s if candidate.own_feed else 0.0,
            crowded_share=crowd.share(),
            why=why,
        )
    )


def _pair_steps(candidate: _ArmState, steps: int, discarded: int) -> float:
    """Return how many steps of now the two stretches of a round take."""
    return steps + discarded + (candidate.steps(steps) + discarded) * candidate.ratio


def _check_fit(training: Training, command: Alternate, before: int, pair: float) -> None:
    """Refuse rounds of two stretches in `pair` steps, and `before` steps before them, that do not fit into the run."""
    left = training.steps_total - training.progress.step
    if before + command.rounds * pair > left:
        stretches = 2 * command.rounds
        raise RoundsRefused(f"{stretches} stretches of {pair / 2:.0f} steps do not fit into the {left} that are left")


def _long_enough(training: Training, command: Alternate, discarded: int, steps: int, besides: Besides) -> int:
    """Return how many steps a stretch needs: doubled while noise would hide a gain of 3 %, as far as the run bears it.

    The noise is told from neighbouring stretches without the turn, before any with it is seen: to look again until the
    rounds agree would keep by luck. Two neighbours that are too short are one of the next length.
    """
    most = DOUBLED_SHARE * (training.steps_total - training.progress.step) / (2 * command.rounds)
    if steps * 2 + discarded > most:
        return steps
    times: list[float] = []
    for doubling in range(DOUBLINGS_MOST + 1):
        while len(times) < NOISE_STRETCHES:
            seconds, samples, *_ = _stretch(training, None, discarded, steps, besides)
            times.append(seconds / max(samples, 1))
        if noise_of(times) <= HIDDEN_GAIN / 2 or doubling == DOUBLINGS_MOST or steps * 2 + discarded > most:
            break
        steps *= 2
        times = [(first + second) / 2 for first, second in zip(times[::2], times[1::2], strict=True)]
    return steps


def noise_of(times: Sequence[float]) -> float:
    """Return the root mean square of the relative differences between neighbouring times."""
    return sqrt(fmean(log(second / first) ** 2 for first, second in pairwise(times)))


def _ahead(knobs: dict[str, KnobValue]) -> int:
    """Return how many batches a loader prepares ahead."""
    return int(knobs["workers"]) * int(knobs["prefetch"])


def _give_feed(training: Training, candidate: _ArmState) -> None:
    """Build the feed that an arm has for itself, where it turns a knob of the loader."""
    if not LOADER_KNOBS.isdisjoint(change.knob for change in candidate.changes):
        values = {**training.knobs, **{change.knob: change.new for change in candidate.changes}}
        candidate.feed, candidate.own_feed = training.supply.build_feed(**loader_of(values)), True


def _warm_up(training: Training, arm: _ArmState | None, besides: Besides) -> tuple[float, float]:
    """Let an arm come up to speed; return the seconds a step that it takes then, and what warming up took in all."""
    begun = perf_counter()
    timed_s, *_ = _stretch(training, arm, WARM_STEPS, WARM_STEPS, besides)
    return timed_s / WARM_STEPS, perf_counter() - begun


def _first_look(
    training: Training, command: Alternate, candidate: _ArmState, discarded: int, steps: int, besides: Besides
) -> list[Round]:
    """Look at a candidate that was slow to warm up for a few steps; return that as the only round if it is hopeless."""
    short = _round(training, command, candidate, 0, discarded, steps, besides)
    if not short.hopeless:
        return []
    short.tell(training)
    return [short]


def _round(
    training: Training,
    command: Alternate,
    candidate: _ArmState,
    number: int,
    discarded: int,
    steps: int,
    besides: Besides,
) -> Round:
    """Train a stretch of each arm; in every other round the candidate goes first."""
    order: tuple[Arm, Arm] = ("control", "candidate") if number % 2 == 0 else ("candidate", "control")
    stretches: dict[Arm, StretchTaken] = {}
    for arm in order:
        chosen = candidate if arm == "candidate" else None
        taken = candidate.steps(steps) if chosen else steps
        timed_s, samples, highest_bytes = _stretch(training, chosen, discarded, taken, besides)
        stretches[arm] = StretchTaken(
            **training.progress.where(),
            trial=command.trial,
            round=number,
            arm=arm,
            steps=taken,
            timed_samples=samples,
            timed_s=timed_s,
            peak_bytes=highest_bytes,
        )
    return Round(stretches)


def _stretch(
    training: Training, arm: _ArmState | None, discarded: int, steps: int, besides: Besides
) -> tuple[float, int, int]:
    """Train `discarded` + `steps` steps in one arm; return wall seconds, samples and peak of memory of the timed part."""
    supply = training.supply
    supply.drop_ahead()
    live = arm.live if arm else {}
    back = {turned.knob: turned.to for turned in undo(arm.changes) if turned.knob in live} if arm else {}
    set_knobs(training, live)
    feed = arm.feed if arm else supply.feed
    batches = feed.batches(supply.tickets_ahead(discarded + steps))
    counted = training.device_info.memory_counted
    try:
        samples, highest_bytes, begun = 0, 0, perf_counter()
        for number, batch in enumerate(batches):
            if number == discarded:
                synchronise(training.device)
                training.room.begin_stretch()
                samples, highest_bytes, begun = 0, 0, perf_counter()
            training.clocks.mark("input_wait")
            besides.beats.step(take_step(training, batch, recovers=arm is None), batch)
            supply.place = after(batch.ticket)
            samples += len(batch.targets)
            if training.progress.evaluation_due:
                synchronise(training.device)
                highest_bytes = max(highest_bytes, training.room.highest_bytes() if counted else 0)
                begun += besides.evaluate(training, batch, live, back)
                training.room.begin_stretch()
        synchronise(training.device)
        seconds = perf_counter() - begun
        highest_bytes = max(highest_bytes, training.room.highest_bytes() if counted else 0)
        besides.beats.take(batch)
        return seconds, samples, highest_bytes
    finally:
        close(batches)
        set_knobs(training, back)
        if arm is not None:
            arm.tell_no_loss(training)
