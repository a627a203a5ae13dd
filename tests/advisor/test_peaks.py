"""MFU: by the data sheet where the device is known, and none where it is not."""

from math import isnan
from typing import Any

import pytest

from advisor.gathering.peaks import computed, peak_flops, precision_of
from advisor.report.build import build
from advisor.story.story import fold
from advisor.tui.machine import rows
from advisor.tui.scene import Scene
from tests.advisor.literal import started
from tests.report import literal_runs
from trainer.wire import Event, RunStarted


@pytest.mark.parametrize(
    ("name", "precision", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", "bf16", 989.5),
        ("NVIDIA H100 PCIe", "bf16", 756.5),
        ("NVIDIA H100 NVL", "tf32", 417.5),
        ("NVIDIA H200", "fp32", 67.0),
        ("NVIDIA A100-SXM4-40GB", "tf32", 156.0),
        ("NVIDIA L4", "fp16", 121.0),
        ("Tesla V100-SXM2-16GB", "fp16", 125.0),
    ],
)
def test_a_known_device_has_the_peak_of_its_type(name: str, precision: str, tera: float) -> None:
    assert peak_flops(name, precision) == pytest.approx(tera * 1e12)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        pytest.param("AMD EPYC", "fp32", id="a processor"),
        pytest.param("NVIDIA GH200 480GB", "bf16", id="a name that only resembles one"),
        pytest.param("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "bf16", id="a share of a device"),
        pytest.param("Tesla V100-SXM2-16GB", "bf16", id="a type that it does not compute in"),
    ],
)
def test_whatever_else_has_none(name: str, precision: str) -> None:
    assert isnan(peak_flops(name, precision))


def test_the_type_in_use_is_that_of_the_knobs() -> None:
    assert precision_of({"amp": "off", "tf32": False}, ("bf16",)) == "fp32"
    assert precision_of({"amp": "off", "tf32": True}, ("bf16",)) == "tf32"
    assert precision_of({"amp": "auto", "tf32": True}, ("bf16", "fp16")) == "bf16"
    assert precision_of({"amp": "auto"}, ()) == "fp32"


def on(name: str, **model: Any) -> RunStarted:
    run = started()
    counted = run.model.model_copy(update={"forward_flops": 1e9} | model)
    return run.model_copy(update={"model": counted, "device": run.device.model_copy(update={"name": name})})


def test_a_step_costs_three_forward_passes_and_each_device_of_a_run_adds_its_peak() -> None:
    flops, peak = computed(on("NVIDIA A100-SXM4-40GB"), {"amp": "bf16", "replicas": 2}, 1000.0)
    assert flops == pytest.approx(3e12)
    assert peak == pytest.approx(624e12)


@pytest.mark.parametrize("run", [None, on("NVIDIA A100-SXM4-40GB", forward_flops=0.0)], ids=["no start", "not counted"])
def test_nobody_who_has_not_counted_says_a_figure(run: RunStarted | None) -> None:
    assert all(map(isnan, computed(run, {}, 1000.0)))


def heard(name: str) -> list[Event]:
    """Return a healthy run on a device of this name, whose net was counted."""
    run = literal_runs.healthy()
    return [
        event
        if not isinstance(event, RunStarted)
        else event.model_copy(
            update={
                "model": event.model.model_copy(update={"forward_flops": 1e9}),
                "device": event.device.model_copy(update={"name": name}),
            }
        )
        for event in run.events
    ]


@pytest.mark.parametrize(("name", "known"), [("NVIDIA A100-SXM4-40GB", True), ("AMD EPYC", False)])
def test_report_and_machine_panel_say_the_mfu_of_a_known_device_only(name: str, known: bool) -> None:
    events = heard(name)
    said = {one.name: one for one in build(fold(events, []), literal_runs.about(), "/runs/one").health}
    assert "compute reached" in said
    assert ("MFU" in said) is known
    if known:
        assert 0 < said["MFU"].value < said["compute reached"].value / 19.5e12
        assert "19.5 TFLOP/s" in said["MFU"].formula
    scene = Scene()
    for event in events:
        scene.take(event)
    shown = rows(scene).plain
    assert "GFLOP/s" in shown
    assert ("of the peak in fp32" in shown) is known
