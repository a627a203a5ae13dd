"""Rounds, and the agreement of their arms, in real small runs."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
import torch

from tests.trainer.running import Once, config_of, losses, of, run_with, training_of
from trainer.commands import Alternate
from trainer.data.batch import Batch, Feed, Ticket
from trainer.evaluate import Examiner
from trainer.state.checkpoint import read
from trainer.state.keeping import Keeper
from trainer.state.snapshot import take
from trainer.stepping.precision import Precision
from trainer.trials.agreement import agree
from trainer.trials.rounds import Besides, Round, _long_enough, noise_of
from trainer.watching.beat import Beats
from trainer.wire import (
    AgreementMeasured,
    Arm,
    BeatTaken,
    CommandRefused,
    Evaluated,
    StretchTaken,
    TrialEnded,
)
from trainer.words import Turned


def test_rounds_train_on_and_tell_six_pairs_in_opposite_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "trainer.trials.rounds.HOPELESS_TIMES", inf
    )  # a stretch of four steps is soon held up by other programs
    command = Alternate(trial="r", turns=(Turned(knob="eval_every", to=2.0),), stretch_steps=4, stretch_s=0.001)
    config = config_of(epochs=10)
    _, plain = run_with(tmp_path / "plain", config)
    _, heard = run_with(tmp_path / "rounds", config, Once(10, command))
    stretches = of(heard, StretchTaken)
    assert [s.arm for s in stretches[:4]] == ["control", "candidate", "candidate", "control"]
    assert len(stretches) == 12
    assert all(s.timed_s > 0 and s.timed_samples >= 4 * 32 for s in stretches)
    assert of(heard, TrialEnded)[0].went_on_from == "control"
    assert sum(beat.steps for beat in of(heard, BeatTaken)) == sum(beat.steps for beat in of(plain, BeatTaken))
    assert losses(heard)[-5:] == pytest.approx(losses(plain)[-5:], rel=1e-3), "no sample was lost or seen twice"


def test_a_larger_batch_is_timed_by_the_examples_that_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.trials.rounds.HOPELESS_TIMES", inf)
    turns = (Turned(knob="batch_size", to=128), Turned(knob="micro_batch", to=16))
    command = Alternate(trial="r", turns=turns, stretch_steps=20, stretch_s=0.001, agreement_passes=3)
    _, heard = run_with(tmp_path, config_of(epochs=60, batch_size=32), Once(10, command))
    stretches = of(heard, StretchTaken)
    assert {stretch.arm: stretch.steps for stretch in stretches} == {"control": 20, "candidate": 5}
    taken = {stretch.arm: stretch.timed_samples / stretch.steps for stretch in stretches if stretch.round == 0}
    assert taken == pytest.approx({"control": 32, "candidate": 128}, rel=0.1), (
        "the last batch of an epoch is a shorter one"
    )
    assert of(heard, AgreementMeasured)[0].loss_difference < 1e-4, "the batch is no matter of agreement, the pieces are"


def test_the_agreement_of_smaller_pieces_is_measured_before_the_rounds(tmp_path: Path) -> None:
    turns = (Turned(knob="micro_batch", to=32),)
    command = Alternate(trial="r", turns=turns, stretch_steps=4, stretch_s=0.01, agreement_passes=5)
    _, heard = run_with(tmp_path, config_of(epochs=30), Once(10, command))
    agreement = of(heard, AgreementMeasured)[0]
    assert agreement.passes == 5
    assert agreement.loss_difference < 1e-4
    assert agreement.gradient_cosine > 0.9999


@pytest.mark.parametrize(
    ("candidate_s", "hopeless"),
    [pytest.param(1.9, False, id="under twice"), pytest.param(2.1, True, id="over twice")],
)
def test_a_candidate_is_hopeless_when_a_step_takes_over_twice_as_long(candidate_s: float, hopeless: bool) -> None:
    def stretch(arm: Arm, seconds: float, samples: int) -> StretchTaken:
        return StretchTaken(trial="r", round=0, arm=arm, steps=20, timed_samples=samples, timed_s=seconds)

    one = Round({"control": stretch("control", 2.0, 200), "candidate": stretch("candidate", candidate_s, 100)})
    assert (
        Round({"control": stretch("control", 1.0, 100), "candidate": stretch("candidate", candidate_s, 100)}).hopeless
        is hopeless
    )
    assert one.lost_s == pytest.approx(max(candidate_s - 2.0, 0.0))


@pytest.mark.slow
def test_rounds_of_a_candidate_that_takes_several_times_as_long_are_broken_off(tmp_path: Path) -> None:
    turns = (Turned(knob="micro_batch", to=1),)
    command = Alternate(trial="r", turns=turns, stretch_steps=20, stretch_s=0.001, agreement_passes=5)
    _, heard = run_with(tmp_path, config_of(epochs=20), Once(10, command))
    stretches = of(heard, StretchTaken)
    assert [s.arm for s in stretches] == ["control", "candidate"]
    assert stretches[1].timed_s > 3 * stretches[0].timed_s
    ended = of(heard, TrialEnded)[0]
    assert "times as long" in ended.why
    assert ended.seconds >= stretches[1].timed_s - stretches[0].timed_s


def test_noise_is_told_from_neighbouring_stretches() -> None:
    assert noise_of([1.0, 1.0, 1.0, 1.0]) == 0.0
    assert noise_of([1.0, 1.03, 1.0, 1.03]) == pytest.approx(0.0296, abs=1e-4)
    assert noise_of([1.0, 1.01, 1.02, 1.03]) == pytest.approx(0.01, abs=1e-3), "a slow drift is hardly noise"


@pytest.mark.parametrize(
    ("spread", "left", "steps"),
    [
        pytest.param(0.001, 10**6, 20, id="a quiet machine"),
        pytest.param(0.2, 10**6, 160, id="a noisy one: three times doubled"),
        pytest.param(0.2, 6000, 80, id="as far as a fifth of what remains"),
        pytest.param(0.2, 1000, 20, id="near the end never"),
    ],
)
def test_stretches_grow_while_noise_hides_three_percent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spread: float, left: int, steps: int
) -> None:
    training, _ = training_of(tmp_path)
    turned = iter(range(10**6))

    def stretch(training: object, arm: object, discarded: int, steps: int, beats: object) -> tuple[float, int]:
        return 1.0 + spread * ((next(turned) * 7919) % 5), 1

    monkeypatch.setattr("trainer.trials.rounds._stretch", stretch)
    monkeypatch.setattr(type(training), "steps_total", left)
    command = Alternate(trial="r", turns=())
    besides = Besides(Beats(training), Examiner(training), Keeper(training))
    assert _long_enough(training, command, 2, 20, besides) == steps


def test_rounds_that_are_not_kept_leave_weights_evaluations_and_best_model_to_the_bit_as_they_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.trials.rounds.HOPELESS_TIMES", inf)
    command = Alternate(trial="r", turns=(Turned(knob="eval_every", to=2.0),), stretch_steps=4, stretch_s=0.001)
    config = config_of(epochs=10, eval_every=0.5)
    left = []
    for name, driver in (("plain", None), ("rounds", Once(10, command))):
        _, heard = run_with(tmp_path / name, config, driver)
        told = [(one.step, one.split, one.loss, one.best, one.metrics) for one in of(heard, Evaluated)]
        state, beside = read(tmp_path / name / "checkpoints", "last")
        tensors = {key: value.tolist() for held in (state.model, beside.best) for key, value in held.items()}
        left.append((told, tensors, state.progress.best_step, state.progress.stale_evaluations))
    assert left[0] == left[1]
    stretches = of(heard, StretchTaken)
    assert any(stretches[0].step < step < stretches[-1].step for step, *_ in left[1][0]), "some lay within the rounds"


def test_arms_of_the_same_mathematics_have_the_same_losses(tmp_path: Path) -> None:
    turns = (Turned(knob="eval_every", to=2.0),)
    command = Alternate(trial="r", turns=turns, stretch_steps=4, stretch_s=0.001, agreement_passes=3)
    _, heard = run_with(tmp_path, config_of(epochs=10, dropout=0.3), Once(10, command))
    assert of(heard, AgreementMeasured)[0].loss_difference == 0.0
    assert of(heard, TrialEnded)[0].crowded_share >= 0


def test_a_feed_that_gives_other_examples_does_not_agree(tmp_path: Path) -> None:
    class Other:
        """Gives the examples in another order than the tickets say."""

        def __init__(self, feed: Feed) -> None:
            self.feed = feed

        def batches(self, tickets: Iterable[Ticket]) -> Iterator[Batch]:
            return self.feed.batches(replace(one, indices=one.indices[::-1] // 2) for one in tickets)

        def close(self) -> None:
            self.feed.close()

    training, heard = training_of(tmp_path)
    before = take(training)
    command = Alternate(trial="r", turns=(), agreement_passes=3)
    agree(training, command, {}, Other(training.supply.feed))
    agree(training, command, {}, training.supply.feed)
    other, same = of(heard, AgreementMeasured)
    assert other.loss_difference > 1e-3
    assert same.loss_difference == 0.0
    assert training.supply.place == before.place
    assert torch.equal(take(training).random["torch"], before.random["torch"])


def test_the_scale_of_half_precision_outlives_a_stretch_without_it() -> None:
    precision = Precision(torch.device("cpu"), ("bf16", "fp16"))
    precision.set("fp16")
    scaler = precision.scaler
    precision.set("off")
    assert not precision.scaler.is_enabled()
    precision.set("fp16")
    assert precision.scaler is scaler


def test_rounds_that_do_not_fit_into_the_run_are_refused(tmp_path: Path) -> None:
    command = Alternate(trial="r", turns=(Turned(knob="threads", to=1),), stretch_steps=500)
    _, heard = run_with(tmp_path, config_of(), Once(10, command))
    assert "do not fit" in of(heard, CommandRefused)[0].why
    assert not of(heard, StretchTaken)
