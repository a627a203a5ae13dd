"""Rounds: stretches of training with and without a turn, in turns AB BA AB BA AB BA, timed side by side.

Training goes on in both arms; nothing is lost. Each stretch hands its own list of tickets to its arm's loader, which runs
dry at the stretch's end; what a fresh iterator needs to come up to speed is trained on but not timed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import torch

from trainer.beat import Beats
from trainer.commands import Alternate
from trainer.data.batch import Batch, Feed
from trainer.pieces import cut, to_device
from trainer.recovery import given_up
from trainer.snapshot import random_state, set_random_state
from trainer.step import take_step
from trainer.supply import after
from trainer.training import Training
from trainer.turning import check_turns, loader_of, set_knobs, undo
from trainer.wire import AgreementMeasured, Arm, StretchTaken, TrialBegan, TrialEnded
from trainer.words import Change

LOADER_KNOBS = frozenset({"workers", "prefetch", "cache"})
"""Knobs that an arm has a loader of its own for."""

WARM_STEPS = 3
"""Steps of each arm before the first round: kernels are chosen and caches filled."""

DISCARDED_MOST = 64
"""A loader with many workers would throw away more timing than that; the rest is measured all the same."""

AGREEMENT_EXAMPLES = 64
"""Examples of each agreement pass."""


HOPELESS_TIMES = 3.0
"""A candidate whose warm steps take so many times as long has lost, for all rounds must agree; more of them would only
lengthen the run (bf16 on a processor without units for it: 5 to 30 times, measured)."""


class RoundsRefused(Exception):
    """The rounds cannot be run; the text says why. Nothing has changed."""


@dataclass
class _ArmState:
    """One arm: the knobs it turns and the feed it takes its batches from."""

    changes: tuple[Change, ...]
    feed: Feed
    own_feed: bool


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


def run(training: Training, command: Alternate, beats: Beats) -> None:
    """Run the rounds of a command and tell each stretch; afterwards the knobs are as before.

    A candidate that runs out of memory ends them: its batch is trained on without it, and the rounds so far are told.

    Raises:
        RoundsRefused: when the run is too near its end.
        KnobError, CacheRefused: when the turn cannot be made.
    """
    values = check_turns(training, command.turns)
    changes = tuple(Change(knob=name, old=training.knobs[name], new=value) for name, value in values.items())
    begun = perf_counter()
    candidate = _candidate(training, changes)
    done: list[Round] = []
    set_up_s, agreement_s, began, why = 0.0, 0.0, False, ""
    try:
        beats.trial = command.trial
        seconds_of_step, times = _warm_up(training, candidate, beats)
        discarded = min(int(training.knobs["workers"]) * int(training.knobs["prefetch"]) + 2, DISCARDED_MOST)
        steps = max(command.stretch_steps, round(command.stretch_s / max(seconds_of_step, 1e-6)))
        left = training.steps_total - training.progress.step
        if 2 * command.rounds * (steps + discarded) > left:
            raise RoundsRefused(
                f"{2 * command.rounds} stretches of {steps + discarded} steps do not fit into the {left} that are left"
            )
        set_up_s = perf_counter() - begun
        training.link.say(
            TrialBegan(
                **training.progress.where(),
                trial=command.trial,
                how="rounds",
                steps=2 * command.rounds * (steps + discarded),
            )
        )
        began = True
        look = max(WARM_STEPS, round(command.stretch_s / max(seconds_of_step, 1e-6)))
        done = _first_look(training, command, candidate, discarded, look, beats) if times >= HOPELESS_TIMES else []
        agreement_s = 0.0 if done else _agree(training, command, changes)
        for number in range(0 if done else command.rounds):
            done.append(_round(training, command, candidate, number, discarded, steps, beats))
            done[-1].tell(training)
            if done[-1].hopeless:
                break
        if done[-1].hopeless:
            why = f"a step with it takes over {HOPELESS_TIMES:.0f} times as long"
    except torch.OutOfMemoryError as full:
        why = given_up(training, full, lambda: None)
        if not began:
            raise RoundsRefused(why) from None
    finally:
        beats.trial = ""
        if candidate.own_feed:
            candidate.feed.close()
    training.link.say(
        TrialEnded(
            **training.progress.where(),
            trial=command.trial,
            went_on_from="control",
            seconds=set_up_s + agreement_s + sum(one.lost_s for one in done),
            why=why,
        )
    )


def _candidate(training: Training, changes: tuple[Change, ...]) -> _ArmState:
    if LOADER_KNOBS.isdisjoint(change.knob for change in changes):
        return _ArmState(changes, training.supply.feed, own_feed=False)
    values = {**training.knobs, **{change.knob: change.new for change in changes}}
    return _ArmState(changes, training.supply.build_feed(**loader_of(values)), own_feed=True)


def _warm_up(training: Training, candidate: _ArmState, beats: Beats) -> tuple[float, float]:
    """Let both arms come up to speed; return the slower one's seconds a step, and candidate over control."""
    seconds = []
    for arm in (candidate, None):
        timed_s, _ = _stretch(training, arm, WARM_STEPS, WARM_STEPS, beats)
        seconds.append(timed_s / WARM_STEPS)
    return max(seconds), seconds[0] / max(seconds[1], 1e-9)


def _first_look(
    training: Training, command: Alternate, candidate: _ArmState, discarded: int, steps: int, beats: Beats
) -> list[Round]:
    """Look at a candidate that was slow to warm up for a few steps; return that as the only round if it is hopeless."""
    short = _round(training, command, candidate, 0, discarded, steps, beats)
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
    beats: Beats,
) -> Round:
    """Train a stretch of each arm; in every other round the candidate goes first."""
    order: tuple[Arm, Arm] = ("control", "candidate") if number % 2 == 0 else ("candidate", "control")
    stretches: dict[Arm, StretchTaken] = {}
    for arm in order:
        chosen = candidate if arm == "candidate" else None
        timed_s, samples = _stretch(training, chosen, discarded, steps, beats)
        stretches[arm] = StretchTaken(
            **training.progress.where(),
            trial=command.trial,
            round=number,
            arm=arm,
            steps=steps,
            timed_samples=samples,
            timed_s=timed_s,
        )
    return Round(stretches)


def _stretch(training: Training, arm: _ArmState | None, discarded: int, steps: int, beats: Beats) -> tuple[float, int]:
    """Train `discarded` + `steps` steps in one arm; return the wall seconds and the samples of the timed part."""
    supply = training.supply
    supply.drop_ahead()
    live = {c.knob: c.new for c in arm.changes if c.knob not in LOADER_KNOBS} if arm else {}
    back = {turned.knob: turned.to for turned in undo(arm.changes) if turned.knob in live} if arm else {}
    set_knobs(training, live)
    feed = arm.feed if arm else supply.feed
    batches = feed.batches(supply.tickets_ahead(discarded + steps))
    try:
        samples, begun = 0, perf_counter()
        for number, batch in enumerate(batches):
            if number == discarded:
                _synchronise(training)
                samples, begun = 0, perf_counter()
            training.clocks.mark("input_wait")
            beats.step(take_step(training, batch, recovers=arm is None), batch)
            supply.place = after(batch.ticket)
            samples += len(batch.targets)
        _synchronise(training)
        seconds = perf_counter() - begun
        beats.take(batch)
        return seconds, samples
    finally:
        close(batches)
        set_knobs(training, back)


def _synchronise(training: Training) -> None:
    """Wait for the device: once at each end of a stretch."""
    if training.device.type != "cpu":
        torch.accelerator.synchronize()


def close(batches: Iterator[Batch]) -> None:
    """Let go of what an iterator has prepared ahead."""
    end = getattr(batches, "close", None)
    if end:
        end()


# ---------------------------------------------------------------- agreement


def _agree(training: Training, command: Alternate, changes: tuple[Change, ...]) -> float:
    """Compare loss and gradient of both arms on the same weights, without a step; return the seconds that it took."""
    if not command.agreement_passes:
        return 0.0
    begun = perf_counter()
    state = random_state(training)
    buffers = [buffer.clone() for buffer in training.model.buffers()]
    differences, cosines, done = [], [], 0
    batches = training.supply.feed.batches(training.supply.tickets_ahead(command.agreement_passes))
    try:
        for batch in batches:
            losses, gradients = [], []
            for values in ({}, {change.knob: change.new for change in changes}):
                set_knobs(training, values)
                set_random_state(training, state)
                loss, gradient = _gradient(training, batch)
                losses.append(loss)
                gradients.append(gradient)
                set_knobs(training, {turned.knob: turned.to for turned in undo(changes)} if values else {})
            differences.append(abs(losses[0] - losses[1]) / max(losses[0], 0.05))
            cosines.append(float(torch.cosine_similarity(gradients[0], gradients[1], dim=0)))
            done += 1
    finally:
        close(batches)
        set_knobs(training, {one.knob: one.old for one in changes if training.knobs[one.knob] != one.old})
        for buffer, old in zip(training.model.buffers(), buffers, strict=True):
            buffer.copy_(old)
        set_random_state(training, state)
    seconds = perf_counter() - begun
    training.link.say(
        AgreementMeasured(
            **training.progress.where(),
            trial=command.trial,
            passes=done,
            loss_difference=sum(differences) / max(done, 1),
            gradient_cosine=min(cosines, default=1.0),
        )
    )
    return seconds


def _gradient(training: Training, batch: Batch) -> tuple[float, torch.Tensor]:
    inputs, targets = to_device(training, batch)
    inputs, targets = cut(inputs, 0, AGREEMENT_EXAMPLES), targets[:AGREEMENT_EXAMPLES]
    size = min(int(training.knobs["micro_batch"]) or len(targets), len(targets))
    total = 0.0
    for start in range(0, len(targets), size):
        wanted = targets[start : start + size]
        with training.precision.context():
            outputs = training.model(cut(inputs, start, start + size))
            loss = training.objective(outputs, wanted, normaliser=len(targets))
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    gradients = [p.grad.detach().float().flatten().clone() for p in training.model.parameters() if p.grad is not None]
    training.model.zero_grad(set_to_none=True)
    return total, torch.cat(gradients)
