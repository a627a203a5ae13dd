"""OPT102 rate too low: when it speaks, when it is silent, when it is not assessed."""

from dataclasses import replace
from typing import Any

import pytest

from rules.facts import ProbeFacts
from rules.optimisation.opt102_rate_too_low import rate_too_low
from rules.vocabulary import Deed, Severity
from tests.rules.situations import assessed, knobs, missing_without

SWEPT = frozenset({"lr_sweep"})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {
                "loss": {
                    "at_start": 2.4,
                    "now": 2.2,
                    "fall_share": 0.02,
                    "noise_share": 0.05,
                    "curve": ((10, 2.38), (500, 2.2)),
                }
            },
            id="heads for the heights",
        ),
        pytest.param(
            {
                "loss": {
                    "at_start": 2.4,
                    "now": 2.2,
                    "fall_share": 0.02,
                    "noise_share": 0.05,
                    "curve": ((10, 2.38), (500, 2.2)),
                },
                "probes": ProbeFacts(done=SWEPT, lr_pick=5.0),
            },
            id="the sweep wants fifty times more",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(rate_too_low, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT102", "rate_too_low")


def test_a_net_whose_weights_went_far_is_not_told_that_its_steps_are_short() -> None:
    guessing = {"at_start": 2.31, "now": 2.3, "noise_share": 0.05, "curve": ((10, 2.31), (50, 2.3))}
    found = [assessed(rate_too_low, {"run": {"walked": way}, "loss": guessing}) for way in (0.7, 0.1)]
    assert [one and one.message.rpartition(" may be ")[2] for one in found] == ["wrong", "too low"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"run": {"step": 200}, "loss": {"now": 1.8, "noise_share": 0.05}}, id="falls fast enough"),
        pytest.param(
            {
                "run": {"step": 200},
                "knobs": knobs(warmup=0.2),
                "loss": {
                    "at_start": 2.4,
                    "now": 2.2,
                    "fall_share": 0.02,
                    "noise_share": 0.05,
                    "curve": ((10, 2.38), (500, 2.2)),
                },
            },
            id="in its warm-up",
        ),
        pytest.param(
            {"loss": {"now": 2.3, "noise_share": 0.05, "curve": ((10, 2.4), (50, 5.0))}},
            id="it rose: steps are not too short",
        ),
        pytest.param(
            {
                "run": {"step": 100},
                "loss": {
                    "at_start": 2.4,
                    "now": 2.2,
                    "fall_share": 0.02,
                    "noise_share": 0.05,
                    "curve": ((10, 2.38), (500, 2.2)),
                },
                "probes": ProbeFacts(done=SWEPT, lr_pick=0.3),
            },
            id="the sweep agrees",
        ),
        pytest.param(
            {"loss": {"at_start": 2.4, "now": 2.2, "best": 0.9, "above_best_steps": 30, "noise_share": 0.05}},
            id="it had learned more: another cause",
        ),
        pytest.param(
            {
                "run": {"step": 12, "steps_total": 40},
                "loss": {"at_start": 2.4, "now": 1.7, "noise_share": 0.05, "curve": ((10, 1.9),)},
            },
            id="a run of forty steps that learns",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(rate_too_low, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(rate_too_low, group) == (group,)


SLOW = {"at_start": 2.4, "now": 2.2, "fall_share": 0.02, "noise_share": 0.05, "curve": ((10, 2.38), (500, 2.2))}


def test_a_run_of_some_dozen_steps_is_told_to_be_longer() -> None:
    short = {"run": {"step": 10, "steps_total": 35}, "loss": SLOW | {"now": 2.38}}
    finding = assessed(rate_too_low, {**short, "probes": ProbeFacts(done=SWEPT, lr_pick=10.0)})
    assert finding is not None
    assert [fix.deed for fix in finding.fixes] == [Deed.START_OVER, Deed.PERSON]
    assert "35 steps" in finding.fixes[1].name


def test_a_first_batch_that_was_unlucky_does_not_count_as_learning() -> None:
    finding = assessed(rate_too_low, {"run": {"step": 60}, "loss": SLOW | {"at_start": 3.6, "now": 2.4}})
    assert finding is not None


@pytest.mark.parametrize(
    ("step", "now", "deed"),
    [
        pytest.param(60, 2.35, Deed.START_OVER, id="nothing learned"),
        pytest.param(700, 2.35, Deed.TURN, id="too late to start over"),
        pytest.param(300, 2.0, Deed.TURN, id="something learned"),
    ],
)
def test_it_starts_over_while_nothing_is_lost(step: int, now: float, deed: Deed) -> None:
    slow = SLOW | {"now": now}
    finding = assessed(
        rate_too_low, {"run": {"step": step}, "loss": slow, "probes": ProbeFacts(done=SWEPT, lr_pick=10.0)}
    )
    assert finding is not None
    assert finding.fixes[0].deed is deed


def test_the_rate_is_raised_to_the_pick_or_half_the_way() -> None:
    late = {"run": {"step": 600}, "loss": SLOW, "probes": ProbeFacts(done=SWEPT, lr_pick=10.0)}
    finding = assessed(rate_too_low, late)
    assert finding is not None
    assert finding.severity is Severity.WARNING
    assert [fix.turns[0].to for fix in finding.fixes] == pytest.approx([10.0, 1.0])


def test_what_has_learned_nothing_at_the_pick_is_given_a_higher_rate_on_trial() -> None:
    agreed = {"run": {"step": 200}, "loss": SLOW | {"now": 2.35}, "probes": ProbeFacts(done=SWEPT, lr_pick=0.2)}
    finding = assessed(rate_too_low, agreed)
    assert finding is not None
    assert finding.severity is Severity.INFO
    assert [(fix.deed, fix.turns[0].to) for fix in finding.fixes] == [(Deed.TURN, pytest.approx(0.8))]


def test_where_no_sweep_finds_a_rate_it_is_not_the_rate() -> None:
    flat = {"run": {"step": 200}, "loss": SLOW | {"now": 2.35}, "probes": ProbeFacts(done=SWEPT)}
    assert assessed(rate_too_low, flat) is None


@pytest.mark.parametrize(
    ("step", "now"), [pytest.param(100, 2.35, id="too soon"), pytest.param(200, 2.0, id="it has learned something")]
)
def test_a_rate_that_the_sweep_allows_is_else_left_alone(step: int, now: float) -> None:
    agreed = {"run": {"step": step}, "loss": SLOW | {"now": now}, "probes": ProbeFacts(done=SWEPT, lr_pick=0.2)}
    assert assessed(rate_too_low, agreed) is None


@pytest.mark.parametrize(
    ("now", "deed"),
    [
        pytest.param(1.49, Deed.START_OVER, id="it stands where it began"),
        pytest.param(1.33, Deed.TURN, id="it has fallen from there"),
    ],
)
def test_weights_that_began_better_than_guessing_have_learned_nothing_by_that(now: float, deed: Deed) -> None:
    lucky = {"at_start": 1.45, "now": now, "fall_share": 0.01, "noise_share": 0.05, "curve": ((10, 1.5), (450, now))}
    finding = assessed(
        rate_too_low, {"run": {"step": 450}, "loss": lucky, "probes": ProbeFacts(done=SWEPT, lr_pick=10.0)}
    )
    assert finding is not None
    assert finding.fixes[0].deed is deed


@pytest.mark.parametrize(
    ("loss", "speaks"),
    [
        pytest.param({"at_start": 20.0, "now": 4.0}, True, id="far above guessing, and on its way down to it"),
        pytest.param(
            {"at_start": 20.0, "now": 4.0, "fall_share": 0.2}, True, id="and still there in a tenth of the run"
        ),
        pytest.param({"at_start": 20.0, "now": 4.0, "fall_share": 0.6}, False, id="and below it in a tenth of the run"),
        pytest.param({"at_start": 20.0, "now": 2.2, "curve": ((10, 2.25),)}, False, id="below it, from far above"),
        pytest.param({"at_start": 3.0, "now": 1.53, "curve": ((10, 1.55),)}, True, id="the next batches began as low"),
        pytest.param({"at_start": 3.0, "now": 1.5, "curve": ((10, 2.2),)}, False, id="the next batches began higher"),
    ],
)
def test_only_what_is_learned_below_guessing_is_drawn_on(loss: dict[str, Any], speaks: bool) -> None:
    facts = {"run": {"step": 100}, "loss": {"noise_share": 0.05, "curve": (), **loss}}
    assert (assessed(rate_too_low, facts) is not None) is speaks


@pytest.mark.parametrize(
    ("step", "deeds"),
    [
        pytest.param(240, None, id="still in the part that is customary"),
        pytest.param(260, Deed.START_OVER, id="beyond it"),
    ],
)
def test_behind_a_warm_up_over_most_of_the_run_the_rate_is_judged_while_it_rises(step: int, deeds: Deed | None) -> None:
    warming = {"run": {"step": step}, "loss": SLOW | {"now": 2.35}, "knobs": knobs(warmup=0.8)}
    finding = assessed(rate_too_low, {**warming, "probes": ProbeFacts(done=SWEPT, lr_pick=10.0)})
    assert (None if finding is None else finding.fixes[0].deed) is deeds
    if finding is not None:
        assert {turn.knob: turn.to for turn in finding.fixes[0].turns} == {"lr": 10.0, "warmup": 0.05}


FLAT = {"run": {"step": 60}, "loss": SLOW | {"now": 2.35}}
FAINT = ProbeFacts(done=SWEPT, lr_finite_to=10.0, lr_moved_share=0.01)


def test_where_no_rate_of_plain_steps_moves_the_loss_a_sweep_under_adamw_is_asked_for() -> None:
    finding = assessed(rate_too_low, {**FLAT, "probes": FAINT})
    assert finding is not None
    assert (finding.severity, finding.probes) == (Severity.INFO, ("adaptive_sweep",))


def test_gradients_too_faint_for_any_rate_are_given_steps_of_a_length_of_their_own() -> None:
    found = replace(FAINT, done=SWEPT | {"adaptive_sweep"}, adaptive_pick=0.002)
    finding = assessed(rate_too_low, {**FLAT, "probes": found})
    assert finding is not None
    assert finding.severity is Severity.WARNING
    assert {turn.knob: turn.to for turn in finding.fixes[0].turns} == {"optimizer": "adamw", "lr": 0.002}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"probes": replace(FAINT, lr_finite_to=3.0)}, id="the sweep ended in an explosion"),
        pytest.param({"probes": replace(FAINT, lr_moved_share=3.0)}, id="it moved the net, and to no use"),
        pytest.param({"probes": FAINT, "knobs": knobs(optimizer="adam")}, id="its steps are of a length of their own"),
        pytest.param({"probes": replace(FAINT, done=SWEPT | {"adaptive_sweep"})}, id="nor does adamw learn anything"),
        pytest.param({"probes": FAINT, "loss": SLOW | {"now": 2.0}}, id="it has learned something"),
    ],
)
def test_else_a_sweep_without_a_pick_says_nothing(changes: dict[str, Any]) -> None:
    assert assessed(rate_too_low, FLAT | changes) is None
