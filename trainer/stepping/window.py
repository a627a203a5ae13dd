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
    generators = random_state(training) if pieces else _drawn_from(training)
    buffers = _buffers(training) if training.has_buffers else []
    training.window = Window(before(ticket), generators, buffers, batch)
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
        "augmenter": training.augmenter.get_state(),
        **_torch_state(training),
    }


def _drawn_from(training: Training) -> dict[str, Any]:
    """Return torch's generators, which a batch of one piece may draw from, as they are now; numpy's would take 40 µs.

    On the CPU they are copied and not written out: that takes half the time, and hardly any batch is begun anew.
    """
    if training.device.type != "cpu":
        return _torch_state(training) | {"augmenter": training.augmenter.get_state()}
    generators = {"torch": torch.default_generator.clone_state()}
    if training.knobs["augment"]:
        generators["augmenter"] = training.augmenter.clone_state()
    return generators


def written_out(random: dict[str, Any]) -> dict[str, Any]:
    """Return states of generators, of which some are still generators, as `set_random_state` takes them."""
    return {name: one.get_state() if isinstance(one, torch.Generator) else one for name, one in random.items()}


def _torch_state(training: Training) -> dict[str, Any]:
    """Return the state of torch's own generators."""
    state: dict[str, Any] = {"torch": torch.default_generator.get_state()}
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
    buffers, copies = list(training.model.buffers()), training.buffer_copies
    if [copy.shape for copy in copies] != [buffer.shape for buffer in buffers]:
        copies = training.buffer_copies = [buffer.clone() for buffer in buffers]
    for floating in (True, False):
        chosen = [at for at, buffer in enumerate(buffers) if buffer.is_floating_point() is floating]
        if chosen:
            torch._foreach_copy_([copies[at] for at in chosen], [buffers[at] for at in chosen])
    return copies
