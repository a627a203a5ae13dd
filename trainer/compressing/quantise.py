"""A finished model computes in eight-bit integers: ranges are measured on a few passes, then its graph is compiled.

This is static quantisation after training (Jacob et al. 2018, arXiv 1712.05877) as torchao's PT2E flow does it for x86
processors, compiled by Inductor with frozen weights (torchao documentation, «PT2E quantization with X86 backend through
Inductor»). It needs the `compress` extra and a C++ compiler.

Limits: passes have a fixed number of examples, since the compiled graphs fail on a batch that varies; activations have
seven bits, since eight overflow on processors without VNNI and a file must mean the same everywhere.
"""

import importlib.util
import logging
import platform
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from trainer.compressing.packing import LEVELS

PASS_EXAMPLES = 32
"""Examples of one pass: a smaller batch is filled up with zeros, a larger one goes through in parts."""

CALIBRATION_PASSES = 8
"""256 examples: torchao's own recipes take about as many; ranges of trained nets settle before."""

SCALE_LEAST = 2**-12
"""Least scale, as in torchao's x86 configuration: smaller ones make channels without weights overflow."""

Ranges = dict[str, tuple[float, float]]
"""Node of the exported graph → least and greatest value that its eight bits can say."""


class QuantiseError(Exception):
    """The model cannot run in int8 here; the text says why."""


class InPasses(nn.Module):
    """Runs a graph of a fixed batch on any batch."""

    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.graph = graph

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        """Map [N, …] to the outputs [N, …] of the model that was quantised."""
        return torch.cat([self.graph(filled(part))[: len(part)] for part in torch.split(inputs, PASS_EXAMPLES)])


def why_not() -> str:
    """Say why nothing runs in int8 on this machine; empty where it can."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return f"int8 is compiled for x86 processors only, this one is {platform.machine()}"
    if importlib.util.find_spec("torchao") is None:
        return "pip install 'training-advisor[compress]' lets large models compute in int8 as well"
    if not (shutil.which("g++") or shutil.which("clang++")):
        return "with a C++ compiler (g++) it would compute in int8 as well"
    return ""


def calibrate(model: nn.Module, inputs: Tensor) -> Ranges:
    """Return the ranges that a model's values have on some inputs [N, …].

    Raises:
        QuantiseError: when the model cannot be exported as one graph.
    """
    try:
        prepared = _prepared(model, filled(inputs[:PASS_EXAMPLES]))
        for part in torch.split(inputs[: CALIBRATION_PASSES * PASS_EXAMPLES], PASS_EXAMPLES):
            if len(part) == PASS_EXAMPLES:
                prepared(part)
        return {node: _range(observer) for node, observer in _observed(prepared)}
    except Exception as failed:
        raise QuantiseError(_line(failed)) from failed


def quantised(model: nn.Module, ranges: Ranges, input_shape: tuple[int, ...]) -> InPasses:
    """Return a model compiled to compute in int8: 5 to 40 s, mostly the C++ compiler's.

    Args:
        model: in evaluation mode, on the CPU, its weights rounded to int8 as `trainer.compressing.packing` does it.
        ranges: what `calibrate` measured.
        input_shape: one example, without the batch.

    Raises:
        QuantiseError: when the graph is another than at calibration, or cannot be compiled.
    """
    if refusal := why_not():
        raise QuantiseError(refusal)
    try:
        return InPasses(compiled(_converted(model, ranges, input_shape), input_shape))
    except QuantiseError:
        raise
    except Exception as failed:
        raise QuantiseError(_line(failed)) from failed


@torch.no_grad()
def compiled(graph: nn.Module, input_shape: tuple[int, ...]) -> nn.Module:
    """Return a graph compiled by Inductor with frozen weights, for passes of `PASS_EXAMPLES`."""
    from torch._inductor import config

    with config.patch(freezing=True), _quiet():
        faster: Any = torch.compile(graph, dynamic=False)
        faster(torch.zeros(PASS_EXAMPLES, *input_shape))
    return faster  # type: ignore[no-any-return]


def filled(inputs: Tensor) -> Tensor:
    """Return inputs filled up with zeros to one pass, contiguous."""
    missing = PASS_EXAMPLES - len(inputs)
    return inputs.contiguous() if missing <= 0 else torch.cat([inputs, inputs.new_zeros(missing, *inputs.shape[1:])])


@torch.no_grad()
def _converted(model: nn.Module, ranges: Ranges, input_shape: tuple[int, ...]) -> nn.Module:
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e

    prepared = _prepared(model, torch.zeros(PASS_EXAMPLES, *input_shape), fixed=True)
    observed = _observed(prepared)
    if {node for node, _ in observed} != set(ranges):
        raise QuantiseError("this torch or torchao exports the model as another graph than the one that was calibrated")
    for node, observer in observed:
        low, high = ranges[node]
        observer.min_val, observer.max_val = torch.tensor(low), torch.tensor(high)
    with _quiet():
        return convert_pt2e(prepared)  # type: ignore[no-any-return]


@torch.no_grad()
def _prepared(model: nn.Module, inputs: Tensor, *, fixed: bool = False) -> nn.Module:
    """Return the exported graph with an observer at each value that gets eight bits, after one pass."""
    with _quiet():
        from torchao.quantization.pt2e import MinMaxObserver, PerChannelMinMaxObserver
        from torchao.quantization.pt2e.quantize_pt2e import prepare_pt2e
        from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
            X86InductorQuantizer,
            get_default_x86_inductor_quantization_config,
        )

        default = get_default_x86_inductor_quantization_config(reduce_range=True)
        weight = replace(
            default.weight,
            quant_min=-LEVELS,
            observer_or_fake_quant_ctr=PerChannelMinMaxObserver.with_args(eps=torch.finfo(torch.float32).tiny),
        )
        values = default.input_activation
        if fixed:
            values = replace(values, observer_or_fake_quant_ctr=MinMaxObserver.with_args(eps=SCALE_LEAST))
        quantizer = X86InductorQuantizer()
        quantizer.set_global(replace(default, input_activation=values, output_activation=values, weight=weight))
        prepared = prepare_pt2e(torch.export.export(model, (inputs,)).module(), quantizer)
        prepared(inputs)
    return prepared  # type: ignore[no-any-return]


def _observed(prepared: nn.Module) -> list[tuple[str, Any]]:
    """Return nodes whose values get eight bits, with their observers; weights, which have theirs, left out."""
    graph: Any = prepared
    pairs = []
    for node in graph.graph.nodes:
        if node.op == "call_module" and str(node.target).startswith("activation_post_process"):
            observer = graph.get_submodule(node.target)
            if observer.qscheme == torch.per_tensor_affine:
                pairs.append((node.args[0].name, observer))
    return pairs


def _range(observer: Any) -> tuple[float, float]:
    scale, zero = (float(one) for one in observer.calculate_qparams())
    return (observer.quant_min - zero) * scale, (observer.quant_max - zero) * scale


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what torch and torchao say to their own developers off the user's screen."""
    told = logging.getLogger("torch")
    level = told.level
    told.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        told.setLevel(level)


def _line(failed: Exception) -> str:
    lines = str(failed).strip().splitlines()
    return f"it cannot be compiled for int8 ({type(failed).__name__}: {lines[0] if lines else ''})"
