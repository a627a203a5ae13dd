"""The batch that is being trained on, and how to begin it anew.

Its place in the order, the generators and the buffers (statistics of batch norm) move before the weights do: a snapshot
that is taken meanwhile, from a hook or after an exception, is that of the batch's beginning. Between two batches there is
nothing to remember, and of a batch that is one piece only what its forward pass certainly moves.
"""

import random
from typing import Any

import numpy as np
import torch

from trainer.data.batch import Batch
from trainer.supply import before
from trainer.training import Training, Window


def begin(training: Training, batch: Batch) -> Window:
    """Remember the run as it is before a batch, and return what was remembered."""
    micro_batch, ticket = int(training.knobs["micro_batch"]), batch.ticket
    pieces = 0 < micro_batch < len(ticket.indices)
    generators = random_state(training) if pieces else torch_state(training)
    training.window = Window(before(ticket), generators, _buffers(training), batch)
    return training.window


def end(training: Training) -> None:
    """Close the batch: the run stands at a step boundary."""
    training.window = None


class PassState:
    """What a pass through the network moves besides gradients: generators and buffers. Kept, to be put back."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._random = random_state(training)
        self._buffers = [buffer.detach().clone() for buffer in training.model.buffers()]

    def restore(self) -> None:
        """Drop the gradients and put generators and buffers back; it can be done again."""
        self._training.model.zero_grad(set_to_none=True)
        set_random_state(self._training, self._random)
        for buffer, old in zip(self._training.model.buffers(), self._buffers, strict=True):
            buffer.copy_(old)


def random_state(training: Training) -> dict[str, Any]:
    """Return the state of every generator that the run draws from in the trainer's own process."""
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        **torch_state(training),
    }


def torch_state(training: Training) -> dict[str, Any]:
    """Return the state of torch's generators alone: 2 µs, where numpy's takes 40."""
    state: dict[str, Any] = {"torch": torch.get_rng_state(), "augmenter": training.augmenter.get_state()}
    if training.device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(training.device)
    elif training.device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_random_state(training: Training, state: dict[str, Any]) -> None:
    """Put every generator back."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    training.augmenter.set_state(state["augmenter"])
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], training.device)
    elif "mps" in state:
        torch.mps.set_rng_state(state["mps"])


@torch.no_grad()
def _buffers(training: Training) -> list[torch.Tensor]:
    """Return copies of the model's buffers; the memory of the last batch's copies is used again."""
    if not training.has_buffers:
        return []
    buffers, copies = list(training.model.buffers()), training.buffer_copies
    if [copy.shape for copy in copies] != [buffer.shape for buffer in buffers]:
        copies = training.buffer_copies = [buffer.clone() for buffer in buffers]
    for floating in (True, False):
        chosen = [at for at, buffer in enumerate(buffers) if buffer.is_floating_point() is floating]
        if chosen:
            torch._foreach_copy_([copies[at] for at in chosen], [buffers[at] for at in chosen])
    return copies
