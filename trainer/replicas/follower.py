"""A follower: a process that runs forward and backward on its share of each batch, for a trainer that holds all the rest.

`python -P -m trainer.replicas.follower DESCRIPTOR` is started by `trainer.replicas.replicas` and obeys the words that come by that
descriptor. It builds the same network and loss as the trainer, without data and optimizer; their numbers come with the first
share of each step. It ends as soon as the trainer is gone, however that went: its standard input closes then.
"""

import os
import random
import select
import sys
import threading
from contextlib import nullcontext, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.export import ExportError, rebuild
from trainer.factory import FactoryError, make_task
from trainer.models.layers import set_dropout
from trainer.replicas.wire import (
    broadcast,
    gradients_of,
    hear,
    mask_of,
    open_group,
    pack,
    put_together,
    reduce,
    room_for,
    say,
    spec_of,
    specs_in,
    state_of,
    unpack,
)
from trainer.stepping.compiling import OFF, Compiled
from trainer.stepping.objective import Objective
from trainer.stepping.precision import Precision, multiply_in_tf32
from trainer.stepping.recomputing import recomputed
from trainer.surgery import mixing
from trainer.surgery.surgery import SurgeryError, operate, operations

LOOK_S = 1.0
"""Between two looks at whether the trainer still is this process's parent, should its pipe stay open."""


class Another(Exception):
    """The network that is built here is not that of the trainer; the text says in what it differs."""


class Follower:
    """What one follower holds between two words.

    Args:
        device: Its own.
        control: Where words come from.
    """

    def __init__(self, device: torch.device, control: Connection) -> None:
        self._device, self._control = device, control
        self._precision = Precision(device, ())
        self._compiled = Compiled(lambda text: print(f"follower: {text}", file=sys.stderr))
        self._group: Any = None
        self._rank = 0
        self._model: nn.Module = nn.Module()
        self._objective = Objective("regression")
        self._settings: dict[str, Any] = {}
        self._scale = torch.ones(1)
        self._total = torch.zeros(())
        self._outputs: list[Tensor] = []

    def serve(self) -> None:
        """Obey words until the last one."""
        deeds = {"build": self._build, "join": self._join, "run": self._run, "give": self._give}
        while (word := hear(self._control))["do"] != "end":
            answer = deeds[word["do"]](word)
            if answer is not None:
                say(self._control, answer)

    def _build(self, word: dict[str, Any]) -> dict[str, Any]:
        """Build network and loss as the trainer has them."""
        if word["deterministic"]:
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
        try:
            loss = None
            if word["build"]["how"] == "factory":
                task = make_task(word["build"]["factory"], word["build"]["seed"])
                model, loss = task.model, task.loss
                operate(model, operations(word["build"].get("surgery", ())))
            else:
                model = rebuild(word["build"])
            variance = None if word["variance"] is None else torch.tensor(word["variance"])
            self._model = model.to(self._device)
            self._objective = Objective(word["kind"], loss, tuple(word["counts"]), variance).to(self._device)
            _refuse_another(state_of(self._model, self._objective.user_loss), word["state"])
        except (FactoryError, ExportError, SurgeryError, Another, torch.OutOfMemoryError) as failed:
            return {"failed": " ".join(str(failed).split())}
        self._settings = {}
        return {"built": True}

    def _join(self, word: dict[str, Any]) -> dict[str, Any]:
        self._rank = word["rank"]
        self._group = open_group(self._device, Path(word["meeting"]), self._rank, word["size"], word["patience_s"])
        return {"joined": True}

    def _run(self, word: dict[str, Any]) -> dict[str, Any]:
        """Run forward and backward on a share; what comes of it is kept until it is asked for."""
        if word["first"]:
            self._begin(word["settings"])
        if word["share"] is None:
            return {"mask": mask_of(self._model), "outputs": None}
        buffer = room_for(specs_in(word["share"]), self._device)
        self._group.recv([buffer], 0, 0).wait()
        inputs, targets = put_together(word["share"], unpack(buffer, specs_in(word["share"])))
        _seed(word["seed"])
        try:
            outputs = self._forward_and_backward(inputs, targets, word)
            return {"mask": mask_of(self._model), "outputs": outputs}
        except torch.OutOfMemoryError as full:
            return {"full": str(full).partition("\n")[0]}
        except Exception as failed:  # the user's own code runs here: the trainer runs it again and meets what it raises
            return {"failed": f"{type(failed).__name__}: {' '.join(str(failed).split())}"}

    def _begin(self, settings: dict[str, Any] | None) -> None:
        """Begin a step: the settings of now, and everybody's weights."""
        if settings is not None:
            self._set(settings)
        state = [*state_of(self._model, self._objective.user_loss).values(), self._scale]
        specs = [spec_of(tensor) for tensor in state]
        buffer = room_for(specs, self._device)
        broadcast(self._group, buffer).wait()
        with torch.no_grad():
            for tensor, value in zip(state, unpack(buffer, specs), strict=True):
                tensor.copy_(value)
        self._model.zero_grad(set_to_none=True)
        self._total = torch.zeros((), device=self._device)
        self._outputs.clear()

    def _set(self, settings: dict[str, Any]) -> None:
        model = self._model
        for part, name in ((mixing.Standardised, "standardised"), (mixing.InTargetUnits, "scaled_targets")):
            if (shapes := settings[name]) is None:
                mixing.take_off(model, part)
            elif not mixing.is_on(model, part):
                mixing.put_on(model, part, torch.zeros(shapes[0]), torch.ones(shapes[1]))
        scale = tuple(mixing.own_tensors(model, mixing.InTargetUnits).values())
        self._objective.take_in_spreads((scale[0], scale[1]) if scale else None)
        if settings["dropout"] is not None:
            set_dropout(model, settings["dropout"])
        if settings["channels_last"] != self._settings.get("channels_last", False):
            model.to(memory_format=torch.channels_last if settings["channels_last"] else torch.contiguous_format)
        for module, mode in zip(model.modules(), settings["modes"], strict=True):
            module.training = mode == "1"
        self._precision.set(settings["amp"])
        multiply_in_tf32(settings["tf32"])
        self._objective.standard = settings["standard"]
        self._objective.class_weights = settings["class_weights"]
        self._objective.label_smoothing = settings["label_smoothing"]
        self._objective.logit_adjustment = settings["logit_adjustment"]
        self._objective.focal = settings["focal"]
        torch.set_num_threads(settings["threads"])
        self._scale = torch.ones(1, device=self._device)
        self._settings = settings

    def _forward_and_backward(self, inputs: Any, targets: Tensor, word: dict[str, Any]) -> Any:
        if self._settings["channels_last"] and isinstance(inputs, Tensor) and inputs.dim() == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        with self._precision.context():
            with recomputed(self._model) if self._settings["activation_checkpointing"] else nullcontext():
                outputs = self._compiled(self._model, self._settings["compile"] if word["usual"] else OFF, inputs)
            loss = self._objective(outputs, targets, normaliser=word["examples"])
        (loss * self._scale[0]).backward()  # type: ignore[no-untyped-call]
        self._total += self._objective.told(loss, outputs, targets, word["examples"])
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)  # what fails there fails here, before anybody waits in a collective
        if not word["outputs"]:
            return None
        self._outputs.append(outputs.detach())
        return spec_of(outputs)

    def _give(self, _: dict[str, Any]) -> None:
        """Send the outputs, where they are wanted, and add the gradients to everybody's."""
        if self._outputs:
            self._group.send([pack(self._outputs)], 0, 0).wait()
        for buffer in gradients_of(self._model, self._total):
            reduce(self._group, buffer).wait()
        self._model.zero_grad(set_to_none=True)
        self._outputs.clear()


def _refuse_another(mine: dict[str, Tensor], theirs: list[list[Any]]) -> None:
    """Compare names, types and shapes of two networks.

    Raises:
        Another: when they differ.
    """
    here = [[name, *spec_of(tensor)] for name, tensor in mine.items()]
    for one, other in zip(here, theirs, strict=False):
        if one != other:
            raise Another(f"the same task builds {other} in one process and {one} in another")
    if len(here) != len(theirs):
        raise Another(f"the same task builds {len(theirs)} tensors in one process and {len(here)} in another")


def _seed(words: list[int]) -> None:
    """Seed every generator for one share of one step: what is drawn does not depend on who draws before."""
    drawn = np.random.SeedSequence(words).generate_state(4)
    random.seed(int(drawn[0]))
    np.random.seed(int(drawn[1]))
    torch.manual_seed(int(drawn[2]) << 32 | int(drawn[3]))


def end_with_the_trainer() -> None:
    """End this process when the trainer is gone: its pipe closes, or somebody else becomes our parent."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            readable, _, _ = select.select([0], [], [], LOOK_S)
            if readable and not os.read(0, 1):
                break
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str]) -> int:
    """Serve the trainer that has started this process."""
    end_with_the_trainer()
    device = torch.device("cuda", 0) if arguments[1] == "cuda" else torch.device("cpu")
    with suppress(EOFError, OSError):  # the trainer is gone
        Follower(device, Connection(int(arguments[0]))).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
