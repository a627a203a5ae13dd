"""Whole small runs: what is told, what is kept, how they end, and that watching changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.running import config_of, of, run_with
from trainer.commands import Command, Stop
from trainer.config import parse
from trainer.wire import (
    BeatTaken,
    CheckpointWritten,
    Evaluated,
    Event,
    GuardActed,
    LayersMeasured,
    RunStarted,
    Surveyed,
    TrainingEnded,
)


def losses(heard: list[Event]) -> list[float]:
    return [loss for beat in of(heard, BeatTaken) for loss in beat.loss]


def test_a_run_says_what_it_is_then_trains_and_says_how_it_ended(tmp_path: Path) -> None:
    words, heard = run_with(tmp_path, config_of(epochs=5))
    assert isinstance(heard[0], RunStarted)
    assert isinstance(heard[1], Surveyed)
    assert (words.why, heard[-1].kind) == ("finished", "run_ended")
    evaluations = of(heard, Evaluated)
    assert [e.split for e in evaluations] == ["val"] * 5 + ["test"]
    assert evaluations[-2].final
    assert evaluations[-1].metrics["accuracy"] > 0.85
    assert of(heard, TrainingEnded)[0].best_step > 0
    assert {c.name for c in of(heard, CheckpointWritten)} >= {"best", "last"}


def test_the_steps_told_are_the_steps_of_the_run(tmp_path: Path) -> None:
    _, heard = run_with(tmp_path, config_of(epochs=4))
    started = of(heard, RunStarted)[0]
    assert sum(beat.steps for beat in of(heard, BeatTaken)) == started.steps_total
    assert of(heard, BeatTaken)[-1].samples == started.samples_total


def test_the_same_seed_gives_the_same_run_to_the_bit(tmp_path: Path) -> None:
    _, first = run_with(tmp_path / "1", config_of(seed=3, dropout=0.1))
    _, again = run_with(tmp_path / "2", config_of(seed=3, dropout=0.1))
    _, other = run_with(tmp_path / "3", config_of(seed=4, dropout=0.1))
    assert losses(first) == losses(again)
    assert losses(first) != losses(other)


def test_the_phases_of_a_beat_sum_to_its_wall_time(tmp_path: Path) -> None:
    _, heard = run_with(tmp_path, config_of(epochs=5))
    for beat in of(heard, BeatTaken):
        assert sum(beat.phases.values()) == pytest.approx(beat.seconds, rel=0.02, abs=2e-4)


def test_layers_are_measured_with_their_activity(tmp_path: Path) -> None:
    _, heard = run_with(tmp_path, config_of())
    layers = of(heard, LayersMeasured)[-1].layers
    assert len(layers) == 3
    assert all(layer.grad_norm > 0 and 0 < layer.update_ratio < 1 for layer in layers)
    assert layers[0].dead_share is not None
    assert layers[-1].dead_share is None, "nothing squashes or cuts the logits"


def test_units_that_start_alike_are_told(tmp_path: Path) -> None:
    task = tmp_path / "task.py"
    task.write_text(
        "import torch, trainer\nfrom sklearn.datasets import load_digits\n"
        "def make_task():\n    x, y = load_digits(return_X_y=True)\n"
        "    net = torch.nn.Sequential(torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10))\n"
        "    for p in net.parameters():\n        torch.nn.init.constant_(p, 0.01)\n"
        "    return trainer.Task(model=net, train=((x / 16).astype('float32'), y))\n"
    )
    config = parse({"task": {"factory": f"{task}:make_task"}, "train": {"epochs": 1}}, "test")
    _, heard = run_with(tmp_path / "run", config)
    assert of(heard, LayersMeasured)[0].first_rows_identical


def test_stop_ends_the_run_with_a_checkpoint_and_a_model(tmp_path: Path) -> None:
    def driver(event: Event) -> list[Command]:
        return [Stop()] if isinstance(event, BeatTaken) and event.step >= 30 else []

    words, heard = run_with(tmp_path, config_of(epochs=50), driver)
    assert words.why == "stopped"
    assert 30 <= words.step < 50
    assert (tmp_path / "checkpoints" / "last.json").exists()
    assert of(heard, Evaluated)[-1].split == "test"


def test_a_resumed_run_is_the_run_that_was_never_interrupted(tmp_path: Path) -> None:
    config = config_of(epochs=4, dropout=0.1)

    def driver(event: Event) -> list[Command]:
        return [Stop()] if isinstance(event, BeatTaken) and event.step == 30 else []

    _, whole = run_with(tmp_path / "whole", config)
    run_with(tmp_path / "parts", config, driver)
    words, rest = run_with(tmp_path / "parts", config, resume=True)
    assert words.why == "finished"
    assert of(rest, RunStarted)[0].resumed
    assert losses(rest) == losses(whole)[30:]
    assert of(rest, Evaluated)[-1].metrics == of(whole, Evaluated)[-1].metrics


def test_a_finished_run_can_be_resumed_for_more_epochs(tmp_path: Path) -> None:
    run_with(tmp_path, config_of(epochs=2))
    (tmp_path / "resume.json").write_text(json.dumps({"config": config_of(epochs=4).model_dump(mode="json")}))
    words, heard = run_with(tmp_path, config_of(epochs=2), resume=True)
    assert words.samples == of(heard, RunStarted)[0].samples_total
    assert of(heard, BeatTaken)[0].epoch > 2


def test_what_the_user_sets_for_a_resumed_run_goes_before_what_the_checkpoint_remembers(tmp_path: Path) -> None:
    run_with(tmp_path, config_of(epochs=2, schedule="constant", warmup=0.0))
    config = config_of(epochs=3, schedule="constant", warmup=0.0, lr=0.005).model_dump(mode="json")
    (tmp_path / "resume.json").write_text(json.dumps({"config": config, "set": {"train.lr": 0.005}}))
    _, heard = run_with(tmp_path, config_of(epochs=2), resume=True)
    assert of(heard, BeatTaken)[-1].lr == pytest.approx(0.005)


def test_early_stopping_ends_a_run_that_gains_nothing(tmp_path: Path) -> None:
    words, _ = run_with(tmp_path, config_of(epochs=60, early_stop=True, lr=3e-3))
    assert words.why == "early_stop"
    assert words.samples < 0.8 * 60 * 1079


def test_a_full_batch_in_pieces_gives_the_same_losses(tmp_path: Path) -> None:
    _, whole = run_with(tmp_path / "1", config_of(epochs=1))
    _, pieces = run_with(tmp_path / "2", config_of(epochs=1, micro_batch=10))
    assert losses(pieces) == pytest.approx(losses(whole), rel=1e-3)


def test_non_finite_steps_are_skipped_and_told(tmp_path: Path) -> None:
    words, heard = run_with(tmp_path, config_of(epochs=2, lr=1e4, optimizer="sgd", warmup=0.0))
    acted = of(heard, GuardActed)
    assert words.why == "finished"
    assert {"non_finite_loss", "non_finite_gradient"} & {event.why for event in acted}
    assert any(event.deed == "skipped" for event in acted)


def test_in_watch_mode_the_guard_does_nothing(tmp_path: Path) -> None:
    _, heard = run_with(tmp_path, config_of(epochs=2, lr=1e4, optimizer="sgd", warmup=0.0), mode="watch")
    assert {event.deed for event in of(heard, GuardActed)} == {"saw"}
    assert sum(beat.skipped for beat in of(heard, BeatTaken)) == 0
    assert any(loss != loss for loss in losses(heard)), "a NaN loss is told as what it is"


def test_a_run_on_a_full_disk_trains_on(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    config = config_of(epochs=1)
    (tmp_path / "run.json").write_text(json.dumps({"config": config.model_dump(mode="json"), "lockstep": True}))
    from trainer.link import MemoryLink
    from trainer.run import run

    assert run(tmp_path, MemoryLink(lambda event: [])).why == "finished"


@pytest.mark.parametrize(
    ("data", "train", "words"),
    [
        pytest.param({"source": "sklearn:digit"}, {}, "digits", id="unknown set, nearest named"),
        pytest.param({"source": "csv:/nowhere.csv", "target": "y"}, {}, "/nowhere.csv", id="missing file"),
        pytest.param({"source": "sklearn:digits"}, {"batch_size": 5000}, "batch_size", id="batch over the data"),
        pytest.param({"source": "sklearn:digits"}, {"device": "cuda:9"}, "cuda", id="no such device"),
    ],
)
def test_a_users_mistake_is_one_line(tmp_path: Path, data: dict[str, Any], train: dict[str, Any], words: str) -> None:
    ended, heard = run_with(tmp_path, parse({"data": data, "train": train}, "test"))
    assert ended.why == "mistake"
    assert words in ended.text
    assert "\n" not in ended.text
    assert heard[-1].kind == "run_ended"
