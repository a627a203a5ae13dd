"""Replicas: a batch dealt out to several processes is the same batch, and losing a follower loses nothing else."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.running import config_of, of, training_of
from tests.trainer.test_selftest import OWN
from trainer.commands import Alternate
from trainer.config import Config, parse
from trainer.data.batch import Batch
from trainer.knobs import KnobError
from trainer.replicas.replicas import dealt, visible_to
from trainer.state.snapshot import restore, take
from trainer.stepping.pieces import cut
from trainer.stepping.step import take_step
from trainer.trials.agreement import agree
from trainer.turning import set_knobs, turn
from trainer.wire import (
    AgreementMeasured,
    KnobsTurned,
    Told,
)
from trainer.words import Turned

MLP: dict[str, Any] = {"name": "mlp", "hidden": (16,)}
CNN: dict[str, Any] = {"name": "cnn", "width": 4, "norm": False}
TWO = (Turned(knob="replicas", to=2),)


@pytest.fixture(autouse=True)
def cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two cores, whatever this machine grants; and no follower is left behind."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


class Run:
    """A run that stands before its first step, and the events that it has said."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.training, self.heard = training_of(folder, config)
        self.training.model.train()

    def steps(self, count: int) -> list[float]:
        return [float(take_step(self.training, self.training.supply.take()).loss) for _ in range(count)]

    def weights(self) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in self.training.model.parameters()])


Open = Any


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    runs: list[Run] = []

    def begin(config: Config) -> Run:
        runs.append(Run(tmp_path / str(len(runs)), config))
        return runs[-1]

    yield begin
    for run in runs:
        run.training.replicas.close()


def own(folder: Path, make: str, **train: Any) -> Config:
    (folder / "task.py").write_text(OWN)
    return parse({"task": {"factory": f"{folder / 'task.py'}:{make}"}, "train": {"batch_size": 64, **train}}, "test")


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max())


CHEAP = "mlp"
CASES: dict[str, Any] = {
    "mlp": lambda folder: config_of(model=MLP, batch_size=63, class_weights="sqrt", label_smoothing=0.1),
    "cnn": lambda folder: config_of(model=CNN, augment=True, channels_last=True, ema=0.9),
    "computed again": lambda folder: config_of(model=CNN, activation_checkpointing=True),
    "own task": lambda folder: own(folder, "plain", micro_batch=10, optimizer="momentum", lr=0.01),
    "a sum for a loss": lambda folder: own(folder, "summed", lr=1e-5),
    "numbers": lambda folder: config_of("sklearn:diabetes", model=MLP, standardise=True),
}


@pytest.mark.parametrize(
    "case", [CHEAP, *(pytest.param(case, marks=pytest.mark.slow) for case in CASES if case != CHEAP)]
)
def test_two_processes_take_the_steps_of_one(tmp_path: Path, opened: Open, case: str) -> None:
    one, two = (opened(CASES[case](tmp_path)) for _ in range(2))
    turn(two.training, TWO)
    assert len(two.training.replicas.processes) == 1
    losses = [run.steps(20) for run in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert apart(one.weights(), two.weights()) < 1e-6 * max(1.0, float(one.weights().abs().max()))
    assert two.training.knobs["replicas"] == 2
    assert not of(two.heard, KnobsTurned)
    if two.training.labels is not None:
        assert two.training.labels.suspects() == one.training.labels.suspects()


@given(examples=st.integers(1, 200), most=st.integers(1, 70), processes=st.integers(1, 9))
def test_shares_hold_every_example_once_and_none_is_larger_than_asked(examples: int, most: int, processes: int) -> None:
    shares = dealt(examples, most, processes)
    assert [at for start, stop in shares for at in range(start, stop)] == list(range(examples))
    sizes = [stop - start for start, stop in shares]
    assert max(sizes) <= most
    if processes > 1 and examples >= 2 * processes:
        assert max(sizes) - min(sizes) <= 1
        assert len(sizes) >= processes


@pytest.mark.slow
@pytest.mark.parametrize("examples", [1, 3, 4, 33])
def test_batches_of_any_size_are_dealt_out_or_run_alone(opened: Open, examples: int) -> None:
    one, two = (opened(config_of(model=MLP)) for _ in range(2))
    set_knobs(two.training, {"replicas": 2})
    for run in (one, two):
        whole = next(run.training.supply.look_ahead(1))
        few = Batch(cut(whole.inputs, 0, examples), whole.targets[:examples], whole.ticket)
        take_step(run.training, few)
        run.steps(1)
    assert apart(one.weights(), two.weights()) < 1e-6


@pytest.mark.slow
def test_every_knob_goes_on_turning_with_followers(opened: Open) -> None:
    one, two = (opened(config_of(model=MLP)) for _ in range(2))
    turn(two.training, TWO)
    for values in (
        {"standardise": True},
        {"label_smoothing": 0.2, "class_weights": "balanced"},
        {"class_weights": "none", "logit_adjustment": 1.0, "focal": 2.0},
        {"optimizer": "sgd", "lr": 0.1},
        {"micro_batch": 7},
        {"batch_size": 40},
        {"amp": "bf16"},
    ):
        for run in (one, two):
            set_knobs(run.training, dict(values))
        close = 5e-3 if "amp" in values else 1e-5
        assert two.steps(3) == pytest.approx(one.steps(3), rel=close), values
        set_knobs(one.training, {"amp": "off"})
        set_knobs(two.training, {"amp": "off"})


@pytest.mark.slow
def test_dropout_is_drawn_anew_at_each_step_and_the_same_after_a_rollback(opened: Open) -> None:
    run = opened(config_of(model=MLP, dropout=0.5, lr=0.0, epochs=20))
    turn(run.training, TWO)
    here = take(run.training)
    first, second = run.steps(2)
    restore(run.training, here)
    assert run.steps(2) == [first, second]
    batch = next(run.training.supply.look_ahead(1))
    losses = [float(take_step(run.training, batch).loss) for _ in range(2)]
    assert losses[0] != losses[1]


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)])
def test_a_follower_that_dies_or_hangs_is_let_go_and_its_share_is_run_again(opened: Open, how: signal.Signals) -> None:
    one, two = (opened(config_of(model=MLP)) for _ in range(2))
    turn(two.training, TWO)
    (pid,) = two.training.replicas.processes
    two.steps(3)
    two.training.replicas.patience_s = 1.0
    os.kill(pid, how)
    two.steps(3)
    one.steps(6)
    assert apart(one.weights(), two.weights()) < 1e-6
    assert not psutil.pid_exists(pid)
    (turned,) = of(two.heard, KnobsTurned)
    assert [(c.knob, c.old, c.new) for c in turned.changes] == [("replicas", 2, 1)]
    assert "the run goes on in one process; nothing is lost" in of(two.heard, Told)[-1].text
    with pytest.raises(KnobError, match="replicas cannot be turned here"):
        turn(two.training, TWO)


@pytest.mark.slow
def test_a_follower_that_dies_within_its_share_loses_nothing(opened: Open) -> None:
    one, two = (opened(config_of(model=MLP, micro_batch=8)) for _ in range(2))
    turn(two.training, TWO)
    (pid,) = two.training.replicas.processes
    passed: list[int] = []

    def kill(*_: Any) -> None:
        passed.append(1)
        if len(passed) == 3:
            os.kill(pid, signal.SIGKILL)

    two.training.model.register_forward_hook(kill)
    for run in (one, two):
        run.steps(2)
    assert apart(one.weights(), two.weights()) < 1e-6
    assert two.training.knobs["replicas"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("make", ["contrasts", "across", "weighted"])
def test_replicas_are_refused_where_something_looks_across_the_batch(tmp_path: Path, opened: Open, make: str) -> None:
    run = opened(own(tmp_path, make))
    with pytest.raises(KnobError, match="looks across the batch"):
        turn(run.training, TWO)
    assert run.training.knobs["replicas"] == 1
    before, _ = run.weights(), run.steps(1)
    assert apart(before, run.weights()) > 0


@pytest.mark.slow
def test_a_net_that_draws_numbers_of_its_own_is_no_reason_to_refuse(tmp_path: Path, opened: Open) -> None:
    run = opened(own(tmp_path, "noisy"))
    turn(run.training, TWO)
    assert run.training.knobs["replicas"] == 2


@pytest.mark.slow
def test_with_batch_norm_the_turn_is_one_of_learning_and_allowed(opened: Open) -> None:
    run = opened(config_of(model={"name": "cnn", "width": 4}))
    assert {knob.name: knob.effect for knob in run.training.catalogue()}["replicas"] == "changes_learning"
    turn(run.training, TWO)
    run.steps(2)
    assert run.training.knobs["replicas"] == 2


CHANCE = """
import os, torch, trainer
from sklearn.datasets import load_digits

def task():
    x, y = load_digits(return_X_y=True)
    wide = 5 + os.getpid() % 1000
    net = torch.nn.Sequential(torch.nn.Linear(64, wide), torch.nn.Linear(wide, 10))
    return trainer.Task(model=net, train=((x / 16).astype("float32"), y))

def fails():
    if not hasattr(torch, "was_here"):
        torch.was_here = True
        raise RuntimeError("only once")
    return task()
"""


@pytest.mark.slow
def test_a_network_that_comes_out_differently_each_time_is_refused_and_the_run_goes_on(
    tmp_path: Path, opened: Open
) -> None:
    (tmp_path / "chance.py").write_text(CHANCE)
    run = opened(parse({"task": {"factory": f"{tmp_path / 'chance.py'}:task"}}, "test"))
    with pytest.raises(KnobError, match="the same task builds"):
        turn(run.training, TWO)
    run.steps(2)


def test_a_machine_that_starts_no_process_any_more_leaves_the_run_in_one(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(config_of(model=MLP))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with pytest.raises(KnobError, match="a follower cannot be started"):
        turn(run.training, TWO)
    run.steps(1)


def test_one_core_is_too_few(monkeypatch: pytest.MonkeyPatch, opened: Open) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    run = opened(config_of(model=MLP, replicas=2))
    with pytest.raises(KnobError, match="each process needs a core of its own, and there is one"):
        turn(run.training, TWO)
    run.steps(1)
    assert run.training.knobs["replicas"] == 1
    assert "this machine has room for 1: the run goes on in one process" in of(run.heard, Told)[-1].text


def test_each_follower_sees_one_device_that_is_not_the_trainers() -> None:
    trainers = torch.device("cuda", 1)
    assert [visible_to(rank, trainers, "4,5, GPU-7a") for rank in (1, 2)] == ["4", "GPU-7a"]


@pytest.mark.slow
def test_the_processes_share_the_threads(opened: Open) -> None:
    run = opened(config_of(model=MLP, threads=4))
    turn(run.training, TWO)
    assert torch.get_num_threads() == 2
    turn(run.training, [Turned(knob="replicas", to=1)])
    assert torch.get_num_threads() == 4


@pytest.mark.slow
def test_followers_that_nobody_needs_are_let_go(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened(config_of(model=MLP))
    turn(run.training, TWO)
    (pid,) = run.training.replicas.processes
    turn(run.training, [Turned(knob="replicas", to=1)])
    run.steps(1)
    assert psutil.pid_exists(pid), "the next stretch of rounds needs it"
    monkeypatch.setattr("trainer.replicas.replicas.IDLE_S", 0.0)
    run.steps(1)
    assert not psutil.pid_exists(pid)


@pytest.mark.slow
def test_both_layouts_agree_on_loss_and_gradient_whatever_dropout_draws(opened: Open) -> None:
    run = opened(config_of(model=MLP, dropout=0.3))
    turn(run.training, TWO)
    turn(run.training, [Turned(knob="replicas", to=1)])
    before = run.weights()
    asked = Alternate(trial="r", turns=TWO, agreement_passes=3)
    agree(run.training, asked, {"replicas": 2}, run.training.supply.feed)
    (agreed,) = of(run.heard, AgreementMeasured)
    assert agreed.loss_difference < 1e-5
    assert agreed.gradient_cosine > 0.99999
    assert run.training.knobs["replicas"] == 1
    assert torch.equal(before, run.weights())
