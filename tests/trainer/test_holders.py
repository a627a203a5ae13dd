"""What grows in the trainer's process with every step, and by which name the code knows it."""

from pathlib import Path
from typing import Any

import pytest

from tests.trainer.running import of, training_of
from trainer.commands import Probe
from trainer.config import parse
from trainer.probing.holders import STEPS, memory_holders
from trainer.probing.probes import run
from trainer.state.snapshot import take
from trainer.stepping.step import take_step
from trainer.wire import Probed

pytestmark = pytest.mark.slow
"""All objects of the process are counted, and a process that runs tests has many."""

TASKS = Path(__file__).parents[1] / "runs" / "leaky_tasks.py"


def grown(folder: Path, task: str) -> dict[str, Any]:
    config = parse({"task": {"factory": f"{TASKS}:{task}"}, "train": {"lr": 1e-3, "batch_size": 64}}, "test")
    training, _ = training_of(folder, config)
    training.model.train()
    training.watching = False
    take_step(training, training.supply.take())
    return memory_holders(training)


@pytest.mark.parametrize(
    ("task", "where", "kind", "holds"),
    [
        pytest.param("graphs_kept", "LossWithHistory.history", "list", "Tensor", id="an attribute"),
        pytest.param("outputs_kept", ".KEPT", "list", "Tensor", id="a variable of a module"),
        pytest.param("cache_unbounded", "CachedItems.cache", "dict", "ndarray", id="a cache"),
        pytest.param("closed_over", "kept of closed_over.<locals>.loss", "list", "Tensor", id="a variable that a function closes over"),
    ],
)  # fmt: skip
def test_what_grows_is_named_as_the_code_names_it(task: str, where: str, kind: str, holds: str, tmp_path: Path) -> None:
    told = grown(tmp_path, task)
    assert told["steps"] == STEPS
    first = told["growing"][0]
    assert where in first["where"]
    assert (first["kind"], first["holds"]) == (kind, holds)
    assert first["added"] >= STEPS
    assert first["tensor_bytes"] > 0


def test_tensors_with_a_graph_are_told_from_those_without(tmp_path: Path) -> None:
    with_graphs, without = grown(tmp_path / "a", "graphs_kept"), grown(tmp_path / "b", "outputs_kept")
    assert with_graphs["growing"][0]["graphs"] >= STEPS
    assert with_graphs["graphs_after"] - with_graphs["graphs_before"] >= STEPS
    assert without["growing"][0]["graphs"] == 0
    assert without["graphs_after"] - without["graphs_before"] < STEPS


def test_in_a_sound_run_nothing_grows(tmp_path: Path) -> None:
    assert grown(tmp_path, "nothing_kept")["growing"] == []


def test_the_run_is_as_before_when_it_was_asked(tmp_path: Path) -> None:
    config = parse({"task": {"factory": f"{TASKS}:nothing_kept"}, "train": {"lr": 1e-3, "batch_size": 64}}, "test")
    training, heard = training_of(tmp_path, config)
    training.model.train()
    start = take(training)
    before = {name: value.clone() for name, value in training.model.state_dict().items()}
    run(training, Probe(probe="memory_holders"), start)
    assert all(value.equal(before[name]) for name, value in training.model.state_dict().items())
    assert training.progress.step == 0
    assert of(heard, Probed)[0].result["steps"] == STEPS
