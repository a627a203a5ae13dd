"""The anatomy of a model: which modules and functions a batch passes, in what order, found by running it.

Model surgery needs to know what lies between the layers and what behind the last one. Names and types do not tell: a
forward method may call `functional.relu`, use one module twice, or multiply by a sigmoid as a gate. So nothing is guessed:
a forward pass is watched, module by module and function by function.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus,
    nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Tanh, nn.Sigmoid, nn.LogSigmoid, nn.Softsign, nn.Tanhshrink,
)  # fmt: skip
"""Modules that bend what passes through them, element by element."""

OUTPUTS = (nn.Softmax, nn.LogSoftmax, *ACTIVATIONS)
"""Modules that have nothing to do behind the last layer where the loss takes raw outputs."""

BENDING = frozenset(
    {"relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "prelu", "rrelu", "elu", "elu_", "selu", "celu", "gelu",
     "silu", "mish", "softplus", "hardswish", "hardsigmoid", "hardtanh", "tanh", "tanh_", "sigmoid", "sigmoid_",
     "logsigmoid", "softsign", "tanhshrink", "clamp_min"}
)  # fmt: skip
"""The same as functions, by the names that torch gives them."""

NORMALISING = frozenset({"softmax", "log_softmax"})

GATES = (nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.Softmax)
GATING = frozenset({"sigmoid", "sigmoid_", "hardsigmoid", "tanh", "tanh_", "softmax"})
"""What is bounded can be a gate: open, closed, or between."""

MULTIPLYING = frozenset({"mul", "mul_", "multiply", "__mul__", "__rmul__", "__imul__"})
"""What a gate is multiplied with, it lets through or not: such an activation is meant as it is."""

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
UNBENDING = (nn.Flatten, nn.Unflatten, nn.Identity, nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase)
"""Two linear layers with no more than these between them are one linear layer."""

LAYERS = (nn.Linear, *CONVOLUTIONS)
"""Types of which surgery knows what their weights and outputs mean; a subclass may mean something else."""


@dataclass(eq=False)
class Call:
    """One module, or one function of a module's own forward, that a batch has passed."""

    place: str
    """Where the module stands in the model; for a function: the module whose forward calls it."""
    module: nn.Module
    function: str = ""
    """Name of the function; empty for a module."""
    entered: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
    """Shapes of the (first) input and of the output; empty where they are no tensors."""
    gate: bool = False
    """Something is multiplied by its output."""

    @property
    def weighted(self) -> bool:
        """Whether it has weights of its own with two dimensions or more."""
        return not self.function and any(p.ndim > 1 for p in self.module.parameters(recurse=False))


@dataclass
class Anatomy:
    """What a forward pass has shown, in its order."""

    calls: list[Call] = field(default_factory=list)
    given: Tensor | None = None
    """What the last layer with weights gave, before anything behind it."""
    straight: list[Call] = field(default_factory=list)
    """Linear layers whose very output another linear layer has taken, at most past modules that bend nothing."""

    @property
    def layers(self) -> list[Call]:
        """The calls of modules with weights, in their order."""
        return [call for call in self.calls if call.weighted]

    def hidden(self) -> list[Call]:
        """Return what is passed before the last layer with weights."""
        last = self._last()
        return self.calls[:last]

    def behind(self) -> list[Call]:
        """Return what is passed after the last layer with weights."""
        return self.calls[self._last() + 1 :]

    def bent_behind(self) -> tuple[str, ...]:
        """Return what bends the outputs behind the last layer with weights, by torch's names; a gate is part of a layer."""
        return tuple(
            call.function or type(call.module).__name__.lower()
            for call in self.behind()
            if not call.gate
            and (call.function in BENDING | NORMALISING or (not call.function and isinstance(call.module, OUTPUTS)))
        )

    def times(self, module: nn.Module) -> int:
        """Return how often a module is passed."""
        return sum(call.module is module and not call.function for call in self.calls)

    def _last(self) -> int:
        return max((place for place, call in enumerate(self.calls) if call.weighted), default=-1)


@contextmanager
def watched(model: nn.Module) -> Iterator[Anatomy]:
    """Yield the anatomy of a model; it fills while the model runs forward in the block. The model is left as it was."""
    anatomy = Anatomy()
    watch = _Watch(anatomy)
    handles = []
    for place, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(watch.enters(place, module)))
        handles.append(module.register_forward_hook(watch.leaves(place, module), always_call=True))
    try:
        with watch:
            yield anatomy
    finally:
        for handle in handles:
            handle.remove()


class _Watch(TorchFunctionMode):
    """Sees every function of torch that python code calls, and in whose forward."""

    def __init__(self, anatomy: Anatomy) -> None:
        super().__init__()
        self._anatomy = anatomy
        self._inside: list[tuple[str, nn.Module]] = []
        self._made: dict[int, tuple[Call, Tensor]] = {}
        """Outputs of what may be a gate, held so that no other tensor gets their number."""
        self._linear: dict[int, tuple[Call, Any]] = {}
        """Outputs of linear layers, as they were or past what bends nothing; held likewise."""

    def enters(self, place: str, module: nn.Module) -> Any:
        def hook(_module: nn.Module, _arguments: tuple[Any, ...]) -> None:
            self._inside.append((place, module))

        return hook

    def leaves(self, place: str, module: nn.Module) -> Any:
        def hook(_module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            self._inside.pop()
            call = Call(place, module, "", _shape(arguments[0] if arguments else None), _shape(output))
            self._follow(call, arguments[0] if arguments else None, output)
            if call.weighted:
                self._anatomy.given = output if isinstance(output, Tensor) else None
            if call.weighted or next(module.children(), None) is None:
                self._note(call, output if isinstance(module, GATES) else None)

        return hook

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        output = function(*arguments, **(named or {}))
        name = getattr(function, "__name__", "")
        if name in MULTIPLYING:
            for factor in arguments:
                if id(factor) in self._made:
                    self._made[id(factor)][0].gate = True
        elif name in BENDING | NORMALISING and self._inside and not isinstance(self._inside[-1][1], OUTPUTS):
            place, module = self._inside[-1]
            first = arguments[0] if arguments else None
            self._note(Call(place, module, name, _shape(first), _shape(output)), output if name in GATING else None)
        return output

    def _follow(self, call: Call, entered: Any, output: Any) -> None:
        """Tell which linear layer's output enters this module, and hold what leaves it bent by nothing."""
        source = self._linear.get(id(entered))
        if isinstance(call.module, nn.Linear):
            if source is not None and source[0] not in self._anatomy.straight and not _narrows(source[0], call.module):
                self._anatomy.straight.append(source[0])
            self._linear[id(output)] = (call, output)
        elif source is not None and isinstance(call.module, UNBENDING):
            self._linear[id(output)] = (source[0], output)

    def _note(self, call: Call, output: Any) -> None:
        self._anatomy.calls.append(call)
        if isinstance(output, Tensor):
            self._made[id(output)] = (call, output)


def _narrows(source: Call, target: nn.Linear) -> bool:
    """Tell whether two linear layers in a row are meant: one of low rank, in two factors."""
    assert isinstance(source.module, nn.Linear)
    return source.module.out_features < min(source.module.in_features, target.out_features)


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, Tensor) else ()
