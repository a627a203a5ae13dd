"""The mind beside real trainings: the trainer, the rules and the judgement as a user gets them, in one process."""

from pathlib import Path
from typing import Any

import pytest

from advisor.ledger import Entry, Judged, ProbeAsked, TrialStarted
from advisor.together import run_together
from trainer.config import parse

OF_TIME = {"t", "cost_s", "expected_cost_s", "bill_s"}
"""What may differ between two runs of one seed."""

pytestmark = pytest.mark.slow


def run(folder: Path, **train: Any) -> tuple[Entry, ...]:
    given = {"epochs": 12, "batch_size": 32, "threads": 1, "optimizer": "sgd", "lr": 0.1}
    config = {
        "data": {"source": "sklearn:digits"},
        "model": {"name": "mlp"},
        "train": {**given, **train},
        "advisor": {"compress": False},
    }
    return run_together(parse(config, "a real run"), folder).entries


def test_a_rate_that_is_far_too_high_is_swept_and_started_over(tmp_path: Path) -> None:
    entries = run(tmp_path / "run", lr=1e4)
    asked = [entry.probe for entry in entries if isinstance(entry, ProbeAsked)]
    started = [entry for entry in entries if isinstance(entry, TrialStarted) and entry.how == "rescue"]
    assert "lr_sweep" in asked
    assert started
    assert started[0].fix.turns[0].knob == "lr"
    assert float(started[0].fix.turns[0].to) < 10
    assert any(isinstance(entry, Judged) and entry.outcome == "applied_untried" for entry in entries)


@pytest.mark.parametrize("train", [pytest.param({"lr": 1e4}, id="rescued"), pytest.param({}, id="healthy")])
def test_two_runs_of_one_seed_have_one_ledger(tmp_path: Path, train: dict[str, Any]) -> None:
    first, second = (run(tmp_path / name, **train) for name in ("first", "second"))
    assert [entry.model_dump(exclude=OF_TIME) for entry in first] == [
        entry.model_dump(exclude=OF_TIME) for entry in second
    ]


def test_a_healthy_run_is_left_alone(tmp_path: Path) -> None:
    assert not [entry for entry in run(tmp_path / "run") if isinstance(entry, TrialStarted)]
