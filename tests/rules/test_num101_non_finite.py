"""NUM101 non finite: when it speaks, when it is silent, when it is not assessed."""

from math import inf
from typing import Any

import pytest

from rules.facts import ProbeFacts
from rules.numerics.num101_non_finite import non_finite
from rules.vocabulary import Deed, Effect, Severity
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"loss": {"non_finite_steps": 3, "non_finite_in_a_row": 3, "non_finite_onset": 480}}, id="three steps"
        ),
        pytest.param(
            {"loss": {"now": inf, "non_finite_steps": 40, "non_finite_in_a_row": 40, "non_finite_onset": 1}},
            id="never finite",
        ),
        pytest.param(
            {
                "loss": {"non_finite_steps": 5, "non_finite_in_a_row": 5, "non_finite_onset": 480},
                "knobs": knobs(amp="fp16"),
            },
            id="five of a scaler",
        ),
        pytest.param(
            {"loss": {"non_finite_steps": 26, "non_finite_in_50": 26, "non_finite_onset": 440}}, id="every other step"
        ),
        pytest.param(
            {
                "loss": {"non_finite_steps": 6, "non_finite_in_500": 6, "non_finite_onset": 100},
                "knobs": knobs(amp="fp16"),
            },
            id="a scaler that finds no scale",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(non_finite, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("NUM101", "non_finite")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {"loss": {"non_finite_steps": 2, "non_finite_in_a_row": 2, "non_finite_onset": 480}}, id="two are skipped"
        ),
        pytest.param(
            {
                "loss": {"non_finite_steps": 4, "non_finite_in_a_row": 4, "non_finite_onset": 480},
                "knobs": knobs(amp="fp16"),
            },
            id="a scaler looks for its scale",
        ),
        pytest.param(
            {"loss": {"non_finite_steps": 30, "non_finite_in_500": 5}, "knobs": knobs(amp="fp16")},
            id="a scaler over a long run",
        ),
        pytest.param(
            {"loss": {"non_finite_steps": 9, "non_finite_in_a_row": 9, "non_finite_onset": 300}, "run": {"step": 900}},
            id="healed long ago",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(non_finite, changes) is None


@pytest.mark.parametrize("group", ["run", "loss", "knobs", "probes", "branch"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(non_finite, group) == (group,)


def test_a_loss_that_is_no_number_explains_its_climb() -> None:
    finding = assessed(non_finite, {"loss": {"non_finite_steps": 9, "non_finite_in_a_row": 9, "non_finite_onset": 450}})
    assert finding is not None
    assert "NUM102" in finding.explains


LATE = {"non_finite_steps": 9, "non_finite_in_a_row": 9, "non_finite_onset": 450}
EARLY = {"now": inf, "non_finite_steps": 9, "non_finite_in_a_row": 9, "non_finite_onset": 4}
SWEPT = ProbeFacts(done=frozenset({"lr_sweep"}), lr_pick=0.003)
NO_PICK = ProbeFacts(done=frozenset({"lr_sweep"}))


@pytest.mark.parametrize(
    ("changes", "deed", "turns", "probes"),
    [
        pytest.param({"loss": LATE, "branch": {"clip_norm": 2.5}}, "rollback", {"clip": 2.5}, (), id="first time"),
        pytest.param({"loss": LATE}, "rollback", {"clip": 1.0}, (), id="no norm is known"),
        pytest.param(
            {"loss": LATE, "branch": {"clip_norm": 1e17}}, "rollback", {"clip": 1.0}, (), id="norms of an explosion"
        ),
        pytest.param(
            {"loss": LATE, "knobs": knobs(clip=1.0)}, "rollback", {"lr": 0.05}, (), id="clipped already: half the rate"
        ),
        pytest.param({"loss": EARLY}, "start_over", {"lr": 0.01}, ("lr_sweep",), id="from the start, before the sweep"),
        pytest.param({"loss": EARLY, "probes": SWEPT}, "start_over", {"lr": 0.003}, (), id="from the start, with a pick"),
        pytest.param({"loss": EARLY, "probes": NO_PICK}, "start_over", {"lr": 0.01}, (), id="a sweep without a pick"),
        pytest.param(
            {"loss": EARLY, "probes": SWEPT, "knobs": knobs(lr=0.004)}, "start_over", {"clip": 1.0}, (),
            id="from the start, and the rate is right",
        ),
        pytest.param(
            {"loss": LATE, "branch": {"rollbacks": 1, "last_rollback_step": 400}}, "rollback", {"lr": 0.05}, (),
            id="again: half the rate",
        ),
        pytest.param(
            {"loss": LATE, "branch": {"rollbacks": 2, "last_rollback_step": 400}}, "stop", {}, (), id="a third time"
        ),
        pytest.param(
            {
                "run": {"step": 9000, "steps_total": 10_000},
                "loss": {"now": inf, "non_finite_steps": 9, "non_finite_in_a_row": 9, "non_finite_onset": 8990},
                "branch": {"rollbacks": 2, "last_rollback_step": 400},
            },
            "rollback", {"clip": 1.0}, (), id="new trouble, long after",
        ),
        pytest.param({"loss": LATE, "knobs": knobs(turnable=frozenset())}, "stop", {}, (), id="no knob can be turned"),
    ],
)  # fmt: skip
def test_the_ladder_goes_up_rung_by_rung(
    changes: dict[str, Any], deed: str, turns: dict[str, float], probes: tuple[str, ...]
) -> None:
    finding = assessed(non_finite, changes)
    assert finding is not None
    first = finding.fixes[0]
    assert first.deed == deed
    assert first.effect is Effect.RESCUE
    assert {turn.knob: turn.to for turn in first.turns} == pytest.approx(turns)
    assert finding.probes == probes


def test_single_steps_that_come_again_are_told_and_nothing_is_turned() -> None:
    single = {"non_finite_steps": 3, "non_finite_in_50": 3, "non_finite_in_500": 3, "non_finite_onset": 460}
    finding = assessed(non_finite, {"loss": single})
    assert finding is not None
    assert finding.severity is Severity.WARNING
    assert "not recoverable by a knob" in finding.message
    assert not finding.probes
    assert {fix.deed for fix in finding.fixes} == {Deed.PERSON}


def test_a_loss_that_is_no_number_at_any_rate_turns_nothing() -> None:
    lost = {"non_finite_steps": 4, "non_finite_in_a_row": 4, "non_finite_onset": 12}
    swept = ProbeFacts(done=frozenset({"lr_sweep"}), lr_finite_to=2e-5)
    finding = assessed(non_finite, {"run": {"step": 16}, "loss": lost, "probes": swept})
    assert finding is not None
    assert [fix.deed for fix in finding.fixes] == [Deed.PERSON]
    assert finding.causes[0] == "an input that is not a number"
    assert "not recoverable by a knob" in finding.message


def test_single_steps_are_told_until_500_steps_after_the_last() -> None:
    single = {"non_finite_steps": 4, "non_finite_onset": 0}
    still = assessed(non_finite, {"run": {"step": 900}, "loss": single | {"non_finite_last": 450}})
    over = assessed(non_finite, {"run": {"step": 960}, "loss": single | {"non_finite_last": 450}})
    assert still is not None
    assert over is None
