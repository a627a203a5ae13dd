"""OPT113 batch too large: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.optimisation.opt113_batch_too_large import batch_too_large
from rules.vocabulary import Deed, Severity, Turned
from tests.rules.situations import assessed, missing_without

CREEPS = {"at_start": 2.4, "now": 2.3, "best": 2.3, "fall_share": 0.01, "noise_share": 0.05, "curve": ((10, 2.38),)}
WHOLE = {
    "run": {"step": 10, "steps_total": 20, "steps_per_epoch": 1, "batch_size": 1100},
    "task": {"train_examples": 1100},
    "loss": CREEPS,
}


def test_it_speaks_with_the_number_of_steps() -> None:
    finding = assessed(batch_too_large, WHOLE)
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("OPT113", "batch_too_large", Severity.WARNING)
    assert finding.message.startswith("the whole run takes 20 steps, 1 an epoch")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({**WHOLE, "run": WHOLE["run"] | {"step": 4}}, id="young"),
        pytest.param({**WHOLE, "run": WHOLE["run"] | {"steps_total": 2000, "step": 1000}}, id="epochs to match"),
        pytest.param({**WHOLE, "task": {"train_examples": 50_000}}, id="a fiftieth of the examples"),
        pytest.param({**WHOLE, "run": WHOLE["run"] | {"batch_size": 64}}, id="a small data set in usual batches"),
        pytest.param({**WHOLE, "loss": {"now": 1.0}}, id="it learns all the same"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(batch_too_large, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(batch_too_large, group) == (group,)


def test_the_run_starts_over_in_small_batches_at_the_rate_that_it_has() -> None:
    finding = assessed(batch_too_large, WHOLE)
    assert finding is not None
    assert finding.fixes[0].deed is Deed.START_OVER
    assert set(finding.fixes[0].turns) == {Turned(knob="batch_size", to=32), Turned(knob="lr", to=0.1)}


def test_near_the_end_it_is_left_for_the_next_run() -> None:
    finding = assessed(batch_too_large, {**WHOLE, "run": WHOLE["run"] | {"step": 19}})
    assert finding is not None
    assert [fix.deed for fix in finding.fixes] == [Deed.PERSON]
