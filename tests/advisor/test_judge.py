from math import inf, nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.judge import (
    Agreement,
    Arms,
    judge_agreement,
    judge_compression,
    judge_fork,
    judge_rounds,
    judge_crowd,
    judge_futile,
    judge_payback,
    regressed,
)
from advisor.noise import gain_of, student
from rules.facts import Evaluation
from rules.vocabulary import Guard
from tests.advisor.literal import fix

FALSE_KEEPS_MOST = 0.06
"""One-sided 95 %, and a little for the simulation's own noise (3,000 trials: ±0.4 points)."""


@pytest.mark.parametrize(
    ("gains", "outcome"),
    [
        pytest.param([0.10, 0.11, 0.09, 0.12, 0.10, 0.08], "kept", id="all six agree on a tenth"),
        pytest.param([0.10, 0.11, 0.09, 0.12, 0.10, -0.01], "undecided", id="one of six disagrees"),
        pytest.param([0.01] * 6, "rolled_back", id="all agree on too little"),
        pytest.param([0.02] * 6, "kept", id="two percent is enough"),
        pytest.param([-0.3] * 6, "rolled_back", id="slower"),
        pytest.param([0.2, -0.3, -0.3, -0.3, 0.1, -0.2], "rolled_back", id="mostly slower"),
        pytest.param([0.2] * 5, "undecided", id="a round is missing"),
        pytest.param([0.2] * 5 + [nan], "undecided", id="a round without a time"),
        pytest.param([-4.0], "rolled_back", id="broken off, for it takes five times as long"),
        pytest.param([-0.2], "undecided", id="broken off for another reason"),
        pytest.param([], "undecided", id="no round at all"),
    ],
)
def test_rounds_are_kept_when_all_agree_and_it_pays(gains: list[float], outcome: str) -> None:
    verdict = judge_rounds(gains, rounds=6)
    assert verdict.outcome == outcome
    if len(gains) == 6 and nan not in gains:
        assert verdict.measured is not None
        assert (verdict.measured.low, verdict.measured.high) == (min(gains), max(gains))


@given(st.lists(st.floats(-2, 0.99), min_size=6, max_size=6))
def test_rounds_with_one_loss_are_never_kept(gains: list[float]) -> None:
    if min(gains) <= 0:
        assert not judge_rounds(gains, rounds=6).keep


@pytest.mark.parametrize(
    ("difference", "cosine", "holds"),
    [
        pytest.param(0.001, 0.999, True, id="rounding"),
        pytest.param(0.02, 0.999, False, id="another loss"),
        pytest.param(0.001, 0.98, False, id="another direction"),
        pytest.param(nan, 1.0, False, id="not a number"),
    ],
)
def test_other_rounding_has_to_agree(difference: float, cosine: float, holds: bool) -> None:
    assert (judge_agreement(Agreement(difference, cosine)) is None) == holds


def arms(before: float = 1.0, after: float = 1.0, nulls: tuple[float, ...] = (0.01,), **fields: object) -> Arms:
    given = {
        "control": {"loss": before, "accuracy": 0.9}, "candidate": {"loss": after, "accuracy": 0.9},
        "standard_errors": {"metric": 0.01}, "nulls": nulls, "steps": 100,
    }  # fmt: skip
    return Arms(**{**given, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("measured", "outcome"),
    [
        pytest.param(arms(1.0, 0.9), "kept", id="a gain above 6.31 times one null"),
        pytest.param(arms(1.0, 0.94), "undecided", id="a gain below 6.31 times one null"),
        pytest.param(arms(1.0, 0.94, nulls=(0.01, -0.01)), "kept", id="the same gain, two nulls"),
        pytest.param(arms(1.0, 0.997, nulls=(1e-6,)), "undecided", id="sure, but under half a percent"),
        pytest.param(arms(1.0, 1.0), "rolled_back", id="no gain"),
        pytest.param(arms(1.0, 1.2), "rolled_back", id="worse"),
        pytest.param(arms(1.0, 0.5, nulls=()), "undecided", id="no null arm, however large the gain"),
        pytest.param(arms(1.0, nan), "rolled_back", id="the candidate is not a number"),
        pytest.param(arms(1.0, 0.1, candidate_diverged=True), "rolled_back", id="the candidate diverged"),
        pytest.param(arms(inf, 1.0, control_diverged=True), "kept", id="the control diverged"),
        pytest.param(
            arms(1.0, 0.5, candidate={"loss": 0.5, "accuracy": 0.88}), "rolled_back", id="the metric falls behind"
        ),
        pytest.param(
            arms(1.0, 0.5, candidate={"loss": 0.5, "accuracy": 0.895}), "kept", id="the metric stays within its error"
        ),
        pytest.param(
            arms(1.0, 0.5, candidate={"loss": 0.5, "accuracy": nan}), "rolled_back", id="the metric is not a number"
        ),
    ],
)
def test_a_fork_is_kept_when_its_gain_is_above_the_noise_and_no_guard_breaks(measured: Arms, outcome: str) -> None:
    verdict = judge_fork(fix(), "loss", "accuracy", True, measured)
    assert verdict.outcome == outcome, verdict.why


def test_a_gain_of_a_metric_counts_in_its_own_unit() -> None:
    measured = arms(control={"accuracy": 0.8, "loss": 1.0}, candidate={"accuracy": 0.9, "loss": 1.0})
    verdict = judge_fork(fix(improves="metric"), "accuracy", "accuracy", True, measured)
    assert verdict.keep
    assert verdict.measured is not None
    assert verdict.measured.median == pytest.approx(0.1)
    assert verdict.measured.unit == "accuracy"


def test_a_metric_to_make_small_gains_by_falling() -> None:
    measured = arms(control={"rmse": 10.0}, candidate={"rmse": 8.0}, nulls=(0.1,))
    assert judge_fork(fix(improves="metric"), "rmse", "rmse", False, measured).keep
    assert not judge_fork(
        fix(improves="metric"), "rmse", "rmse", True, arms(control={"rmse": 8.0}, candidate={"rmse": 10.0})
    ).keep


def test_a_relative_guard_allows_a_share() -> None:
    guarded = fix(guards=(Guard(metric="accuracy", tolerance=0.05, unit="relative"),))
    measured = arms(1.0, 0.5, candidate={"loss": 0.5, "accuracy": 0.87})
    assert judge_fork(guarded, "loss", "accuracy", True, measured).keep


def test_a_short_fork_of_the_rate_is_called_helpful_and_not_proved() -> None:
    def why(**fields: object) -> str:
        return judge_fork(fix(), "loss", "accuracy", True, arms(1.0, 0.5, **fields)).why

    assert "not proved" in why(rate_cut=True)
    assert "not proved" in why(rate_cut=True, steps=400)
    assert "not proved" not in why()


@pytest.mark.parametrize("nulls", [1, 2, 3, 6, 12])
def test_where_nothing_changes_at_most_one_fork_in_twenty_is_kept(nulls: int) -> None:
    random = Random(nulls)
    kept = 0
    trials = 3000
    for _ in range(trials):
        noise = tuple(random.gauss(0, 0.05) for _ in range(nulls))
        kept += judge_fork(fix(), "loss", "accuracy", True, arms(1.0, 1.0 + random.gauss(0, 0.05), nulls=noise)).keep
    assert kept / trials <= FALSE_KEEPS_MOST


def test_a_true_gain_of_five_noises_is_mostly_found_with_three_nulls() -> None:
    random = Random(0)
    kept = sum(
        judge_fork(
            fix(), "loss", "accuracy", True,
            arms(1.0, 0.9 + random.gauss(0, 0.02), nulls=tuple(random.gauss(0, 0.02) for _ in range(3))),
        ).keep
        for _ in range(500)
    )  # fmt: skip
    assert kept >= 0.9 * 500


def test_the_student_factor_falls_with_the_nulls() -> None:
    factors = [student(count) for count in range(1, 30)]
    assert factors == sorted(factors, reverse=True)


@pytest.mark.parametrize(
    ("after", "metric", "outcome"),
    [
        pytest.param(400, 0.905, "kept", id="smaller and as good"),
        pytest.param(400, 0.90, "kept", id="loses just what it may"),
        pytest.param(400, 0.88, "rolled_back", id="loses more"),
        pytest.param(1000, 0.91, "rolled_back", id="not smaller"),
        pytest.param(400, nan, "rolled_back", id="not a number"),
    ],
)
def test_a_compressed_copy_is_kept_when_it_is_smaller_and_loses_little(after: int, metric: float, outcome: str) -> None:
    verdict = judge_compression(
        bytes_before=1000, bytes_after=after, metric_before=0.91, metric_after=metric, higher_is_better=True,
        most_loss=0.01 + 1e-12,
    )  # fmt: skip
    assert verdict.outcome == outcome


def run_of(*metrics: float) -> list[Evaluation]:
    return [
        Evaluation(step=100 * place, loss=1.0, metric=metric, standard_error=0.01)
        for place, metric in enumerate(metrics, start=1)
    ]


@pytest.mark.parametrize(
    ("metrics", "worse"),
    [
        pytest.param((0.9, 0.85, 0.85), True, id="worse twice in a row"),
        pytest.param((0.9, 0.85, 0.9, 0.85, 0.9), False, id="worse now and then"),
        pytest.param((0.9, 0.88, 0.88), False, id="within three errors"),
        pytest.param((0.9, 0.95, 0.96), False, id="better"),
        pytest.param((0.9, nan, nan), True, id="not a number any more"),
        pytest.param((0.9, 0.91, 0.91, 0.91, 0.91, 0.91, 0.5, 0.5), False, id="long after"),
    ],
)
def test_the_guard_speaks_when_the_run_got_worse_twice(metrics: tuple[float, ...], worse: bool) -> None:
    assert bool(regressed(run_of(*metrics), decided_step=150, higher_is_better=True)) == worse


def test_without_an_evaluation_before_there_is_nothing_to_hold_it_against() -> None:
    assert regressed(run_of(0.5, 0.1, 0.1), decided_step=50, higher_is_better=True) == ""
