"""Runs of one seed have one ledger: twice in one process, and in one process or two."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from advisor.ledger import Entry
from advisor.runs import open_run
from advisor.together import run_together
from trainer.config import parse

OF_TIME = {"t", "cost_s", "expected_cost_s", "bill_s"}
"""What may differ between two runs of one seed."""
OF_PROCESSES = ("driver_started", "trainer_started", "hardware_profiled")
"""Entries that only a driver with a process of its own writes."""

RUNS = {
    "healthy": {"train": {"epochs": 6, "lr": 3e-3}},
    "rescued": {"train": {"epochs": 10, "batch_size": 32, "optimizer": "sgd", "lr": 1e4}},
    "forked": {"train": {"epochs": 20, "batch_size": 32, "optimizer": "sgd", "lr": 1e-4}},
    "out of memory": {"train": {"epochs": 6, "lr": 3e-3, "batch_size": 256, "memory_limit": 0.6}},
}


def configuration(name: str) -> dict[str, Any]:
    train = {"threads": 1, **RUNS[name]["train"]}
    return {"data": {"source": "sklearn:digits"}, "model": {"name": "mlp"}, "train": train}


def told(entries: tuple[Entry, ...] | list[Entry]) -> list[dict[str, Any]]:
    return [entry.model_dump(exclude=OF_TIME) for entry in entries if entry.kind not in OF_PROCESSES]


@pytest.mark.parametrize("name", ["healthy", "rescued"])
def test_two_runs_of_one_seed_in_one_process_have_one_ledger(tmp_path: Path, name: str) -> None:
    config = parse(configuration(name), "a literal")
    first, second = (run_together(config, tmp_path / place).entries for place in ("first", "second"))
    assert len(first) > 5
    assert told(first) == told(second)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_two_processes_write_the_ledger_of_one(tmp_path: Path, name: str) -> None:
    raw = configuration(name)
    together = run_together(parse(raw, "a literal"), tmp_path / "together").entries
    file = tmp_path / "run.toml"
    file.write_text(tomli_w.dumps(raw))
    command = [sys.executable, "-m", "advisor.cli", "train", str(file), "--headless", "--lockstep"]
    subprocess.run([*command, "--run-dir", str(tmp_path / "apart")], check=True, stdout=subprocess.DEVNULL, timeout=120)
    assert told(together) == told(open_run(tmp_path / "apart").read_ledger())


@pytest.mark.slow
def test_out_of_lockstep_the_host_is_sensed_and_steps_are_timed(tmp_path: Path) -> None:
    raw = configuration("healthy")
    raw["train"]["epochs"] = 60
    run = run_together(parse(raw, "a literal"), tmp_path / "run", lockstep=False)
    assert run.run.samples.read_text().strip()
    assert not run.events[0].lockstep  # type: ignore[union-attr]
