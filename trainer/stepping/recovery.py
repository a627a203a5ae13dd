"""Out of memory is no error: the same batch is run again in smaller pieces, as if it had never been begun.

The order matters. The `except` block is left first, for the exception keeps the frames alive that hold the activations.
Then outputs, loss, batch and gradients are dropped and the cache is emptied; half as many examples go on the device at
once; random generators and buffers (batch norm) get the state that they had; and the same batch is run again. After many
clean steps the pieces grow again, where the predicted peak leaves room.

The update of the optimizer is done wholly or not at all. Its first one makes the state (for Adam twice the size of the
parameters), group by group: when memory ends there, some parameters have moved and others have not. So a first update,
and on a device that has run out of memory any update that needs work space, is made with a copy on the host at hand.
"""

from collections.abc import Callable
from traceback import clear_frames
from typing import Any, TypeVar

import torch
from torch import nn

from trainer.knobs import KnobError
from trainer.state.snapshot import copied
from trainer.stepping.pieces import cut, in_layout, piece_size
from trainer.stepping.window import PassState
from trainer.training import Training
from trainer.turning import set_knobs, turn
from trainer.wire import KnobsTurned, MemoryRanOut, MemoryRegained, Told
from trainer.words import Change, Turned

GROWS_AFTER_STEPS = 500
"""Clean steps before the pieces of a batch grow again (knobs.md)."""

ROOMY_SHARE = 0.85
"""Of the memory: a predicted peak over it does not let the pieces grow (knobs.md)."""

TIMES_TRIED = 2
"""A size that ran out of memory, and did so again when it was grown back to, is not tried a third time."""

ALSO_FULL = ("CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED", "out of memory")
"""How libraries below torch, and MPS, say it: as a plain RuntimeError."""

Result = TypeVar("Result")


class MemoryExhausted(Exception):
    """A single example does not fit on the device; the text says what to do."""


class UpdateTorn(Exception):
    """Memory ran out in the middle of an update of which there is no copy: some parameters moved, others did not."""


def until_it_fits(
    training: Training,
    examples: int,
    attempt: Callable[[], Result],
    *,
    spare: Callable[[], None] | None,
    recovers: bool,
) -> Result:
    """Return what `attempt` makes of a batch of `examples`, in as small pieces as it takes.

    Args:
        training: the run; its knob `micro_batch` is halved each time.
        examples: of the batch.
        attempt: runs the batch, from its inputs to the update of the optimizer.
        spare: lets go of what only watches; that goes first, before the pieces get smaller.
        recovers: without it the run is left as it was before the batch, and the error goes on: a trial is given up.

    Raises:
        MemoryExhausted: when not even a single example fits; the run is as it was before the batch.
        UpdateTorn: when the parameters are neither as before nor as after the batch.
        torch.OutOfMemoryError: see `recovers`.
    """
    before = PassState(training)
    training.room.begin_step()
    while True:
        try:
            with training.room.counting(_resident(training)):
                return attempt()
        except RuntimeError as full:
            text = _let_go(full)
        before.restore()
        training.room.tidy()
        if not recovers:
            raise torch.OutOfMemoryError(text)
        if spare is None:
            make_smaller(training, examples)
        else:
            spare()
            spare = None


def updated_wholly(training: Training, update: Callable[[], object]) -> None:
    """Run the update of the optimizer; when memory ends in it, put back what it has moved.

    Raises:
        torch.OutOfMemoryError: after which all is as before the update.
        UpdateTorn: when there was no copy to put back.
    """
    if not training.room.may_run_out:
        update()
        return
    undo = _Undo(training) if _at_risk(training) else None
    try:
        update()
        training.room.settled = _settled(training)
        return
    except RuntimeError as full:
        text = _let_go(full)
    training.precision.renew_scaler()
    if undo is None:
        raise UpdateTorn("memory ran out in the middle of an update")
    undo.restore(training)
    if training.window is not None:
        training.window.updating = False
    raise torch.OutOfMemoryError(text)


def make_smaller(training: Training, examples: int) -> None:
    """Halve the examples on the device at once; a single one goes on in bf16, where it is not in use yet.

    Before that, activations are computed again in the backward pass, where the model has blocks for it: with batch norm,
    for smaller pieces would change what is learned, and with a single example.

    Raises:
        MemoryExhausted: when nothing is left to make smaller.
    """
    room, size = training.room, piece_size(training, examples)
    if (size <= 1 or training.setup.model_info.has_norm) and _keeps_less(training):
        return
    room.ran_out[size] += 1
    room.clean_steps = 0
    if size <= 1:
        _in_less_precision(training)
        return
    if room.as_set is None or int(training.knobs["micro_batch"]) != room.micro_batch:
        room.as_set = int(training.knobs["micro_batch"])
    training.knobs["micro_batch"] = room.micro_batch = size // 2
    training.link.say(
        MemoryRanOut(**training.progress.where(), micro_batch_before=size, micro_batch_after=room.micro_batch)
    )


def after_step(training: Training, examples: int) -> None:
    """Count a clean step; make the pieces smaller when the allocator is squeezed, or larger after many clean ones."""
    room = training.room
    if room.squeezed() and piece_size(training, examples) > 1:
        room.tidy()
        make_smaller(training, examples)
        return
    if room.as_set is None:
        return
    room.clean_steps += 1
    if int(training.knobs["micro_batch"]) != room.micro_batch:
        room.as_set = None
    elif room.clean_steps >= GROWS_AFTER_STEPS and examples == training.batch_size:
        _grow(training, examples)


def forward(training: Training, model: nn.Module, inputs: Any, examples: int) -> torch.Tensor:
    """Return the outputs [B, …] of a model in evaluation mode, in as small pieces as memory asks for.

    Raises:
        MemoryExhausted: when not even a single example fits.
    """
    room = training.room
    while True:
        size = min(room.evaluation_size or examples, examples)
        try:
            with room.counting(_resident(training)):
                return _in_pieces(training, model, inputs, examples, size)
        except RuntimeError as full:
            _let_go(full)
        room.tidy()
        if size <= 1:
            raise _exhausted(training, "an evaluation")
        room.evaluation_size = size // 2
        text = f"an evaluation ran out of memory: it goes on with {size // 2} examples at once; nothing is lost"
        training.link.say(Told(**training.progress.where(), level="info", text=text))


NO_ROOM = (torch.OutOfMemoryError, UpdateTorn, MemoryExhausted)
"""What a trial may end with where memory ends; see `given_up`."""


def given_up(training: Training, full: Exception, put_back: Callable[[], None]) -> str:
    """Put the run back to where it was before a trial in which memory ran out; return why it was given up.

    Args:
        training: the run, in whatever state the trial has left it.
        full: one of `NO_ROOM`.
        put_back: restores the state from before the trial.
    """
    text = _let_go(full)
    training.model.zero_grad(set_to_none=True)
    training.room.tidy()
    put_back()
    return f"memory ran out in it, the run goes on from where it was: {text}"


def _in_pieces(training: Training, model: nn.Module, inputs: Any, examples: int, size: int) -> torch.Tensor:
    parts = []
    for start in range(0, examples, size):
        part = in_layout(training, inputs if size >= examples else cut(inputs, start, start + size))
        with training.precision.context():
            parts.append(model(part).float())
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _grow(training: Training, examples: int) -> None:
    """Put twice as many examples on the device at once, if that is predicted to leave room."""
    room, size = training.room, training.room.micro_batch
    room.clean_steps = 0
    as_set = room.as_set or examples
    larger = min(2 * size, as_set)
    if room.ran_out[larger] >= TIMES_TRIED:
        return
    share = room.predicted_bytes(size, larger) / room.limit_bytes()
    if share >= ROOMY_SHARE:
        return
    room.micro_batch = larger
    training.knobs["micro_batch"] = room.as_set if larger == as_set and room.as_set is not None else larger
    if larger == as_set:
        room.as_set = None
    training.link.say(
        MemoryRegained(
            **training.progress.where(), micro_batch_before=size, micro_batch_after=larger, predicted_share=share
        )
    )


def _keeps_less(training: Training) -> bool:
    """Go on with activation checkpointing, where it can be turned on; the mathematics stay the same."""
    turns = (Turned(knob="activation_checkpointing", to=True),)
    if training.knobs["activation_checkpointing"]:
        return False
    try:
        changes = turn(training, turns)
    except KnobError:
        return False
    where = training.progress.where()
    text = "a step ran out of memory: its activations are computed again in the backward pass from here on; nothing is lost"
    training.link.say(KnobsTurned(**where, changes=changes, probation=False, by="trainer"))
    training.link.say(Told(**where, level="warning", text=text))
    return True


def _in_less_precision(training: Training) -> None:
    """Go on in bf16 when a single example does not fit in fp32: its activations take half the room."""
    known = {knob.name: knob for knob in training.catalogue()}["amp"]
    if training.precision.name != "off" or "bf16" not in training.device_info.amp_dtypes or known.unavailable:
        raise _exhausted(training, "a step")
    change = Change(knob="amp", old=training.knobs["amp"], new="bf16")
    set_knobs(training, {"amp": "bf16"})
    where = training.progress.where()
    text = "a single example does not fit on the device in fp32: the run goes on in bf16; nothing is lost"
    training.link.say(KnobsTurned(**where, changes=(change,), probation=False, by="trainer"))
    training.link.say(Told(**where, level="warning", text=text))


def _exhausted(training: Training, what: str) -> MemoryExhausted:
    return MemoryExhausted(
        f"step {training.progress.step}: a single example does not fit on the device in {what}: "
        "use a smaller model or smaller inputs, or free the device, and go on from the last checkpoint with `advisor resume`"
    )


class _Undo:
    """A copy of the parameters and of the optimizer's state on the host."""

    def __init__(self, training: Training) -> None:
        self._parameters = [p.detach().to("cpu", copy=True) for p in training.model.parameters()]
        self._optimizer = copied(training.optimizer.state_dict(), on_host=True)

    def restore(self, training: Training) -> None:
        """Put it back; what the update made is freed first, so that it fits."""
        training.optimizer.state.clear()
        training.model.zero_grad(set_to_none=True)
        with torch.no_grad():
            for parameter, old in zip(training.model.parameters(), self._parameters, strict=True):
                parameter.copy_(old)
        training.optimizer.load_state_dict(self._optimizer)


def _at_risk(training: Training) -> bool:
    """Tell whether memory can end within the update: it has a state to make, or needs work space on a full device."""
    if training.room.settled != _settled(training):
        return True
    fused = all(group.get("fused") for group in training.optimizer.param_groups)
    return bool(training.room.ran_out) and not fused


def _settled(training: Training) -> tuple[int, int]:
    return id(training.optimizer), len(training.optimizer.state)


def _resident(training: Training) -> Any:
    """Return what lies on the device whatever is done, for a simulated one to count; gradients come and go."""
    if training.room.simulated is None:
        return ()
    state = [list(held.values()) for held in training.optimizer.state.values()]
    return [list(training.model.parameters()), list(training.model.buffers()), state]


def _let_go(full: Exception) -> str:
    """Free what the frames of an exception hold, and return its first line; what is not about memory goes on."""
    if type(full) is RuntimeError and not any(words in str(full) for words in ALSO_FULL):
        raise full
    clear_frames(full.__traceback__)
    full.__traceback__ = None
    return str(full).partition("\n")[0]
