"""Out of memory, on a simulated device: the same batch again in smaller pieces, whatever it was doing."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.running import config_of, of, run_with, training_of
from trainer.commands import Alternate, Command, Fork, Probe
from trainer.state.snapshot import random_state, restore, take
from trainer.stepping.recovery import MemoryExhausted, UpdateTorn
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.wire import (
    BeatTaken,
    CommandRefused,
    Event,
    KnobsTurned,
    MemoryRanOut,
    MemoryRegained,
    RolledBack,
    Told,
    TrialEnded,
)
from trainer.words import Turned

CNN = {"name": "cnn", "width": 4, "norm": False}
MLP = {"name": "mlp", "hidden": (128, 64)}


def losses(heard: list[Event]) -> list[float]:
    return [loss for beat in of(heard, BeatTaken) for loss in beat.loss]


def state(training: Training) -> list[torch.Tensor]:
    held = training.optimizer.state_dict()["state"]
    inner = [value for values in held.values() for value in values.values() if isinstance(value, torch.Tensor)]
    return [value.clone() for value in (*training.model.state_dict().values(), *inner)]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def stepping(folder: Path, **train: Any) -> tuple[Training, list[Event]]:
    model = train.pop("model", MLP)
    training, heard = training_of(folder, config_of(model=model, schedule="constant", warmup=0.0, **train))
    training.model.train()
    return training, heard


def limit(training: Training, mib: float) -> None:
    """Another process takes the rest of the device."""
    assert training.room.simulated is not None
    training.room.simulated.limit_bytes = round(mib * 2**20)


@pytest.mark.parametrize("mib", [0.25, 0.16])
def test_a_step_that_does_not_fit_is_run_again_in_smaller_pieces_and_learns_the_same(
    tmp_path: Path, mib: float
) -> None:
    _, free = run_with(tmp_path / "free", config_of(epochs=1, model=CNN))
    words, tight = run_with(tmp_path / "tight", config_of(epochs=1, model=CNN, memory_limit=mib))
    assert words.why == "finished"
    assert of(tight, MemoryRanOut)[0].micro_batch_before == 64
    assert losses(tight) == pytest.approx(losses(free), rel=1e-5)


def test_the_batch_that_ran_out_of_memory_draws_the_same_random_numbers_again(tmp_path: Path) -> None:
    images = {"model": {"name": "cnn", "width": 4}, "augment": True}
    roomy, _ = stepping(tmp_path, memory_limit=100.0, micro_batch=32, **images)
    tight, heard = stepping(tmp_path, memory_limit=0.3, **images)
    tight.unavailable["activation_checkpointing"] = "smaller pieces are what is tested"
    for _ in range(3):
        take_step(roomy, roomy.supply.take())
        take_step(tight, tight.supply.take())
    assert [event.micro_batch_after for event in of(heard, MemoryRanOut)] == [32]
    for one, other in zip(roomy.model.buffers(), tight.model.buffers(), strict=True):
        assert torch.allclose(one, other), "statistics of batch norm count every piece once"
    assert torch.equal(roomy.augmenter.get_state(), tight.augmenter.get_state())


@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])
def test_an_update_that_runs_out_of_memory_is_not_made_by_half(tmp_path: Path, optimizer: str) -> None:
    training, heard = stepping(tmp_path, optimizer=optimizer, memory_limit=100.0)
    batch = training.supply.take()
    assert training.room.simulated is not None
    start = take(training)
    take_step(training, batch)
    whole = state(training)
    peak = training.room.peak_bytes()
    restore(training, start)
    before = state(training)
    for share in (0.97, 0.9, 0.8):
        training.room.simulated.limit_bytes = int(share * peak)
        with pytest.raises(torch.OutOfMemoryError):
            take_step(training, batch, recovers=False)
        assert same(state(training), before)
    training.room.simulated.limit_bytes = 0
    take_step(training, batch)
    assert same(state(training), whole)
    assert not heard


def test_a_later_update_of_which_there_is_no_copy_sends_the_run_back_to_its_newest_state(tmp_path: Path) -> None:
    taken: list[bool] = []
    peaks: list[int] = []

    def driver(event: Event) -> list[Command]:
        from trainer.run import current

        if isinstance(event, BeatTaken) and not taken and event.step >= 2:
            training = current[0]
            peaks.append(training.room.peak_bytes())
            # A step in which the layers are looked at takes a fifth more, and when one is due depends on time.
            if event.step >= 33 and peaks[-1] < 1.1 * min(peaks):
                taken.append(True)
                # Enough for forward and backward, too little for the work space of the update.
                limit(training, peaks[-1] / 2**20 - 0.01)
        if isinstance(event, Told) and "newest state" in event.text:
            limit(current[0], 100.0)
        return []

    config = config_of(epochs=3, optimizer="rmsprop", model=MLP, micro_batch=8, memory_limit=100.0)
    words, heard = run_with(tmp_path, config, driver)
    assert words.why == "finished"
    assert any("newest state" in event.text for event in of(heard, Told))
    assert of(heard, RolledBack)[0].step < of(heard, RolledBack)[0].from_step


def test_a_run_in_which_nothing_fits_ends_with_a_checkpoint_and_one_line(tmp_path: Path) -> None:
    words, heard = run_with(tmp_path, config_of(epochs=1, model=CNN, memory_limit=0.03))
    assert words.why == "mistake"
    assert "a single example does not fit" in words.text
    assert "\n" not in words.text
    assert (tmp_path / "checkpoints" / "last.json").exists()
    tried = [(event.changes[0].knob, event.changes[0].new) for event in of(heard, KnobsTurned)]
    assert tried == [("activation_checkpointing", True), ("amp", "bf16")]


def test_a_run_that_ended_for_want_of_memory_goes_on_where_it_was(tmp_path: Path) -> None:
    _, whole = run_with(tmp_path / "whole", config_of(epochs=1, model=CNN))

    def driver(event: Event) -> list[Command]:
        from trainer.run import current

        if isinstance(event, BeatTaken) and event.step == 9:
            limit(current[0], 0.01)
        return []

    config = config_of(epochs=1, model=CNN, memory_limit=100.0)
    words, _ = run_with(tmp_path / "parts", config, driver)
    assert (words.why, words.step) == ("mistake", 9)
    (tmp_path / "parts" / "resume.json").write_text('{"set": {"train.amp": "off", "train.micro_batch": 0}}')
    words, rest = run_with(tmp_path / "parts", config, resume=True)
    assert words.why == "finished"
    assert losses(rest) == pytest.approx(losses(whole)[9:], rel=1e-5)


def test_an_evaluation_that_does_not_fit_is_made_in_pieces(tmp_path: Path) -> None:
    _, free = run_with(tmp_path / "free", config_of(epochs=1, model=CNN))
    _, tight = run_with(tmp_path / "tight", config_of(epochs=1, model=CNN, memory_limit=0.5))
    assert any("an evaluation ran out of memory" in event.text for event in of(tight, Told))
    one, other = ([e for e in heard if e.kind == "evaluated"] for heard in (free, tight))
    assert [e.loss for e in other] == pytest.approx([e.loss for e in one], rel=1e-5)
    assert not of(tight, MemoryRanOut)


class Squeezing:
    """A driver that asks for something once and takes memory away when it has begun."""

    def __init__(self, command: Command, begins: str, mib: float) -> None:
        self.command, self.begins, self.mib, self.asked = command, begins, mib, False

    def __call__(self, event: Event) -> list[Command]:
        from trainer.run import current

        if event.kind == self.begins:
            limit(current[0], self.mib)
        if isinstance(event, CommandRefused | TrialEnded):
            limit(current[0], 100.0)
        if isinstance(event, BeatTaken) and event.step >= 8 and not self.asked:
            self.asked = True
            return [self.command]
        return []


MICRO = (Turned(knob="micro_batch", to=64),)


def test_a_fork_that_runs_out_of_memory_is_given_up_and_the_run_is_as_without_it(tmp_path: Path) -> None:
    config = config_of(epochs=2, model=CNN, memory_limit=100.0, dropout=0.0)
    _, plain = run_with(tmp_path / "plain", config)
    fork = Fork(trial="f", turns=(Turned(knob="lr", to=0.01),), steps=5)
    words, heard = run_with(tmp_path / "fork", config, Squeezing(fork, "arm_scored", 0.1))
    assert words.why == "finished"
    assert "memory ran out" in of(heard, CommandRefused)[0].why
    assert losses(heard) == losses(plain)
    assert not of(heard, MemoryRanOut)


def test_rounds_whose_candidate_runs_out_of_memory_end_and_lose_no_batch(tmp_path: Path) -> None:
    config = config_of(epochs=4, model=CNN, memory_limit=0.25, micro_batch=32)
    _, plain = run_with(tmp_path / "plain", config)
    asked: list[Command] = [Alternate(trial="r", turns=MICRO, stretch_steps=2, stretch_s=0.0)]

    def driver(event: Event) -> list[Command]:
        return [asked.pop()] if isinstance(event, BeatTaken) and event.step >= 8 and asked else []

    words, heard = run_with(tmp_path / "rounds", config, driver)
    assert words.why == "finished"
    assert "memory ran out" in of(heard, CommandRefused)[0].why
    assert losses(heard) == losses(plain)


def test_a_probe_that_runs_out_of_memory_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    config = config_of(epochs=1, model=CNN, memory_limit=0.5)
    _, plain = run_with(tmp_path / "plain", config)
    asked: list[Command] = [Probe(probe="single_batch_fit")]

    def driver(event: Event) -> list[Command]:
        from trainer.run import current

        if isinstance(event, BeatTaken) and event.step == 5:
            limit(current[0], 0.02)
            return [asked.pop()] if asked else []
        if isinstance(event, CommandRefused):
            limit(current[0], 0.5)
        return []

    words, heard = run_with(tmp_path / "probe", config, driver)
    assert words.why == "finished"
    assert "memory_limit" in of(heard, CommandRefused)[0].why
    assert losses(heard) == losses(plain)


# ---------------------------------------------------------------- growing back


def clean_steps(training: Training, count: int) -> None:
    """Let the run look back on so many steps without trouble; one more is taken for real."""
    training.room.clean_steps = count - 1
    batch = training.supply.take()
    while len(batch.targets) < training.batch_size:
        batch = training.supply.take()
    take_step(training, batch)


def test_the_pieces_grow_again_after_many_clean_steps_where_there_is_room(tmp_path: Path) -> None:
    training, heard = stepping(tmp_path, model=CNN, memory_limit=0.16)
    for _ in range(2):
        take_step(training, training.supply.take())
    assert training.knobs["micro_batch"] == 16
    clean_steps(training, 500)
    assert not of(heard, MemoryRegained), "twice the pieces are predicted not to fit"
    limit(training, 2.0)
    clean_steps(training, 499)
    assert not of(heard, MemoryRegained)
    clean_steps(training, 500)
    clean_steps(training, 500)
    assert [(e.micro_batch_before, e.micro_batch_after) for e in of(heard, MemoryRegained)] == [(16, 32), (32, 64)]
    assert all(0 < event.predicted_share < 0.85 for event in of(heard, MemoryRegained))
    assert training.knobs["micro_batch"] == 0, "as the user has set it"


def test_the_predicted_peak_is_the_real_one(tmp_path: Path) -> None:
    training, heard = stepping(tmp_path, model=CNN, memory_limit=0.2)
    for _ in range(2):
        take_step(training, training.supply.take())
    limit(training, 2.0)
    clean_steps(training, 500)
    (regained,) = of(heard, MemoryRegained)
    assert training.room.simulated is not None
    training.room.begin_step()
    take_step(training, training.supply.take())
    assert training.room.peak_bytes() == pytest.approx(regained.predicted_share * 2 * 2**20, rel=0.1)


def test_a_size_that_ran_out_again_is_not_tried_a_third_time(tmp_path: Path) -> None:
    training, heard = stepping(tmp_path, model=CNN, memory_limit=0.25)
    for _ in range(2):
        take_step(training, training.supply.take())
    assert training.knobs["micro_batch"] == 32
    limit(training, 2.0)
    clean_steps(training, 500)
    limit(training, 0.25)
    take_step(training, training.supply.take())
    limit(training, 2.0)
    clean_steps(training, 500)
    clean_steps(training, 500)
    assert len(of(heard, MemoryRegained)) == 1
    assert training.knobs["micro_batch"] == 32


def test_pieces_that_somebody_has_set_since_are_left_alone(tmp_path: Path) -> None:
    training, heard = stepping(tmp_path, model=CNN, memory_limit=0.2)
    for _ in range(2):
        take_step(training, training.supply.take())
    training.knobs["micro_batch"] = 8
    limit(training, 2.0)
    clean_steps(training, 500)
    clean_steps(training, 500)
    assert not of(heard, MemoryRegained)
    assert training.knobs["micro_batch"] == 8


def test_without_a_limit_nothing_is_counted(tmp_path: Path) -> None:
    training, _ = stepping(tmp_path)
    assert training.room.simulated is None
    assert not training.room.may_run_out
    take_step(training, training.supply.take())
    assert training.room.peak_bytes() == 0


def test_counting_changes_no_result(tmp_path: Path) -> None:
    counted, plain = stepping(tmp_path, model=CNN, memory_limit=100.0)[0], stepping(tmp_path, model=CNN)[0]
    for _ in range(3):
        one, other = (float(take_step(t, t.supply.take()).loss) for t in (counted, plain))
        assert one == other
    assert same(state(counted), state(plain))
    assert torch.equal(random_state(counted)["torch"], random_state(plain)["torch"])


def test_exhausted_and_torn_are_told_apart() -> None:
    assert not issubclass(UpdateTorn, MemoryExhausted)
