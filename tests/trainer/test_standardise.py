"""Standardised inputs: as the data would be standardised by hand, undone exactly, saved and loaded with the weights."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.trainer.running import config_of, training_of
from trainer.export import load, save_model
from trainer.state.snapshot import restore, take
from trainer.stepping.step import take_step
from trainer.surgery import mixing, standardise
from trainer.training import Training
from trainer.turning import turn
from trainer.words import Turned

ON, OFF = (Turned(knob="standardise", to=True),), (Turned(knob="standardise", to=False),)


class Own(nn.Module):
    """A user's own model, with a batch norm and a method besides."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.net(inputs)

    def said(self) -> str:
        return "mine"


def test_a_model_sees_inputs_of_mean_0_and_spread_1_and_missing_ones_as_the_mean() -> None:
    model = nn.Identity()
    mixing.put_on(model, mixing.Standardised, torch.tensor([100.0, -2.0]), torch.tensor([50.0, 0.5]))
    seen = model(torch.tensor([[150.0, -1.5], [float("nan"), float("inf")]]))
    assert torch.equal(seen, torch.tensor([[1.0, 1.0], [0.0, 0.0]]))


@pytest.mark.parametrize("make", [Own, lambda: nn.Linear(3, 2), lambda: nn.Sequential(nn.Linear(3, 2))])
def test_taking_it_off_leaves_the_model_as_it_was(make: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = make().eval()
    kind, names, inputs = type(model), list(model.state_dict()), torch.randn(5, 3)
    before = model(inputs)
    mixing.put_on(model, mixing.Standardised, torch.ones(3), torch.full((3,), 2.0))
    assert isinstance(model, kind)
    assert type(model).__name__ == kind.__name__
    assert torch.allclose(model(inputs * 2 + 1), before, atol=1e-6)
    assert torch.equal(copy.deepcopy(model)(inputs), model(inputs))
    mixing.take_off(model, mixing.Standardised)
    assert type(model) is kind
    assert list(model.state_dict()) == names
    assert torch.equal(model(inputs), before)


def test_weights_say_whether_a_model_standardises() -> None:
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    mixing.put_on(one, mixing.Standardised, torch.rand(3), torch.rand(3) + 1)
    mixing.fit(other, one.state_dict())
    other.load_state_dict(one.state_dict())
    inputs = torch.randn(4, 3)
    assert torch.equal(one(inputs), other(inputs))
    mixing.fit(other, nn.Linear(3, 2).state_dict())
    assert not mixing.is_on(other, mixing.Standardised)


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        pytest.param(torch.zeros(2, 3), "", id="fractions"),
        pytest.param(torch.zeros(2, 3, dtype=torch.int64), "fractions", id="numbers of words"),
        pytest.param({"a": torch.zeros(2, 3)}, "fractions", id="a structure"),
    ],
)
def test_only_one_tensor_of_fractions_has_a_scale(inputs: object, why: str) -> None:
    assert why in standardise.refusal(nn.Linear(3, 2), inputs)
    assert bool(why) == bool(standardise.refusal(nn.Linear(3, 2), inputs))


def test_nothing_can_be_put_before_a_compiled_model() -> None:
    assert "compiled" in standardise.refusal(torch.compile(nn.Linear(3, 2)), torch.zeros(2, 3))


def running(folder: Path, **train: object) -> Training:
    config = config_of("sklearn:wine", epochs=2, batch_size=16, **train)
    raw = config.model_copy(update={"data": config.data.model_copy(update={"standardise": False})})
    training, _ = training_of(folder, raw)
    return training


def steps(training: Training, count: int) -> list[float]:
    training.model.train()
    return [float(take_step(training, training.supply.take()).loss) for _ in range(count)]


def test_a_few_values_far_out_leave_the_scale_to_the_others_and_reach_the_net_as_lying_ten_spreads_out(
    tmp_path: Path,
) -> None:
    training = running(tmp_path)
    tensors = training.setup.source.train.tensors
    assert tensors is not None
    mean, spread = standardise.scale_of(training.setup.source)
    tensors[0][0, 4] = 1e6
    same_mean, same_spread = standardise.scale_of(training.setup.source)
    assert torch.allclose(same_mean, mean, rtol=0.05)
    assert torch.allclose(same_spread, spread, rtol=0.1)
    seen = nn.Identity()
    mixing.put_on(seen, mixing.Standardised, same_mean, same_spread)
    assert float(seen(tensors[0])[0, 4]) == mixing.REACH


def test_the_scale_of_pictures_is_told_channel_by_channel() -> None:
    pictures = (
        torch.randn(400, 2, 6, 6, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0])[:, None, None]
    )
    pictures[:3] *= 200
    reach = standardise.reach_of(pictures, standardise.within("image", pictures.ndim))
    assert reach.shape == pictures.shape
    assert bool((reach[3:] < standardise.FAR_TIMES).all())
    assert float(reach[:3].max()) > 100


def test_the_scale_is_that_of_the_training_split_and_a_constant_feature_is_only_moved(tmp_path: Path) -> None:
    training = running(tmp_path)
    tensors = training.setup.source.train.tensors
    assert tensors is not None
    tensors[0][:, 2] = 7.0
    mean, spread = standardise.scale_of(training.setup.source)
    assert torch.allclose(mean, tensors[0].mean(0), rtol=1e-4)
    assert torch.allclose(spread[[0, 12]], tensors[0].std(0, correction=0)[[0, 12]], rtol=1e-4)
    assert (float(mean[2]), float(spread[2])) == (7.0, 1.0)


def test_a_snapshot_from_before_the_turn_takes_it_off_and_one_from_behind_it_puts_it_on(tmp_path: Path) -> None:
    training = running(tmp_path, ema=0.9)
    steps(training, 2)
    before = take(training)
    turn(training, ON)
    assert mixing.is_on(training.model, mixing.Standardised)
    behind = take(training)
    told = steps(training, 3)
    restore(training, before)
    assert not mixing.is_on(training.model, mixing.Standardised)
    raw = steps(training, 3)
    restore(training, behind)
    assert steps(training, 3) == told
    restore(training, before)
    assert steps(training, 3) == raw


def test_the_start_of_a_run_can_be_gone_back_to_with_the_knob_on(tmp_path: Path) -> None:
    training = running(tmp_path)
    start = take(training, on_host=True)
    steps(training, 3)
    turn(training, ON)
    restore(training, start, with_knobs=False)
    mean, spread = standardise.scale_of(training.setup.source)
    worn = mixing.own_tensors(training.model, mixing.Standardised).values()
    assert all(torch.equal(one, other) for one, other in zip(worn, (mean, spread), strict=True))
    assert training.progress.step == 0
    assert np.isfinite(steps(training, 3)).all()


def test_the_best_model_is_saved_and_loaded_as_it_was_whatever_the_knob_is_now(tmp_path: Path) -> None:
    training = running(tmp_path)
    inputs = training.setup.source.val.tensors
    assert inputs is not None
    turn(training, ON)
    steps(training, 2)
    training.keep_best()
    wanted = copy.deepcopy(training.model).eval()(inputs[0])
    turn(training, OFF)
    assert torch.equal(training.best_model()(inputs[0]), wanted)
    path = save_model(tmp_path, training.setup, training.best.weights, 2)
    assert torch.equal(load(path).outputs(inputs[0]), wanted.detach())
