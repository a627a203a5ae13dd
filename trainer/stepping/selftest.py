"""Before a batch is trained on in other pieces: does its gradient stay what it is?

It does for every loss that is a mean over examples, whatever their weights, as long as no layer and no loss looks across
the batch. What does look across it (batch norm, a contrastive loss, a weighted mean that divides by the weights of its
own piece) is found by trying: the gradient of the next batch, in fp32, as now and in the new pieces. So it is where the
pieces are dealt out to several processes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from trainer.data.batch import Batch
from trainer.stepping.accumulate import accumulate
from trainer.stepping.pieces import cut, piece_size, to_device
from trainer.stepping.recomputing import recomputed
from trainer.stepping.window import PassState
from trainer.training import Training

RECOMPUTED_EXAMPLES = 32
"""That a gradient with activations computed again is compared on: both passes fit where memory is short."""

AGREE = 1e-3
"""Relative difference of the gradients in fp32: rounding in another order stays two orders below (knobs.md)."""


def pieces_differ(training: Training, micro_batch: int) -> str:
    """Return why the gradient in pieces of `micro_batch` is not that of now; empty where it is.

    The state of the run is afterwards what it was, to the bit.

    Args:
        training: the run, at a step boundary.
        micro_batch: examples on the device at once; 0 = the whole batch.
    """
    batch = next(training.supply.look_ahead(1, at_any_price=True))
    examples = len(batch.targets)
    now, then = (min(size or examples, examples) for size in (int(training.knobs["micro_batch"]), micro_batch))
    if now == then:
        return ""
    try:
        difference = _difference(training, *(partial(_gradient, training, batch, size) for size in (now, then)))
    except torch.OutOfMemoryError:
        return f"memory ran out while the gradient in pieces of {then} was compared with that of now"
    if difference <= AGREE:
        return ""
    return (
        f"the gradient in pieces of {then} differs by {difference:.1%} from that in pieces of {now} "
        f"(allowed: {AGREE:.1%}): the loss or a layer looks across the batch"
    )


def replicas_differ(training: Training, replicas: int, *, promised: bool) -> str:
    """Return why the gradient of a batch that is dealt out to processes is not that of now; empty where it is.

    The state of the run is afterwards what it was, to the bit.

    Args:
        training: the run, at a step boundary.
        replicas: processes, the trainer among them; followers are there afterwards.
        promised: Without it (batch norm) the gradients may differ, but the followers have to work.
    """
    now = int(training.knobs["replicas"])
    if replicas == now:
        return ""
    batch = next(training.supply.look_ahead(1, at_any_price=True))
    watching, training.watching = training.watching, False
    try:
        difference = _difference(
            training, *(partial(_dealt_gradient, training, batch, count) for count in (now, replicas))
        )
    except torch.OutOfMemoryError:
        return f"memory ran out while the gradient of {replicas} processes was compared with that of now"
    finally:
        training.watching = watching
        training.knobs["replicas"] = now
        training.share_threads()
    if training.replicas.lost:
        return training.replicas.lost
    if difference <= AGREE or not promised:
        return ""
    return (
        f"the gradient of {replicas} processes differs by {difference:.1%} from that of {now} "
        f"(allowed: {AGREE:.1%}): the loss or a layer looks across the batch"
    )


def recomputed_differs(training: Training) -> str:
    """Return why the gradient is another one where activations are computed again; empty where it is the same.

    Dropout is on: its masks have to come again. So would numbers that a model draws from Python or numpy, and those do not.
    It is tried on the next batch, or on the one that is being trained on. The state of the run is afterwards what it was,
    to the bit.
    """
    batch = training.window.batch if training.window else next(training.supply.look_ahead(1, at_any_price=True))
    most = min(RECOMPUTED_EXAMPLES, piece_size(training, training.batch_size))
    inputs, targets = to_device(training, batch)
    inputs, targets = cut(inputs, 0, most), targets[:most]
    gradients = []
    with _as_it_was(training):
        state = PassState(training)
        for context in (nullcontext(), recomputed(training.model)):
            state.restore()
            try:
                with training.precision.context(), context:
                    outputs = training.model(inputs)
                training.objective(outputs, targets, normaliser=len(targets)).backward()  # type: ignore[no-untyped-call]
            except torch.OutOfMemoryError:
                return "memory ran out while the gradients with and without it were compared"
            except RuntimeError as failed:  # the user's own forward pass, run in a way that it may not be made for
                return f"a block of the model cannot be run twice ({' '.join(str(failed).split())[:200]})"
            gradients.append(taken(training.model))
    difference = _relative(*gradients)
    if difference <= AGREE:
        return ""
    return (
        f"the gradient differs by {difference:.1%} (allowed: {AGREE:.1%}): a block of the model does not repeat itself"
    )


Gradient = Callable[[], torch.Tensor]


def _difference(training: Training, one: Gradient, other: Gradient) -> float:
    """Return the relative difference of two gradients of a batch, without dropout; infinite where one is not finite.

    Of a model that draws numbers of its own, so that no two gradients of a batch are the same, those in evaluation mode.
    """
    with _as_it_was(training), without_dropout(training.model):
        difference = _relative(one(), other())
        if difference > AGREE and _relative(one(), one()) > 0.0:
            training.model.eval()
            difference = _relative(one(), other())
    return difference


def _relative(before: torch.Tensor, after: torch.Tensor) -> float:
    norm = float(torch.linalg.vector_norm(before))
    gap = float(torch.linalg.vector_norm(after - before))
    if gap == 0.0:
        return 0.0
    return gap / norm if norm > 0 and gap == gap else float("inf")


def _gradient(training: Training, batch: Batch, size: int) -> torch.Tensor:
    """Return the whole gradient of a batch in pieces of `size`, a vector in fp32; no autocast, no loss scale."""
    inputs, targets = to_device(training, batch)
    examples = len(targets)
    for start in range(0, examples, size):
        outputs = training.model(cut(inputs, start, start + size))
        training.objective(outputs, targets[start : start + size], normaliser=examples).backward()  # type: ignore[no-untyped-call]
    return taken(training.model)


def _dealt_gradient(training: Training, batch: Batch, replicas: int) -> torch.Tensor:
    """Return the whole gradient of a batch that is dealt out to processes, as `_gradient` does."""
    name, training.knobs["replicas"] = training.precision.name, replicas
    training.precision.set("off")
    training.share_threads()
    try:
        accumulate(training, *to_device(training, batch), batch)
    finally:
        training.precision.set(name)
    return taken(training.model)


def taken(model: nn.Module) -> torch.Tensor:
    """Take the gradients out of a model, as one vector in fp32."""
    gradients = [p.grad.detach().float().flatten() for p in model.parameters() if p.grad is not None]
    model.zero_grad(set_to_none=True)
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
def without_dropout(model: nn.Module) -> Iterator[None]:
    """Train without dropout: masks of other sizes are other masks, which is no fault of the pieces."""
    modes = [(module, module.training) for module in model.modules() if isinstance(module, _DropoutNd)]
    for module, _ in modes:
        module.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
