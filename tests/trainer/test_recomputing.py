"""Activation checkpointing: the same training to the bit, with less memory; undone, refused where a block does not repeat itself."""

import copy
import random
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.trainer.running import config_of, of, run_with, training_of
from trainer.commands import Alternate, Command, Turn
from trainer.config import ConfigError, parse
from trainer.knobs import KnobError
from trainer.stepping.recomputing import names_of, recomputed
from trainer.stepping.simulated import SimulatedMemory
from trainer.stepping.step import take_step
from trainer.turning import turn, turn_back
from trainer.wire import BeatTaken, CommandRefused, Event, KnobsTurned, MemoryRanOut, StretchTaken, TrialEnded
from trainer.words import Turned

RESNET = {"name": "resnet", "width": 4}
CNN = {"name": "cnn", "width": 8}
ON = (Turned(knob="activation_checkpointing", to=True),)


class Scaled(nn.Module):
    """A transformer block that is called by keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, 0.2, batch_first=True)

    def forward(self, inputs: Tensor, *, scale: float) -> Tensor:
        return scale * self.layer(inputs)


class Listed(nn.Module):
    """Blocks in a list, as most transformers have them."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Scaled() for _ in range(3))
        self.head = nn.Linear(16, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        for block in self.blocks:
            inputs = block(inputs=inputs, scale=0.5)
        return self.head(inputs.mean(1))


class Chancy(nn.Module):
    """A block whose numbers nobody can draw again."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(64, 64), nn.Tanh())

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs * random.random())


def mixed() -> nn.Module:
    spectral = nn.utils.parametrizations.spectral_norm
    return nn.Sequential(*(nn.Sequential(spectral(nn.Linear(16, 16)), nn.BatchNorm1d(16), nn.ReLU()) for _ in range(3)))


@pytest.mark.parametrize("half", [False, True], ids=["fp32", "bf16"])
@pytest.mark.parametrize(
    ("build", "shape"), [(Listed, (4, 5, 16)), (mixed, (8, 16))], ids=["dropout", "batch norm, spectral norm"]
)
def test_gradients_buffers_and_random_numbers_are_the_same_to_the_bit(
    build: type[nn.Module], shape: tuple[int, ...], half: bool
) -> None:
    torch.manual_seed(0)
    first, inputs = build().train(), torch.randn(shape)
    second = copy.deepcopy(first)
    ends = []
    for model in (first, second):
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            if model is second:
                with recomputed(model):
                    outputs = model(inputs)
            else:
                outputs = model(inputs)
        outputs.float().square().mean().backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        ends.append([outputs, *gradients, *model.buffers(), torch.get_rng_state()])
    assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True))
    assert not any("forward" in vars(module) for module in second.modules()), "nothing stays in the user's model"


def test_blocks_are_those_that_repeat_and_none_lies_in_another() -> None:
    assert names_of(Listed()) == ("blocks.0", "blocks.1", "blocks.2")
    assert names_of(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))) == ()
    plain = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    assert names_of(plain) == ("0", "2"), "the last part is needed at once"
    assert names_of(nn.Sequential(plain, nn.Linear(2, 2))) == ("0.0", "0.2")


def test_a_turned_run_takes_the_same_steps_in_less_memory_and_turns_back(tmp_path: Path) -> None:
    losses, peaks = [], []
    for turned in (False, True):
        training, _ = training_of(tmp_path / str(turned), config_of(model=RESNET, dropout=0.2))
        training.model.train()
        changes = turn(training, ON) if turned else ()
        training.room.simulated = SimulatedMemory()
        steps = [float(take_step(training, training.supply.take()).loss) for _ in range(3)]
        peaks.append(training.room.highest_bytes())
        turn_back(training, changes)
        steps.append(float(take_step(training, training.supply.take()).loss))
        losses.append(steps)
    assert losses[0] == losses[1]
    assert peaks[1] < 0.8 * peaks[0]


def test_a_block_that_does_not_repeat_itself_is_refused_and_the_state_stays(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path)
    training.model = nn.Sequential(nn.Flatten(), Chancy(), Chancy(), nn.Linear(64, 10)).train()
    before = (random.getstate(), torch.get_rng_state())
    with pytest.raises(KnobError, match="does not repeat itself"):
        turn(training, ON)
    assert not training.knobs["activation_checkpointing"]
    assert before[0] == random.getstate()
    assert torch.equal(before[1], torch.get_rng_state())


def test_compiling_and_computing_again_are_not_had_together(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"train\.activation_checkpointing: a compiled pass .* leave one of them out$"
    ):
        parse(
            {"data": {"source": "sklearn:digits"}, "train": {"compile": "default", "activation_checkpointing": True}},
            "",
        )
    training, _ = training_of(tmp_path, config_of(model=RESNET))
    turn(training, ON)
    with pytest.raises(KnobError, match="a compiled pass decides itself"):
        turn(training, (Turned(knob="compile", to="default"),))


def test_a_model_without_blocks_says_so(tmp_path: Path) -> None:
    asked = Turn(trial="a", turns=ON)

    def driver(event: Event) -> list[Command]:
        return [asked] if isinstance(event, BeatTaken) and event.step < 5 else []

    _, heard = run_with(tmp_path, config_of(model={"name": "linear"}, epochs=1), driver)
    assert "no repeated blocks" in of(heard, CommandRefused)[0].why


def test_rounds_count_the_peak_of_memory_in_both_arms(tmp_path: Path) -> None:
    asked: list[Command] = [
        Alternate(trial="a", turns=ON, rounds=2, stretch_steps=2, stretch_s=0.0, agreement_passes=2)
    ]

    def driver(event: Event) -> list[Command]:
        return [asked.pop()] if isinstance(event, BeatTaken) and asked else []

    _, heard = run_with(tmp_path, config_of(model=CNN, epochs=2, memory_limit=100.0), driver)
    peaks = {arm: [s.peak_bytes for s in of(heard, StretchTaken) if s.arm == arm] for arm in ("control", "candidate")}
    assert of(heard, TrialEnded)
    assert 0 < max(peaks["candidate"]) < min(peaks["control"])


def test_out_of_memory_with_batch_norm_keeps_the_pieces_whole_where_computing_again_is_enough(tmp_path: Path) -> None:
    _, free = run_with(tmp_path / "free", config_of(epochs=1, model=CNN))
    words, tight = run_with(tmp_path / "tight", config_of(epochs=1, model=CNN, memory_limit=0.8))
    assert words.why == "finished"
    assert not of(tight, MemoryRanOut)
    (turned,) = of(tight, KnobsTurned)
    assert (turned.by, turned.changes[0].knob) == ("trainer", "activation_checkpointing")
    one, other = ([loss for beat in of(heard, BeatTaken) for loss in beat.loss] for heard in (free, tight))
    assert one == other
