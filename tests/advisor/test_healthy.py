"""Healthy trainings are left alone: no warning, and no worse on the test split than the same run unadvised."""

from pathlib import Path
from typing import Any

import pytest

from advisor.ledger import Found
from advisor.together import Told, run_together
from rules.vocabulary import Severity
from trainer.config import parse
from trainer.wire import Evaluated

pytestmark = pytest.mark.slow

SEED_NOISE = 2.0
"""Standard errors of the test metric: two seeds of one run differ by as much."""

HEALTHY = {
    "digits mlp adamw": ("digits", {"name": "mlp"}, {"epochs": 12, "lr": 3e-3}),
    "digits mlp sgd": ("digits", {"name": "mlp"}, {"epochs": 12, "lr": 0.1, "optimizer": "sgd", "batch_size": 32}),
    "digits mlp slow": ("digits", {"name": "mlp"}, {"epochs": 20, "lr": 3e-4}),
    "digits cnn adamw": ("digits", {"name": "cnn", "width": 8}, {"epochs": 8, "lr": 3e-3}),
    "digits linear": ("digits", {"name": "linear"}, {"epochs": 15, "lr": 1e-2, "optimizer": "adam"}),
    "breast cancer mlp": ("breast_cancer", {"name": "mlp", "hidden": [32]}, {"epochs": 25, "lr": 1e-3}),
    "wine mlp": ("wine", {"name": "mlp", "hidden": [16]}, {"epochs": 40, "lr": 3e-3, "batch_size": 16}),
    "diabetes regression": ("diabetes", {"name": "mlp", "hidden": [32]}, {"epochs": 20, "lr": 1e-3, "batch_size": 32}),
}


def trained(folder: Path, name: str, seed: int, mode: str) -> Told:
    source, model, train = HEALTHY[name]
    raw = {
        "data": {"source": f"sklearn:{source}"},
        "model": model,
        "train": {"threads": 1, "seed": seed, **train},
        "advisor": {"mode": mode, "compress": False},
    }
    return run_together(parse(raw, "a healthy run"), folder)


def held_out(told: Told) -> tuple[float, float]:
    last = [event for event in told.events if isinstance(event, Evaluated) and event.split == "test"][-1]
    return next(iter(last.metrics.values())), last.standard_error


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_not_warned_of_and_not_made_worse(tmp_path: Path, name: str, seed: int) -> None:
    settings: dict[str, Any] = {"name": name, "seed": seed}
    advised = trained(tmp_path / "auto", **settings, mode="auto")
    findings = [entry.finding for entry in advised.entries if isinstance(entry, Found)]
    assert not [f"{one.code} {one.message}" for one in findings if one.severity is not Severity.INFO]
    (with_, error), (without, _) = held_out(advised), held_out(trained(tmp_path / "watch", **settings, mode="watch"))
    assert with_ >= without - SEED_NOISE * error, "a run that only crept may well end higher"
