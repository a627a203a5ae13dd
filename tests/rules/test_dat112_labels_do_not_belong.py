"""DAT112 labels do not belong: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.data.dat112_labels_do_not_belong import labels_do_not_belong
from rules.facts import ProbeFacts
from rules.vocabulary import Severity
from tests.rules.situations import assessed, evaluations, missing_without

CHANCE = evaluations([2.3] * 5, [0.10, 0.11, 0.09, 0.12, 0.10])
"""On others; on its own examples the net is right."""
NOT_BEGUN = evaluations([2.3] * 5, [0.10, 0.11, 0.09, 0.12, 0.10], train=2.3, train_metric=0.11)
APART = {"association": 1.2}
FIT = frozenset({"single_batch_fit"})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"inputs": APART, "validation": CHANCE}, id="nothing goes together, nothing is learned"),
        pytest.param({"inputs": APART, "validation": evaluations([2.3] * 3, [0.1] * 3)}, id="three evaluations"),
        pytest.param(
            {"inputs": APART, "validation": evaluations([2.3] * 5, [0.1, 0.1, 0.15, 0.1, 0.1])}, id="one lucky"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(labels_do_not_belong, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT112", "labels_do_not_belong")
    assert finding.probes == ("single_batch_fit",)
    assert finding.beyond_knobs
    assert not finding.undecided


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"validation": NOT_BEGUN}, id="a net at chance on its own examples too"),
        pytest.param({"validation": evaluations([2.3] * 2, [0.1, 0.1])}, id="two evaluations"),
        pytest.param(
            {"task": {"smallest_class": 60}, "validation": CHANCE}, id="a class too rare to be seen among 400"
        ),
    ],
)
def test_a_net_that_has_not_begun_is_no_proof(changes: dict[str, Any]) -> None:
    finding = assessed(labels_do_not_belong, {"inputs": APART, **changes})
    assert finding is not None
    assert (finding.severity, finding.undecided, finding.beyond_knobs) == (Severity.INFO, True, False)
    assert finding.misleads
    assert "OPT101" in finding.explains
    assert "OPT102" not in finding.explains, "a net at a rate far too low has not begun either"


def test_what_sixteen_examples_do_not_learn_either_may_have_another_fault_which_is_looked_for() -> None:
    stuck = ProbeFacts(done=FIT, fit_first_loss=2.3, fit_last_loss=2.2)
    finding = assessed(labels_do_not_belong, {"inputs": APART, "validation": NOT_BEGUN, "probes": stuck})
    assert finding is not None
    assert (finding.undecided, finding.misleads) == (True, False)


@pytest.mark.parametrize(
    "probes",
    [
        pytest.param(ProbeFacts(done=FIT, fit_first_loss=2.3, fit_last_loss=0.1), id="sixteen examples are learned"),
        pytest.param(ProbeFacts(), id="nobody could afford to ask"),
    ],
)
def test_a_run_that_ends_with_nothing_learned_is_warned_of(probes: ProbeFacts) -> None:
    late = {"inputs": APART, "validation": NOT_BEGUN, "probes": probes, "run": {"step": 850}}
    finding = assessed(labels_do_not_belong, late)
    assert finding is not None
    assert (finding.severity, finding.beyond_knobs) == (Severity.WARNING, True)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"run": {"step": 850, "walked": 0.02}}, id="the weights have hardly moved"),
        pytest.param(
            {
                "loss": {"now": 2.6, "best": 2.6},
                "validation": evaluations([2.7] * 5, [0.1] * 5, train=2.65, train_metric=0.1),
            },
            id="the loss has not come down to a constant's",
        ),
    ],
)
def test_steps_that_are_too_short_tell_nothing_of_the_labels(changes: dict[str, Any]) -> None:
    late = {"inputs": APART, "validation": NOT_BEGUN, "run": {"step": 850}, **changes}
    finding = assessed(labels_do_not_belong, late)
    assert finding is not None
    assert (finding.severity, finding.undecided) == (Severity.INFO, True)


def test_a_training_loss_at_chance_tells_at_the_end_however_lucky_the_validation_is() -> None:
    lucky = evaluations([1.9] * 5, [0.35, 0.2, 0.3, 0.25, 0.3], train=2.31, train_metric=0.12)
    stuck = {"inputs": APART, "validation": lucky, "loss": {"now": 2.31, "best": 2.29}}
    assert assessed(labels_do_not_belong, {**stuck, "run": {"step": 600}}) is None
    finding = assessed(labels_do_not_belong, {**stuck, "run": {"step": 850}})
    assert finding is not None
    assert finding.severity is Severity.WARNING
    knew = evaluations([1.9] * 5, [0.35, 0.2, 0.3, 0.25, 0.3], train=2.31, train_metric=0.6)
    fell_back = {**stuck, "validation": knew, "run": {"step": 850}}
    assert assessed(labels_do_not_belong, fell_back) is None, "it has learned, and lost it since"


def test_a_brake_or_rare_inputs_stand_by_themselves() -> None:
    finding = assessed(labels_do_not_belong, {"inputs": APART, "validation": CHANCE})
    assert finding is not None
    assert not {"OPT107", "OPT115"} & {*finding.explains}
    assert {"OPT102", "OPT103"} <= {*finding.explains}


def test_it_quotes_the_fit_and_leaves_the_rest_to_knobs_where_there_was_none() -> None:
    learned = ProbeFacts(done=FIT, fit_first_loss=2.3, fit_last_loss=0.1)
    finding = assessed(labels_do_not_belong, {"inputs": APART, "validation": CHANCE, "probes": learned})
    assert finding is not None
    assert "are learned by heart (2.3 to 0.1)" in finding.message
    assert (finding.probes, finding.beyond_knobs) == ((), True)
    stuck = ProbeFacts(done=FIT, fit_first_loss=2.3, fit_last_loss=2.2)
    finding = assessed(labels_do_not_belong, {"inputs": APART, "validation": CHANCE, "probes": stuck})
    assert finding is not None
    assert "not learned by heart either" in finding.message
    assert not finding.beyond_knobs


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"validation": CHANCE}, id="labels that belong, and a net that learns nothing"),
        pytest.param({"inputs": APART}, id="a net that learns what no neighbour shows"),
        pytest.param({"inputs": {"association": nan}, "validation": CHANCE}, id="nobody looked"),
        pytest.param({"inputs": {**APART, "association_examples": 80}, "validation": CHANCE}, id="too few examples"),
        pytest.param({"inputs": APART, "validation": CHANCE, "run": {"step": 30}}, id="too early"),
        pytest.param({"inputs": APART, "validation": evaluations([2.3], [0.1])}, id="one, and the loss has fallen"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(labels_do_not_belong, changes) is None


def test_one_evaluation_at_chance_is_told_and_holds_nothing_back() -> None:
    once = {"inputs": APART, "validation": evaluations([2.3], [0.1]), "loss": {"now": 2.31}}
    finding = assessed(labels_do_not_belong, once)
    assert finding is not None
    assert (finding.severity, finding.probes, finding.beyond_knobs) == (Severity.INFO, (), False)
    assert "ARC103" in finding.explains
    assert "OPT102" not in finding.explains


@pytest.mark.parametrize("group", ["run", "task", "loss", "validation", "inputs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(labels_do_not_belong, group) == (group,)
