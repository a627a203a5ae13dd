"""Causes that are no matter of the loader, injected into real runs: named, cleared once they are gone, and silence without."""

from pathlib import Path

import pytest

from tests.bench.injected_memory import SOUND, Case, config, heat, inject, stay_silent


@pytest.mark.slow
def test_tensors_that_are_kept_with_their_graphs_are_named_by_the_list_that_holds_them(tmp_path: Path) -> None:
    told = inject("tensors kept with their graphs", tmp_path / "run")
    assert told["right"], told
    assert "LossWithHistory.history" in told["named"], told


@pytest.mark.slow
@pytest.mark.parametrize("task", SOUND.values())
def test_memory_that_only_fills_is_left_alone(task: str, tmp_path: Path) -> None:
    verdicts = stay_silent(tmp_path / "run", config(Case(task, "", epochs=3000)), {})["verdicts"]
    assert not [one for one in verdicts if one.startswith("MEM")]


def test_a_device_that_gets_hot_is_told_within_seconds_and_no_longer_once_it_is_cool(tmp_path: Path) -> None:
    told = heat(tmp_path)
    assert told["right"]
    assert told["early"] == []
    assert told["after_s"] <= 10
    assert told["cleared_after_s"] <= 31
