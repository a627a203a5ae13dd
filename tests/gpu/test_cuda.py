"""The same trainer on a CUDA device: skipped where there is none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset, default_collate

from tests.trainer.running import config_of, of, run_with, training_of
from trainer.commands import Alternate, Command
from trainer.data.batch import Ticket
from trainer.data.feed import open_feed
from trainer.data.source import Split
from trainer.probing.memory_model import memory_model
from trainer.state import checkpoint
from trainer.state.keeping import Keeper
from trainer.state.snapshot import restore, take
from trainer.stepping.step import take_step
from trainer.turning import turn
from trainer.watching.outputs import measure
from trainer.wire import (
    AgreementMeasured,
    BeatTaken,
    Evaluated,
    Event,
    GuardActed,
    KnobsTurned,
    MemoryRanOut,
    StretchTaken,
)
from trainer.words import Turned

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def test_a_run_on_the_device_learns(tmp_path: Path) -> None:
    words, heard = run_with(tmp_path, config_of(device="cuda", epochs=10, lr=3e-3))
    assert words.why == "finished"
    assert of(heard, Evaluated)[-1].metrics["accuracy"] > 0.9
    assert all(sum(beat.phases.values()) > 0 for beat in of(heard, BeatTaken))


def test_outputs_and_loss_are_held_against_each_other_on_the_device(tmp_path: Path) -> None:
    seen = {}
    for device in ("cpu", "cuda"):
        training, _ = training_of(tmp_path, config_of(device=device))
        seen[device] = measure(training, training.supply.take())
    assert seen["cuda"].sum_factor == pytest.approx(seen["cpu"].sum_factor, rel=1e-3)
    assert seen["cuda"].pairing_share == pytest.approx(seen["cpu"].pairing_share, rel=1e-2)
    assert seen["cuda"].loss == pytest.approx(seen["cpu"].loss, rel=1e-2)


def test_a_snapshot_on_the_device_repeats(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(device="cuda", dropout=0.2, deterministic=True))
    training.model.train()
    snapshot = take(training)
    first = [float(take_step(training, training.supply.take()).loss) for _ in range(5)]
    restore(training, snapshot)
    assert [float(take_step(training, training.supply.take()).loss) for _ in range(5)] == pytest.approx(first, abs=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop"])
def test_the_kernel_leaves_out_a_step_that_is_not_finite(tmp_path: Path, optimizer: str) -> None:
    training, _ = training_of(tmp_path, config_of(device="cuda", optimizer=optimizer))
    training.model.train()
    batch = training.supply.take()
    before = {name: value.clone() for name, value in training.model.state_dict().items()}
    batch.inputs = torch.full_like(batch.inputs, float("nan"))
    take_step(training, batch)
    assert all(torch.equal(value, before[name]) for name, value in training.model.state_dict().items())


def test_what_the_device_skipped_is_told(tmp_path: Path) -> None:
    _, heard = run_with(tmp_path, config_of(device="cuda", lr=1e5, optimizer="sgd", warmup=0.0, epochs=2))
    assert any(event.deed == "skipped" for event in of(heard, GuardActed))


def test_bf16_is_tried_by_rounds_with_agreement(tmp_path: Path) -> None:
    asked: list[Command] = [
        Alternate(trial="a", turns=(Turned(knob="amp", to="bf16"),), stretch_s=0.01, agreement_passes=20)
    ]

    def driver(event: Event) -> list[Command]:
        return [asked.pop()] if isinstance(event, BeatTaken) and event.step >= 10 and asked else []

    _, heard = run_with(tmp_path, config_of(device="cuda", epochs=60), driver)
    assert of(heard, AgreementMeasured)[0].gradient_cosine > 0.99
    assert len(of(heard, StretchTaken)) == 12


def test_real_out_of_memory_is_survived(tmp_path: Path) -> None:
    model = {"name": "cnn", "width": 256}
    torch.cuda.set_per_process_memory_fraction(0.02)
    try:
        words, heard = run_with(tmp_path, config_of(device="cuda", epochs=1, batch_size=1024, model=model))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert words.why == "finished"
    assert 1 <= len(of(heard, MemoryRanOut)) <= 10


@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])
def test_a_first_update_without_room_for_its_state_is_not_made_by_half(tmp_path: Path, optimizer: str) -> None:
    model = {"name": "mlp", "hidden": (4096, 4096, 4096)}
    training, _ = training_of(tmp_path, config_of(device="cuda", optimizer=optimizer, model=model))
    training.model.train()
    batch = training.supply.take()
    before = {name: value.clone() for name, value in training.model.state_dict().items()}
    held, total = torch.cuda.memory_allocated(), torch.cuda.get_device_properties(0).total_memory
    gradients = sum(parameter.nbytes for parameter in training.model.parameters())
    torch.cuda.set_per_process_memory_fraction((held + 1.5 * gradients) / total)
    try:
        with pytest.raises(torch.OutOfMemoryError):
            take_step(training, batch, recovers=False)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert all(torch.equal(value, before[name]) for name, value in training.model.state_dict().items())
    assert not training.optimizer.state
    take_step(training, batch)
    assert training.progress.step == 1


def test_the_largest_batch_of_the_memory_model_fits(tmp_path: Path) -> None:
    model = {"name": "cnn", "width": 256}
    torch.cuda.set_per_process_memory_fraction(0.02)
    try:
        training, _ = training_of(tmp_path, config_of(device="cuda", batch_size=64, model=model))
        training.model.train()
        training.watching = False
        answer = memory_model(training)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert answer["source"] == "allocator"
    assert 0 < answer["peak_bytes"] <= 0.9 * answer["limit_bytes"]


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one CUDA device only")
@pytest.mark.parametrize("amp", ["off", "auto"])
def test_two_devices_take_the_steps_of_one(tmp_path: Path, amp: str) -> None:
    losses = []
    for replicas in (1, 2):
        training, heard = training_of(tmp_path, config_of(device="cuda", model={"name": "mlp"}, amp=amp))
        training.model.train()
        try:
            if replicas == 2:
                turn(training, [Turned(knob="replicas", to=2)])
            losses.append([float(take_step(training, training.supply.take()).loss) for _ in range(20)])
            assert not of(heard, KnobsTurned)
        finally:
            training.replicas.close()
    assert losses[1] == pytest.approx(losses[0], rel=1e-4 if amp == "off" else 1e-2)


def test_activations_computed_again_take_less_memory_and_leave_the_gradient_as_it_is(tmp_path: Path) -> None:
    losses, peaks = [], []
    for turned in (False, True):
        config = config_of(device="cuda", model={"name": "resnet"}, dropout=0.2, batch_size=256)
        training, _ = training_of(tmp_path / str(turned), config)
        training.model.train()
        if turned:
            turn(training, [Turned(knob="activation_checkpointing", to=True)])
        take_step(training, training.supply.take())
        training.room.begin_stretch()
        losses.append([float(take_step(training, training.supply.take()).loss) for _ in range(3)])
        peaks.append(training.room.highest_bytes())
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert peaks[1] < 0.8 * peaks[0]


def test_tf32_turns_for_the_process_and_back(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(device="cuda"))
    if "tf32" in training.unavailable:
        pytest.skip(training.unavailable["tf32"])
    before = torch.get_float32_matmul_precision()
    for on, precision in ((True, "high"), (False, "highest")):
        turn(training, [Turned(knob="tf32", to=on)])
        assert torch.get_float32_matmul_precision() == precision
        take_step(training, training.supply.take())
    torch.set_float32_matmul_precision(before)


def test_items_that_are_fetched_one_by_one_come_in_page_locked_memory(tmp_path: Path) -> None:
    items = TensorDataset(torch.randn(64, 4), torch.arange(64) % 2)
    split = Split(64, str, dataset=items)
    device = torch.device("cuda")
    feed = open_feed(split, default_collate, device=device, seed=0, workers=0, prefetch=2, cache=False)
    (batch,) = feed.batches([Ticket(epoch=0, offset=0, indices=np.arange(8))])
    feed.close()
    assert batch.inputs.is_pinned(), "only such a copy goes on beside the computing"
    assert torch.equal(batch.inputs.to("cuda", non_blocking=True).cpu(), items.tensors[0][:8])


def test_a_checkpoint_behind_the_training_is_that_of_its_step(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(device="cuda", async_checkpoints=True))
    training.model.train()
    take_step(training, training.supply.take())
    then = {name: value.cpu().clone() for name, value in training.model.state_dict().items()}
    Keeper(training).write_due()
    for _ in range(5):
        take_step(training, training.supply.take())
    training.behind.settle()
    held = checkpoint.read(tmp_path / "checkpoints", "last")[0].model
    assert all(torch.equal(held[name], value) for name, value in then.items())
