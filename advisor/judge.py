"""Verdicts: what is kept, from the numbers alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from statistics import median

from advisor.ledger import Measured, Outcome
from rules.facts import Evaluation
from rules.vocabulary import METRIC_GUARD, Fix, Guard

LEAST_SPEED_GAIN = 0.02
"""Below 2 % a faster step is not worth a turn (trials.md, «Rounds»)."""
HOPELESS_GAIN = -1.0
"""Twice as long: rounds that were broken off after that are a verdict, for all of them would have to agree."""
MOST_LOSS_DIFFERENCE = 0.01
LEAST_GRADIENT_COSINE = 0.99
"""Other rounding, same direction: limits of the agreement check (trials.md, effect classes)."""
LEAST_LEARNING_GAIN = 0.005
"""Relative: below half a percent a gain is not worth a change, however sure it is (trials.md, «Fork»)."""
STUDENT_95 = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.90, 1.86, 1.83, 1.81)
"""One-sided 95 % factors for 1, 2, … null arms. The spread is taken around zero, which is known, so none is lost.
More arms than ten keep the factor of ten."""
LEAST_HORIZON_OF_A_RATE_CUT = 400
"""Steps: below it a smaller rate looks better in 92-100 % of forks, whatever comes later (trials.md)."""
GUARD_ERRORS = 3.0
GUARD_STRIKES = 2
GUARDED_EVALUATIONS = 5
"""After a fix was kept: worse by three standard errors twice in a row, within five evaluations, takes it back."""
LOSSES = frozenset({"loss", "tail_loss", "train_loss", "rmse", "mae"})
"""Scores of which less is better."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a trial, and the sentence that says why."""

    outcome: Outcome
    why: str
    measured: Measured | None = None

    @property
    def keep(self) -> bool:
        """Whether the change stays."""
        return self.outcome == "kept"


@dataclass(frozen=True)
class Agreement:
    """Both arms on the same weights and batches."""

    loss_difference: float
    gradient_cosine: float

    @property
    def holds(self) -> bool:
        """Whether the arms differ by rounding only."""
        return self.loss_difference < MOST_LOSS_DIFFERENCE and self.gradient_cosine > LEAST_GRADIENT_COSINE


def judge_agreement(agreement: Agreement) -> Verdict | None:
    """Return a verdict where the arms do not compute the same; nothing where they do."""
    if agreement.holds:
        return None
    return Verdict(
        "rolled_back",
        f"the two do not agree: losses differ by {agreement.loss_difference:.2%} (limit {MOST_LOSS_DIFFERENCE:.0%}), "
        f"gradients point {agreement.gradient_cosine:.3f} alike (limit {LEAST_GRADIENT_COSINE})",
    )


def judge_rounds(gains: Sequence[float], rounds: int) -> Verdict:
    """Return the verdict on rounds.

    Args:
        gains: Relative time saved in each round: 0.1 = 10 % less time an example.
        rounds: How many rounds were asked for; all must agree.
    """
    if 0 < len(gains) < rounds and max(gains) <= HOPELESS_GAIN:
        middle = median(gains)
        measured = Measured(median=middle, low=min(gains), high=max(gains), unit="relative step_s")
        told = f"steps take {1 - middle:.1f} times as long; {len(gains)} of {rounds} rounds told it"
        return Verdict("rolled_back", told, measured)
    if len(gains) < rounds or not all(map(isfinite, gains)):
        return Verdict("undecided", f"only {len(gains)} of {rounds} rounds were run")
    middle = median(gains)
    measured = Measured(median=middle, low=min(gains), high=max(gains), unit="relative step_s")
    spread = f"{min(gains):+.1%} to {max(gains):+.1%} in {rounds} rounds"
    if min(gains) > 0 and middle >= LEAST_SPEED_GAIN:
        return Verdict("kept", f"steps take {middle:.1%} less time ({spread}, all agree)", measured)
    if middle <= 0:
        return Verdict("rolled_back", f"steps take {-middle:.1%} more time ({spread})", measured)
    if min(gains) > 0:
        why = f"steps take only {middle:.1%} less time ({spread}); {LEAST_SPEED_GAIN:.0%} would be worth a turn"
        return Verdict("rolled_back", why, measured)
    return Verdict("undecided", f"the rounds do not agree: {spread}", measured)


def student(nulls: int) -> float:
    """Return the one-sided 95 % Student factor for so many null arms (at least one)."""
    return STUDENT_95[min(nulls, len(STUDENT_95)) - 1]


@dataclass(frozen=True)
class Arms:
    """What a fork has measured."""

    control: Mapping[str, float]
    candidate: Mapping[str, float]
    standard_errors: Mapping[str, float]
    """Of the control's scores."""
    nulls: tuple[float, ...]
    """Differences null - control of the judged score: this trial's and pooled ones."""
    steps: int
    rate_cut: bool = False
    """The candidate's rate is below the control's."""
    control_diverged: bool = False
    candidate_diverged: bool = False


def judge_fork(fix: Fix, score: str, metric: str, higher_is_better: bool, arms: Arms) -> Verdict:
    """Return the verdict on a fork: gain over the noise of null arms, and no guard broken.

    Args:
        fix: What was tried; its guards must hold.
        score: The score that the fix should improve, as the arms name it.
        metric: The name of the user's main metric.
        higher_is_better: Of the main metric.
        arms: What was measured.
    """
    if arms.candidate_diverged or not isfinite(arms.candidate.get(score, float("nan"))):
        return Verdict("rolled_back", f"with it the loss is not finite after {arms.steps} steps")
    if arms.control_diverged or not isfinite(arms.control.get(score, float("nan"))):
        return Verdict("kept", f"without it the loss is not finite after {arms.steps} steps, with it it is")
    if not arms.nulls:
        return Verdict("undecided", "no null arm has told the noise, so a gain cannot be told from luck")
    loss_like = score in LOSSES
    less_is_better = loss_like or (score.removeprefix("tail_") == metric and not higher_is_better)
    before, after = arms.control[score], arms.candidate[score]
    scale = (abs(before) or 1.0) if less_is_better else 1.0
    gain = ((before - after) if less_is_better else (after - before)) / scale
    noise = student(len(arms.nulls)) * sqrt(sum(one * one for one in arms.nulls) / len(arms.nulls)) / scale
    floor = LEAST_LEARNING_GAIN * (1.0 if less_is_better else abs(before))
    unit = f"relative {score}" if less_is_better else score
    measured = Measured(median=gain, low=gain - noise, high=gain + noise, unit=unit)
    told = f"{score} {before:.4g} → {after:.4g} after {arms.steps} steps"
    limit = f"noise {noise:.2g} by {len(arms.nulls)} null {'arm' if len(arms.nulls) == 1 else 'arms'}"
    if gain <= 0:
        return Verdict("rolled_back", f"{told}: not better", measured)
    if gain <= max(noise, floor):
        why = f"{told}: a gain of {gain:.2g} is not above " + (limit if noise >= floor else f"0.5 % ({floor:.2g})")
        return Verdict("undecided", why, measured)
    if broken := _broken_guard(fix, metric, higher_is_better, arms):
        return Verdict("rolled_back", f"{told}, but {broken}", measured)
    return Verdict("kept", f"{told}: a gain of {gain:.2g}, {limit}{_caution(arms)}", measured)


def _caution(arms: Arms) -> str:
    if arms.rate_cut and arms.steps < LEAST_HORIZON_OF_A_RATE_CUT:
        return f"; a fork under {LEAST_HORIZON_OF_A_RATE_CUT} steps favours small rates: helped here, not proved"
    return ""


def _broken_guard(fix: Fix, metric: str, higher_is_better: bool, arms: Arms) -> str:
    guards = fix.guards or ((METRIC_GUARD,) if fix.improves != "metric" else ())
    for guard in guards:
        name = metric if guard.metric == "metric" else guard.metric
        if name not in arms.control or name not in arms.candidate:
            continue
        less_is_better = name in LOSSES or (name == metric and not higher_is_better)
        before, after = arms.control[name], arms.candidate[name]
        worse = (after - before) if less_is_better else (before - after)
        errors = arms.standard_errors
        allowed = _allowed(guard, before, errors.get(name, errors.get(guard.metric)))
        if not worse <= allowed:
            return f"{name} falls behind: {before:.4g} → {after:.4g}, more than {allowed:.2g} worse"
    return ""


def _allowed(guard: Guard, before: float, standard_error: float | None) -> float:
    """Return how much worse a guarded score may be; one without a known error may not be worse by half a percent."""
    if guard.unit == "relative":
        return guard.tolerance * abs(before)
    if standard_error is None or not isfinite(standard_error):
        return LEAST_LEARNING_GAIN * abs(before)
    return guard.tolerance * standard_error


def regressed(evaluations: Sequence[Evaluation], decided_step: int, higher_is_better: bool, noise: float = 0.0) -> str:
    """Return how the run has got worse since a fix was kept; nothing where it has not.

    Worse = by more than three standard errors (or noises, whichever is larger), twice in a row.

    Args:
        evaluations: Of the branch that counts, oldest first.
        decided_step: When the fix was kept.
        higher_is_better: Of the main metric.
        noise: Spread of the metric between null arms, where it is known.
    """
    before = [one for one in evaluations if one.step <= decided_step]
    if not before:
        return ""
    reference = before[-1]
    in_a_row = 0
    for one in [one for one in evaluations if one.step > decided_step][:GUARDED_EVALUATIONS]:
        worse = (reference.metric - one.metric) if higher_is_better else (one.metric - reference.metric)
        errors = [error for error in (reference.standard_error, one.standard_error, noise) if isfinite(error)]
        in_a_row = in_a_row + 1 if not worse <= GUARD_ERRORS * max(errors, default=0.0) else 0
        if in_a_row == GUARD_STRIKES:
            return f"the metric fell from {reference.metric:.4g} to {one.metric:.4g} in {GUARD_STRIKES} evaluations"
    return ""


def judge_compression(
    *,
    bytes_before: int,
    bytes_after: int,
    metric_before: float,
    metric_after: float,
    higher_is_better: bool,
    most_loss: float,
) -> Verdict:
    """Return the verdict on a compressed copy: smaller, and the metric fell at most by what is allowed.

    Args:
        bytes_before: Size of the finished model.
        bytes_after: Size of the copy.
        metric_before: Of the finished model, on the validation split.
        metric_after: Of the copy, on the same examples.
        higher_is_better: Of the metric.
        most_loss: What the metric may lose, in its own unit.
    """
    fell = (metric_before - metric_after) if higher_is_better else (metric_after - metric_before)
    saved = 1 - bytes_after / max(bytes_before, 1)
    measured = Measured(median=saved, low=saved, high=saved, unit="relative bytes")
    told = f"{saved:.0%} smaller, metric {metric_before:.4g} → {metric_after:.4g}"
    if not fell <= most_loss:
        return Verdict("rolled_back", f"{told}: more than the {most_loss:g} that it may lose", measured)
    if saved <= 0:
        return Verdict("rolled_back", f"the copy is not smaller: {bytes_before} → {bytes_after} bytes", measured)
    return Verdict("kept", told, measured)
