"""Agreement: what both arms of rounds make of the same weights and batches, without a step."""

from time import perf_counter

import torch

from trainer.commands import Alternate
from trainer.data.batch import Batch, Feed, close
from trainer.data.own_state import put_back
from trainer.knobs import KnobValue
from trainer.stepping.accumulate import accumulate
from trainer.stepping.pieces import cut, forward, piece_size, to_device, usual_piece
from trainer.stepping.selftest import taken, without_dropout
from trainer.stepping.window import PassState
from trainer.training import Training
from trainer.turning import set_knobs
from trainer.wire import AgreementMeasured

AGREEMENT_EXAMPLES = 64
"""Examples of each agreement pass."""

HALF_PRECISION_SCALE = 1024.0
"""A loss scale that keeps fp16 gradients from vanishing and hardly ever overflows; the run's own scaler is left alone."""

LEAST_LOSS = 0.05
"""Losses below it are compared as if they were so large: a net that has nearly learned its data has no loss to divide by."""


def agree(training: Training, command: Alternate, live: dict[str, KnobValue], feed: Feed) -> float:
    """Compare loss and gradient of both arms on the same tickets; return the seconds that it took.

    Each arm fetches its own batches: a loader that gives other examples, or other randomness, does not agree.

    Args:
        training: The run; its state is as before afterwards.
        command: The rounds that are asked for.
        live: The candidate's knobs that turn between two steps, by name.
        feed: The candidate's.
    """
    if not command.agreement_passes:
        return 0.0
    begun = perf_counter()
    state = PassState(training)
    held = {name: training.knobs[name] for name in live}
    differences, cosines = [], []
    tickets, remembered = training.supply.tickets_ahead(command.agreement_passes), training.supply.remembered()
    own = training.supply.feed.batches(tickets)
    others = feed.batches(tickets) if feed is not training.supply.feed else None
    try:
        for batch in own:
            both = (batch, next(others) if others is not None else batch)
            losses, gradients = [], []
            for fetched, values in zip(both, ({}, live), strict=True):
                set_knobs(training, values)
                state.restore()
                loss, gradient = _measured(training, fetched, live)
                losses.append(loss)
                gradients.append(gradient)
                set_knobs(training, held if values else {})
            differences.append(abs(losses[0] - losses[1]) / max(losses[0], LEAST_LOSS))
            cosines.append(float(torch.cosine_similarity(gradients[0], gradients[1], dim=0)))
    finally:
        for batches in (own, others):
            if batches is not None:
                close(batches)
        put_back(remembered)
        set_knobs(training, {name: value for name, value in held.items() if training.knobs[name] != value})
        state.restore()
    training.link.say(
        AgreementMeasured(
            **training.progress.where(),
            trial=command.trial,
            passes=len(differences),
            loss_difference=sum(differences) / max(len(differences), 1),
            gradient_cosine=min(cosines, default=1.0),
        )
    )
    return perf_counter() - begun


def _measured(training: Training, batch: Batch, live: dict[str, KnobValue]) -> tuple[float, torch.Tensor]:
    """Return loss and gradient of some examples as an arm of rounds about these knobs takes them."""
    if "replicas" in live:
        return _dealt_gradient(training, batch)
    return _gradient(training, batch, compiles="compile" in live)


def _dealt_gradient(training: Training, batch: Batch) -> tuple[float, torch.Tensor]:
    """Return loss and gradient of some examples that are dealt out to the processes of now, without dropout.

    Each process draws masks of its own, which is no fault of the layout.
    """
    inputs, targets = to_device(training, batch)
    few = Batch(cut(inputs, 0, AGREEMENT_EXAMPLES), targets[:AGREEMENT_EXAMPLES], batch.ticket)
    with without_dropout(training.model):
        loss, _ = accumulate(training, few.inputs, few.targets, few)
    scale = float(training.precision.scaler.scale(torch.ones(1, device=training.device)))
    return float(loss), taken(training.model) / scale


def _gradient(training: Training, batch: Batch, *, compiles: bool) -> tuple[float, torch.Tensor]:
    """Return loss and gradient of some examples; of a whole piece where an arm compiles, which it does for no other size."""
    inputs, targets = to_device(training, batch)
    most = max(AGREEMENT_EXAMPLES, usual_piece(training) if compiles else 0)
    inputs, targets = cut(inputs, 0, most), targets[:most]
    size = piece_size(training, len(targets))
    scale = HALF_PRECISION_SCALE if training.precision.name == "fp16" else 1.0
    total = 0.0
    for start in range(0, len(targets), size):
        wanted = targets[start : start + size]
        with training.precision.context():
            outputs = forward(training, cut(inputs, start, start + size), len(wanted))
            loss = training.objective(outputs, wanted, normaliser=len(targets))
        (loss * scale).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total, taken(training.model) / scale
