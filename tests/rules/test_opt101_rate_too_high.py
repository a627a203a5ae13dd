"""OPT101 rate too high: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.facts import ProbeFacts
from rules.optimisation.opt101_rate_too_high import rate_too_high
from rules.vocabulary import Severity, Turned
from tests.rules.situations import assessed, missing_without

SWEPT = frozenset({"lr_sweep"})
STRAYED = {"run": {"walked": 0.6}, "loss": {"now": 2.3, "best": 2.29, "fall_share": 0.0}}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {
                "run": {"step": 60},
                "loss": {"now": 2.6, "highest_early": 9.5, "curve": ((10, 9.0), (100, 2.6), (500, 2.5))},
            },
            id="worse than guessing after a rise",
        ),
        pytest.param(
            {"loss": {"now": 2.3, "best": 2.29, "highest_early": 7.0}}, id="at chance after one step threw it"
        ),
        pytest.param(
            {"run": {"step": 16}, "loss": {"now": 2.2, "best": 2.2, "highest_early": 30.0, "curve": ()}},
            id="thrown up by its first steps",
        ),
        pytest.param({"loss": {"now": 0.5, "highest_early": 30.0}}, id="it has come down from where it was thrown"),
        pytest.param(
            {"loss": {"now": 2.31, "fall_share": 0.7, "curve": ((10, 2.3), (20, 4.0), (100, 2.6), (500, 2.5))}},
            id="back at chance from a rise",
        ),
        pytest.param({"loss": {"now": 1.9, "best": 1.9, "fall_share": 0.0, "noise_share": 0.6}}, id="wild"),
        pytest.param(
            {"loss": {"now": 2.31, "highest_early": 9.0}, "probes": ProbeFacts(done=SWEPT, lr_pick=0.02)},
            id="confirmed by the sweep",
        ),
        pytest.param({**STRAYED, "probes": ProbeFacts(done=SWEPT, lr_pick=0.005)}, id="it went far, and still guesses"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(rate_too_high, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT101", "rate_too_high")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {
                "run": {"step": 30},
                "loss": {"now": 2.6, "fall_share": 0.0, "curve": ((10, 9.0), (100, 2.6), (500, 2.5))},
            },
            id="young",
        ),
        pytest.param(
            {"loss": {"now": 2.3, "best": 2.29, "fall_share": 0.0}},
            id="flat, but nothing ever threw it: too low, or not the rate",
        ),
        pytest.param(
            {"loss": {"now": 2.7, "best": 0.3, "fall_share": -3.0, "curve": ((10, 2.3), (100, 1.0), (500, 2.7))}},
            id="it rose after it had learned: another cause",
        ),
        pytest.param(
            {"loss": {"at_start": 1.8, "now": 3.1, "best": 3.1, "fall_share": 0.0, "curve": ((10, 3.2), (500, 3.1))}},
            id="its first batch was lucky, and nothing rose since",
        ),
        pytest.param({"loss": {"now": 0.1, "fall_share": 0.0, "noise_share": 0.9}}, id="noisy and low"),
        pytest.param(
            {"run": {"walked": 0.01}, "loss": {"now": 1.9, "best": 1.9, "fall_share": 0.0, "noise_share": 0.6}},
            id="wild, and the weights have hardly moved",
        ),
        pytest.param(
            {
                "run": {"walked": 0.01},
                "loss": {
                    "at_start": 2.0,
                    "now": 2.45,
                    "best": 2.2,
                    "fall_share": 0.0,
                    "noise_share": 0.1,
                    "curve": tuple((20 * place, 2.2 + 0.2 * (place % 3)) for place in range(1, 12)),
                },
            },
            id="no step moves it, and some batches are harder than others",
        ),
        pytest.param(
            {
                "run": {"step": 60},
                "loss": {"at_start": 9.0, "now": 12.0, "fall_share": 0.0, "noise_share": 0.13, "curve": ((10, 12.5),)},
            },
            id="a far start whose first batch was lucky",
        ),
        pytest.param(
            {"loss": {"now": 2.31, "highest_early": 9.0}, "probes": ProbeFacts(done=SWEPT, lr_pick=0.05)},
            id="the sweep agrees",
        ),
        pytest.param(
            {"loss": {"now": 2.31, "highest_early": 9.0}, "probes": ProbeFacts(done=SWEPT, lr_pick=2.0)},
            id="the sweep wants more",
        ),
        pytest.param(
            {"loss": {"now": 2.31, "highest_early": 9.0}, "probes": ProbeFacts(done=SWEPT)},
            id="the sweep could not tell",
        ),
        pytest.param(
            {
                "loss": {"now": 1.9, "best": 1.9, "fall_share": 0.0, "noise_share": 0.6},
                "probes": ProbeFacts(done=SWEPT, lr_pick=0.02),
            },
            id="wild, and the sweep is within ten",
        ),
        pytest.param(STRAYED, id="it went far and guesses, and nobody has swept yet"),
        pytest.param(
            {**STRAYED, "probes": ProbeFacts(done=SWEPT, lr_pick=0.02)}, id="it went far, and the sweep is within ten"
        ),
        pytest.param(
            {**STRAYED, "probes": ProbeFacts(done=SWEPT, lr_pick=0.0001)}, id="it would have been thrown by such a rate"
        ),
        pytest.param(
            {**STRAYED, "run": {"walked": 0.1}, "probes": ProbeFacts(done=SWEPT, lr_pick=0.005)},
            id="it guesses, and has not gone far",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(rate_too_high, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(rate_too_high, group) == (group,)


LOST = {"now": 2.6, "fall_share": 0.0, "highest_early": 9.5, "curve": ((10, 9.0), (100, 2.6))}


def test_a_suspicion_asks_the_sweep_and_turns_nothing() -> None:
    finding = assessed(rate_too_high, {"loss": LOST})
    assert finding is not None
    assert finding.probes == ("lr_sweep",)
    assert not any(fix.turns for fix in finding.fixes)


@pytest.mark.parametrize(
    ("loss", "severity", "explained"),
    [
        pytest.param(LOST, Severity.ERROR, {"NUM102", "OPT105", "ARC103", "GEN101"}, id="worse than guessing"),
        pytest.param(
            {"now": 1.0, "highest_early": 30.0}, Severity.INFO, {"OPT105", "OPT106", "GEN101"}, id="thrown once"
        ),
    ],
)
def test_a_ruined_run_explains_its_symptoms_before_the_sweep_and_a_suspicion_only_what_swings(
    loss: dict[str, Any], severity: Severity, explained: set[str]
) -> None:
    finding = assessed(rate_too_high, {"loss": loss})
    assert finding is not None
    assert finding.severity is severity
    assert explained <= set(finding.explains)
    assert ("ARC103" in finding.explains) is (severity is Severity.ERROR)


@pytest.mark.parametrize(
    ("step", "loss", "effect", "deed"),
    [
        pytest.param(100, LOST, "rescue", "start_over", id="nothing learned, early"),
        pytest.param(700, LOST, "changes_learning", "turn", id="nothing learned, late"),
        pytest.param(
            100, {"now": 1.9, "best": 1.9, "fall_share": 0.0, "noise_share": 0.6}, "changes_learning", "turn", id="wild"
        ),
        pytest.param(100, {"now": 1.0, "highest_early": 30.0}, "rescue", "start_over", id="thrown, early"),
        pytest.param(300, {"now": 1.0, "highest_early": 30.0}, "changes_learning", "turn", id="thrown, and it learned"),
    ],
)
def test_the_pick_is_taken_from_the_start_while_nothing_is_lost(
    step: int, loss: dict[str, Any], effect: str, deed: str
) -> None:
    finding = assessed(
        rate_too_high, {"run": {"step": step}, "loss": loss, "probes": ProbeFacts(done=SWEPT, lr_pick=0.005)}
    )
    assert finding is not None
    assert finding.severity is Severity.ERROR
    assert finding.message == "lr 0.1 is 20 times what a sweep picks (0.005)"
    assert {"NUM102", "OPT103", "ARC103"} <= set(finding.explains)
    fix = finding.fixes[0]
    assert (fix.effect, fix.deed, fix.turns) == (effect, deed, (Turned(knob="lr", to=0.005),))


@pytest.mark.parametrize(
    ("loss", "explained"),
    [
        pytest.param(LOST, True, id="after a rise"),
        pytest.param({"now": 1.9, "best": 1.9, "fall_share": 0.0, "noise_share": 0.6}, False, id="out of the blue"),
    ],
)
def test_a_loss_that_is_no_number_is_explained_only_by_a_rise(loss: dict[str, Any], explained: bool) -> None:
    finding = assessed(rate_too_high, {"loss": loss, "probes": ProbeFacts(done=SWEPT, lr_pick=0.005)})
    assert finding is not None
    assert ("NUM101" in finding.explains) is explained
