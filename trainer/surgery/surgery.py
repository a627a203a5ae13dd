"""Model surgery: the five knobs that change the network itself, on a built-in model or the user's own.

`plan` says what a set of knobs comes to on one model, from its anatomy; `operate` does it, in place. What is kept keeps the
names of its parameters, so that trained weights fit by name. With all knobs at their own nothing is touched: undoing an
operation is building the model afresh.

A plan is plain data. It goes into the description of the finished model, whose reader builds and operates it again without
the data that the anatomy was taken on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from trainer.knobs import KnobValue
from trainer.stepping.objective import Objective
from trainer.surgery.anatomy import ACTIVATIONS, BENDING, LAYERS, OUTPUTS, Anatomy, Call
from trainer.surgery.operated import FOLLOWED, BatchNorm, Shortcuts

OWN: dict[str, KnobValue] = {"activation": "own", "output": "own", "norm": "own", "residual": False, "init": "own"}
"""Every knob of surgery with the value at which nothing is done, in the order in which they are operated."""

MODULES: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
"""What the knob `activation` puts in place."""

RECTIFIER_GAIN = sqrt(2.0)
"""Units that are off half the time halve the variance (He et al. 2015, section 2.2)."""

RAW_LOSSES = (
    nn.CrossEntropyLoss, nn.BCEWithLogitsLoss, nn.MultiLabelSoftMarginLoss, nn.MultiMarginLoss, nn.MSELoss, nn.L1Loss,
    nn.SmoothL1Loss, nn.HuberLoss,
    functional.cross_entropy, functional.binary_cross_entropy_with_logits, functional.multilabel_soft_margin_loss,
    functional.multi_margin_loss, functional.mse_loss, functional.l1_loss, functional.smooth_l1_loss,
    functional.huber_loss,
)  # fmt: skip
"""Losses that take raw outputs."""

SHORTCUT = ">"
"""Between the first and the last module that a shortcut leads around."""


class SurgeryError(Exception):
    """A model cannot be operated as it is asked; the text says why."""


@dataclass(frozen=True)
class Operation:
    """What one knob comes to on one model."""

    knob: str
    to: KnobValue
    places: tuple[str, ...]
    """Names of the modules concerned, from input to output; for `residual` the first and last module of each shortcut,
    joined by `>`; for `init` the last one is the layer that gives the output."""
    replaced: tuple[str, ...] = ()
    """Types of what is replaced."""

    def said(self) -> str:
        """Say it as a change that a person can make in the model's own code."""
        where = ", ".join(place.replace(SHORTCUT, " to ") for place in self.places)
        were = " and ".join(f"nn.{name}" for name in self.replaced)
        match self.knob:
            case "activation" if not self.replaced:
                return f"put nn.{MODULES[str(self.to)].__name__} behind {where}"
            case "activation":
                return f"replace {were} by nn.{MODULES[str(self.to)].__name__}: {where}"
            case "output":
                return f"leave out {were} behind the last layer: {where}"
            case "norm":
                kind = {"batch": "batch normalisation", "layer": "layer normalisation"}[str(self.to)]
                return f"put {kind} behind {where}"
            case "residual":
                return f"add the input to the output (x + f(x)) around {where}"
            case _ if self.to == "torch":
                return f"draw weights and biases as PyTorch does (reset_parameters): {where}"
            case _:
                return f"initialise by {self.to}, biases zero: {where}"

    def stored(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self) | {"places": list(self.places), "replaced": list(self.replaced)}


def operations(stored: Iterable[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """Return operations from their JSON types."""
    return tuple(
        Operation(one["knob"], one["to"], tuple(one["places"]), tuple(one.get("replaced", ()))) for one in stored
    )


def plan(model: nn.Module, anatomy: Anatomy, wanted: Mapping[str, KnobValue]) -> tuple[Operation, ...]:
    """Return what these knobs come to; those at their own value come to nothing."""
    found = []
    for knob, own in OWN.items():
        to = wanted.get(knob, own)
        if to != own:
            calls = _concerned(knob, anatomy)
            gone = (call for call in calls if not call.weighted)
            replaced = tuple(dict.fromkeys(type(call.module).__name__ for call in gone))
            places = shortcuts(model, anatomy) if knob == "residual" else _places(calls)
            found.append(Operation(knob, to, places, replaced if knob in ("activation", "output") else ()))
    return tuple(found)


def _concerned(knob: str, anatomy: Anatomy) -> list[Call]:
    match knob:
        case "activation":
            return _bending(anatomy) or ([] if _bends(anatomy) else anatomy.straight)
        case "output":
            return [call for call in anatomy.behind() if isinstance(call.module, OUTPUTS) and not _spared(call)]
        case "norm":
            return _hidden_layers(anatomy)
        case "init":
            return [call for call in anatomy.layers if type(call.module) in LAYERS]
        case _:
            return []


def _bending(anatomy: Anatomy) -> list[Call]:
    return [call for call in anatomy.hidden() if isinstance(call.module, ACTIVATIONS) and not _spared(call)]


def _bends(anatomy: Anatomy) -> bool:
    """Tell whether anything between the layers bends, module or function."""
    return len(anatomy.straight) < len(anatomy.layers) - 1


def _spared(call: Call) -> bool:
    return bool(call.function) or call.gate


def _places(calls: Iterable[Call]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(call.place for call in calls))


def _hidden_layers(anatomy: Anatomy) -> list[Call]:
    """Return the layers before the last one whose output can be normalised: known ones that are passed once."""
    last = anatomy.layers[-1].module if anatomy.layers else None
    return [
        call
        for call in anatomy.layers
        if type(call.module) in LAYERS and call.module is not last and anatomy.times(call.module) == 1
    ]


def shortcuts(model: nn.Module, anatomy: Anatomy) -> tuple[str, ...]:
    """Return `first>last` for each stretch of a plain stack that a shortcut can lead around.

    A stretch is a layer, its activation, and the norm before and the dropout behind it, in one `nn.Sequential`, with
    outputs of the shape of its inputs.
    """
    passed = {id(call.module): call for call in anatomy.hidden() if not call.function}
    found = []
    for place, stack in model.named_modules():
        if type(stack) is not nn.Sequential:
            continue
        names = list(stack._modules)
        for start, name in enumerate(names):
            end = _stretch(list(stack), start, passed)
            if end > start and all(anatomy.times(one) == 1 for one in list(stack)[start : end + 1]):
                before = f"{place}." if place else ""
                found.append(f"{before}{name}{SHORTCUT}{before}{names[end]}")
    return tuple(found)


def _stretch(modules: list[nn.Module], start: int, passed: dict[int, Call]) -> int:
    """Return where the stretch that begins with a layer ends, or `start` where there is none."""
    first = passed.get(id(modules[start]))
    if first is None or type(modules[start]) not in LAYERS:
        return start
    end, bent = start, False
    for place in range(start + 1, len(modules)):
        module, call = modules[place], passed.get(id(modules[place]))
        if (
            call is None
            or call.weighted
            or not isinstance(module, _IN_A_STRETCH)
            or (bent and isinstance(module, ACTIVATIONS))
        ):
            break
        bent = bent or isinstance(module, ACTIVATIONS)
        if bent and call.left == first.entered:
            end = place
    return end


_IN_A_STRETCH = (
    *ACTIVATIONS,
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.modules.dropout._DropoutNd,
)


def unavailable(
    model: nn.Module, anatomy: Anatomy, objective: Objective, *, has_norm: bool, pretrained: bool, held: bool
) -> dict[str, str]:
    """Say of each knob of surgery that cannot be turned on this model why that is so.

    Args:
        model: as it is built, nothing operated.
        anatomy: of its forward pass.
        objective: the loss that its outputs go to.
        has_norm: it has normalisation layers of its own.
        pretrained: its weights are published ones.
        held: a ready optimizer of the user's own holds its parameters.
    """
    why = {
        "activation": _no_activation(anatomy),
        "output": _no_output(anatomy, objective),
        "norm": _no_norm(anatomy, has_norm, held),
        "residual": "" if shortcuts(model, anatomy) else "there is no plain stack (nn.Sequential) with a hidden layer that keeps its width",
        "init": "" if _concerned("init", anatomy) else "it has no linear or convolutional layer",
    }  # fmt: skip
    if pretrained:
        why["init"] = "the model starts from published weights"
    return {knob: reason for knob, reason in why.items() if reason}


def _no_activation(anatomy: Anatomy) -> str:
    hidden = anatomy.hidden()
    for call in hidden:
        if call.function in BENDING and not call.gate:
            return f"{_whose(call)} calls {call.function} in its forward: use a module such as nn.ReLU()"
    modules = {id(call.module) for call in hidden if isinstance(call.module, ACTIVATIONS) and not _spared(call)}
    if not modules and (_bends(anatomy) or not anatomy.straight):
        return "the model has no hidden activation module"
    if any(id(call.module) in modules for call in anatomy.behind()):
        return "one activation module is used between the layers and behind the last one: use two"
    return ""


def _no_output(anatomy: Anatomy, objective: Objective) -> str:
    behind = anatomy.behind()
    for call in behind:
        if call.function and not call.gate:
            return f"{_whose(call)} calls {call.function} in its forward: leave it out there"
    stray = [call for call in behind if isinstance(call.module, OUTPUTS) and not call.gate]
    if not stray:
        return "there is no activation behind the last layer"
    loss = objective.user_loss
    if loss is None or type(loss) in RAW_LOSSES or loss in RAW_LOSSES:
        return ""
    name = type(loss).__name__ if isinstance(loss, nn.Module) else getattr(loss, "__name__", "it")
    return f"the task's own loss ({name}) may need the {type(stray[0].module).__name__} behind the last layer"


def _no_norm(anatomy: Anatomy, has_norm: bool, held: bool) -> str:
    if has_norm:
        return "the model has normalisation layers already"
    if held:
        return "the task's ready optimizer would not train new layers: give a function from the model to an optimizer"
    if not _hidden_layers(anatomy):
        return "the model has no hidden linear or convolutional layer"
    return ""


def unfit(anatomy: Anatomy, norm: KnobValue) -> str:
    """Return why this kind of norm does not fit what the hidden layers give; nothing where it fits."""
    if norm == "batch":
        for call in _hidden_layers(anatomy):
            if isinstance(call.module, nn.Linear) and len(call.left) != 2:
                return f"{call.place} gives {len(call.left)}-dimensional outputs: batch normalisation needs [B, C], take layer"
    return ""


def _whose(call: Call) -> str:
    kind = type(call.module).__name__
    return f"{kind} ({call.place})" if call.place else kind


# ---------------------------------------------------------------- the operations


def operate(model: nn.Module, planned: Iterable[Operation]) -> None:
    """Operate a model in place, on the CPU; what is drawn anew comes from torch's global random state.

    Raises:
        SurgeryError: when the model is not the one that was planned for.
    """
    for operation in planned:
        try:
            _operate(model, operation)
        except AttributeError as gone:
            raise SurgeryError(f"the model has changed since {operation.knob} was planned: {gone}") from None


def _operate(model: nn.Module, operation: Operation) -> None:
    match operation.knob:
        case "activation":
            for place in operation.places:
                _bend(model, place, MODULES[str(operation.to)]())
        case "output":
            for place in operation.places:
                _replace(model, place, nn.Identity())
        case "norm":
            for place in operation.places:
                _normalise(model.get_submodule(place), str(operation.to))
        case "residual":
            for place in operation.places:
                _lead_around(model, *place.split(SHORTCUT))
        case "init":
            _draw(model, operation.places, str(operation.to))


def _bend(model: nn.Module, place: str, new: nn.Module) -> None:
    """Put an activation in the place of another one, or behind a layer that has none."""
    layer = model.get_submodule(place)
    if isinstance(layer, LAYERS):
        layer.add_module("bend", new)
        _let_follow(layer)
    else:
        _replace(model, place, new)


def _replace(model: nn.Module, place: str, new: nn.Module) -> None:
    """Put a module in the place of another, wherever the model holds that one."""
    old = model.get_submodule(place)
    new.train(old.training)
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):
            if child is old:
                setattr(parent, name, new)
                if isinstance(parent, nn.TransformerEncoderLayer):
                    parent.activation_relu_or_gelu = 0  # its short cut past the module, in evaluation


def _normalise(layer: nn.Module, kind: str) -> None:
    """Let a layer normalise its own output: the same object with the same names, and a norm inside it."""
    assert isinstance(layer, LAYERS)
    linear = isinstance(layer, nn.Linear)
    channels = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    if kind == "batch":
        norm: nn.Module = BatchNorm(channels)
    else:
        norm = nn.LayerNorm(channels) if linear else nn.GroupNorm(1, channels)
    layer.add_module("norm", norm.to(layer.weight.dtype))
    _let_follow(layer)


def _let_follow(layer: nn.Module) -> None:
    """Let a layer pass its output on through what it holds: the same object with the same names."""
    object.__setattr__(layer, "__class__", FOLLOWED.get(type(layer), type(layer)))


def _lead_around(model: nn.Module, first: str, last: str) -> None:
    parent, _, start = first.rpartition(".")
    stack = model.get_submodule(parent)
    if not isinstance(stack, Shortcuts):
        stack.__class__ = Shortcuts
        stack.around = {}  # type: ignore[assignment]
    assert isinstance(stack, Shortcuts)
    stack.around[start] = last.rpartition(".")[2]


def _draw(model: nn.Module, places: tuple[str, ...], kind: str) -> None:
    """Draw weights by He (2015), Glorot (2010) or as orthogonal matrices (Saxe et al. 2014), with biases zero; or as PyTorch."""
    for place in places:
        layer = model.get_submodule(place)
        assert isinstance(layer, LAYERS)
        last = place == places[-1]
        if kind == "torch":
            layer.reset_parameters()
            continue
        with torch.no_grad():
            match kind:
                case "he":
                    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear" if last else "relu")
                case "xavier":
                    nn.init.xavier_normal_(layer.weight)
                case _:
                    nn.init.orthogonal_(layer.weight, 1.0 if last else RECTIFIER_GAIN)
            if layer.bias is not None:
                layer.bias.zero_()
