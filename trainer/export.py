"""The finished model on disk: weights, how to build it, its classes and its preprocessing, in one file that runs anywhere.

`best.safetensors` holds the tensors, and in its header a JSON description. `load` gives the model back ready to use;
compressed copies lie beside it and load the same way. Nothing is ever unpickled.

    python -P -m trainer.export RUN DATA OUT.csv [--which best]

writes predictions for `advisor predict`.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from trainer.compressing.packing import Packing, pack, unpack
from trainer.compressing.quantise import QuantiseError, Ranges, quantised
from trainer.config import ModelConfig
from trainer.data.preprocess import apply
from trainer.data.source import DataError
from trainer.factory import FactoryError, make_task
from trainer.models.build import ModelError, build_model
from trainer.models.layers import in_target_units
from trainer.setup import Setup
from trainer.surgery import mixing
from trainer.surgery.surgery import SurgeryError, operate, operations

FORMAT = 1
"""Version of the description in the header."""

HEADER = "training-advisor"
"""Key of the description in a safetensors header."""

BATCH = 512
"""Examples of one forward pass of a prediction."""


class ExportError(Exception):
    """A model cannot be loaded or used; the text says why and what to do."""


@dataclass(frozen=True)
class Predictions:
    """What a model says of some raw inputs."""

    identities: tuple[str, ...]
    """What the user knows each input by: a file name or a row number."""
    values: list[Any]
    """A class name, a tuple of label names, a number, or a list of numbers, for each input."""
    probabilities: Tensor | None
    """[N, C] for classes and labels; nothing for a regression."""


@dataclass
class Loaded:
    """A trained model, ready to use."""

    model: nn.Module
    """In evaluation mode."""
    kind: str
    """classification, regression or multilabel."""
    classes: tuple[str, ...]
    preprocessing: dict[str, Any]
    about: dict[str, Any]
    """The whole description: step, metric's name, how it was built and packed."""
    in_int8: bool = False
    """It computes in int8, not only its file is packed so."""
    in_float_because: str = ""
    """Why a model that was made to compute in int8 does not do so here."""

    def preprocess(self, raw: Any) -> Tensor:
        """Return model inputs [N, …] made from raw ones: a path, an array, a table (see `trainer.data.preprocess`)."""
        return apply(self.preprocessing, raw).inputs

    def predict(self, raw: Any) -> Predictions:
        """Return what the model says of raw inputs.

        Raises:
            DataError: when they are not there or do not fit.
        """
        prepared = apply(self.preprocessing, raw)
        outputs = self.outputs(prepared.inputs)
        match self.kind:
            case "classification":
                probabilities = outputs.softmax(1)
                values: list[Any] = [self.classes[index] for index in probabilities.argmax(1).tolist()]
            case "multilabel":
                probabilities = outputs.reshape(len(outputs), -1).sigmoid()
                values = [tuple(self.classes[i] for i, one in enumerate(row) if one > 0.5) for row in probabilities]
            case _:
                return Predictions(prepared.identities, outputs.squeeze(-1).tolist(), None)
        return Predictions(prepared.identities, values, probabilities)

    @torch.no_grad()
    def outputs(self, inputs: Tensor) -> Tensor:
        """Return the model's outputs for model inputs [N, …], on the CPU."""
        device = next((p.device for p in self.model.parameters()), torch.device("cpu"))
        return torch.cat([self.model(part.to(device)).float().cpu() for part in torch.split(inputs, BATCH)])


def save_model(folder: Path, setup: Setup, weights: dict[str, Tensor], step: int) -> Path:
    """Write `best.safetensors` into the run's folder, whole or not at all.

    Args:
        folder: the run's.
        setup: what the model was built from.
        weights: its state, on any device.
        step: at which it was the best.

    Returns:
        The file's path.

    Raises:
        OSError: when the disk is full; an older file is still there.
    """
    return write_model(folder / "best.safetensors", weights, describe(setup, step), Packing())


def describe(setup: Setup, step: int) -> dict[str, Any]:
    """Return the description that a file of this run's model carries, as JSON types."""
    return {
        "format": FORMAT,
        "step": step,
        "kind": setup.info.kind,
        "classes": list(setup.info.classes),
        "input_shape": list(setup.info.input_shape),
        "metric": setup.info.metric,
        "preprocessing": setup.source.preprocessing,
        "build": setup.build,
    }


def write_model(path: Path, weights: dict[str, Tensor], about: dict[str, Any], packing: Packing) -> Path:
    """Write weights, packed as `packing` says, with their description in the header; whole or not at all.

    Raises:
        OSError: when the disk is full; an older file is still there.
    """
    tensors, packed = pack({name: value.detach().cpu() for name, value in weights.items()}, packing)
    header = {HEADER: json.dumps(about | {"packed": packed})}
    partial = path.with_name(f".{path.name}.partial")
    try:
        save_file(tensors, partial, metadata=header)
        partial.replace(path)
    except SafetensorError as failed:
        raise OSError(f"{path} could not be written: {failed}") from failed
    finally:
        partial.unlink(missing_ok=True)
    return path


def load(
    run: str | Path,
    which: str = "best",
    *,
    device: str = "cpu",
    factory: str = "",
    execute: Literal["int8", "float"] = "int8",
) -> Loaded:
    """Return a run's finished model, ready to use.

    Args:
        run: the run's folder, or a model file itself.
        which: `best`, or a compressed copy of it: `pruned`, `int8`.
        device: where the model goes.
        factory: `path/to/file.py:function` of a model of the user's own, if the file has moved since.
        execute: `int8` compiles a copy that was made to compute in int8 (5 to 40 s), where this machine can; where it
            cannot, and by `float`, its weights are made floats again. Predictions differ by the rounding of activations.

    Raises:
        ExportError: when there is no such model, or it cannot be built again.
    """
    path = Path(run).expanduser()
    if path.is_dir():
        path = path / f"{which}.safetensors"
    if not path.is_file():
        there = sorted(one.stem for one in path.parent.glob("*.safetensors")) if path.parent.is_dir() else []
        raise ExportError(f"{path}: no such model (there is {', '.join(there) or 'none'}): give the folder of a run")
    about, weights = read_model(path)
    model = rebuild(about["build"], factory)
    mixing.fit(model, weights)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        lines = " ".join(str(error).split())
        raise ExportError(f"{path} does not fit the model that its factory builds now: {lines}") from None
    model = model.to(device).eval()
    in_int8, in_float_because = False, ""
    if execute == "int8" and device == "cpu" and (ranges := about.get("ranges")):
        try:
            model, in_int8 = quantised(model, _ranges(ranges), tuple(about["input_shape"])), True
        except QuantiseError as refused:
            in_float_because = str(refused)
    return Loaded(
        model=model,
        kind=about["kind"],
        classes=tuple(about["classes"]),
        preprocessing=about["preprocessing"],
        about=about,
        in_int8=in_int8,
        in_float_because=in_float_because,
    )


def _ranges(stored: dict[str, list[float]]) -> Ranges:
    return {node: (low, high) for node, (low, high) in stored.items()}


def read_model(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return description and weights of a model file, unpacked to what they were trained as.

    Raises:
        ExportError: when it is no model file of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get(HEADER, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 – no mapping
    except (SafetensorError, OSError, json.JSONDecodeError) as broken:
        raise ExportError(f"{path} is no readable model file: {broken}") from None
    if about is None or about.get("format") != FORMAT:
        raise ExportError(f"{path} was not written by this version: it has no description of ours in its header")
    return about, unpack(tensors, about["packed"])


def rebuild(how: dict[str, Any], factory: str = "") -> nn.Module:
    """Return the network of a description, with weights that are still to be loaded.

    Raises:
        ExportError: when the user's factory has moved or fails.
    """
    model = _built(how, factory)
    try:
        operate(model, operations(how.get("surgery", ())))
    except SurgeryError as changed:
        raise ExportError(str(changed)) from None
    return model


def _built(how: dict[str, Any], factory: str) -> nn.Module:
    if how["how"] == "factory":
        try:
            return make_task(factory or how["factory"], how["seed"]).model
        except FactoryError as moved:
            hint = "" if factory else " (if the file has moved, say where: load(…, factory='path/to/file.py:function'))"
            raise ExportError(f"the model is the user's own, and its factory cannot be called: {moved}{hint}") from None
    try:
        model = build_model(ModelConfig.model_validate(how["model"]), 0.0, tuple(how["input_shape"]), how["outputs"])
    except ModelError as failed:
        raise ExportError(str(failed)) from None
    if how["target_scale"]:
        return in_target_units(model, torch.zeros(how["outputs"]), torch.ones(how["outputs"]))
    return model


def rows(predictions: Predictions, classes: tuple[str, ...]) -> Iterator[list[Any]]:
    """Yield a table of predictions, its header first: id, prediction, and a probability for each class."""
    probabilities = predictions.probabilities
    several = predictions.values and isinstance(predictions.values[0], list)
    names = [f"prediction_{i + 1}" for i in range(len(predictions.values[0]))] if several else ["prediction"]
    yield ["id", *names, *(f"p_{name}" for name in classes if probabilities is not None)]
    for index, (identity, value) in enumerate(zip(predictions.identities, predictions.values, strict=True)):
        told = value if several else ["|".join(value)] if isinstance(value, tuple) else [value]
        shares = [] if probabilities is None else [f"{share:.6f}" for share in probabilities[index].tolist()]
        yield [identity, *told, *shares]


def write_predictions(run: str | Path, data: str | Path, out: Path, which: str = "best") -> int:
    """Write the predictions for raw data as a CSV file; return how many.

    Raises:
        ExportError: when the model cannot be loaded or used.
        DataError: when the data are not there or do not fit.
    """
    loaded = load(run, which, execute="float")  # a few passes do not pay for compiling
    predictions = loaded.predict(data)
    _write_csv(out, rows(predictions, loaded.classes))
    return len(predictions.values)


def _write_csv(path: Path, table: Iterable[list[Any]]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(table)
        partial.replace(path)
    except OSError as failed:
        raise ExportError(f"{path} cannot be written: {failed.strerror or failed}") from None
    finally:
        partial.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """Predict from the command line; return the exit code: 0 done, 2 the user's mistake (one line on standard error)."""
    parser = argparse.ArgumentParser(prog="trainer.export", description="Write predictions of a finished run's model.")
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--which", default="best", help="best, pruned or int8")
    given = parser.parse_args(arguments)
    try:
        count = write_predictions(given.run, given.data, given.out, given.which)
    except (ExportError, DataError) as mistake:
        print(mistake, file=sys.stderr)
        return 2
    print(f"{count} predictions written to {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
