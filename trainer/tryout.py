"""A model, its loss and its metrics are tried on a few examples before the run; the first mistake is told in one line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from trainer.data.batch import Batch, Ticket
from trainer.data.feed import open_feed
from trainer.data.fetch import FetchError
from trainer.data.seeding import preserved_generators
from trainer.data.source import DataError, Source
from trainer.factory import their_error
from trainer.metrics import Metrics
from trainer.stepping.objective import Objective
from trainer.surgery.anatomy import Anatomy, watched

TRIED_EXAMPLES = 4
"""Enough for batch norm and for a shape to show; a forward and backward pass of them takes milliseconds."""

TRIED_METRIC_EXAMPLES = 1024
"""A metric that works on so many examples works on a split; more would only make the start slow."""

NOWHERE = Path("/-")
"""Where a user's code lies when none takes part: no frame of a traceback is in it."""


class TryoutError(Exception):
    """Model, data, loss and metrics do not fit together; the text says which does not take what."""


@dataclass(frozen=True)
class Tried:
    """What a few examples have shown of a model."""

    output_shape: tuple[int, ...]
    """Of one example."""
    flops: float
    """Floating point operations of one example's forward pass."""
    anatomy: Anatomy
    inputs: Any
    """Of these examples."""
    targets: Tensor
    """Of these examples."""


def try_out(source: Source, model: nn.Module, objective: Objective, folder: Path, name: str) -> Tried:
    """Run a few examples forward and backward; the model and all random generators are left as they were.

    Args:
        source: the examples are the first of its training split.
        model: on the CPU.
        objective: its loss is taken.
        folder: where the user's code lies; an error's place is looked for there.
        name: what to call the model in a message.

    Raises:
        TryoutError: when data, model and loss do not fit together.
        DataError: when an example cannot be read.
    """
    batch = _few(source, folder)
    saved = {key: value.clone() for key, value in model.state_dict().items()}
    was_training = model.training
    counter = FlopCounterMode(display=False)
    try:
        with preserved_generators():
            model.train()
            with counter, watched(model) as anatomy:
                outputs = _forward(model, batch, folder, name)
            _check_classes(source, objective, outputs, name)
            _backward(objective, outputs, batch, folder)
    finally:
        for parameter in model.parameters():
            parameter.grad = None
        model.load_state_dict(saved)
        model.train(was_training)
    flops = counter.get_total_flops() / len(batch.targets)
    return Tried(tuple(outputs.shape[1:]), flops, anatomy, batch.inputs, batch.targets)


def _forward(model: nn.Module, batch: Batch, folder: Path, name: str) -> Tensor:
    try:
        outputs = model(batch.inputs)
    except Exception as error:
        raise TryoutError(
            f"{name} does not take a batch of shape {_shape(batch.inputs)}: {their_error(error, folder)}"
        ) from error
    if not isinstance(outputs, Tensor):
        raise TryoutError(f"{name} returns {type(outputs).__name__}: return one tensor (logits or predictions)")
    if not outputs.ndim or len(outputs) != len(batch.targets):
        raise TryoutError(
            f"{name} returns {_shape(outputs)} for {len(batch.targets)} examples: keep the batch dimension first"
        )
    return outputs


def _backward(objective: Objective, outputs: Tensor, batch: Batch, folder: Path) -> None:
    try:
        loss = objective.plain(outputs, batch.targets)
        loss = loss + 0 * objective(outputs, batch.targets)
    except Exception as error:
        raise TryoutError(
            f"the loss does not take outputs {_shape(outputs)} with targets {_shape(batch.targets)} "
            f"({batch.targets.dtype}): {their_error(error, folder)}"
        ) from error
    if not loss.requires_grad:
        raise TryoutError("the loss does not depend on a trainable weight: leave out detach, no_grad or requires_grad")
    try:
        loss.backward()  # type: ignore[no-untyped-call]
    except Exception as error:
        raise TryoutError(f"the loss has no gradient: {their_error(error, folder)}") from error


def try_metrics(metrics: Metrics, targets: Tensor, output_shape: tuple[int, ...]) -> None:
    """Find a metric that raises before the first evaluation does. A metric may fail on a constant, not on noise.

    Raises:
        MetricError: when one does.
    """
    noise = torch.randn(len(targets), *output_shape, generator=torch.Generator().manual_seed(0))
    with preserved_generators():
        metrics.measure(noise, targets)


def _few(source: Source, folder: Path) -> Batch:
    """Fetch the first few training examples the way the run will."""
    feed = open_feed(
        source.train, source.collate, device=torch.device("cpu"), seed=0, workers=0, prefetch=1, cache=False
    )
    ticket = Ticket(epoch=0, offset=0, indices=np.arange(min(TRIED_EXAMPLES, source.train.examples)))
    try:
        return next(iter(feed.batches([ticket])))
    except DataError:
        raise
    except FetchError as error:
        raise TryoutError(str(error)) from error
    except Exception as error:
        raise TryoutError(f"the training data cannot be read: {their_error(error, folder)}") from error
    finally:
        feed.close()


def _check_classes(source: Source, objective: Objective, outputs: Tensor, name: str) -> None:
    """Find a head that is too small before the loss does so in words of its own."""
    if source.kind != "classification" or objective.user_loss is not None:
        return
    classes = len(source.classes)
    if outputs.ndim < 2 or outputs.shape[1] < classes:
        raise TryoutError(
            f"{name} returns {_shape(outputs)}, but the targets have {classes} classes: return one logit for each"
        )


def _shape(value: Any) -> str:
    if isinstance(value, Tensor):
        return str(list(value.shape))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shape(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(_shape(part) for part in value) + ")"
    return type(value).__name__
