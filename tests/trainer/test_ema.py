"""Averaged weights: how they follow, what is scored by them, and that training does not notice them."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import trainer
from tests.trainer.running import config_of, of, run_with, training_of
from trainer.evaluate import Examiner
from trainer.stepping.ema import Averaged
from trainer.stepping.step import take_step
from trainer.turning import turn
from trainer.wire import BeatTaken, Evaluated
from trainer.words import Turned

LONG_AGO = 10**9
"""Examples behind an average that has its full decay."""


def averaged_of(value: float = 0.0, samples: int = 0) -> tuple[nn.Module, Averaged]:
    """A model of ones and twos, and an average that holds something else."""
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    averaged = Averaged(model)
    for number, weight in enumerate(averaged.weights.values()):
        weight.fill_(value + number % 2)
    averaged.samples = samples
    return model, averaged


@given(decay=st.floats(0.0, 0.9999), steps=st.integers(1, 40))
def test_the_average_is_the_one_of_the_formula(decay: float, steps: int) -> None:
    model = nn.Linear(1, 1, bias=False)
    averaged, expected = Averaged(model), float(model.weight.detach())
    for number in range(1, steps + 1):
        nn.init.constant_(model.weight, number % 5)
        averaged.update(decay, batch_size=8)
        kept = min(decay, (1 + number) / (10 + number))
        expected = kept * expected + (1 - kept) * (number % 5)
    assert float(averaged.weights["weight"]) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@given(decay=st.floats(0.5, 0.999), pairs=st.integers(1, 20))
def test_twice_the_batch_at_the_squared_decay_forgets_as_much_over_the_same_examples(decay: float, pairs: int) -> None:
    _, small = averaged_of(samples=LONG_AGO)
    _, large = averaged_of(samples=LONG_AGO)
    for one in (small, large):
        one.weights["0.weight"].fill_(100.0)
        nn.init.zeros_(one._model[0].weight)  # type: ignore[index,union-attr]
    for _ in range(2 * pairs):
        small.update(decay, batch_size=32)
    for _ in range(pairs):
        large.update(decay**2, batch_size=64)
    assert small.samples == large.samples
    torch.testing.assert_close(small.weights["0.weight"], large.weights["0.weight"], rtol=1e-4, atol=1e-5)


def test_a_model_holds_the_average_only_for_a_while() -> None:
    model, averaged = averaged_of(7.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with averaged.in_place():
        assert float(model.state_dict()["0.weight"].detach().unique()) == 7.0
        assert float(model.state_dict()["1.running_var"].unique()) in (7.0, 8.0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert float(averaged.weights["0.weight"].unique()) == 7.0


def test_training_does_not_notice_the_average(tmp_path: Path) -> None:
    _, plain = run_with(tmp_path / "plain", config_of(epochs=2, dropout=0.1))
    _, heard = run_with(tmp_path / "averaged", config_of(epochs=2, dropout=0.1, ema=0.98))
    assert [b.loss for b in of(heard, BeatTaken)] == [b.loss for b in of(plain, BeatTaken)]
    with_it, without = of(heard, Evaluated), of(plain, Evaluated)
    assert [e.raw_loss for e in with_it[:2]] == [e.loss for e in without[:2]]
    assert [e.raw_metrics for e in with_it[:2]] == [e.metrics for e in without[:2]]
    assert all(e.loss != e.raw_loss for e in with_it[:2])
    assert all(not e.raw_metrics and e.raw_loss != e.raw_loss for e in without)


def test_the_best_model_is_made_of_the_averaged_weights_and_so_is_the_export(tmp_path: Path) -> None:
    config = config_of(ema=0.9)
    training, _ = training_of(tmp_path, config)
    training.model.train()
    for _ in range(20):
        take_step(training, training.supply.take())
    training.keep_best()
    examiner = Examiner(training)
    judged = examiner.evaluate()
    assert examiner.score(training.best_model(), "val").loss == judged.loss != judged.raw_loss
    _, heard = run_with(tmp_path / "run", config_of(epochs=2, ema=0.9))
    best = max(of(heard, Evaluated)[:-1], key=lambda one: (one.metrics["accuracy"], -one.step))
    loaded = trainer.load(tmp_path / "run").model
    assert examiner.score(loaded.to(training.device), "val").scores.values == best.metrics


def test_both_are_scored_on_one_fetch_of_each_example(tmp_path: Path) -> None:
    task = tmp_path / "task.py"
    task.write_text(
        "import torch, trainer\n"
        "fetched = []\n"
        "class Items(torch.utils.data.Dataset):\n"
        "    def __len__(self):\n        return 200\n"
        "    def __getitem__(self, i):\n"
        "        fetched.append(i)\n        return torch.full((3,), float(i % 7)), i % 2\n"
        "def make_task():\n"
        "    return trainer.Task(model=torch.nn.Linear(3, 2), train=Items(), val=Items(), metrics=[count])\n"
        "def count(outputs, targets):\n    return float(len(fetched))\n"
    )
    from trainer.config import parse

    config = parse({"task": {"factory": f"{task}:make_task"}, "train": {"batch_size": 50, "ema": 0.9}}, "test")
    training, _ = training_of(tmp_path, config)
    examiner = Examiner(training)
    before = examiner.judge("val").scores.main
    examiner._held.clear()
    event = examiner.evaluate()
    assert event.raw_metrics
    assert event.metrics["count"] == before + 200


def test_the_knob_begins_with_the_weights_of_now_and_lets_them_go(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path)
    training.model.train()
    take_step(training, training.supply.take())
    turn(training, [Turned(knob="ema", to=0.99)])
    assert training.averaged is not None
    now = dict(training.model.named_parameters())
    assert all(torch.equal(weight, now[name]) for name, weight in training.averaged.weights.items())
    turn(training, [Turned(knob="ema", to=0.0)])
    assert training.averaged is None


def test_a_step_that_the_guard_skips_is_not_averaged(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(ema=0.9))
    training.model.train()
    batch = training.supply.take()
    batch.inputs.fill_(float("nan"))
    assert take_step(training, batch).skipped
    assert training.averaged is not None
    assert training.averaged.samples == 0
