"""Verdicts: what is kept, from the numbers alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from statistics import fmean, median

from advisor.deciding.budget import HOPELESS_GAIN
from advisor.ledger import Measured, Outcome
from advisor.trials.noise import LEAST_LEARNING_GAIN, counted, gain_of
from advisor.trials.scoring import plain_score
from rules.facts import Evaluation
from rules.vocabulary import METRIC_GUARD, Fix, Guard

LEAST_SPEED_GAIN = 0.02
"""Below 2 % a faster step is not worth a turn (trials.md, «Rounds»)."""
MOST_LOSS_DIFFERENCE = 0.01
LEAST_GRADIENT_COSINE = 0.99
"""Other rounding, same direction: limits of the agreement check (trials.md, effect classes)."""
SAME_LOSS_DIFFERENCE = 1e-5
"""Same mathematics: the last bits of sums that other threads add up in another order. Other examples, or another random
number for one of them, differ by a thousand times as much."""
CROWDED_SHARE = 0.25
"""While other programs take so much of busy processors, neighbouring stretches differ by up to 30 % (trials.md)."""
PAY_BACK_SHARE = 0.20
"""Of what remains: rebuilding or compiling must have paid for itself by then (trials.md, «Rounds»)."""
GUARD_ERRORS = 3.0
GUARD_STRIKES = 2
GUARDED_EVALUATIONS = 5
"""After a fix was kept: worse by three noises twice in a row, within five evaluations, takes it back."""
LOSSES = frozenset({"loss", "balanced_loss", "train_loss", "rmse", "mae", "gap"})
"""Scores of which less is better."""


APART_TIMES = 1000.0
"""A loss three decades above another is that of a run that has exploded, and not of one that learns more slowly."""
TOGETHER_TIMES = 10.0
"""Candidates further apart than that are a matter of luck themselves."""


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


def judge_agreement(agreement: Agreement, same: bool = False) -> Verdict | None:
    """Return a verdict where the arms do not compute the same; nothing where they do.

    Args:
        agreement: What was measured.
        same: The fix promises the same mathematics, not only other rounding.
    """
    if same and not agreement.loss_difference <= SAME_LOSS_DIFFERENCE:
        told = f"losses differ by {agreement.loss_difference:.2g} on the same weights and batches"
        return Verdict("rolled_back", f"the mathematics are not the same: {told}")
    if agreement.holds:
        return None
    return Verdict(
        "rolled_back",
        f"the two do not agree: losses differ by {agreement.loss_difference:.2%} (limit {MOST_LOSS_DIFFERENCE:.0%}), "
        f"gradients point {agreement.gradient_cosine:.3f} alike (limit {LEAST_GRADIENT_COSINE})",
    )


def judge_payback(verdict: Verdict, left_s: float, set_up_s: float) -> Verdict:
    """Return the verdict on rounds with what turning costs charged: kept only if it pays back in a fifth of what remains.

    Args:
        verdict: By the rounds alone.
        left_s: Seconds that the run still takes without the change.
        set_up_s: Seconds that turning it on takes: a loader rebuilt, a net compiled.
    """
    if not verdict.keep or verdict.measured is None:
        return verdict
    saved_s = verdict.measured.median * PAY_BACK_SHARE * left_s
    if saved_s >= set_up_s:
        return verdict
    why = f"turning it on takes {set_up_s:.2g} s and would save {saved_s:.2g} s in the next fifth of what remains"
    return Verdict("rolled_back", f"{verdict.why}, but {why}", verdict.measured)


def judge_crowd(verdict: Verdict, crowded_share: float) -> Verdict:
    """Return the verdict on rounds, with nothing claimed where other programs had the processors."""
    if not crowded_share > CROWDED_SHARE:
        return verdict
    why = f"other programs used {crowded_share:.0%} of busy processors, so nothing is claimed; free the machine to tell"
    return Verdict("undecided", why, verdict.measured)


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
    further: tuple[tuple[float, float], ...] = ()
    """Judged score of further controls and candidates, each two on a stream of batches of their own."""
    candidate_steps: int = 0
    """Where it differs: the batch is another one, or a step takes longer, and time is what counts."""
    rate_cut: bool = False
    """The candidate's rate is below the control's: 4-35 % of cuts that end worse win a fork of 40 to 400 steps
    (tests/bench), so that none is ever called proved."""
    regularises: bool = False
    """The fix regularises: it pays late, and by a narrower gap."""
    epochs: float = 0.0
    """Passes over the training split that an arm took."""
    one_example: float = 0.0
    """What one held-out example is worth in the judged score; 0 where it counts none, or nobody knows."""
    examples: int = 0
    """That the arms were scored on; 0 where nobody knows."""
    control_diverged: bool = False
    candidate_diverged: bool = False
    guessing: float = nan
    """Main metric of the best constant predictor; NaN where nobody knows."""


def judge_fork(fix: Fix, score: str, metric: str, higher_is_better: bool, arms: Arms) -> Verdict:
    """Return the verdict on a fork: gain over the noise of null arms, and no guard broken.

    Args:
        fix: What was tried; its guards must hold.
        score: The score that the fix should improve, as the arms name it.
        metric: The name of the user's main metric.
        higher_is_better: Of the main metric.
        arms: What was measured.
    """
    diverged = arms.control_diverged or arms.candidate_diverged
    if not diverged and score not in arms.control and score not in arms.candidate:
        return Verdict("undecided", f"there is no {score} here: the task's own loss does not take one class alone")
    if arms.candidate_diverged or not isfinite(arms.candidate.get(score, float("nan"))):
        return Verdict("rolled_back", f"with it the loss is not finite after {arms.steps} steps")
    further = [pair for pair in arms.further if isfinite(pair[0])]
    if not all(isfinite(one) for _, one in arms.further):
        return Verdict("rolled_back", f"with it the loss is not finite on other batches after {arms.steps} steps")
    if arms.control_diverged or not isfinite(arms.control.get(score, float("nan"))):
        return Verdict("kept", f"without it the loss is not finite after {arms.steps} steps, with it it is")
    less_is_better = lower_is_better(score, metric, higher_is_better)
    before, after = arms.control[score], arms.candidate[score]
    controls, candidates = zip((before, after), *further, strict=True)
    found = gain_of(controls, candidates, arms.nulls, less_is_better)
    if found is None:
        return Verdict("undecided", "no null arm has told the noise, so a gain cannot be told from luck")
    found = counted(found, _one_example(score, arms, ties=found.noise == 0))
    before, after = fmean(controls), fmean(candidates)
    scale = (abs(before) or 1.0) if less_is_better else 1.0
    gain, noise = found.gain / scale, found.noise / scale
    floor = LEAST_LEARNING_GAIN * (1.0 if less_is_better else abs(before))
    unit = f"relative {score}" if less_is_better else score
    measured = Measured(median=gain, low=gain - noise, high=gain + noise, unit=unit)
    told = f"{score} {before:.4g} → {after:.4g} after {arms.steps} steps"
    if arms.candidate_steps and arms.candidate_steps != arms.steps:
        told = f"{told} ({arms.candidate_steps} with it)"
    limit = f"noise {noise:.2g} by {found.told}"
    if gain <= 0:
        return Verdict("rolled_back", f"{told}: not better", measured)
    if less_is_better and _apart(controls, candidates):
        limit = f"every arm without it lies over {APART_TIMES:.0f} times above every arm with it"
    elif not gain > max(noise, floor):
        why = f"{told}: a gain of {gain:.2g} is not above " + (limit if noise >= floor else f"0.5 % ({floor:.2g})")
        return Verdict("undecided", why, measured)
    if broken := _broken_guard(fix, metric, higher_is_better, arms):
        return Verdict("rolled_back", f"{told}, but {broken}", measured)
    if arms.regularises and (widens := _gap_widens(arms)):
        return Verdict("rolled_back", f"{told}, but {widens}", measured)
    return Verdict("kept", f"{told}: a gain of {gain:.2g}, {limit}{_caution(arms)}", measured)


def judge_futile(fix: Fix, score: str, metric: str, higher_is_better: bool, arms: Arms) -> Verdict:
    """Return the verdict on a fork that ended after its first pair, for want of a gain worth keeping."""
    alone = judge_fork(fix, score, metric, higher_is_better, replace(arms, nulls=(0.0,), further=()))
    if alone.outcome == "rolled_back":
        return alone
    return Verdict("undecided", f"{alone.why}; no further arm was run", alone.measured)


def lower_is_better(score: str, metric: str, higher_is_better: bool) -> bool:
    """Tell whether less of a score is better; `higher_is_better` is said of the main metric."""
    name = plain_score(score)
    return name in LOSSES or (name in (metric, "metric") and not higher_is_better)


def _one_example(score: str, arms: Arms, *, ties: bool) -> float:
    """Return what one example is worth in a score; of one that nobody knows, where all ties, as much as in a mean over them."""
    if arms.one_example or not ties or not arms.examples or plain_score(score) in LOSSES:
        return arms.one_example
    return 1 / arms.examples


def _gap_widens(arms: Arms) -> str:
    """Return how a regulariser has widened the gap that it is there to narrow; nothing where it has not."""
    before, after = arms.control.get("gap", nan), arms.candidate.get("gap", nan)
    if not after - before > LEAST_LEARNING_GAIN * abs(arms.control.get("loss", nan)):
        return ""
    return f"the gap between held-out and training loss widens: {before:.4g} → {after:.4g}"


def _apart(controls: Sequence[float], candidates: Sequence[float]) -> bool:
    """Tell whether all controls are lost and no candidate is: the spread of what explodes is no measure of noise."""
    if len(controls) < 2 or min(candidates) <= 0:
        return False
    together = max(candidates) <= TOGETHER_TIMES * min(candidates)
    return together and min(controls) > APART_TIMES * max(candidates)


def _caution(arms: Arms) -> str:
    if arms.rate_cut:
        return "; a fork favours small rates however long it is: helped here, not proved"
    if arms.regularises and arms.epochs < 1:
        return f"; after {arms.epochs:.2g} of an epoch, which does a regulariser less than justice"
    return ""


def _broken_guard(fix: Fix, metric: str, higher_is_better: bool, arms: Arms) -> str:
    guards = fix.guards or ((METRIC_GUARD,) if fix.improves != "metric" else ())
    for guard in guards:
        name = metric if guard.metric == "metric" else guard.metric
        if name not in arms.control or name not in arms.candidate:
            continue
        less_is_better = name in LOSSES or (name == metric and not higher_is_better)
        before, after = arms.control[name], arms.candidate[name]
        errors = arms.standard_errors
        allowed = _allowed(guard, before, errors.get(name, errors.get(guard.metric)))
        learned = (arms.guessing - before) if less_is_better else (before - arms.guessing)
        if name == metric and learned <= allowed:  # a run that still guesses has nothing to lose; NaN: nobody knows
            continue
        worse = (after - before) if less_is_better else (before - after)
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


def regressed(evaluations: Sequence[Evaluation], decided_step: int, higher_is_better: bool, noise: float = nan) -> str:
    """Return how the run has got worse since a fix was kept; nothing where it has not.

    Worse = twice in a row by more than three noises and one standard error (three, where no null arm has told the noise).

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
        error = max((error for error in (reference.standard_error, one.standard_error) if isfinite(error)), default=0.0)
        allowed = max(GUARD_ERRORS * noise, error) if isfinite(noise) else GUARD_ERRORS * error
        in_a_row = in_a_row + 1 if not worse <= allowed else 0
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
