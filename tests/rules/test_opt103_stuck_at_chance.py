"""OPT103 stuck at chance: when it speaks, when it is silent, when it is not assessed."""

from math import inf
from typing import Any

import pytest

from rules.facts import ProbeFacts
from rules.optimisation.opt103_stuck_at_chance import stuck_at_chance
from rules.vocabulary import Severity
from tests.rules.situations import assessed, evaluations, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"loss": {"now": 2.29, "fall_share": 0.0}, "validation": evaluations([2.3, 2.3], [0.1, 0.11])},
            id="flat at ln 10",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(stuck_at_chance, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT103", "stuck_at_chance")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"loss": {"now": 2.29, "fall_share": 0.05}, "validation": evaluations([2.3], [0.1])}, id="falls"),
        pytest.param(
            {"loss": {"now": 2.29, "fall_share": 0.0}, "validation": evaluations([2.3], [0.2])},
            id="the metric beats guessing",
        ),
        pytest.param(
            {
                "run": {"step": 80},
                "loss": {"now": 2.29, "fall_share": 0.0},
                "validation": evaluations([2.3, 2.3], [0.1, 0.11]),
            },
            id="too early",
        ),
        pytest.param(
            {"loss": {"now": inf, "fall_share": 0.0}, "validation": evaluations([2.3], [0.1])}, id="not a number"
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(stuck_at_chance, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "validation", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(stuck_at_chance, group) == (group,)


ALL = frozenset({"lr_sweep", "single_batch_fit", "zeroed_input"})
STUCK = {"loss": {"now": 2.29, "fall_share": 0.0}, "validation": evaluations([2.3, 2.3], [0.1, 0.11])}


def answered(pick: float = 0.1, last: float = 0.1, zeroed: float = 1.5, moved: float = 0.4) -> ProbeFacts:
    return ProbeFacts(
        done=ALL,
        lr_pick=pick,
        fit_first_loss=2.3,
        fit_last_loss=last,
        zeroed_loss_share=zeroed,
        zeroed_output_share=moved,
    )


@pytest.mark.parametrize(
    ("probes", "word", "deed"),
    [
        pytest.param(answered(pick=0.001), "learning rate", "start_over", id="rate"),
        pytest.param(answered(last=2.2), "16 examples", "person", id="net or loss"),
        pytest.param(answered(last=2.2, moved=0.019), "averaged with padding", "person", id="inputs that are drowned"),
        pytest.param(answered(zeroed=1.0), "inputs do not reach", "person", id="inputs"),
        pytest.param(answered(), "labels that do not belong", "person", id="labels"),
    ],
)
def test_the_probes_tell_the_causes_apart(probes: ProbeFacts, word: str, deed: str) -> None:
    finding = assessed(stuck_at_chance, {**STUCK, "probes": probes})
    assert finding is not None
    assert len(finding.causes) == 1
    assert word in finding.causes[0]
    assert finding.fixes[0].deed == deed


def test_it_asks_before_it_is_sure() -> None:
    finding = assessed(stuck_at_chance, {**STUCK, "run": {"step": 150}})
    assert finding is not None
    assert finding.severity is Severity.INFO
    assert set(finding.probes) == ALL


def test_it_quotes_how_little_of_the_inputs_reaches_the_output() -> None:
    finding = assessed(stuck_at_chance, {**STUCK, "probes": answered(last=2.2, moved=0.019)})
    assert finding is not None
    assert finding.message.endswith(", and without them the outputs change by 1.9%")
