"""MEM101 memory pressure: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.memory.mem101_memory_pressure import memory_pressure
from rules.vocabulary import Turned
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"memory": {"peak_share": 0.95}}, id="nearly full"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(memory_pressure, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("MEM101", "memory_pressure")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(memory_pressure, changes) is None


@pytest.mark.parametrize("group", ["run", "device", "memory", "model", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(memory_pressure, group) == (group,)


@pytest.mark.parametrize(
    ("has_norm", "effect"),
    [pytest.param(False, "other_rounding", id="plain"), pytest.param(True, "changes_learning", id="batch norm")],
)
def test_half_as_many_at_once(has_norm: bool, effect: str) -> None:
    finding = assessed(memory_pressure, {"memory": {"peak_share": 0.95}, "model": {"has_norm": has_norm}})
    assert finding is not None
    assert finding.fixes[0].turns == (Turned(knob="micro_batch", to=32),)
    assert finding.fixes[0].effect == effect


def test_one_example_cannot_be_halved() -> None:
    finding = assessed(memory_pressure, {"memory": {"peak_share": 0.95, "micro_batch": 1}})
    assert finding is not None
    assert not any(fix.turns for fix in finding.fixes)


def test_what_was_measured_to_fit_goes_before_a_guess() -> None:
    finding = assessed(memory_pressure, {"memory": {"peak_share": 0.95, "largest_batch": 40}})
    assert finding is not None
    assert finding.fixes[0].turns == (Turned(knob="micro_batch", to=40),)
    assert "has run" in finding.fixes[0].estimated_by


@pytest.mark.parametrize(
    ("device", "largest", "probes"),
    [
        pytest.param("cuda", 0, ("memory_model",), id="a device is measured first"),
        pytest.param("cuda", 40, (), id="measured already"),
        pytest.param("cpu", 0, (), id="a host has no peak of its own"),
    ],
)
def test_the_memory_model_is_asked_for_once(device: str, largest: int, probes: tuple[str, ...]) -> None:
    changes = {"memory": {"peak_share": 0.95, "largest_batch": largest}, "device": {"type": device}}
    finding = assessed(memory_pressure, changes)
    assert finding is not None
    assert finding.probes == probes


BLOCKS = {"blocks": ("layers.0", "layers.1")}


@pytest.mark.parametrize(
    ("changes", "knobs_in_order"),
    [
        pytest.param({"model": BLOCKS | {"has_norm": False}}, ["micro_batch", "activation_checkpointing"], id="plain"),
        pytest.param(
            {"model": BLOCKS | {"has_norm": True}}, ["activation_checkpointing", "micro_batch"], id="batch norm"
        ),
        pytest.param(
            {"model": BLOCKS | {"has_norm": False}, "memory": {"micro_batch": 4}},
            ["activation_checkpointing", "micro_batch"],
            id="small pieces",
        ),
        pytest.param({"model": {"blocks": ()}}, ["micro_batch"], id="no blocks"),
        pytest.param({"model": BLOCKS, "memory": {"told": False}}, ["micro_batch"], id="nobody counts memory"),
        pytest.param({"model": BLOCKS, "knobs": knobs(compile="default")}, ["micro_batch"], id="compiled"),
    ],
)
def test_computing_again_stands_beside_smaller_pieces_where_it_is_possible(
    changes: dict[str, Any], knobs_in_order: list[str]
) -> None:
    memory = {"peak_share": 0.95, "told": True} | changes.get("memory", {})
    finding = assessed(memory_pressure, changes | {"memory": memory})
    assert finding is not None
    assert [fix.turns[0].knob for fix in finding.fixes if fix.turns] == knobs_in_order
    named = [fix.name for fix in finding.fixes if "activation_checkpointing" in {turn.knob for turn in fix.turns}]
    assert all("layers.0 to layers.1" in name for name in named)
