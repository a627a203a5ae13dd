"""Compression of a finished model: smaller on disk, scored on held-out examples, loadable, and taken back when told."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.running import config_of, run_with, training_of
from trainer.commands import Command, Compress, Decide
from trainer.compressing import compress, proving
from trainer.compressing.compress import CompressError, pruned
from trainer.compressing.proving import prove
from trainer.compressing.quantise import why_not
from trainer.export import load
from trainer.training import Training
from trainer.wire import Arm, Compressed, Event, Told, TrainingEnded, TrialEnded, write


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A digits MLP with more weights than it needs, trained for a few epochs."""
    return trained_on_digits(tmp_path_factory.mktemp("run"), {"name": "mlp", "hidden": (256, 128)}, epochs=8)[0]


def trained_on_digits(folder: Path, model: dict[str, Any], epochs: int) -> tuple[Training, list[Event]]:
    """A run whose model a plain loop has trained, and what it says from here on."""
    training, heard = training_of(folder, config_of(model=model, lr=3e-3))
    assert training.setup.source.train.tensors is not None
    inputs, targets = training.setup.source.train.tensors
    optimizer = torch.optim.AdamW(training.model.parameters(), 3e-3)
    torch.manual_seed(0)
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(64):
            optimizer.zero_grad()
            training.objective(training.model(inputs[rows]), targets[rows]).backward()
            optimizer.step()
    training.keep_best()
    return training, heard


def kept(training: Training, command: Compress) -> Compressed:
    result = compress.run(training, command)
    result.keep()
    return result.event


@pytest.mark.parametrize(("method", "name", "at_most"), [("prune", "pruned", 0.4), ("int8", "int8", 0.3)])
def test_the_copy_is_smaller_and_nearly_as_good(trained: Training, method: str, name: str, at_most: float) -> None:
    event = kept(trained, Compress(trial="t1", method=method))  # type: ignore[arg-type]
    assert event.trial == "t1"
    assert event.bytes_after == Path(event.path).stat().st_size
    assert event.bytes_after < at_most * event.bytes_before
    assert event.metric_after >= event.metric_before * (1 - trained.config.advisor.compress_loss)
    assert event.test_before is not None
    assert event.test_after is not None
    assert event.test_after > event.test_before - 0.03
    assert 0 <= event.standard_error < 0.02
    assert 0 < event.latency_after_s < 1
    inputs, targets = trained.setup.source.val.tensors  # type: ignore[misc]
    accuracy = float((load(trained.folder, name).outputs(inputs).argmax(1) == targets).float().mean())
    assert accuracy == pytest.approx(event.metric_after)


def test_pruning_takes_more_than_asked_for_where_the_metric_bears_it(trained: Training) -> None:
    event = kept(trained, Compress(method="prune", amount=0.3))
    assert event.bytes_after < 0.5 * event.bytes_before


def test_pruning_beyond_what_the_metric_bears_is_shown_as_a_loss(trained: Training) -> None:
    event = kept(trained, Compress(method="prune", amount=0.99))
    assert event.metric_after < event.metric_before - 0.1
    assert event.standard_error > 0


CNN = {"name": "cnn", "width": 32}


def test_without_the_extra_a_slow_model_is_packed_and_the_note_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)
    monkeypatch.setattr(compress, "INT8_FROM_S", 0.0)
    monkeypatch.setattr("trainer.compressing.quantise.platform.machine", lambda: "x86_64")
    training, _ = trained_on_digits(tmp_path, CNN, epochs=1)
    event = kept(training, Compress(method="int8"))
    assert "training-advisor[compress]" in event.note
    loaded = load(tmp_path, "int8")
    assert not loaded.in_int8
    assert "ranges" not in loaded.about


def test_a_small_model_is_not_compiled(trained: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compress, "INT8_FROM_S", 0.0)
    monkeypatch.setattr(compress, "prove", lambda *_, **__: pytest.fail("it has 50,000 weights"))
    event = kept(trained, Compress(method="int8"))
    assert event.note.endswith("as fast as before")


def test_a_copy_that_takes_too_long_to_compile_computes_in_float(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why_not():
        pytest.skip(why_not())
    monkeypatch.setattr(compress, "INT8_FROM_S", 0.0)
    monkeypatch.setattr(proving, "LIMIT_S", 0.4)
    training, heard = trained_on_digits(tmp_path, CNN, epochs=1)
    event = kept(training, Compress(method="int8"))
    assert "loads as a float model" in event.note
    assert any("took over" in one.text for one in heard if isinstance(one, Told))
    assert "ranges" not in load(tmp_path, "int8").about


@pytest.mark.slow
@pytest.mark.skipif(bool(why_not()), reason=why_not() or "int8 runs here")
@pytest.mark.parametrize("model", [pytest.param(CNN, id="cnn"), pytest.param({"name": "resnet"}, id="resnet")])
def test_an_int8_copy_computes_as_it_did_when_it_was_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: dict[str, Any]
) -> None:
    monkeypatch.setattr(compress, "INT8_FROM_S", 0.0)
    monkeypatch.setattr(compress, "INT8_FROM_PARAMETERS", 0)
    # Here it matters that it computes as it should; whether it is faster depends on the processor.
    monkeypatch.setattr(compress, "prove", lambda *given, **how: replace(prove(*given, **how), int8_s=1e-9))
    training, _ = trained_on_digits(tmp_path, model, epochs=8)
    event = kept(training, Compress(method="int8"))
    assert event.note.startswith("computes in int8")
    assert event.bytes_after < 0.32 * event.bytes_before
    loaded, rounded = load(tmp_path, "int8"), load(tmp_path, "int8", execute="float")
    assert loaded.in_int8
    assert not rounded.in_int8
    inputs, targets = training.setup.source.val.tensors  # type: ignore[misc]
    said, floats = loaded.outputs(inputs), rounded.outputs(inputs)
    assert float((said.argmax(1) == targets).float().mean()) == pytest.approx(event.metric_after)
    assert 0 < (said - floats).abs().max() < 0.05 * floats.abs().max()
    assert (said.argmax(1) == floats.argmax(1)).float().mean() > 0.98
    assert torch.equal(loaded.outputs(inputs[:5]), said[:5])


def test_a_copy_has_its_name_once_it_is_kept_and_is_gone_when_it_is_not(trained: Training) -> None:
    kept(trained, Compress(method="prune"))
    result = compress.run(trained, Compress(method="prune"))
    result.path.unlink()
    assert result.pending.exists()
    assert load(trained.folder).classes == tuple("0123456789")
    result.discard()
    assert not result.pending.exists()
    assert not result.path.exists()


def test_what_a_killed_trainer_has_compressed_is_deleted_by_the_next(trained: Training) -> None:
    result = compress.run(trained, Compress(method="prune"))
    compress.clear(trained.folder)
    assert not result.pending.exists()
    assert load(trained.folder).classes == tuple("0123456789")


@pytest.mark.parametrize("arm", ["candidate", "control", None])
def test_of_a_trainer_that_died_those_copies_stay_that_it_told_to_stay(trained: Training, arm: Arm | None) -> None:
    result = compress.run(trained, Compress(trial="t1", method="prune"))
    result.keep()
    told = [] if arm is None else [TrialEnded(trial="t1", went_on_from=arm, seconds=1.0)]
    events = trained.folder / "events.jsonl"
    events.write_text("".join(write(event) + "\n" for event in (result.event, *told)) + '{"kind":"trial_ended","tr')
    compress.clear(trained.folder)
    assert result.path.exists() == (arm == "candidate")
    result.path.unlink(missing_ok=True)
    events.unlink()


def test_a_copy_that_nobody_judges_does_not_stay(tmp_path: Path) -> None:
    def driver(event: Event) -> list[Command]:
        return [Compress(trial="a", method="prune")] if isinstance(event, TrainingEnded) else []

    ended, heard = run_with(tmp_path / "run", config_of(epochs=1), driver)
    assert ended.why == "finished"
    assert any(isinstance(event, Compressed) for event in heard)
    assert [path.name for path in (tmp_path / "run").glob("*.safetensors")] == ["best.safetensors"]


def test_compression_leaves_the_model_as_it_was(trained: Training) -> None:
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}
    compress.run(trained, Compress(method="prune"))
    assert all(torch.equal(value, before[name]) for name, value in trained.model.state_dict().items())


def test_a_model_without_large_weights_is_refused(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of("sklearn:iris", model={"name": "linear"}, batch_size=16))
    with pytest.raises(CompressError, match="nothing to make smaller"):
        compress.run(training, Compress(method="int8"))


def test_pruning_takes_the_smallest_weights_of_each_layer_and_empties_none() -> None:
    weights = {
        "large": torch.linspace(1, 2, 400).reshape(20, 20),
        "small": torch.linspace(0.001, 0.002, 400).reshape(20, 20),
        "bias": torch.full((4,), 1e-3),
    }
    half = pruned(weights, 0.5)
    for name in ("large", "small"):
        kept = half[name] != 0
        assert kept.sum() == 200
        assert weights[name][kept].min() > weights[name][~kept].max()
    assert torch.equal(half["bias"], weights["bias"])


def test_a_run_compresses_on_command_and_deletes_what_was_not_worth_it(tmp_path: Path) -> None:
    def driver(event: Event) -> list[Command]:
        if isinstance(event, TrainingEnded):
            keep = [Compress(trial="a", method="int8"), Decide(trial="a", arm="candidate")]
            drop = [Compress(trial="b", method="prune"), Decide(trial="b", arm="control")]
            return [*keep, *drop]
        return []

    ended, heard = run_with(tmp_path / "run", config_of(epochs=1), driver)
    assert ended.why == "finished"
    assert [event.method for event in heard if isinstance(event, Compressed)] == ["int8", "prune"]
    assert (tmp_path / "run" / "int8.safetensors").exists()
    assert not (tmp_path / "run" / "pruned.safetensors").exists()
    ends = [(event.trial, event.went_on_from) for event in heard if isinstance(event, TrialEnded)]
    assert ends == [("a", "candidate"), ("b", "control")]


def test_a_verdict_on_another_copy_changes_nothing(tmp_path: Path) -> None:
    def driver(event: Event) -> list[Command]:
        if isinstance(event, TrainingEnded):
            return [Compress(trial="a", method="prune"), Decide(trial="z", arm="candidate")]
        return []

    _, heard = run_with(tmp_path / "run", config_of(epochs=1), driver)
    assert [event.went_on_from for event in heard if isinstance(event, TrialEnded)] == ["control"]
    assert not (tmp_path / "run" / "pruned.safetensors").exists()
