from math import inf, nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.trials.judge import (
    Agreement,
    Arms,
    judge_agreement,
    judge_compression,
    judge_crowd,
    judge_fork,
    judge_futile,
    judge_payback,
    judge_rounds,
    lower_is_better,
    regressed,
)
from advisor.trials.noise import gain_of, student
from advisor.trials.scoring import plain_score, score_of
from rules.facts import Evaluation
from rules.vocabulary import Guard, Value
from tests.advisor.literal import fix

FALSE_KEEPS_MOST = 0.06
"""One-sided 95 %, and a little for the simulation's own noise (3,000 trials: ±0.4 points)."""


BORDERLINE, HELD_OUT = 3, 40
"""Examples that an arm gets right by the toss of a coin, and all."""


@pytest.mark.parametrize("pairs", [1, 2])
def test_where_few_examples_let_null_arms_tie_no_luck_is_kept(pairs: int) -> None:
    random, trials, kept = Random(5), 3000, {True: 0, False: 0}

    def accuracy() -> float:
        return (30 + sum(random.random() < 0.5 for _ in range(BORDERLINE))) / HELD_OUT

    for _ in range(trials):
        control, candidate, null, second = (accuracy() for _ in range(4))
        nulls, further = ((null - control,), ()) if pairs == 1 else ((), ((null, second),))
        for known in kept:
            kept[known] += judge_fork(
                fix(improves="metric"), "accuracy", "accuracy", True,
                arms(control={"accuracy": control}, candidate={"accuracy": candidate}, nulls=nulls, further=further,
                     one_example=1 / HELD_OUT if known else 0.0),
            ).keep  # fmt: skip
    assert kept[True] / trials <= FALSE_KEEPS_MOST < kept[False] / trials


@pytest.mark.parametrize(
    ("right", "fields", "outcome"),
    [
        pytest.param(4, {"one_example": 1 / 36}, "undecided", id="four of 36 examples, and the null arm ties"),
        pytest.param(5, {"one_example": 1 / 36}, "kept", id="five of 36"),
        pytest.param(4, {"examples": 36}, "undecided", id="a metric of the user's that ties"),
        pytest.param(5, {"examples": 36}, "kept", id="by five examples"),
        pytest.param(4, {"examples": 36, "nulls": (0.001,)}, "kept", id="one that does not tie"),
    ],
)
def test_a_gain_of_a_handful_of_examples_is_luck(right: int, fields: dict[str, object], outcome: str) -> None:
    given = {"control": {"own": 20 / 36}, "candidate": {"own": (20 + right) / 36}, "nulls": (0.0,), **fields}
    assert judge_fork(fix(improves="metric"), "own", "own", True, arms(**given)).outcome == outcome  # type: ignore[arg-type]


def test_a_loss_whose_null_arms_tie_has_a_control_that_does_not_move() -> None:
    assert judge_fork(fix(), "loss", "accuracy", True, arms(1.0, 0.9, nulls=(0.0,), examples=36)).keep


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
            arms(1.0, 0.5, candidate={"loss": 0.5, "accuracy": 0.7}, guessing=0.895),
            "kept",
            id="the control only guesses: there is no metric to lose",
        ),
        pytest.param(
            arms(1.0, 0.5, candidate={"loss": 0.5, "accuracy": 0.7}, guessing=0.5),
            "rolled_back",
            id="the control does better than guessing",
        ),
        pytest.param(
            arms(1.0, 0.5, candidate={"loss": 0.5, "accuracy": nan}), "rolled_back", id="the metric is not a number"
        ),
    ],
)
def test_a_fork_is_kept_when_its_gain_is_above_the_noise_and_no_guard_breaks(measured: Arms, outcome: str) -> None:
    verdict = judge_fork(fix(), "loss", "accuracy", True, measured)
    assert verdict.outcome == outcome, verdict.why


def test_a_score_that_no_arm_has_keeps_nothing_and_says_so() -> None:
    verdict = judge_fork(fix(), "tail_balanced_loss", "accuracy", True, arms(1.0, 0.5))
    assert verdict.outcome == "undecided"
    assert "does not take one class alone" in verdict.why


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


def pairs(random: Random, gain: float, noise: float, loud: float = 1.0) -> Arms:
    """Two candidates beside two controls."""
    controls = [1.0 + random.gauss(0, noise) for _ in range(2)]
    candidates = [1.0 - gain + random.gauss(0, noise * loud) for _ in range(2)]
    return arms(controls[0], candidates[0], nulls=(), further=((controls[1], candidates[1]),))


@pytest.mark.parametrize("noise", [0.003, 0.05])
def test_where_nothing_changes_at_most_one_fork_of_two_pairs_in_twenty_is_kept(noise: float) -> None:
    random = Random(1)
    kept = sum(judge_fork(fix(), "loss", "accuracy", True, pairs(random, 0.0, noise)).keep for _ in range(3000))
    assert kept / 3000 <= FALSE_KEEPS_MOST


def test_a_true_gain_of_five_noises_is_mostly_found_by_two_pairs() -> None:
    random = Random(2)
    kept = sum(judge_fork(fix(), "loss", "accuracy", True, pairs(random, 0.1, 0.02)).keep for _ in range(500))
    assert kept >= 0.8 * 500


SCORES = st.floats(0.01, 100)


@given(SCORES, SCORES, SCORES, SCORES, st.floats(0, 1))
def test_a_larger_gain_is_never_judged_worse(a: float, b: float, c: float, d: float, more: float) -> None:
    found, larger = gain_of((a, b), (c, d), (), True), gain_of((a, b), (c - more, d - more), (), True)
    assert found is not None
    assert larger is not None
    assert larger.gain - larger.noise >= found.gain - found.noise - 1e-9 * (a + b + c + d)


@given(SCORES, SCORES, SCORES, SCORES)
def test_it_is_all_the_same_which_pair_came_first(a: float, b: float, c: float, d: float) -> None:
    assert gain_of((a, b), (c, d), (), True) == gain_of((b, a), (d, c), (), True)


@given(st.floats(), st.floats())
def test_one_candidate_is_never_kept_without_a_null_arm(before: float, after: float) -> None:
    if before - before == 0:
        assert not judge_fork(fix(), "loss", "accuracy", True, arms(before, after, nulls=())).keep


@given(st.lists(st.one_of(st.floats(), st.just(nan)), min_size=4, max_size=4))
def test_a_pair_that_is_not_a_number_keeps_nothing(scores: list[float]) -> None:
    a, b, c, _ = scores
    if a - a == 0:
        assert not judge_fork(fix(), "loss", "accuracy", True, arms(a, b, nulls=(0.01,), further=((c, nan),))).keep


@pytest.mark.parametrize(
    ("gap", "epochs", "outcome", "said"),
    [
        pytest.param(0.1, 2.0, "kept", "2 arms with it", id="the gap narrows"),
        pytest.param(0.3, 2.0, "rolled_back", "gap", id="the gap widens"),
        pytest.param(0.1, 0.3, "kept", "0.3 of an epoch", id="a short look"),
    ],
)
def test_a_regulariser_is_judged_by_the_gap_as_well(gap: float, epochs: float, outcome: str, said: str) -> None:
    control = {"loss": 1.0, "accuracy": 0.9, "gap": 0.2}
    measured = arms(
        control=control, candidate={**control, "loss": 0.9, "gap": gap}, nulls=(), further=((1.01, 0.9),),
        regularises=True, epochs=epochs,
    )  # fmt: skip
    verdict = judge_fork(fix(), "loss", "accuracy", True, measured)
    assert verdict.outcome == outcome
    assert said in verdict.why


def test_a_first_pair_alone_never_keeps() -> None:
    for after in (0.1, 0.999, 1.0, 2.0, nan):
        assert not judge_futile(fix(), "loss", "accuracy", True, arms(1.0, after)).keep


def test_a_crowd_and_a_set_up_that_does_not_pay_leave_nothing_kept() -> None:
    kept = judge_rounds([0.1] * 6, rounds=6)
    assert judge_payback(kept, left_s=100.0, set_up_s=1.9).keep
    assert not judge_payback(kept, left_s=100.0, set_up_s=2.1).keep
    assert not judge_payback(kept, left_s=-1.0, set_up_s=0.1).keep
    assert judge_crowd(kept, 0.2).keep
    assert "nothing is claimed" in judge_crowd(kept, 0.5).why


@pytest.mark.parametrize(
    ("fell", "noise", "worse"),
    [
        pytest.param(0.02, 0.005, True, id="four noises and two errors"),
        pytest.param(0.02, 0.01, False, id="two noises"),
        pytest.param(0.008, 0.0001, False, id="many noises, less than an error"),
        pytest.param(0.02, nan, False, id="two errors, no noise known"),
    ],
)
def test_the_guard_knows_the_noise_of_null_arms(fell: float, noise: float, worse: bool) -> None:
    run = run_of(0.9, 0.9 - fell, 0.9 - fell)
    assert bool(regressed(run, decided_step=150, higher_is_better=True, noise=noise)) == worse


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


@pytest.mark.parametrize(
    ("controls", "candidates", "kept"),
    [
        pytest.param((1e9, 1e34), (1.2, 1.3), True, id="every control has exploded"),
        pytest.param((1e9, 1.3), (1.2, 1.3), False, id="one has not"),
        pytest.param((1e9, 1e34), (1.2, 1e5), False, id="a candidate has, too"),
        pytest.param((30.0, 500.0), (1.2, 1.3), False, id="not three decades"),
    ],
)
def test_what_explodes_is_no_measure_of_noise(
    controls: tuple[float, float], candidates: tuple[float, float], kept: bool
) -> None:
    two = arms(controls[0], candidates[0], nulls=(), further=((controls[1], candidates[1]),))
    verdict = judge_fork(fix(), "loss", "accuracy", True, two)
    assert (verdict.outcome == "kept") is kept


@pytest.mark.parametrize(
    ("turns", "score"),
    [
        pytest.param({"lr": 0.1}, "tail_loss", id="a rate is judged by the average"),
        pytest.param({"output": "none"}, "better_loss", id="what is built, by whichever weights are better"),
        pytest.param({"output": "none", "lr": 0.1}, "tail_loss", id="both, by the average"),
    ],
)
def test_which_weights_of_an_arm_are_scored_depends_on_what_turns(turns: dict[str, Value], score: str) -> None:
    assert score_of(fix(turns=turns), "accuracy") == score
    assert plain_score(score) == "loss"
    assert lower_is_better(score, "accuracy", True)
