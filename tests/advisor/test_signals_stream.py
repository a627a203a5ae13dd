"""The looks at what goes into the net: which are the first ones, and what forgets them."""

import pytest

from advisor.gathering.gather import gather
from advisor.signals.signals import Signals
from advisor.signals.stream import FIRST_LEAST, LATER_MOST
from rules.facts import InputFacts, SplitFacts, StreamFacts
from tests.advisor.literal import beat, started, survey
from trainer.wire import KnobsTurned, LayersMeasured, RolledBack, Surveyed
from trainer.words import Change, Layer, Stream

LAYER = Layer(name="0", kind="Linear", grad_norm=1.0, weight_norm=1.0, update_ratio=1e-3)
EXAMPLES = 1000
"""Of the training split of a literal run, in batches of 32 over 2000 steps."""


def look(step: int, agreement: float | None = 0.8) -> LayersMeasured:
    stream = Stream(mean=0.1, std=1.0, broken_share=0.0, alike=False, agreement=agreement, asked=64, distinct=60)
    return LayersMeasured(step=step, samples=32 * step, layers=(LAYER,), stream=stream)


def told(*steps: int, agreement: float | None = 0.8) -> Signals:
    signals = Signals()
    signals.hear(started())
    for step in steps:
        signals.hear(look(step, agreement))
    return signals


def facts(signals: Signals) -> StreamFacts:
    found = gather(signals).groups["stream"]
    assert isinstance(found, StreamFacts)
    return found


def test_a_run_whose_steps_nobody_looked_into_has_no_such_facts() -> None:
    assert "stream" not in gather(told()).groups


def test_the_first_looks_are_those_of_the_first_epoch() -> None:
    epoch = EXAMPLES // 32
    found = facts(told(*range(1, 100, 3)))
    assert [one.step for one in found.first] == list(range(1, epoch + 1, 3))
    assert [one.step for one in found.later] == list(range(40, 100, 3))
    assert len(found.later) == LATER_MOST


def test_how_a_linear_model_agrees_is_told_with_the_inputs_once_enough_looks_had_one() -> None:
    for steps, agreed in ((range(1, 4), False), (range(1, 60, 3), True)):
        signals = told(*steps)
        signals.hear(Surveyed(survey=survey()))
        found = gather(signals).groups["inputs"]
        assert isinstance(found, InputFacts)
        assert (found.linear_agreement == 0.8) is agreed


def test_what_the_loader_deals_is_told_with_the_splits() -> None:
    signals = told(1)
    signals.hear(Surveyed(survey=survey()))
    found = gather(signals).groups["splits"]
    assert isinstance(found, SplitFacts)
    assert (found.asked, found.distinct) == (64, 60)


def test_an_epoch_with_few_looks_goes_on_until_there_are_enough() -> None:
    found = facts(told(*range(20, 400, 20)))
    assert len(found.first) == FIRST_LEAST
    assert found.later[0].step == 20 * (FIRST_LEAST + 1)


def test_the_first_looks_wait_for_a_relation_only_where_there_is_one() -> None:
    late = told(*range(1, 40, 3), agreement=None)
    for step in range(40, 60, 3):
        late.hear(look(step))
    assert next(one.step for one in facts(told(*range(1, 60, 3), agreement=None)).later) == 34
    assert sum(one.agreement == one.agreement for one in facts(late).first) == 0
    early = told(*range(1, 31, 3), agreement=None)
    for step in range(31, 60, 3):
        early.hear(look(step))
    assert sum(one.agreement == one.agreement for one in facts(early).first) == 4


def test_a_rollback_forgets_what_came_after_it() -> None:
    signals = told(*range(1, 100, 3))
    signals.hear(RolledBack(step=60, from_step=100, skipped_batches=1))
    assert facts(signals).later[-1].step == 58


@pytest.mark.parametrize(("knob", "anew"), [("augment", True), ("clip", False)])
def test_a_turn_of_what_goes_in_begins_anew(knob: str, anew: bool) -> None:
    signals = told(*range(1, 100, 3))
    signals.hear(beat(100, samples=3200))
    signals.hear(KnobsTurned(step=100, changes=(Change(knob=knob, old=0, new=1),), probation=False))
    signals.hear(look(103))
    assert next(one.step for one in facts(signals).first) == (103 if anew else 1)
    assert bool(facts(signals).later) is not anew
