"""The compiled forward pass: the same training but for rounding, exact randomness, and never a reason to fail."""

import os
from math import inf
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo.utils

from tests.trainer.running import config_of, of, run_with, training_of
from trainer.commands import Alternate, Command, Confirm, Turn
from trainer.data.batch import Batch
from trainer.replicas.replicas import dealt
from trainer.stepping.compiling import Compiled, why_not
from trainer.stepping.pieces import cut, forward, piece_size, to_device, usual_piece
from trainer.stepping.step import take_step
from trainer.turning import set_knobs
from trainer.wire import AgreementMeasured, BeatTaken, Event, TrialEnded
from trainer.words import Turned

needs_compiler = pytest.mark.skipif(bool(why_not(torch.device("cpu"))), reason=why_not(torch.device("cpu")))


DROPS = {"name": "mlp", "width": 32}


def graphs_compiled() -> int:
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


@pytest.mark.slow
@needs_compiler
def test_a_compiled_run_takes_the_steps_of_an_eager_one_but_for_rounding(tmp_path: Path) -> None:
    ends: list[tuple[list[float], torch.Tensor]] = []
    for mode in ("off", "default"):
        config = config_of(model=DROPS, batch_size=32, dropout=0.2, compile=mode)
        training, _ = training_of(tmp_path / mode, config)
        losses = [float(take_step(training, batch).loss) for batch in training.supply.look_ahead(4)]
        assert not training.compiled.given_up
        assert list(training.compiled._by_mode) == [mode] * (mode != "off")
        ends.append((losses, torch.random.get_rng_state()))
    (eager, eager_random), (compiled, compiled_random) = ends
    assert compiled == pytest.approx(eager, rel=1e-4)
    assert torch.equal(eager_random, compiled_random), "dropout draws other numbers"


@pytest.mark.slow
@needs_compiler
def test_rounds_compare_compiled_with_eager_and_nothing_is_compiled_again_when_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Twenty steps of a millisecond take any time on a crowded machine.
    monkeypatch.setattr("trainer.trials.rounds.HOPELESS_TIMES", inf)
    asked: list[Command] = []
    graphs: dict[str, int] = {}

    def driver(event: Event) -> list[Command]:
        graphs[event.kind] = graphs_compiled()
        turns = (Turned(knob="compile", to="default"),)
        if isinstance(event, TrialEnded):
            return [Turn(trial="r", turns=turns), Confirm(trial="r")]
        if not isinstance(event, BeatTaken) or event.step < 20 or asked:
            return []
        asked.append(Alternate(trial="r", turns=turns, rounds=2, stretch_steps=20, agreement_passes=2))
        return list(asked)

    before = graphs_compiled()
    _, heard = run_with(tmp_path, config_of(model=DROPS, batch_size=32, epochs=40), driver)
    (agreed,) = of(heard, AgreementMeasured)
    assert agreed.loss_difference < 1e-4
    assert agreed.gradient_cosine > 0.9999
    (ended,) = of(heard, TrialEnded)
    assert ended.set_up_s == 0.0
    assert before < graphs["stretch_taken"] == graphs["trial_ended"] == graphs["run_ended"]


@pytest.mark.slow
@needs_compiler
def test_what_cannot_be_compiled_runs_eagerly_and_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config

    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", (str(tmp_path / "no-compiler"),))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    told: list[str] = []
    compiled = Compiled(told.append)
    model, inputs = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.GELU()), torch.ones(2, 3)
    for _ in range(2):
        assert torch.equal(compiled(model, "default", inputs), model(inputs))
    assert compiled.given_up
    assert len(told) == 1
    assert "runs eagerly" in told[0]


def test_only_pieces_of_the_usual_size_are_compiled_and_none_that_hooks_look_at(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of(batch_size=32))
    set_knobs(training, {"compile": "default"})
    modes: list[str] = []

    class Noted(Compiled):
        def __call__(self, model: torch.nn.Module, mode: str, inputs: Any) -> torch.Tensor:
            modes.append(mode)
            return super().__call__(model, "off", inputs)

    training.compiled = Noted(print)
    batch: Batch = next(training.supply.look_ahead(1))
    inputs, _ = to_device(training, batch)
    for part, hooked in ((inputs, False), (cut(inputs, 0, 7), False), (inputs, True)):
        forward(training, part, len(part), hooked=hooked)
    set_knobs(training, {"micro_batch": 7})
    forward(training, cut(inputs, 0, 7), 7)
    assert modes == ["default", "off", "off", "default"]


@pytest.mark.parametrize(("batch", "micro"), [(33, 0), (32, 12)])
def test_the_first_piece_of_a_full_batch_is_compiled_however_it_is_dealt_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, micro: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    training, _ = training_of(tmp_path, config_of(batch_size=batch, micro_batch=micro))
    training.knobs["replicas"] = 2
    start, stop = dealt(batch, piece_size(training, batch), 2)[0]
    assert usual_piece(training) == stop - start
    assert stop - start < piece_size(training, batch), "no piece here is as large as it may be"
