"""A fork: control, candidate and null arms from one snapshot, scored on the same held-out examples.

Control and candidate train on the same next batches with the same random state; a null arm is a control on other
batches: what it differs by is noise. The run then goes on from the arm that the driver names, so only the other arms'
work is lost; without a word from the driver it goes on from the control, as if nothing had been tried.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter, sleep

import numpy as np
import torch

from trainer.commands import Command, Decide, Fork
from trainer.data.batch import Batch, Ticket
from trainer.data.order import Order
from trainer.evaluate import Examiner
from trainer.memory import free_bytes
from trainer.recovery import NO_ROOM, given_up
from trainer.rounds import close
from trainer.snapshot import Snapshot, restore, take
from trainer.step import take_step
from trainer.supply import after
from trainer.training import Training
from trainer.turning import check_turns, turn
from trainer.wire import Arm, ArmScored, KnobsConfirmed, KnobsTurned, TrialBegan, TrialEnded
from trainer.words import Change

MEMORY_SHARE = 0.25
"""A fork is refused when the states that it holds would take more than this share of the free memory."""

STATES_HELD = 3
"""The snapshot, the control's end and the candidate's end."""

WAIT_S = 1.0
"""So long the trainer waits for a verdict; in lockstep as long as the driver lives."""

LOOK_S = 0.05
"""… looking up now and then, for the driver may be gone."""

KEPT_BATCHES_BYTES = 512 << 20
"""Fetched batches up to this size are kept for the second arm, so that they are fetched only once."""

NULL_SEED = 7_919
"""Null arms draw their batches from an order with another seed."""


class ForkRefused(Exception):
    """The fork cannot be made; the text says why. Nothing has changed."""


@dataclass
class _Arm:
    name: Arm
    scored: ArmScored
    end: Snapshot | None


def run(training: Training, command: Fork, examiner: Examiner) -> tuple[tuple[Change, ...], list[Command]]:
    """Run the arms of a command, wait for the verdict and go on from the winner.

    Returns:
        What was turned for good (nothing when the control won), and other commands that came meanwhile.

    Raises:
        ForkRefused: when memory or what is left of the run is too small, or memory runs out in an arm.
        KnobError: when the turn cannot be made.
    """
    check_turns(training, command.turns)
    if command.steps > training.steps_total - training.progress.step:
        raise ForkRefused(f"{command.steps} steps do not fit into what is left of the run")
    begun = perf_counter()
    start, guard = take(training), copy.deepcopy(training.guard)
    room = free_bytes(training.device) * MEMORY_SHARE
    if start.held_bytes * STATES_HELD > room:
        raise ForkRefused(f"three states of {start.held_bytes >> 20} MiB are over a quarter of the free memory")
    _say_begun(training, command)
    training.watching = False
    try:
        tickets = training.supply.tickets_ahead(command.steps)
        kept: list[Batch] = []
        control = _run_arm(training, command, examiner, "control", _kept(training, tickets, kept))
        restore(training, start)
        changes = turn(training, command.turns)
        same = [t.indices.tolist() for t in training.supply.tickets_ahead(2)] == [
            t.indices.tolist() for t in tickets[:2]
        ]
        batches = _again(training, tickets, kept) if same else _as_many(training, sum(len(t.indices) for t in tickets))
        candidate = _run_arm(training, command, examiner, "candidate", batches)
        kept.clear()
        for number in range(command.nulls):
            restore(training, start)
            _run_arm(training, command, examiner, "null", _others(training, tickets, number))
    except NO_ROOM as full:
        raise ForkRefused(given_up(training, full, lambda: restore(training, start))) from None
    except Exception:
        restore(training, start)
        raise
    finally:
        training.guard = guard
        training.watching = True
    assert control.end is not None
    restore(training, control.end)
    winner, meanwhile = _verdict(training, command)
    if candidate.end is None or candidate.scored.diverged:
        winner = "control"
    if winner == "candidate" and candidate.end is not None:
        restore(training, candidate.end)
        training.link.say(
            KnobsTurned(**training.progress.where(), changes=changes,
                        trial=command.trial, probation=False)
        )  # fmt: skip
        training.link.say(
            KnobsConfirmed(**training.progress.where(), changes=changes,
                           trial=command.trial)
        )  # fmt: skip
    useful = candidate.scored.seconds if winner == "candidate" else control.scored.seconds
    training.link.say(
        TrialEnded(
            **training.progress.where(),
            trial=command.trial,
            went_on_from=winner,
            seconds=perf_counter() - begun - useful,
        )
    )
    return (changes if winner == "candidate" else ()), meanwhile


def _say_begun(training: Training, command: Fork) -> None:
    training.link.say(
        TrialBegan(
            **training.progress.where(),
            trial=command.trial,
            how="fork",
            steps=command.steps * (2 + command.nulls),
        )
    )


def _run_arm(training: Training, command: Fork, examiner: Examiner, name: Arm, batches: Iterator[Batch]) -> _Arm:
    """Train one arm to its end and score it, by its weights and by those averaged over its last half."""
    begun = perf_counter()
    losses: list[torch.Tensor] = []
    tail, averaged, number = command.steps // 2, None, 0
    for number, batch in enumerate(batches, start=1):
        losses.append(take_step(training, batch).loss)
        training.supply.place = after(batch.ticket)
        if number > tail:
            averaged = _average(averaged, training.model.state_dict(), number - tail)
    close(batches)
    seconds = perf_counter() - begun
    trained = torch.stack(losses[len(losses) // 2 :]).float()
    scored = examiner.judge("val")
    scores = {**scored.figures(), "train_loss": float(trained.mean())}
    end = take(training) if name != "null" else None
    if averaged is not None:
        own = {key: value.clone() for key, value in training.model.state_dict().items()}
        training.model.load_state_dict(averaged)
        scores.update({f"tail_{key}": value for key, value in examiner.score(training.model, "val").figures().items()})
        training.model.load_state_dict(own)
    event = ArmScored(
        **training.progress.where(),
        trial=command.trial,
        arm=name,
        steps=number,
        seconds=seconds,
        scores=scores,
        standard_errors={"metric": scored.scores.standard_error, **scored.scores.standard_errors},
        diverged=not bool(torch.isfinite(trained).all()) or not np.isfinite(scored.loss),
    )
    training.link.say(event)
    return _Arm(name, event, end)


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


def _kept(training: Training, tickets: list[Ticket], kept: list[Batch]) -> Iterator[Batch]:
    """Yield the batches of tickets and keep them for the next arm while there is room."""
    room = KEPT_BATCHES_BYTES
    for batch in training.supply.feed.batches(tickets):
        size = batch.inputs.nbytes if isinstance(batch.inputs, torch.Tensor) else room + 1
        room -= size
        if room >= 0:
            kept.append(batch)
        yield batch


def _again(training: Training, tickets: list[Ticket], kept: list[Batch]) -> Iterator[Batch]:
    """Yield the same batches once more; those that were not kept are fetched again, with the same randomness."""
    yield from kept
    yield from training.supply.feed.batches(tickets[len(kept) :])


def _as_many(training: Training, samples: int) -> Iterator[Batch]:
    """Yield batches of another size over the same examples."""
    supply, tickets = training.supply, []
    for ticket in supply.order.tickets(supply.place.epoch, supply.place.offset):
        if samples <= 0:
            break
        tickets.append(ticket)
        samples -= len(ticket.indices)
    yield from supply.feed.batches(tickets)


def _others(training: Training, tickets: list[Ticket], number: int) -> Iterator[Batch]:
    """Yield as many batches of the same sizes, over other examples."""
    order = Order(training.supply.split.examples, training.batch_size, training.config.train.seed + NULL_SEED + number)
    drawn = order.tickets(tickets[0].epoch, 0)
    mixed = (
        Ticket(epoch=ticket.epoch, offset=ticket.offset, indices=other.indices[: len(ticket.indices)])
        for ticket, other in zip(tickets, drawn, strict=False)
    )
    yield from training.supply.feed.batches(list(mixed))


def _verdict(training: Training, command: Fork) -> tuple[Arm, list[Command]]:
    """Wait for the driver's word; return the arm to go on from and the other commands that came."""
    begun = perf_counter()
    others: list[Command] = []
    patience = float("inf") if training.lockstep else WAIT_S
    while True:
        training.link.wait_until_heard(patience if training.lockstep else LOOK_S)
        for heard in training.link.heard():
            if isinstance(heard, Decide) and heard.trial == command.trial:
                return heard.arm, others
            others.append(heard)
        if perf_counter() - begun > patience or not training.link.attached() or training.lockstep:
            return "control", others
        sleep(0.002)
