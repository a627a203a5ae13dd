"""MEM103 memory creep: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.facts import Growth, GrowthFacts, Holder
from rules.memory.mem103_memory_creep import memory_creep
from rules.vocabulary import Finding, Severity
from tests.rules.situations import assessed, grows, missing_without

LONG: dict[str, Any] = {"run": {"steps_total": 1_000_000}}
HOLDER = Holder(
    where="Loss.history", kind="list", length=400, added=8, holds="Tensor", graphs=400, tensor_bytes=1 << 20
)


def said(growth: Growth, *holders: Holder, **changes: Any) -> Finding | None:
    return assessed(memory_creep, {"growth": GrowthFacts(growths=(growth,), holders=holders), **LONG, **changes})


@pytest.mark.parametrize(
    ("growth", "text", "severity"),
    [
        pytest.param(grows(), "512 KiB a step are added to the trainer's memory and never given back; it is full in 33 seconds",
                     Severity.ERROR, id="ends soon"),
        pytest.param(grows(step_s=1.0), "it is full in 5 hours", Severity.WARNING, id="ends in hours"),
        pytest.param(grows("device", step_s=1.0), "the device's memory", Severity.WARNING, id="device"),
        pytest.param(grows("workers", step_s=1.0), "the loader's workers", Severity.WARNING, id="workers"),
        pytest.param(grows(grown_bytes=2 << 30, free_bytes=nan, limit_bytes=nan), "never given back", Severity.INFO, id="no limit known"),
        pytest.param(grows(pass_steps_left=1e6, step_s=1.0), "full in 5 hours", Severity.WARNING, id="full before the first pass ends"),
    ],
)  # fmt: skip
def test_it_speaks(growth: Growth, text: str, severity: Severity) -> None:
    finding = said(growth)
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("MEM103", "memory_creep", severity)
    assert text in finding.message


@pytest.mark.parametrize(
    "growth",
    [
        pytest.param(grows(ordered=False), id="stairs or a heap that settles"),
        pytest.param(grows(steps=40), id="too few steps"),
        pytest.param(grows(grown_bytes=20 << 20), id="hardly anything"),
        pytest.param(grows(pass_steps_left=500.0), id="a cache that fills and fits"),
        pytest.param(grows(bytes_per_step=1.0), id="it lasts"),
    ],
)
def test_it_is_silent(growth: Growth) -> None:
    assert said(growth) is None


def test_it_is_silent_about_a_healthy_and_a_young_run() -> None:
    assert assessed(memory_creep, {}) is None
    assert said(grows(), run={"step": 10}) is None


@pytest.mark.parametrize("group", ["run", "growth", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(memory_creep, group) == (group,)


def test_what_is_asked_for_and_then_named() -> None:
    unknown = said(grows())
    assert unknown is not None
    assert unknown.probes == ("memory_holders",)
    named = said(grows(), HOLDER, probes={"done": frozenset({"memory_holders"})})
    assert named is not None
    assert named.probes == ()
    assert named.message.endswith("; Loss.history grows")
    assert "400 of them with the graph of their step" in named.causes[0]
    assert ".item()" in named.fixes[0].name


def test_nobody_is_asked_about_what_grows_in_another_process() -> None:
    finding = said(grows("workers"), HOLDER)
    assert finding is not None
    assert finding.probes == ()
    assert "Loss.history" not in finding.message
