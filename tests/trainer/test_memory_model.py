"""The memory model: what it predicts is what happens, and what it returns has run."""

from pathlib import Path
from typing import Any

import pytest

from tests.trainer.running import config_of, of, run_with, training_of
from trainer.commands import Command, Probe
from trainer.probing.memory_model import MemoryUnknown, memory_model
from trainer.state.snapshot import take
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.wire import BeatTaken, CommandRefused, Event, MemoryRanOut, Probed

CNN = {"name": "cnn", "width": 4, "norm": False}


def measured(folder: Path, **train: Any) -> tuple[Training, dict[str, Any]]:
    training, _ = training_of(folder, config_of(model=CNN, **train))
    training.model.train()
    training.watching = False
    start = take(training)
    answer = memory_model(training)
    from trainer.state.snapshot import restore

    restore(training, start)
    return training, answer


def test_the_line_predicts_the_peak_of_other_sizes(tmp_path: Path) -> None:
    _, small = measured(tmp_path, memory_limit=1.0, batch_size=32)
    predicted = small["fixed_bytes"] + small["bytes_per_example"] * small["largest_batch"]
    assert small["peak_bytes"] == pytest.approx(predicted, rel=0.1)


def test_the_largest_batch_runs_with_room_to_spare_and_one_a_quarter_larger_does_not_fit(tmp_path: Path) -> None:
    training, answer = measured(tmp_path, memory_limit=0.6, batch_size=32)
    assert answer["tried"] >= 4
    assert answer["source"] == "counted"
    assert answer["peak_bytes"] <= 0.9 * answer["limit_bytes"]
    larger = int(1.25 * answer["largest_batch"])
    assert answer["fixed_bytes"] + answer["bytes_per_example"] * larger > answer["limit_bytes"]
    assert training.room.model is not None
    assert training.room.predicted_bytes(16, 64) == pytest.approx(training.room.model.peak_bytes(64))


def test_where_no_batch_runs_there_is_no_verdict(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(model=CNN, memory_limit=100.0))
    training.model.train()
    training.watching = False
    take_step(training, training.supply.take())
    assert training.room.simulated is not None
    training.room.simulated.limit_bytes = 20_000
    with pytest.raises(MemoryUnknown, match="too few"):
        memory_model(training)
    assert training.room.model is None


@pytest.mark.parametrize("mib", [0.0, 1.0])
def test_the_probe_leaves_the_run_as_it_was_to_the_bit(tmp_path: Path, mib: float) -> None:
    config = config_of(epochs=1, model=CNN, dropout=0.1, memory_limit=mib)
    asked: list[Command] = [Probe(probe="memory_model")]

    def driver(event: Event) -> list[Command]:
        return [asked.pop()] if isinstance(event, BeatTaken) and event.step >= 5 and asked else []

    _, plain = run_with(tmp_path / "plain", config)
    _, probed = run_with(tmp_path / "probed", config, driver)
    one, other = ([loss for beat in of(heard, BeatTaken) for loss in beat.loss] for heard in (plain, probed))
    assert one == other
    assert not of(probed, CommandRefused)
    assert not of(probed, MemoryRanOut)
    assert of(probed, Probed)[0].result["largest_batch"] > 0


def test_the_models_weights_are_where_they_were(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(model=CNN))
    before = [parameter.data_ptr() for parameter in training.model.parameters()]
    training.model.train()
    training.watching = False
    memory_model(training)
    assert [parameter.data_ptr() for parameter in training.model.parameters()] == before
