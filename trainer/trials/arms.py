"""The arms of a fork: the batches that each trains on, its training, and its scores on the probe set.

Stream 0 is what the run would see next; stream k is what a null arm sees: the same place in an epoch that the run never
reaches, with random generators of its own. Two arms on one stream differ by the turn alone.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

import numpy as np
import torch

from trainer.data.batch import Batch, Ticket, close
from trainer.data.order import UNREACHED
from trainer.data.own_state import OwnState, put_back
from trainer.device import synchronise
from trainer.evaluate import Examiner
from trainer.state.snapshot import Snapshot, take
from trainer.stepping.step import take_step
from trainer.supply import Place, after
from trainer.training import Training
from trainer.wire import Arm, ArmScored

KEPT_BATCHES_BYTES = 512 << 20
"""Fetched batches up to this size are kept for the second arm of a stream, so that they are fetched only once."""

SPEED_KNOBS = frozenset(
    {
        "batch_size",
        "micro_batch",
        "replicas",
        "optimizer",
        "augment",
        "augment_strength",
        "dropout",
        "amp",
        "tf32",
        "channels_last",
        "compile",
        "activation_checkpointing",
        "ema",
    }
)
"""Knobs whose turn changes the work of a step; an arm that turns another is matched by samples, however noisy the clock."""

SAME_SPEED = 0.05
"""Arms whose examples take this much more or less time count as equally fast: the clock tells no more."""

SPEED_SHARE = 0.25
"""The candidate's speed is measured over this share of its samples …"""

SPEED_STEPS = 5
"""… and at least so many steps, of which the first two, that warm up, do not count."""

MOST_STRETCH = 2.0
"""Equal time gives a candidate at most so many times the control's samples, and at least their inverse."""


@dataclass
class ArmEnd:
    """How an arm has ended."""

    scored: ArmScored
    end: Snapshot | None
    pace: "Pace"


@dataclass(frozen=True)
class Pace:
    """Seconds an example of an arm: of its steps, and of all."""

    step_s: float
    wall_s: float


@dataclass
class Stream:
    """The batches of one stream: as tickets at the control's batch size, and fetched as far as there is room."""

    number: int
    tickets: list[Ticket]
    kept: list[Batch]
    remembered: OwnState = field(default_factory=OwnState)
    """What the data set remembered behind the kept batches."""

    @property
    def samples(self) -> int:
        """Examples of an arm on this stream."""
        return sum(len(ticket.indices) for ticket in self.tickets)


def stream_of(training: Training, number: int, steps: int) -> Stream:
    """Return the batches of stream `number` from the place of now on."""
    return Stream(number, _tickets(training, number, steps * training.batch_size)[:steps], [])


def batches_of(training: Training, stream: Stream, samples: int) -> Iterator[Batch]:
    """Yield a stream's batches at the batch size of now, for so many examples; those that were kept are not fetched again."""
    tickets = _tickets(training, stream.number, samples)
    again = 0
    try:
        for batch, ticket in zip(stream.kept, tickets, strict=False):
            if not np.array_equal(batch.ticket.indices, ticket.indices):
                break
            again += 1
            yield batch
    finally:
        if again and again == len(stream.kept):
            put_back(stream.remembered)
    room = KEPT_BATCHES_BYTES - sum(_bytes_of(batch) for batch in stream.kept)
    fetched = training.supply.feed.batches(tickets[again:])
    try:
        for place, batch in enumerate(fetched, start=again):
            room -= _bytes_of(batch)
            if place == len(stream.kept) and room >= 0:
                stream.kept.append(batch)
                stream.remembered = training.supply.remembered()
            yield batch
    finally:
        close(fetched)


def seed_stream(training: Training, number: int) -> None:
    """Give a null arm, and the candidate on its stream, random generators of their own; stream 0 keeps the run's."""
    if number == 0:
        return
    words = np.random.SeedSequence((training.config.train.seed, training.progress.step, number)).generate_state(4)
    random.seed(int(words[0]))
    np.random.seed(int(words[1]))
    torch.manual_seed(int(words[2]))
    training.augmenter.manual_seed(int(words[3]))


def no_step() -> float:
    """Do nothing after a step of an arm, and take no time for it."""
    return 0.0


def run_arm(
    training: Training,
    trial: str,
    examiner: Examiner,
    name: Arm,
    stream: Stream,
    *,
    keep_end: bool,
    beside: Pace | None = None,
    timed: bool = False,
    after_step: Callable[[], float] = no_step,
) -> ArmEnd:
    """Train one arm to its end and score it, by its weights and by those averaged over its last half.

    Args:
        training: The run, at the fork's start and with the arm's knobs.
        trial: Of the fork.
        examiner: Scores on the probe set.
        name: Control, candidate or null.
        stream: What it trains on.
        keep_end: Take a snapshot of its end.
        beside: The control's pace: the arm ends when it has had the control's time. Without it, with its samples.
        timed: The device is waited for after each step, so that its pace can be told.
        after_step: What the run would do besides; returns its seconds, which are none of the arm's.
    """
    begun, besides_s = perf_counter(), 0.0
    seed_stream(training, stream.number)
    samples = stream.samples
    clock = _Clock(training, timed)
    losses: list[torch.Tensor] = []
    averaged, in_tail, seen = None, 0, 0
    batches = batches_of(training, stream, round(samples * (MOST_STRETCH if beside else 1)))
    for number, batch in enumerate(batches, start=1):
        losses.append(clock.step(batch))
        training.supply.place = after(batch.ticket)
        besides_s += after_step()
        seen += len(batch.targets)
        if beside is not None and number >= SPEED_STEPS and seen >= SPEED_SHARE * stream.samples:
            samples, beside = equal_time(stream.samples, beside, clock.step_s), None
        if 2 * seen > samples:
            in_tail += 1
            averaged = _average(averaged, training.model.state_dict(), in_tail)
        if seen >= samples:
            break
    close(batches)
    seconds = perf_counter() - begun - besides_s
    trained = torch.stack(losses[len(losses) // 2 :]).float()
    scored = examiner.probe()
    scores = {**scored.figures(), "train_loss": float(trained.mean())}
    scores["gap"] = scored.loss - examiner.judge("train").loss
    end = take(training) if keep_end else None
    if averaged is not None:
        own = {key: value.clone() for key, value in training.model.state_dict().items()}
        training.model.load_state_dict(averaged)
        tail = examiner.probe(training.model)
        training.model.load_state_dict(own)
        scores.update({f"tail_{key}": value for key, value in tail.figures().items()})
        better = tail if tail.loss < scored.loss else scored
        scores.update({f"better_{key}": value for key, value in better.figures().items()})
    event = ArmScored(
        **training.progress.where(),
        trial=trial,
        arm=name,
        replicate=stream.number,
        steps=len(losses),
        seconds=seconds,
        scores=scores,
        standard_errors={"metric": scored.scores.standard_error, **scored.scores.standard_errors},
        examples=scored.examples,
        one_example=scored.scores.one_example,
        diverged=not bool(torch.isfinite(trained).all()) or not np.isfinite(scored.loss),
        rate=float(training.knobs["lr"]),
    )
    training.link.say(event)
    return ArmEnd(event, end, Pace(clock.step_s, seconds / max(seen, 1)))


def equal_time(samples: int, beside: Pace, step_s: float) -> int:
    """Return how many examples an arm gets in the time that the control had.

    What the control waited for besides its steps (batches, mostly) is counted for both alike: the second arm of a stream
    finds its batches fetched.

    Args:
        samples: That the control has had.
        beside: The control's pace.
        step_s: Seconds an example of the arm's own steps.
    """
    besides_s = max(beside.wall_s - beside.step_s, 0.0)
    times = (step_s + besides_s) / max(beside.step_s + besides_s, 1e-12)
    if abs(times - 1) <= SAME_SPEED:
        return samples
    return round(samples / min(max(times, 1 / MOST_STRETCH), MOST_STRETCH))


class _Clock:
    """Takes the steps of an arm and their times."""

    def __init__(self, training: Training, timed: bool) -> None:
        self._training = training
        self._timed = timed
        self._seconds: list[float] = []

    def step(self, batch: Batch) -> torch.Tensor:
        """Take one step; return its loss, still on the device."""
        begun = perf_counter()
        loss = take_step(self._training, batch).loss
        if self._timed:
            synchronise(self._training.device)
        self._seconds.append((perf_counter() - begun) / max(len(batch.targets), 1))
        return loss

    @property
    def step_s(self) -> float:
        """Median seconds an example, without the first steps."""
        return median(self._seconds[2:] or self._seconds or [0.0])


def _tickets(training: Training, number: int, samples: int) -> list[Ticket]:
    supply, tickets = training.supply, []
    place = supply.place
    if number:
        place = Place(place.epoch + number * UNREACHED, place.offset)
    for ticket in supply.order.tickets(place.epoch, place.offset, place.parts):
        if samples <= 0:
            break
        tickets.append(ticket)
        samples -= len(ticket.indices)
    return tickets


def _average(
    mean: dict[str, torch.Tensor] | None, weights: dict[str, torch.Tensor], count: int
) -> dict[str, torch.Tensor]:
    """Return the running mean of weights; what is no floating-point number is taken as it is now."""
    if mean is None:
        return {key: value.detach().clone() for key, value in weights.items()}
    for key, value in weights.items():
        if value.is_floating_point():
            mean[key].lerp_(value.detach(), 1 / count)
        else:
            mean[key].copy_(value)
    return mean


def _bytes_of(batch: Batch) -> int:
    return batch.inputs.nbytes if isinstance(batch.inputs, torch.Tensor) else KEPT_BATCHES_BYTES + 1
