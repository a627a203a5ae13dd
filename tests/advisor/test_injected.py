"""Causes of a starving loop, injected into real runs: named, mended where a knob can, and silence where nothing is wrong."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.injected import CASES, config, look, run, stay_healthy

pytestmark = pytest.mark.slow


def test_a_slow_disk_is_named_mended_by_a_kept_fix_and_cleared(tmp_path: Path) -> None:
    case = CASES["slow disk"]
    told = look(case, *run(tmp_path / "run", config(case.task, case.epochs, case.workers), {}))
    assert told["right"], told
    if any("other programs" in one["why"] for one in told["trials"]):
        pytest.skip("other programs had the processors: rounds claim nothing")
    kept = [one for one in told["trials"] if one["outcome"] == "kept"]
    assert kept, told
    assert kept[0]["low"] > 0
    assert told["cleared_after_s"] is not None, told


def test_late_items_are_told_from_slow_ones(tmp_path: Path) -> None:
    case = replace(CASES["jitter"], epochs=10)
    told = look(case, *run(tmp_path / "run", config(case.task, case.epochs, case.workers), {}))
    assert told["right"], told
    assert "INP103" not in told["verdicts"]


@pytest.mark.parametrize("step_ms", [1.0, 30.0])
def test_a_healthy_loop_is_left_alone(tmp_path: Path, step_ms: float) -> None:
    assert stay_healthy(step_ms, tmp_path / "run")["verdicts"] == []
