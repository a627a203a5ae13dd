"""The order of the examples: the batches tell more than the survey, and a turn makes what was seen before void."""

import pytest

from advisor.gathering.chance import drawn_chance
from advisor.gathering.gather import gather
from advisor.signals.signals import Signals
from rules.facts import OrderFacts
from tests.advisor.literal import beat, started, survey
from trainer.wire import Event, KnobsTurned, Surveyed
from trainer.words import Change


def order_of(*events: Event) -> OrderFacts | None:
    signals = Signals()
    for event in (started(), *events):
        signals.hear(event)
    found = gather(signals).groups.get("order")
    assert found is None or isinstance(found, OrderFacts)
    return found


def surveyed(**fields: object) -> Surveyed:
    return Surveyed(survey=survey().model_copy(update=fields))


CLASSES = surveyed(class_counts=(50, 50), examples=100, neighbour_label_match=0.98)
NUMBERS = surveyed(class_counts=(), examples=900, neighbour_likeness=0.95)


def test_before_the_first_batches_the_survey_tells() -> None:
    found = order_of(CLASSES)
    assert found == OrderFacts(alike=0.98, by_chance=0.5, neighbours=99, classes=True, thrice_by_chance=0.25)
    assert found.excess == pytest.approx(0.96)
    assert order_of(NUMBERS) == OrderFacts(alike=0.95, by_chance=0.0, neighbours=899, classes=False)


def test_batches_go_before_the_survey_once_they_hold_enough() -> None:
    beats = [beat(10 * number, label_runs=0.5) for number in range(1, 9)]
    assert order_of(CLASSES, *beats[:1]) == order_of(CLASSES), "one batch tells less than the survey"
    found = order_of(CLASSES, *beats)
    assert found is not None
    assert (found.alike, found.excess) == (0.5, 0.0)


def test_numbers_may_be_less_alike_than_by_chance() -> None:
    found = order_of(NUMBERS, *[beat(10 * n, label_runs=-1.0, target_runs=(-1) ** n * 0.2) for n in range(1, 9)])
    assert found is not None
    assert found.alike == pytest.approx(0)


def test_what_was_seen_before_a_turn_of_the_order_is_void() -> None:
    turn = KnobsTurned(step=80, changes=(Change(knob="shuffle", old=False, new=True),), probation=False)
    beats = [beat(10 * number, label_runs=0.98) for number in range(1, 9)]
    assert order_of(CLASSES, *beats, turn) is None
    found = order_of(CLASSES, *beats, turn, *[beat(80 + 10 * number, label_runs=0.5) for number in range(1, 9)])
    assert found is not None
    assert found.alike == 0.5


def test_the_loss_of_guessing_is_that_of_the_classes_as_they_are_drawn() -> None:
    assert drawn_chance((900, 100), root=False) == pytest.approx(0.6931, abs=1e-4), "even: ln 2"
    assert drawn_chance((900, 100), root=True) == pytest.approx(0.5623, abs=1e-4), "three to one"


def test_the_last_batch_of_an_epoch_counts_for_the_pairs_that_it_holds() -> None:
    whole = [beat(10 * number, label_runs=0.5, run_pairs=31) for number in range(1, 9)]
    short = [beat(10 * number + 5, label_runs=1.0, run_pairs=1) for number in range(1, 9)]
    found = order_of(CLASSES, *whole, *short)
    assert found is not None
    assert found.neighbours == 8 * 32
    assert found.excess == pytest.approx(1 / 32)
