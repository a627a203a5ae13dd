"""What a device can compute at most, where its maker says so, and how much of that a training reaches (its MFU).

Model FLOPs utilisation (Chowdhery et al. 2022, «PaLM», appendix B): the operations that the network needs for the examples of
a second, over what the device could do. A step is one forward pass and a backward pass that costs two; what is computed again
(activation checkpointing) does not count. An unknown device has no MFU rather than a wrong one.
"""

from collections.abc import Mapping
from math import nan

from rules.vocabulary import Value
from trainer.wire import RunStarted

PASSES = 3
"""A step is one forward pass and a backward pass that costs two (Kaplan et al., «Scaling laws», 2020)."""

TERA = 1e12

PEAKS: tuple[tuple[tuple[str, ...], dict[str, float]], ...] = (
    (("H100", "NVL"), {"fp32": 60.0, "tf32": 417.5, "bf16": 835.5, "fp16": 835.5}),
    (("H100", "PCIe"), {"fp32": 51.0, "tf32": 378.0, "bf16": 756.5, "fp16": 756.5}),
    (("H100", "HBM3"), {"fp32": 67.0, "tf32": 494.5, "bf16": 989.5, "fp16": 989.5}),
    (("H200", "NVL"), {"fp32": 60.0, "tf32": 417.5, "bf16": 835.5, "fp16": 835.5}),
    (("H200",), {"fp32": 67.0, "tf32": 494.5, "bf16": 989.5, "fp16": 989.5}),
    (("A100",), {"fp32": 19.5, "tf32": 156.0, "bf16": 312.0, "fp16": 312.0}),
    (("A30",), {"fp32": 10.3, "tf32": 82.0, "bf16": 165.0, "fp16": 165.0}),
    (("A40",), {"fp32": 37.4, "tf32": 74.8, "bf16": 149.7, "fp16": 149.7}),
    (("A10",), {"fp32": 31.2, "tf32": 62.5, "bf16": 125.0, "fp16": 125.0}),
    (("L40S",), {"fp32": 91.6, "tf32": 183.0, "bf16": 362.05, "fp16": 362.05}),
    (("L4",), {"fp32": 30.3, "tf32": 60.0, "bf16": 121.0, "fp16": 121.0}),
    (("V100", "SXM2"), {"fp32": 15.7, "fp16": 125.0}),
    (("V100", "PCIE"), {"fp32": 14.0, "fp16": 112.0}),
    (("T4",), {"fp32": 8.1, "fp16": 65.0}),
)
"""Words that the device's name has, and TFLOP/s by type, from NVIDIA's data sheets («H100 Tensor Core GPU», «H200», «A100», «A30»,
«A40», «A10», «L40S», «L4», «Tesla V100», «Tesla T4»): dense, so half of what a sheet says with sparsity. The first that fits
counts. A share of a device (MIG) has no peak here."""


def precision_of(knobs: Mapping[str, Value], amp_dtypes: tuple[str, ...]) -> str:
    """Return the type in which matrices are multiplied: fp32, tf32, bf16 or fp16."""
    amp = str(knobs.get("amp", "off"))
    if amp == "auto":
        amp = amp_dtypes[0] if amp_dtypes else "off"
    if amp != "off":
        return amp
    return "tf32" if knobs.get("tf32") else "fp32"


def peak_flops(device: str, precision: str) -> float:
    """Return the peak of a device, in operations a second; NaN where nobody knows.

    Args:
        device: Its name as the driver has it: `NVIDIA H100 80GB HBM3`.
        precision: See `precision_of`.
    """
    words = device.replace("-", " ").split()
    if "MIG" in words:
        return nan
    for asked, peaks in PEAKS:
        if all(word in words for word in asked):
            return TERA * peaks.get(precision, nan)
    return nan


def computed(started: RunStarted | None, knobs: Mapping[str, Value], samples_per_s: float) -> tuple[float, float]:
    """Return the operations a second that a run needs for its examples, and the peak of its devices; NaN where unknown.

    Args:
        started: What the run has said of its network and its device.
        knobs: Their values now: the type in use, and the devices that share each batch.
        samples_per_s: Examples a second.
    """
    if started is None or not started.model.forward_flops > 0:
        return nan, nan
    peak = peak_flops(started.device.name, precision_of(knobs, started.device.amp_dtypes))
    return PASSES * started.model.forward_flops * samples_per_s, peak * float(knobs.get("replicas", 1))
