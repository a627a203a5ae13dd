"""What a log's curves say of its learning rate: which way it is wrong, and when they say nothing."""

from math import log, nan
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.logs.rate import Sign, Way, dearest_guess, of_steps_too_long, of_steps_too_short, sign_of
from rules.facts import Evaluation
from rules.vocabulary import Evidence, Finding, Severity
from tests.logs.bench import BENCH, SETS, judged
from tests.logs.reading import diagnosis

CHANCE = log(10)
RATES = ("rate_high", "rate_low")
NOTHING_TO_SEE = {("ultralytics", "rate_high")}
"""Its schedule and batch norm bring the net to learn."""
LIBRARIES = sorted(place.name for place in (BENCH / "seen").iterdir())


def curve(losses: list[float], accuracies: float | list[float] = 0.1) -> list[Evaluation]:
    told = accuracies if isinstance(accuracies, list) else [accuracies] * len(losses)
    return [
        Evaluation(100 * at, loss, metric, 0.01) for at, (loss, metric) in enumerate(zip(losses, told, strict=True), 1)
    ]


def wandering(height: float, share: float, count: int = 12, seed: int = 0) -> list[float]:
    draw = Random(seed)
    return [height * (1 + draw.uniform(-share, share)) for _ in range(count)]


def shown(evaluations: list[Evaluation], *, by_heart: bool = False, lr: float = nan) -> Finding | None:
    return of_steps_too_long(sign_of(evaluations, is_share=True), lr, by_heart=by_heart)


@given(st.floats(0.5, 5), st.lists(st.floats(1e-4, 0.05), min_size=8, max_size=40))
def test_a_loss_that_falls_at_every_evaluation_never_speaks_of_steps_too_long(start: float, falls: list[float]) -> None:
    losses = [start]
    for fall in falls:
        losses.append(losses[-1] * (1 - fall))
    assert sign_of(curve(losses), is_share=True).way is Way.LOW
    assert shown(curve(losses)) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_net_that_guesses_and_is_thrown_about_had_a_rate_too_high(seed: int) -> None:
    found = shown(curve(wandering(CHANCE, 0.05, 40, seed)))
    assert found is not None
    assert found.code == "OPT101"
    assert found.severity is Severity.ERROR


def test_a_net_that_lost_what_it_knew_is_told_of_as_one() -> None:
    found = shown(curve([1.1, 1.3, 2.0, *wandering(CHANCE, 0.02, 9)], [0.6, 0.5, 0.2, *[0.1] * 9]))
    assert found is not None
    assert "after the net had known more" in found.message


def test_a_net_that_learns_its_examples_by_heart_is_not_told_of_its_rate() -> None:
    assert shown(curve(wandering(CHANCE, 0.05)), by_heart=True) is None


def test_a_net_that_nothing_can_be_learned_from_stirs_too_little_to_blame_the_rate() -> None:
    assert shown(curve(wandering(CHANCE, 0.0005))) is None


@pytest.mark.parametrize("accuracy", [0.35, 0.95])
def test_a_loss_above_any_guess_that_jumps_had_a_rate_too_high_however_good_the_accuracy(accuracy: float) -> None:
    found = shown(curve(wandering(20.0, 0.5), accuracy), lr=0.2)
    assert found is not None
    assert found.severity is Severity.WARNING
    assert found.fixes[0].turns[0].to == pytest.approx(0.02)


def test_a_constant_that_is_added_to_the_loss_is_no_sign() -> None:
    falling = [3.0 + 1.5 * 0.7**at for at in range(12)]
    assert shown(curve([*falling, *wandering(3.0, 0.02)], 0.95)) is None


def test_a_healthy_net_that_has_come_to_rest_is_not_told_of_its_rate() -> None:
    losses = [2.0, 1.0, 0.5, 0.3, 0.2, *wandering(0.12, 0.1)]
    assert shown(curve(losses, 0.96)) is None


def test_a_net_that_died_stands_still_and_one_that_never_moved_has_no_steps() -> None:
    died = sign_of(curve([11.2, 10.5, *[10.67] * 8], 0.34), is_share=True)
    assert (died.way, died.stands, died.unmoved) == (Way.HIGH, True, False)
    never = sign_of(curve([2.31] * 10), is_share=True)
    assert (never.way, never.stands, never.unmoved) == (Way.OPEN, False, True)
    thrown = sign_of(curve([14.5] * 10), is_share=True)
    assert (thrown.way, thrown.unmoved) == (Way.HIGH, False)


def test_few_evaluations_say_nothing() -> None:
    assert sign_of(curve([2.3, 2.2, 2.1, 2.0]), is_share=True) == Sign()


def test_a_loss_that_is_no_number_says_nothing() -> None:
    assert sign_of(curve([2.3, 2.2, nan, *[2.0] * 9]), is_share=True) == Sign()


@given(st.floats(0, 1))
def test_who_guesses_among_fewer_classes_loses_no_more_than_the_dearest_guess(accuracy: float) -> None:
    assert dearest_guess(accuracy) >= (1 - accuracy) * log(10) - 1e-6


def test_only_a_training_that_began_from_nothing_is_said_to_be_too_slow() -> None:
    hint = Finding(
        code="OPT102", name="rate_too_low", severity=Severity.INFO, message="the loss 2.2 heads for 2.1",
        evidence=(Evidence(fact="loss.now", value=2.2, limit=1.1),),
    )  # fmt: skip
    slow = [CHANCE - 0.01 * at for at in range(12)]
    begun = sign_of(curve(slow), is_share=True)
    tuned = sign_of(curve([0.9 - 0.01 * at for at in range(12)], 0.7), is_share=True)
    assert of_steps_too_short(hint, begun, 1e-6).severity is Severity.WARNING
    assert of_steps_too_short(hint, begun, 1e-6).fixes[0].turns[0].to == pytest.approx(1e-5)
    assert of_steps_too_short(hint, tuned, 1e-6) == hint


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_way_in_which_a_rate_is_wrong_is_named_in_the_logs_of_every_library(library: str) -> None:
    for one in judged(SETS, libraries=(library,), stories=RATES):
        expected = {"OPT101", "NUM102"} if one.story == "rate_high" else {"OPT102", "OPT103"}
        assert one.first in expected or (library, one.story) in NOTHING_TO_SEE, one


def test_a_rate_that_its_schedule_took_to_0_is_called_by_what_it_was_set_to(tmp_path: Path) -> None:
    rows = [
        f"{step},{2.3 - step / 2000:.4f},{2.3 - step / 2100:.4f},{1e-4 * (1 - step / 400):.3g}"
        for step in range(1, 401)
    ]
    (tmp_path / "log.csv").write_text("\n".join(["step,loss,val_loss,lr", *rows, ""]))
    (found,) = [one for one in diagnosis(tmp_path / "log.csv").findings if one.code == "OPT102"]
    assert "lr 0.0001 may be too low" in found.message
