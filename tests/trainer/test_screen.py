"""The screen of settings: what it times, what it returns, and that it leaves the run as it was."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.trainer.running import config_of, training_of
from trainer.probing import screen
from trainer.probing.screen import NothingToScreen, throughput_screen
from trainer.training import Training

CNN = {"name": "cnn", "width": 4, "norm": False}


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Training:
    monkeypatch.setattr(screen, "STRETCH_S", 0.005)
    made, _ = training_of(tmp_path, config_of(model=CNN, batch_size=8))
    made.model.train()
    made.watching = False
    return made


def test_every_candidate_is_timed_and_only_what_was_faster_is_turned(training: Training) -> None:
    answer = throughput_screen(training)
    timed = {(one["knob"], one["value"]): one["gain"] for one in answer["timed"]}
    assert {"channels_last", "amp"} <= {knob for knob, _ in timed}
    assert all(timed[knob, value] >= screen.WORTH for knob, value in answer["turns"].items())
    assert "batch_size" in {knob for knob, _ in timed}
    assert "batch_size" not in answer["turns"], "which of them the run can bear is for others to say"
    assert 0 <= answer["gain"] < 1


def test_the_knobs_and_the_progress_are_what_they_were(training: Training) -> None:
    before, progress = dict(training.knobs), replace(training.progress)
    throughput_screen(training)
    assert training.knobs == before
    assert training.progress == progress


def test_larger_batches_stay_within_the_data(training: Training) -> None:
    sizes = screen._batches(training)
    examples = training.setup.source.train.examples
    assert sizes == sorted(sizes)
    assert all(size <= examples // screen.STEPS_AN_EPOCH and size <= 16 * 8 for size in sizes)


def test_a_run_without_a_setting_to_turn_says_so(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "_can", lambda *_: False)
    with pytest.raises(NothingToScreen):
        throughput_screen(training)


def test_a_setting_whose_first_step_takes_long_is_judged_by_those_that_follow(training: Training) -> None:
    made = []

    def computes(_: nn.Module, __: Any) -> None:
        halved = torch.is_autocast_enabled("cpu")
        if halved and not made:
            made.append(halved)
            time.sleep(0.5)  # the kernels are made
        time.sleep(0.0 if halved else 0.03)

    training.model.register_forward_pre_hook(computes)
    assert throughput_screen(training)["turns"].get("amp") == "auto"
    assert made


def test_when_the_time_is_up_nothing_more_is_timed(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "MOST_S", 0.0)
    answer: dict[str, Any] = throughput_screen(training)
    assert answer["timed"] == []
    assert answer["turns"] == {}
