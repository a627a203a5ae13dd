"""What a look at a step tells: what enters the net, what was left over, what the optimizer does not move."""

from pathlib import Path
from typing import TypeVar

import pytest
import torch
from torch import nn

from tests.faults.cases import find
from tests.faults.mistakes import OPTIMIZERS
from tests.trainer.running import training_of
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.watching.entrance import Entrance
from trainer.watching.layers import LayerProbe
from trainer.watching.looks import STEPS_AFTER, Looks
from trainer.watching.stream_watch import StreamWatch
from trainer.wire import Event, LayersMeasured
from trainer.words import Stream

E = TypeVar("E")


def of(case: str, folder: Path, mode: str = "auto") -> tuple[Training, list[Event]]:
    """Return the faulty run of a case before its first step."""
    return training_of(folder, find(case).config("faulty", 0, "watch"), mode)


def looked(training: Training, heard: list[Event], steps: int) -> list[LayersMeasured]:
    """Train as the loop does, and return what the looks have told."""
    looks = Looks(training)
    for _ in range(steps):
        batch = training.supply.take()
        layers = looks.at(batch)
        take_step(training, batch, layers)
        looks.tell(layers, batch)
    return [event for event in heard if isinstance(event, LayersMeasured)]


def streams(told: list[LayersMeasured]) -> list[Stream]:
    return [event.stream for event in told if event.stream is not None]


def test_a_healthy_run_leaves_no_gradients_and_moves_all_tensors(tmp_path: Path) -> None:
    told = looked(*of("ok_sgd", tmp_path), steps=40)
    assert len(told) == 40 // 8
    assert {(one.gradients_left, one.left_out, one.idle) for one in told} == {(0, (), ())}
    for stream in streams(told):
        assert -1 < stream.mean < 0
        assert 0.5 < stream.std < 1
        assert (stream.broken_share, stream.alike, stream.asked) == (0.0, False, 0)


def test_labels_are_held_against_inputs_that_the_net_takes_apart_before_its_weights(tmp_path: Path) -> None:
    told = looked(*of("second_ok_greater", tmp_path), steps=60)
    agreements = [stream.agreement for stream in streams(told) if stream.agreement is not None]
    assert len(agreements) >= 3
    assert min(agreements) > 0.6, "a linear model of two digits tells which is the greater three times in four"


def test_gradients_that_are_never_zeroed_are_seen_from_the_second_step_on(tmp_path: Path) -> None:
    told = looked(*of("gradients_pile_up", tmp_path), steps=20)
    assert [one.gradients_left for one in told] == [0, 6, 6]
    assert told[0].tensors == 6


def test_tensors_that_the_optimizer_does_not_hold_are_named_at_the_first_look(tmp_path: Path) -> None:
    told = looked(*of("layers_forgotten", tmp_path), steps=1)
    assert told[0].left_out[:2] == ("1.weight", "1.bias")
    assert len(told[0].left_out) == told[0].tensors - 2


def test_a_group_at_rate_zero_is_idle_and_an_optimizer_that_rests_wholly_is_not() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    probe = LayerProbe(net)
    net(torch.ones(2, 3)).sum().backward()
    probe.before(net)
    assert probe.report(OPTIMIZERS["body_at_zero"](net, 0.1)).idle == ("0.weight", "0.bias")
    assert probe.report(torch.optim.SGD(net.parameters(), lr=0.0)).idle == ()


def test_a_bias_in_front_of_a_batch_norm_may_rest(tmp_path: Path) -> None:
    told = looked(*of("ok_resnet", tmp_path), steps=12)
    assert [one.unchanged for one in told] == [()] * len(told)


@pytest.mark.parametrize("gradient", [torch.inf, torch.nan])
def test_a_step_that_is_left_out_for_its_gradient_says_nothing_of_what_moves(gradient: float) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def unchanged(first: float) -> tuple[str, ...]:
        probe = LayerProbe(net)
        net(torch.ones(2, 3)).sum().backward()
        weight = net.get_parameter("0.weight")
        assert weight.grad is not None
        weight.grad[0, 0] = first
        probe.before(net)
        return probe.report(optimizer).unchanged

    assert unchanged(0.5) == ("0.weight", "0.bias", "1.weight", "1.bias")
    assert unchanged(gradient) == ()


def test_a_net_that_is_given_zeros_sees_all_examples_alike(tmp_path: Path) -> None:
    assert all(stream.alike for stream in streams(looked(*of("inputs_blind", tmp_path), steps=10)))


def test_the_values_are_caught_behind_what_the_net_itself_does_to_them() -> None:
    class Scales(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.head(torch.relu(inputs) * 10)  # type: ignore[no-any-return]

    net = Scales()
    entrance = Entrance(net)
    net(torch.tensor([[1.0, -1.0, 2.0]]))
    assert entrance.inputs is not None
    assert entrance.inputs.tolist() == [[10.0, 0.0, 20.0]]
    entrance.close()
    net(torch.zeros(1, 3))
    assert entrance.inputs.tolist() == [[10.0, 0.0, 20.0]]


def test_a_step_that_the_guard_leaves_out_is_followed_by_looks_at_what_goes_in(tmp_path: Path) -> None:
    training, heard = of("values_go_missing", tmp_path)
    model = training.model
    model.amount = 10  # type: ignore[assignment]
    told = looked(training, heard, steps=20)
    near = [one.step for one in told if 12 <= one.step < 12 + STEPS_AFTER]
    assert near == [12, 13, 14]
    assert [one.stream.broken_share > 0 for one in told if one.stream] == [one.step > 10 for one in told]


def test_a_loader_that_repeats_itself_is_counted(tmp_path: Path) -> None:
    last = streams(looked(*of("loader_few", tmp_path), steps=60))[-1]
    assert last.asked > 100
    assert last.distinct <= 40
    whole = streams(looked(*of("labels_off_by_one", tmp_path / "whole"), steps=60))[-1]
    assert whole.distinct > 0.9 * whole.asked


def test_after_the_first_epoch_targets_are_held_against_inputs(tmp_path: Path) -> None:
    training, heard = of("ok_sgd", tmp_path)
    told = looked(training, heard, steps=2 * training.steps_per_epoch)
    known = [(one.samples, one.stream.agreement) for one in told if one.stream]
    examples = training.setup.info.train_examples
    assert all(agreement is None for samples, agreement in known if samples < examples)
    after = [agreement for samples, agreement in known if samples > examples]
    assert after
    assert all(agreement is not None and agreement > 0.6 for agreement in after)


def test_a_batch_in_pieces_is_held_against_the_targets_of_its_first_piece(tmp_path: Path) -> None:
    training, heard = of("ok_sgd", tmp_path)
    training.knobs["micro_batch"] = 8
    told = looked(training, heard, steps=training.steps_per_epoch + 20)
    assert streams(told)[-1].agreement is not None
    assert {stream.examples for stream in streams(told)} == {8}


def test_a_freak_example_does_not_move_what_is_said_of_a_batch(tmp_path: Path) -> None:
    training, _ = of("ok_sgd", tmp_path)
    watch = StreamWatch(training.setup, training.batch_size, training.progress.samples_total)
    batch = training.supply.take()
    plain = watch.look(batch.inputs, batch)
    freak = batch.inputs.clone()
    freak[0] *= 200
    moved = watch.look(freak, batch)
    assert plain is not None
    assert moved is not None
    assert moved.std == pytest.approx(plain.std, rel=0.1)
    scaled = watch.look(batch.inputs * 100, batch)
    assert scaled is not None
    assert scaled.std == pytest.approx(100 * plain.std)


def test_single_numbers_have_the_spread_of_their_batch(tmp_path: Path) -> None:
    training, _ = of("ok_sgd", tmp_path)
    watch = StreamWatch(training.setup, training.batch_size, training.progress.samples_total)
    batch = training.supply.take()
    numbers = torch.randn(len(batch.targets), 1, generator=torch.Generator().manual_seed(0))
    numbers[3] = torch.inf
    one = watch.look(numbers, batch)
    assert one is not None
    assert 0.5 < one.std < 1.6
    assert one.broken_share == pytest.approx(1 / len(numbers))
