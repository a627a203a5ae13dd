"""Scaled targets: trained in spreads, told and judged in the target's own unit, undone exactly, saved with the weights."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.trainer.running import Once, config_of, of, run_with, training_of
from trainer.commands import Decide, Fork
from trainer.config import Config, parse
from trainer.export import load, save_model
from trainer.setup import SetupError, build
from trainer.state.snapshot import restore, take
from trainer.stepping.objective import Objective
from trainer.stepping.step import take_step
from trainer.surgery import mixing, target_scale
from trainer.training import Training
from trainer.turning import turn
from trainer.wire import ArmScored, BeatTaken, Evaluated, Event, KnobsTurned, TrialBegan
from trainer.words import Turned

ON, OFF = (Turned(knob="scale_targets", to=True),), (Turned(knob="scale_targets", to=False),)

TASK = """
import torch
from torch import nn
from torch.nn import functional
from trainer import Task


class Outlook(nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, columns or 1))
        self.columns = columns

    def forward(self, inputs):
        outputs = self.net(inputs)
        return outputs if self.columns else outputs.flatten()


def task(columns=0, loss=None, behind=None, classes=False):
    draw = torch.Generator().manual_seed(1)
    inputs = torch.randn(200, 4, generator=draw)
    first = 3000 + 900 * (inputs[:, 0] - inputs[:, 1])
    targets = torch.stack([first, 0.01 * inputs[:, 2], torch.full_like(first, 7.0)], 1)[:, :columns] if columns else first
    if classes:
        targets = (inputs[:, 0] > 0).long()
        columns = 2
    model = Outlook(columns)
    return Task(model=nn.Sequential(model, behind) if behind else model, train=(inputs, targets), loss=loss)


def plain(seed): return task()
def three(seed): return task(columns=3)
def classes(seed): return task(classes=True)
def bounded(seed): return task(behind=nn.ReLU())
def huber(seed): return task(loss=nn.HuberLoss(delta=10.0))
def absolute(seed): return task(loss=functional.l1_loss)
def counts(seed): return task(loss=nn.PoissonNLLLoss(log_input=False))
def shares(seed): return task(loss=lambda outputs, targets: ((outputs - targets) / targets).abs().mean())


class Kept(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("level", torch.zeros(1))

    def forward(self, outputs, targets):
        return (outputs - targets + 0 * self.level).square().mean()


def keeps(seed): return task(loss=Kept())


def straight(seed):
    made = task()
    made.model = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    return made


class WithMean(Outlook):
    def __init__(self):
        super().__init__(0)
        self.register_buffer("target_mean", torch.full((1,), 3000.0))
        self.register_buffer("target_spread", torch.full((1,), 900.0))


class Strict(Outlook):
    def __init_subclass__(cls, *, named):
        super().__init_subclass__()


def means(seed):
    made = task()
    made.model = WithMean()
    return made


def strict(seed):
    made = task()
    made.model = type("Own", (Strict,), {}, named="own")(0)
    return made
"""


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tasks") / "tasks.py"
    path.write_text(TASK)
    return path


def configured(tasks: Path, name: str = "plain", **train: object) -> Config:
    asked = {"epochs": 4, "batch_size": 16, "optimizer": "adam", "lr": 0.01, "schedule": "constant"} | train
    return parse({"task": {"factory": f"{tasks}:{name}"}, "train": asked}, "test")


def running(folder: Path, tasks: Path, name: str = "plain", **train: object) -> Training:
    return training_of(folder, configured(tasks, name, **train))[0]


def steps(training: Training, count: int) -> list[float]:
    training.model.train()
    return [float(take_step(training, training.supply.take()).loss) for _ in range(count)]


class Own(nn.Module):
    """A user's own model, which takes its inputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(3, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.net(inputs)
        return outputs


@pytest.mark.parametrize("make", [Own, lambda: nn.Linear(3, 2), lambda: nn.Sequential(nn.Linear(3, 2))])
@pytest.mark.parametrize("inputs_first", [True, False])
def test_inputs_and_targets_are_scaled_and_taken_off_in_any_order(make: type[nn.Module], inputs_first: bool) -> None:
    torch.manual_seed(0)
    model = make().eval()
    kind, names, inputs = type(model), list(model.state_dict()), torch.randn(5, 3)
    before = model(inputs)
    mean, spread = torch.tensor([100.0, -1.0]), torch.tensor([50.0, 0.1])
    puts = [
        lambda: mixing.put_on(model, mixing.Standardised, torch.ones(3), torch.full((3,), 2.0)),
        lambda: mixing.put_on(model, mixing.InTargetUnits, mean, spread),
    ]
    for put in puts if inputs_first else reversed(puts):
        put()
    assert isinstance(model, kind)
    assert type(model).__name__ == kind.__name__
    assert torch.allclose(model(inputs * 2 + 1), before * spread + mean, atol=1e-4)
    assert torch.equal(copy.deepcopy(model)(inputs), model(inputs))
    mixing.take_off(model, mixing.Standardised)
    assert torch.allclose(model(inputs), before * spread + mean, atol=1e-4)
    mixing.take_off(model, mixing.InTargetUnits)
    assert type(model) is kind
    assert list(model.state_dict()) == names
    assert torch.equal(model(inputs), before)


def test_a_model_that_takes_its_inputs_by_name_still_does() -> None:
    model = Own()
    mixing.put_on(model, mixing.InTargetUnits, torch.zeros(2), torch.ones(2))
    inputs = torch.randn(2, 3)
    assert torch.equal(model(inputs=inputs), model(inputs))


def test_each_column_has_its_own_scale_and_a_constant_one_is_only_moved(tmp_path: Path, tasks: Path) -> None:
    training = running(tmp_path, tasks, "three")
    mean, spread = target_scale.scale_of(training.setup.source)
    targets = training.setup.source.train.targets
    assert targets is not None
    assert torch.allclose(mean, targets.mean(0), rtol=1e-4, atol=1e-4)
    assert torch.allclose(spread[:2], targets.std(0, correction=0)[:2], rtol=1e-3)
    assert (float(mean[2]), float(spread[2])) == (7.0, 1.0)


def test_targets_that_are_missing_are_left_out_of_the_scale(tmp_path: Path, tasks: Path) -> None:
    source = running(tmp_path, tasks).setup.source
    assert source.train.targets is not None
    source.train.targets[::3] = float("nan")
    mean, spread = target_scale.scale_of(source)
    known = source.train.targets[~source.train.targets.isnan()]
    assert torch.allclose(mean, known.mean(), rtol=1e-4)
    assert torch.allclose(spread, known.std(correction=0), rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("plain", "", id="a squared error"),
        pytest.param("three", "", id="several columns"),
        pytest.param("huber", "", id="an error with a bend"),
        pytest.param("absolute", "", id="an absolute error, a function"),
        pytest.param("classes", "only numbers to predict", id="classes"),
        pytest.param("bounded", "a relu stands behind the last layer", id="a bounded output"),
        pytest.param("counts", "difference", id="a likelihood of counts"),
        pytest.param("shares", "difference", id="a share of the target"),
        pytest.param("keeps", "numbers of its own", id="a loss with a state"),
        pytest.param("means", "the model has a target_mean of its own", id="a model with buffers of those names"),
        pytest.param(
            "strict", "no class can be derived from Own", id="a class that asks something of those derived from it"
        ),
    ],
)
def test_only_numbers_whose_loss_is_of_the_difference_can_be_scaled(tasks: Path, name: str, why: str) -> None:
    said = build(configured(tasks, name)).unavailable.get("scale_targets", "")
    assert why in said
    assert bool(why) == bool(said)


def test_a_run_that_asks_for_what_cannot_be_scaled_is_refused_in_one_line(tasks: Path) -> None:
    with pytest.raises(SetupError, match="only numbers to predict have a scale"):
        build(configured(tasks, "classes", scale_targets=True))


def test_a_built_in_model_scales_its_targets_by_itself() -> None:
    assert "already" in build(config_of("sklearn:diabetes", batch_size=16)).unavailable["scale_targets"]


@pytest.mark.parametrize(
    ("loss", "factor"),
    [pytest.param(None, 900.0, id="squared"), pytest.param(nn.L1Loss(), 30.0, id="absolute")],
)
def test_what_is_trained_on_is_in_spreads_and_what_is_told_and_judged_in_the_unit(
    loss: nn.Module | None, factor: float
) -> None:
    objective = Objective("regression", loss)
    targets = 90 + 30 * torch.randn(8, generator=torch.Generator().manual_seed(0))
    outputs = (targets + 5 * torch.randn(8)).requires_grad_()
    own = objective(outputs, targets).detach()
    objective.take_in_spreads((torch.tensor([90.0]), torch.tensor([30.0])))
    scaled = objective(outputs, targets, normaliser=8)
    assert scaled.requires_grad
    assert float(scaled.detach()) * factor == pytest.approx(float(own), rel=1e-4)
    assert float(objective.told(scaled, outputs, targets, 8)) == pytest.approx(float(own), rel=1e-6)
    assert torch.equal(objective.plain(outputs, targets).detach(), own)
    objective.take_in_spreads(None)
    assert torch.equal(objective(outputs, targets).detach(), own)


def test_an_error_with_a_bend_bends_at_so_many_spreads() -> None:
    objective = Objective("regression", nn.HuberLoss(delta=1.0))
    targets = torch.zeros(1)
    objective.take_in_spreads((torch.zeros(1), torch.tensor([10.0])))
    assert float(objective(torch.tensor([5.0]), targets)) == pytest.approx(0.5 * 0.5**2)
    assert float(objective.plain(torch.tensor([5.0]), targets)) == pytest.approx(4.5)


def test_scaled_targets_are_learned_where_raw_ones_are_not(tmp_path: Path, tasks: Path) -> None:
    def end(name: str, on: bool) -> float:
        _, heard = run_with(tmp_path / f"{name}{on}", configured(tasks, name, scale_targets=on))
        return of(heard, Evaluated)[-1].metrics["r2"]

    for name in ("plain", "huber", "absolute"):
        assert end(name, False) < 0 < 0.5 < end(name, True)


def test_a_snapshot_from_before_the_turn_takes_it_off_and_one_from_behind_it_puts_it_on(
    tmp_path: Path, tasks: Path
) -> None:
    training = running(tmp_path, tasks, ema=0.9)
    steps(training, 2)
    before = take(training)
    turn(training, ON)
    assert mixing.is_on(training.model, mixing.InTargetUnits)
    behind = take(training)
    told = steps(training, 3)
    restore(training, before)
    assert not mixing.is_on(training.model, mixing.InTargetUnits)
    assert not training.objective.in_spreads
    raw = steps(training, 3)
    restore(training, behind)
    assert steps(training, 3) == told
    restore(training, before)
    assert steps(training, 3) == raw


def test_the_start_of_a_run_can_be_gone_back_to_with_the_knob_on(tmp_path: Path, tasks: Path) -> None:
    training = running(tmp_path, tasks)
    start = take(training, on_host=True)
    steps(training, 3)
    turn(training, ON)
    restore(training, start, with_knobs=False)
    mean, spread = target_scale.scale_of(training.setup.source)
    worn = mixing.own_tensors(training.model, mixing.InTargetUnits).values()
    assert all(torch.equal(one, other) for one, other in zip(worn, (mean, spread), strict=True))
    anew = running(tmp_path, tasks, scale_targets=True)
    assert steps(training, 5) == steps(anew, 5)


def test_micro_batches_leave_the_gradient_of_the_whole_batch(tmp_path: Path, tasks: Path) -> None:
    whole, cut = (running(tmp_path, tasks, "straight", scale_targets=True, micro_batch=size) for size in (0, 5))
    assert steps(whole, 3) == pytest.approx(steps(cut, 3), rel=1e-5)


def test_a_model_with_buffers_of_the_same_names_is_loaded_as_the_users_own(tmp_path: Path, tasks: Path) -> None:
    training = running(tmp_path, tasks, "means")
    inputs = training.setup.source.val.tensors
    assert inputs is not None
    steps(training, 2)
    training.keep_best()
    wanted = training.best_model()(inputs[0]).detach()
    assert float(wanted.abs().max()) < 100.0, "said in units of the user's own"
    path = save_model(tmp_path, training.setup, training.best.weights, 2)
    assert torch.equal(load(path).outputs(inputs[0]), wanted.detach())


def test_the_best_model_is_saved_and_loaded_as_it_was_whatever_the_knob_is_now(tmp_path: Path, tasks: Path) -> None:
    training = running(tmp_path, tasks, "three")
    inputs = training.setup.source.val.tensors
    assert inputs is not None
    turn(training, ON)
    turn(training, (Turned(knob="standardise", to=True),))
    steps(training, 2)
    training.keep_best()
    wanted = copy.deepcopy(training.model).eval()(inputs[0])
    turn(training, OFF)
    assert torch.equal(training.best_model()(inputs[0]), wanted)
    path = save_model(tmp_path, training.setup, training.best.weights, 2)
    assert torch.equal(load(path).outputs(inputs[0]), wanted.detach())


def test_an_exported_program_says_the_same_in_the_targets_unit() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)).eval()
    mixing.put_on(model, mixing.InTargetUnits, torch.tensor([3000.0]), torch.tensor([900.0]))
    mixing.put_on(model, mixing.Standardised, torch.ones(3), torch.full((3,), 2.0))
    inputs = torch.randn(4, 3)
    wanted = model(inputs)
    exported = torch.export.export(model, (inputs,)).module()
    assert torch.allclose(exported(inputs), wanted, rtol=1e-5)


def test_a_fork_from_the_start_keeps_scaled_targets(tmp_path: Path, tasks: Path) -> None:
    fork = Fork(trial="T1", turns=ON, steps=0, nulls=1, from_start=True, score="loss", less_is_better=True)
    once = Once(15, fork)

    def driver(event: Event) -> list:  # type: ignore[type-arg]
        scored = isinstance(event, ArmScored) and event.arm == "null"
        return [*once(event), *([Decide(trial="T1", arm="candidate")] if scored else [])]

    _, heard = run_with(tmp_path / "run", configured(tasks), driver)
    arms = {event.arm: event.scores["loss"] for event in of(heard, ArmScored)}
    assert of(heard, TrialBegan)[0].from_start
    assert arms["candidate"] < 0.5 * arms["control"]
    assert [change.knob for event in of(heard, KnobsTurned) for change in event.changes] == ["scale_targets"]
    assert np.isfinite(of(heard, BeatTaken)[-1].loss[-1])
    assert mixing.is_on(load(tmp_path / "run").model, mixing.InTargetUnits)
