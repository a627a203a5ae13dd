"""Plans: what a run kept is applied again without trials, and ends in the same weights, to the bit."""

from pathlib import Path
from typing import Any

import pytest
import torch

from advisor.ledger import Judged, TrialStarted
from advisor.together import Told, run_together
from trainer import checkpoint
from trainer.config import Config, parse
from trainer.wire import ArmScored, Compressed, RolledBack

RUNS: dict[str, dict[str, Any]] = {
    "a kept fork": {"train": {"epochs": 20, "optimizer": "sgd", "lr": 1e-4}},
    "a rescue from the start": {"train": {"epochs": 8, "optimizer": "sgd", "lr": 1e4}},
    "stopped at its best, and compressed": {
        "train": {"epochs": 60, "lr": 3e-3, "schedule": "constant"},
        "advisor": {"compress": True},
    },
}


def config_of(name: str) -> Config:
    raw = {
        "data": {"source": "sklearn:digits"},
        "model": {"name": "mlp"},
        "train": {"threads": 1, "batch_size": 32, **RUNS[name]["train"]},
        "advisor": {"compress": False, **RUNS[name].get("advisor", {})},
    }
    return parse(raw, "a run to be planned from")


def weights(told: Told) -> dict[str, torch.Tensor]:
    return checkpoint.read(told.run.checkpoints, "last")[0].model


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", RUNS)
def test_a_planned_run_ends_in_the_weights_of_the_run_that_it_was_made_from(tmp_path: Path, name: str) -> None:
    config = config_of(name)
    former = run_together(config, tmp_path / "former")
    kept = [one for one in former.entries if isinstance(one, Judged) and one.outcome in ("kept", "applied_untried")]
    planned = run_together(config, tmp_path / "planned", plan=former.run)
    assert kept, "a run that kept nothing proves nothing"
    assert not any(isinstance(event, ArmScored | RolledBack) for event in planned.events), "nothing is tried again"
    assert planned.words.samples == former.words.samples
    assert equal(weights(planned), weights(former))
    told = {one.trial: one for one in planned.entries if isinstance(one, Judged)}
    assert set(told) == {one.trial for one in kept}
    assert all(str(former.run.folder) in one.why for one in told.values())
    assert {one.how for one in planned.entries if isinstance(one, TrialStarted)} == {"plan"}
    copies = {event.method for event in former.events if isinstance(event, Compressed)}
    assert {event.method for event in planned.events if isinstance(event, Compressed)} == copies


def test_two_planned_runs_are_equal_to_the_bit(tmp_path: Path) -> None:
    config = config_of("a kept fork")
    former = run_together(config, tmp_path / "former")
    first, second = (run_together(config, tmp_path / place, plan=former.run) for place in ("first", "second"))
    assert equal(weights(first), weights(second))
