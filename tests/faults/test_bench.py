"""The fast slice of the bench: what the rules must not unlearn. The whole of it is `make faults`."""

import pytest

from tests.faults.case import Case
from tests.faults.cases import find
from tests.faults.data import FASHION
from tests.faults.harness import advised, mended_at_random
from tests.faults.measure import Seen
from tests.faults.result import Arm, Deed, Result, digest_of

pytestmark = pytest.mark.slow

HEALTHY = (
    "ok_sgd",
    "ok_momentum_cosine",
    "ok_nesterov_step",
    "ok_adam",
    "ok_adamw_one_cycle",
    "ok_rmsprop",
    "ok_tiny_validation",
    "ok_breast",
    "ok_wine",
    "ok_diabetes",
    "ok_friedman_linear",
)
NAMED = (
    "same_weights",
    "columns_3_decades",
    "classes_rare",
    "digits_rate_30x",
    "sorted_and_rate_high",
    "inputs_become_noise_friedman",
)


def _seen(case: Case) -> Seen:
    auto = advised(case, "faulty", 0, "auto")
    kept = {"case": case.name, "seed": 0, "digest": digest_of(case), "arms": {"untouched": auto, "auto": auto}}
    return Seen(case, Result.model_validate(kept))


def _skip_without_data(case: Case) -> None:
    if case.faulty.data == "fashion" and not FASHION.is_dir():
        pytest.skip(f"{FASHION} is not there: apt install dataset-fashion-mnist")


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_raises_no_warning(name: str) -> None:
    case = find(name)
    _skip_without_data(case)
    seen = _seen(case)
    assert not seen.false_alarms
    assert seen.auto.ended in ("finished", "early_stop")
    assert not seen.auto.text


@pytest.mark.parametrize("name", NAMED)
def test_a_severe_fault_is_named_first(name: str) -> None:
    case = find(name)
    _skip_without_data(case)
    seen = _seen(case)
    assert seen.named, seen.auto.causes
    assert not seen.auto.text


def test_a_case_gives_the_same_result_twice() -> None:
    case = find("classes_rare")
    first, second = (advised(case, "faulty", 1, "auto").model_copy(update={"seconds": 0.0}) for _ in range(2))
    assert first == second


def test_a_random_fix_changes_the_run_from_its_step_on() -> None:
    case = find("digits_rate_20th")
    deed = Deed(code="OPT102", fix="raise lr", how="fork", step=200, outcome="kept")
    arm: Arm = mended_at_random(case, 1, deed)
    assert arm.ended == "finished"
    assert arm.score != advised(case, "faulty", 1, "watch").score
