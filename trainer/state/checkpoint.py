"""Checkpoints: a snapshot on disk. Tensors in safetensors, the rest in JSON; nothing is ever unpickled.

`last` is what a run is resumed from, exactly. The best model for the user is written by `trainer.export`.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from trainer.state.snapshot import Snapshot
from trainer.stepping.ema import AveragedState
from trainer.stepping.guard import GuardState
from trainer.supply import Place
from trainer.training import Progress
from trainer.wire import CheckpointWritten
from trainer.words import Change, Drawn

FORMAT = 2
"""Version of the checkpoint's layout."""

TENSOR = "tensor:"
"""In the JSON part a string with this beginning names a tensor of the other file."""


class CheckpointError(Exception):
    """A checkpoint cannot be read; the text says which and why."""


@dataclass(frozen=True)
class Beside:
    """What a run has gathered besides its state."""

    best: dict[str, torch.Tensor]
    """The best weights so far."""
    labels: dict[str, torch.Tensor]
    """What was learned of the labels."""
    unconfirmed: tuple[Change, ...] = ()
    """Turns on probation, oldest first: a run that is taken up again takes them back."""


def write(folder: Path, name: str, snapshot: Snapshot, beside: Beside) -> CheckpointWritten:
    """Write a snapshot, and what lies beside it, so that each file is there whole or not at all.

    Raises:
        OSError: when the disk is full or the folder is gone; what was there before is still there.
    """
    begun = perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, torch.Tensor] = {}
    state = {
        "format": FORMAT,
        "model": _apart(snapshot.model, "model", tensors),
        "averaged": _apart(asdict(snapshot.averaged), "averaged", tensors) if snapshot.averaged else None,
        "objective": _apart(snapshot.objective, "objective", tensors),
        "optimizer": _apart(snapshot.optimizer, "optimizer", tensors),
        "optimizer_name": snapshot.optimizer_name,
        "scaler": _apart(snapshot.scaler, "scaler", tensors),
        "random": _apart(snapshot.random, "random", tensors),
        "best": _apart(beside.best, "best", tensors),
        "labels": _apart(beside.labels, "labels", tensors),
        "unconfirmed": [change.model_dump() for change in beside.unconfirmed],
        "place": {**asdict(snapshot.place), "parts": [part.model_dump() for part in snapshot.place.parts]},
        "guard": asdict(snapshot.guard),
        "progress": asdict(snapshot.progress),
        "knobs": snapshot.knobs,
    }
    stamp = f"{snapshot.step}-{os.getpid()}"
    tensor_file = f"{name}-{stamp}.safetensors"
    state["tensors"] = tensor_file
    partial = folder / f".{tensor_file}"
    try:
        save_file(tensors, partial)
        partial.replace(folder / tensor_file)
        about = folder / f".{name}-{stamp}.json"
        about.write_text(json.dumps(state), encoding="utf-8")
        about.replace(folder / f"{name}.json")
    except SafetensorError as failed:
        raise OSError(f"{name}: {failed}") from failed
    finally:
        partial.unlink(missing_ok=True)
    for old in folder.glob(f"{name}-*.safetensors"):
        if old.name != tensor_file:
            old.unlink(missing_ok=True)
    return CheckpointWritten(
        step=snapshot.step,
        samples=snapshot.progress.samples,
        name=name,
        path=str(folder / f"{name}.json"),
        seconds=perf_counter() - begun,
        bytes=(folder / tensor_file).stat().st_size,
    )


def read(folder: Path, name: str) -> tuple[Snapshot, Beside]:
    """Return a checkpoint's snapshot and what lies beside it.

    Raises:
        CheckpointError: when there is none, or it cannot be read.
    """
    try:
        state = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / state["tensors"])
    except FileNotFoundError:
        raise CheckpointError(f"{folder} holds no checkpoint {name!r}: the run ended before it wrote one") from None
    except (OSError, ValueError, KeyError) as broken:
        raise CheckpointError(f"{folder / name}.json cannot be read: {broken}") from None
    if state.get("format") != FORMAT:
        raise CheckpointError(f"{folder / name}.json is of another version: this one reads format {FORMAT}")
    generators = _together(state["random"], tensors)
    generators["python"] = _as_tuples(generators["python"])
    snapshot = Snapshot(
        model=_together(state["model"], tensors),
        averaged=AveragedState(**_together(state["averaged"], tensors)) if state["averaged"] else None,
        objective=_together(state["objective"], tensors),
        optimizer=_with_numbers(_together(state["optimizer"], tensors)),
        optimizer_name=state["optimizer_name"],
        scaler=_together(state["scaler"], tensors),
        random=generators,
        place=_place(state["place"]),
        guard=GuardState(**state["guard"]),
        progress=Progress(**state["progress"]),
        knobs=state["knobs"],
    )
    unconfirmed = tuple(Change(**change) for change in state["unconfirmed"])
    return snapshot, Beside(_together(state["best"], tensors), _together(state["labels"], tensors), unconfirmed)


def _place(state: dict[str, Any]) -> Place:
    return Place(state["epoch"], state["offset"], tuple(Drawn(**part) for part in state.get("parts", ())))


def _apart(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Return a JSON value; the tensors of it go into `tensors` under their paths."""
    if isinstance(value, torch.Tensor):
        tensors[path] = value.detach().cpu().contiguous().clone()
        return TENSOR + path
    if hasattr(value, "tolist"):
        return _apart(torch.from_numpy(value.astype("int64")), path, tensors) if value.ndim else value.item()
    if isinstance(value, dict):
        return {str(key): _apart(part, f"{path}/{key}", tensors) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_apart(part, f"{path}/{number}", tensors) for number, part in enumerate(value)]
    return value


def _together(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, str) and value.startswith(TENSOR):
        return tensors[value.removeprefix(TENSOR)]
    if isinstance(value, dict):
        return {key: _together(part, tensors) for key, part in value.items()}
    if isinstance(value, list):
        return [_together(part, tensors) for part in value]
    return value


def _with_numbers(optimizer: dict[str, Any]) -> dict[str, Any]:
    """JSON has only strings as keys; an optimizer's state is keyed by numbers, and its betas are a tuple."""
    state = {int(key): part for key, part in optimizer["state"].items()}
    groups = [{k: tuple(v) if k == "betas" else v for k, v in group.items()} for group in optimizer["param_groups"]]
    return {"state": state, "param_groups": groups}


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(part) for part in value) if isinstance(value, list) else value
