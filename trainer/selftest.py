"""Before a batch is trained on in other pieces: does its gradient stay what it is?

It does for every loss that is a mean over examples, whatever their weights, as long as no layer and no loss looks across
the batch. What does look across it (batch norm, a contrastive loss, a weighted mean that divides by the weights of its
own piece) is found by trying: the gradient of the next batch, in fp32, as now and in the new pieces.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from trainer.data.batch import Batch
from trainer.pieces import cut, to_device
from trainer.training import Training
from trainer.window import PassState

AGREE = 1e-3
"""Relative difference of the gradients in fp32: rounding in another order stays two orders below (knobs.md)."""


def pieces_differ(training: Training, micro_batch: int) -> str:
    """Return why the gradient in pieces of `micro_batch` is not that of now; empty where it is.

    The state of the run is afterwards what it was, to the bit.

    Args:
        training: the run, at a step boundary.
        micro_batch: examples on the device at once; 0 = the whole batch.
    """
    batch = next(training.supply.look_ahead(1))
    examples = len(batch.targets)
    now, then = (min(size or examples, examples) for size in (int(training.knobs["micro_batch"]), micro_batch))
    if now == then:
        return ""
    try:
        with _as_it_was(training), _without_dropout(training.model):
            difference = _difference(training, batch, now, then)
            if difference > AGREE and _draws_random_numbers(training, batch, now):
                training.model.eval()
                difference = _difference(training, batch, now, then)
    except torch.OutOfMemoryError:
        return f"memory ran out while the gradient in pieces of {then} was compared with that of now"
    if difference <= AGREE:
        return ""
    return (
        f"the gradient in pieces of {then} differs by {difference:.1%} from that in pieces of {now} "
        f"(allowed: {AGREE:.1%}): the loss or a layer looks across the batch"
    )


def _difference(training: Training, batch: Batch, one: int, other: int) -> float:
    """Return the relative difference of the gradients in pieces of two sizes; infinite where one is not finite."""
    before, after = _gradient(training, batch, one), _gradient(training, batch, other)
    norm = float(torch.linalg.vector_norm(before))
    gap = float(torch.linalg.vector_norm(after - before))
    if gap == 0.0:
        return 0.0
    return gap / norm if norm > 0 and gap == gap else float("inf")


def _draws_random_numbers(training: Training, batch: Batch, size: int) -> bool:
    """Tell whether the model draws numbers of its own, so that no two gradients of a batch are the same."""
    return _difference(training, batch, size, size) > 0.0


def _gradient(training: Training, batch: Batch, size: int) -> torch.Tensor:
    """Return the whole gradient of a batch in pieces of `size`, a vector in fp32; no autocast, no loss scale."""
    inputs, targets = to_device(training, batch)
    examples = len(targets)
    for start in range(0, examples, size):
        outputs = training.model(cut(inputs, start, start + size))
        training.objective(outputs, targets[start : start + size], normaliser=examples).backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad.detach().float().flatten() for p in training.model.parameters() if p.grad is not None]
    training.model.zero_grad(set_to_none=True)
    return torch.cat(gradients)


@contextmanager
def _as_it_was(training: Training) -> Iterator[None]:
    """Put generators, buffers and modes back afterwards."""
    modes = {module: module.training for module in training.model.modules()}
    state = PassState(training)
    try:
        yield
    finally:
        state.restore()
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def _without_dropout(model: nn.Module) -> Iterator[None]:
    """Train without dropout: masks of other sizes are other masks, which is no fault of the pieces."""
    for module in model.modules():
        if isinstance(module, _DropoutNd):
            module.eval()
    yield
