"""Outputs are looked at in real runs, which do not notice it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainer.running import Once, config_of, losses, of, run_with, training_of
from trainer.commands import Confirm, Turn
from trainer.config import Config, parse
from trainer.state.snapshot import take
from trainer.watching.outputs import LOOK_SHARES, OutputLooks, measure, reach_of
from trainer.wire import KnobsTurned, OutputsMeasured, RunStarted, Told, read_event, write
from trainer.words import Turned

TASKS = """
import torch
from torch import nn
from torch.nn import functional
from trainer import Task

X = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))


def numbers(loss=None, model=None):
    targets = 3 * X[:, 0] + X[:, 1]
    net = model or nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
    return Task(model=net, train=(X, targets), loss=loss)


def half_at_zero():
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
    with torch.no_grad():
        for layer in (net[0], net[2]):
            layer.weight.fill_(0.05)
            layer.bias.zero_()
    return numbers(model=net)


def cut_at_zero():
    class Cut(nn.Module):
        def forward(self, values):
            return values * (values > 0)

    return numbers(model=nn.Sequential(nn.Linear(6, 1), Cut()))


def broadcast():
    return numbers(nn.MSELoss())


def counts_its_calls():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, outputs, targets):
            self.calls += 1
            return functional.mse_loss(outputs.squeeze(1), targets) * (1 + self.calls / 1000)

    return numbers(Counting())


def fails_in_evaluation():
    class Fails(nn.Sequential):
        def forward(self, inputs):
            if not self.training:
                raise RuntimeError("evaluation is not for me")
            return super().forward(inputs)

    return numbers(model=Fails(nn.Linear(6, 1)))


def statistics():
    return numbers(model=nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1)))


def gated():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = nn.Linear(6, 1), nn.Linear(6, 1)

        def forward(self, inputs):
            return self.one(inputs) * torch.sigmoid(self.other(inputs))

    return numbers(model=Gated())


def halved():
    return numbers(lambda outputs, targets: functional.mse_loss(outputs.squeeze(1), targets) / 2)


def tanh_of_its_own():
    task = cut_off()
    task.loss = lambda outputs, targets: functional.mse_loss(outputs.squeeze(1), targets.tanh())
    return task


def two_for_one():
    def r2(outputs, targets):
        return float(1 - functional.mse_loss(outputs[:, 0], targets) / targets.var())

    loss = lambda outputs, targets: functional.gaussian_nll_loss(outputs[:, 0], targets, outputs[:, 1].exp())
    return Task(model=nn.Linear(6, 2), train=(X, X[:, 0]), loss=loss, metrics=[r2])


def cut_off():
    return numbers(model=nn.Sequential(nn.Linear(6, 1), nn.Tanh()))
"""


def own(folder: Path, name: str, **train: Any) -> Config:
    """Return the configuration of a task of `TASKS`."""
    folder.mkdir(exist_ok=True)
    (folder / "tasks.py").write_text(TASKS)
    asked = {"epochs": 2, "batch_size": 20, "lr": 1e-2, "optimizer": "sgd"} | train
    return parse({"task": {"factory": f"{folder / 'tasks.py'}:{name}"}, "train": asked}, "test")


@pytest.mark.parametrize("name", ["numbers", "statistics", "counts_its_calls"])
def test_a_run_that_is_looked_at_is_the_same_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    config = own(tmp_path, name)
    _, seen = run_with(tmp_path / "seen", config)
    monkeypatch.setattr(OutputLooks, "due", lambda _: False)
    _, unseen = run_with(tmp_path / "unseen", config)
    assert of(seen, OutputsMeasured)
    assert not of(unseen, OutputsMeasured)
    assert losses(seen) == losses(unseen)


def test_a_look_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "statistics"))
    batch = training.supply.take()
    before = take(training)
    measure(training, batch)
    after = take(training)
    assert all(torch.equal(before.model[name], after.model[name]) for name in before.model)
    assert torch.equal(before.random["torch"], after.random["torch"])
    assert training.model.training


def test_a_run_is_looked_at_before_its_first_step(tmp_path: Path) -> None:
    _, heard = run_with(tmp_path / "run", config_of(epochs=5))
    assert [event.step for event in of(heard, OutputsMeasured)] == [0]


def test_a_run_is_looked_at_again_while_its_loss_is_not_known(tmp_path: Path) -> None:
    _, heard = run_with(tmp_path / "run", own(tmp_path, "counts_its_calls", epochs=5))
    steps = [event.step for event in of(heard, OutputsMeasured)]
    assert len(steps) == 1 + len(LOOK_SHARES)
    assert steps[0] == 0


def test_a_model_that_cannot_be_looked_at_is_told_once_and_not_looked_at_again(tmp_path: Path) -> None:
    training, heard = training_of(tmp_path, own(tmp_path, "fails_in_evaluation"))
    looks = OutputLooks(training)
    assert looks.due()
    looks.take(training.supply.take())
    assert not looks.due()
    assert training.model.training
    assert [event.text for event in of(heard, Told)] == [
        "outputs and loss cannot be held against each other: RuntimeError: evaluation is not for me"
    ]


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_broadcast_loss_is_seen_before_the_first_step(tmp_path: Path) -> None:
    _, heard = run_with(tmp_path / "run", own(tmp_path, "broadcast"))
    first = of(heard, OutputsMeasured)[0].outputs
    assert (first.output_shape, first.target_shape, first.loss_kind) == ((1,), (), "")
    assert first.pairing_share < 1e-5


def test_a_gate_is_no_bound_and_a_tanh_behind_the_last_layer_is_one(tmp_path: Path) -> None:
    for name, behind, reach in (("gated", (), (-torch.inf, torch.inf)), ("cut_off", ("tanh",), (-1.0, 1.0))):
        training, _ = training_of(tmp_path, own(tmp_path, name))
        seen = measure(training, training.supply.take())
        assert (seen.behind, (seen.reach_low, seen.reach_high)) == (behind, reach)


def test_zeros_of_equal_units_are_no_bound_and_those_of_a_cut_of_the_users_own_are_one(tmp_path: Path) -> None:
    for name, low in (("half_at_zero", -torch.inf), ("cut_at_zero", 0.0)):
        training, _ = training_of(tmp_path, own(tmp_path, name))
        seen = measure(training, training.supply.take())
        assert (seen.low, seen.behind, seen.reach_low) == (0.0, (), low)


def test_the_scale_of_a_target_is_that_of_the_training_split(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "numbers"))
    seen = measure(training, training.supply.take())
    targets = training.setup.source.train.targets
    assert targets is not None
    assert (seen.target_mean, seen.target_std) == (
        pytest.approx(float(targets.mean()), abs=1e-6),
        pytest.approx(float(targets.std(correction=0)), rel=1e-5),
    )


def test_a_loss_that_has_turned_is_looked_at_again(tmp_path: Path) -> None:
    turn = Turn(trial="t", turns=(Turned(knob="loss", to="standard"),), probation_steps=100)
    driver = Once(4, turn, Confirm(trial="t"))
    _, heard = run_with(tmp_path / "run", own(tmp_path, "halved"), driver)
    assert of(heard, KnobsTurned)
    kinds = [(event.outputs.loss_kind, round(event.outputs.loss_factor, 3)) for event in of(heard, OutputsMeasured)]
    assert kinds[0] == ("squared", 0.5)
    assert kinds[-1] == ("squared", 1.0)
    assert of(heard, RunStarted)[0].task.baseline_standard_loss == pytest.approx(
        2 * of(heard, RunStarted)[0].task.baseline_train_loss, rel=1e-4
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("numbers", "the loss is the standard one already", id="no loss of its own"),
        pytest.param("tanh_of_its_own", "a tanh stands behind the last layer", id="bounded outputs"),
        pytest.param("two_for_one", "are not one number for each", id="other shapes"),
    ],
)
def test_the_standard_loss_is_refused_where_it_does_not_fit(tmp_path: Path, name: str, why: str) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, name))
    knob = next(knob for knob in training.catalogue() if knob.name == "loss")
    assert why in knob.unavailable


def raw() -> Tensor:
    return torch.randn(16, 5, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("outputs", "behind", "reach"),
    [
        pytest.param(raw(), (), (-torch.inf, torch.inf), id="raw"),
        pytest.param(raw().softmax(1), (), (0.0, 1.0), id="probabilities, by nothing that is known"),
        pytest.param(raw().relu(), (), (0.0, torch.inf), id="cut off, by nothing that is known"),
        pytest.param(raw().sigmoid(), ("sigmoid",), (0.0, 1.0), id="a sigmoid"),
        pytest.param(raw().sigmoid() + 3, ("sigmoid",), (-torch.inf, torch.inf), id="a sigmoid that is moved"),
        pytest.param(raw().abs(), (), (-torch.inf, torch.inf), id="positive by chance"),
        pytest.param(torch.zeros(16, 5), (), (-torch.inf, torch.inf), id="a head that begins at zero"),
        pytest.param(raw() / 0, ("tanh",), (-torch.inf, torch.inf), id="lost"),
    ],
)
def test_the_reach_of_outputs_is_that_of_what_stands_behind_the_last_layer(
    outputs: Tensor, behind: tuple[str, ...], reach: tuple[float, float]
) -> None:
    found = reach_of(outputs, behind)
    assert (found.low, found.high) == reach


def test_what_is_seen_survives_the_wire(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, own(tmp_path, "cut_off"))
    event = OutputsMeasured(outputs=measure(training, training.supply.take()))
    heard = read_event(write(event))
    assert isinstance(heard, OutputsMeasured)
    assert repr(heard) == repr(event)
    assert nn.Tanh.__name__.lower() in heard.outputs.behind
