"""The three lines of a report (verdict, why, next), and what it is not sure of."""

from collections.abc import Sequence
from math import isnan
from shlex import quote

from advisor.report.schema import Intervention, Metrics, Opportunity, ReportedFinding
from advisor.report.view import standing
from advisor.report.words import expected, gain, plural, score
from advisor.story.story import Story
from advisor.story.told import InterventionState
from rules.vocabulary import Deed, Severity

LONG_SHARE = 0.1
"""Of the run, that a warning stood for."""
LEAST_EVALUATIONS = 3
"""Fewer do not show whether the metric still rises."""
BEST_OF_MANY = 2.0
"""Standard errors above a constant guess: the best of several evaluations lies one above it by luck alone."""
LATE_SHARE = 0.9
"""Of the run: what stood until then and was not mended tells why nothing was learned, though it was not seen at the end."""
LARGE_STANDARD_ERROR = 0.01
"""One point: below it most gains that are fought for can be told from luck."""
SURE_HORIZON_STEPS = 400
"""A rate judged over fewer steps can look better than it ends (trials.md, «Horizon bias»)."""
RATE_LIKE = frozenset({"lr", "schedule", "warmup", "batch_size", "momentum", "optimizer"})


def verdict(story: Story, metrics: Metrics, findings: tuple[ReportedFinding, ...]) -> str:
    """Return one sentence: how the training went."""
    if story.started is None:
        return "The training did not start."
    word, steps = story.word, f"step {story.step} of {story.steps_total}"
    if word == "failed":
        if _given_up(story):
            return f"The training was given up at {steps}."
        if story.training_ended is not None and metrics.best is not None:
            told = f"{metrics.name} {score(metrics.best)} on validation"
            return f"The training itself finished ({told}), but what came after it failed."
        return f"The training failed at {steps}."
    if word not in ("finished", "stopped"):
        return f"The training has not ended: it stood at {steps} when this was written."
    how = "stopped" if word == "stopped" else "finished"
    best = metrics.best
    if best is None or isnan(best):
        return f"The training {how} without one usable score."
    guess = "" if isnan(metrics.baseline) else f", {score(metrics.baseline)} for a constant guess"
    told = f"{metrics.name} {score(best)} on validation{guess}"
    if learned_nothing(metrics):
        return f"The training {how}, and learned nothing: {told}."
    if word == "stopped":
        return f"The training was stopped at {steps}: {told}."
    return f"The training finished{_faults(findings)}: {told}."


def _faults(findings: tuple[ReportedFinding, ...]) -> str:
    """Return how many faults were mended, and how many stand; symptoms and hints are none."""
    faults = [one for one in findings if one.role != "symptom" and one.severity is not Severity.INFO]
    mended, stand = sum(one.mended for one in faults), len(standing(tuple(faults)))
    that = f"that stand{'s' if stand == 1 else ''}"
    if mended and stand:
        return f", with {plural(mended, 'fault')} mended on the way and {stand} {that}"
    if mended:
        return f", with {plural(mended, 'fault')} mended on the way"
    return f", with {plural(stand, 'fault')} {that}" if stand else ""


def why(
    story: Story, metrics: Metrics, interventions: tuple[Intervention, ...], findings: tuple[ReportedFinding, ...]
) -> str:
    """Return one sentence with one number: what decided how it went.

    In this order: the reason of a failure, an error that stands or the cause of it, of a run that learned nothing what stood last, a cause
    that was mended, a warning that stands, the greatest measured gain, a warning that stood for long, all that was looked at.
    """
    if story.word == "failed" and (reason := _reason_of_failure(story)):
        return reason
    stand = standing(findings)
    if worst := next((one for one in stand if one.severity is Severity.ERROR), None):
        return _told(_root(worst, stand))
    if learned_nothing(metrics) and (last := _stood_last(story, findings)):
        return _told(last)
    mended = [one for one in findings if one.mended and one.role == "cause" and one.severity is not Severity.INFO]
    if mended:
        first = max(mended, key=lambda one: (one.severity.rank, -one.step))
        return _told(first, _cure(first, story))
    if fault := next((one for one in stand if one.severity is Severity.WARNING), None):
        return _told(fault)
    kept = [(one, one.measured) for one in interventions if one.outcome == "kept" and not one.undone and one.measured]
    gains = [(one, measured) for one, measured in kept if one.improves != "bytes"]
    if gains:
        top, measured = max(gains, key=lambda pair: pair[1].median)
        return _sentence(f"{top.rule}: to {top.fix} brought {gain(measured)}")
    if gone := _went_by_itself(story, findings):
        return _sentence(
            f"{gone.code} stood from step {gone.step} to {gone.cleared_step} and went by itself: {gone.message}"
        )
    if story.passed:
        hints = f"; {plural(len(stand), 'hint')} below" if stand else ""
        return f"{plural(len(story.passed), 'rule')} looked for faults and found none that stands{hints}."
    if stand:
        return _told(stand[0])
    return "No rule could be assessed: too little of the run was seen."


def next_step(story: Story, metrics: Metrics, opportunities: tuple[Opportunity, ...], run: str) -> str:
    """Return one sentence: what to do now. `run` is the path of the run directory."""
    run = quote(run)
    if story.started is None:
        return "Put right what is said above, then start it again."
    if story.word == "failed":
        if _given_up(story):
            return "Look at the findings below: what they name lies in the data or the code, not in a knob."
        if story.checkpoint is not None:
            return f"Look at trainer.log, then go on from step {story.checkpoint.step}: advisor resume {run}"
        return "Look at trainer.log, put it right, then start it again: there is no checkpoint to go on from."
    if story.word not in ("finished", "stopped"):
        return f"Look at it live: advisor watch {run}"
    if story.mode == "watch" and story.word == "finished" and learned_nothing(metrics) and story.findings:
        return "Train it again with --mode auto: what is found is then tried and mended while it runs."
    if opportunities and opportunities[0].improves != "bytes":
        top = opportunities[0]
        hope = f": {expected(top.saves, top.improves)} is expected" if top.saves > 0 else ""
        return _sentence(f"{top.fix} ({top.rule}){hope}")
    if story.word == "stopped":
        return f"Go on where it stopped: advisor resume {run}"
    if story.checkpoint is None:
        return "Start it again with the final configuration below."
    return f"Use the model: advisor predict {run} DATA"


def unsure(story: Story, metrics: Metrics, *, dropped: int) -> tuple[str, ...]:
    """Return what a reader should not take for certain, as sentences."""
    told: list[str] = []
    if story.started is None:
        return ()
    noise = metrics.standard_error
    if noise is not None and noise == noise:
        told.append(
            f"One run with one seed: on this validation split ({story.started.task.val_examples} examples) "
            f"differences of {metrics.name} below {score(2 * noise)} are noise."
        )
        if metrics.higher_is_better and noise > LARGE_STANDARD_ERROR:
            told.append("The validation split is small; a larger one would tell smaller gains from luck.")
    if metrics.test is None and story.started.task.test_examples == 0:
        told.append(
            "There is no test split: the best score was chosen on the data that it is told for, so it flatters."
        )
    if 0 < len(story.evaluations) < LEAST_EVALUATIONS:
        told.append(
            f"Only {plural(len(story.evaluations), 'evaluation')}: whether it would still improve cannot be said."
        )
    told += [_untried(one) for one in story.interventions if one.outcome == "applied_untried" and not one.undone]
    told += [
        f"«{one.fix.name}» was judged over {one.steps_planned} steps; a rate that helps at once may cost later."
        for one in story.interventions
        if one.outcome == "kept" and _is_short_rate_trial(one)
    ]
    if late := _after_the_best(story):
        told.append(
            f"The best {metrics.name} was that of step {late[0]}, and its weights are delivered; what was kept later is "
            f"not in them: {', '.join(late[1])}."
        )
    undecided = [one.fix.name for one in story.interventions if one.outcome in ("undecided", None) and one.trial]
    if undecided:
        told.append("Undecided, so not kept: " + ", ".join(dict.fromkeys(undecided)) + ". A longer run may tell.")
    if story.labels is not None and story.labels.noise_share > 0:
        told.append("The share of wrong labels is an estimate from this very training; look at the suspects yourself.")
    told += [f"Rule {code} failed and said nothing: {error}" for code, error in story.rule_errors.items()]
    if dropped:
        told.append(f"{plural(dropped, 'record')} could not be written (disk full?); curves may have gaps.")
    return tuple(told)


def learned_nothing(metrics: Metrics) -> bool:
    """Tell whether the best score is one that a constant guess reaches by luck.

    Where no guess could be scored (outputs of a form of the task's own) nobody knows.
    """
    if metrics.best is None or isnan(metrics.baseline):
        return False
    margin = metrics.best - metrics.baseline if metrics.higher_is_better else metrics.baseline - metrics.best
    noise = metrics.standard_error or 0.0
    return not margin > (BEST_OF_MANY * noise if noise == noise else 0.0)


def _root(finding: ReportedFinding, stand: Sequence[ReportedFinding]) -> ReportedFinding:
    """Return the fault that explains a finding, as far up as faults stand; the finding itself where none does."""
    known = {one.code: one for one in stand if one.severity is not Severity.INFO}
    while (above := known.pop(finding.explained_by, None)) is not None:
        finding = above
    return finding


def _stood_last(story: Story, findings: tuple[ReportedFinding, ...]) -> ReportedFinding | None:
    """Return the cause, else the worst, of what stood until late in the run and was not mended; nothing where nothing did."""
    late = [
        one
        for one in findings
        if one.cleared_step is not None
        and one.cleared_step >= LATE_SHARE * story.step
        and not one.mended
        and one.severity is not Severity.INFO
    ]
    return max(late, key=lambda one: (one.role == "cause", one.severity.rank, one.cleared_step), default=None)


def _went_by_itself(story: Story, findings: tuple[ReportedFinding, ...]) -> ReportedFinding | None:
    """Return the warning that stood longest, though nothing was done about it and it is gone; nothing where none stood for long."""
    gone = [
        (one.cleared_step - one.step, one)
        for one in findings
        if one.role != "symptom"
        and one.severity is not Severity.INFO
        and not one.mended
        and one.cleared_step is not None
    ]
    stood, longest = max(gone, key=lambda pair: pair[0], default=(0, None))
    return longest if stood >= LONG_SHARE * max(story.steps_total, 1) else None


def _after_the_best(story: Story) -> tuple[int, list[str]] | None:
    """Return the step of the best evaluation, and the fixes of learning that were kept only after it; nothing where none was."""
    best = story.training_ended.best_step if story.training_ended else 0
    late = [
        one.fix.name
        for one in story.interventions
        if one.how == "fork" and one.outcome == "kept" and not one.undone and (one.ended_step or one.step) > best
    ]
    return (best, list(dict.fromkeys(late))) if best and late else None


def _given_up(story: Story) -> bool:
    return story.ended is not None and story.ended.why == "hopeless"


def _reason_of_failure(story: Story) -> str:
    if story.ended is not None and story.ended.text:
        return _sentence(story.ended.text)
    last_deed = next((one for one in reversed(story.interventions) if one.fix.deed is Deed.STOP), None)
    if _given_up(story) and last_deed is not None and (known := story.findings.get(last_deed.codes[0])):
        return _sentence(f"{known.finding.code}: {known.finding.message}")
    if story.exits:
        last = story.exits[-1]
        suspect = f" while {last.suspect} was on trial" if last.suspect else ""
        line = next((line for line in reversed(last.last_lines) if line.strip()), "")
        said = f": {line.strip()}" if line and line.strip() not in last.why else ""
        return _sentence(f"The trainer ended with code {last.code}, {last.why}{suspect}{said}")
    return "The trainer died without a last word: it was killed, or the machine stopped."


def _told(finding: ReportedFinding, cure: str = "") -> str:
    return _sentence(f"{finding.code}: {finding.message}{'; ' if cure else ''}{cure}")


def _cure(finding: ReportedFinding, story: Story) -> str:
    """Return the verdict on the fix that mended it, or the name of the fix of another finding that did."""
    standing_fixes = [one for one in story.interventions if one.in_force and one.how != "compression"]
    own = next((one.why for one in standing_fixes if finding.code in one.codes), "")
    other = next((f"mended by «{one.fix.name}»" for one in standing_fixes), "")
    return own or other


def _untried(one: InterventionState) -> str:
    return f"«{one.fix.name}» was applied without a control arm, so what it brought is not measured."


def _is_short_rate_trial(one: InterventionState) -> bool:
    return one.how == "fork" and 0 < one.steps_planned < SURE_HORIZON_STEPS and bool(RATE_LIKE & set(one.new))


def _sentence(text: str) -> str:
    text = text.strip()
    first = text.partition(" ")[0].rstrip(":,")
    head = text if "." in first or "_" in first else text[:1].upper() + text[1:]
    return head if head.endswith((".", "!", "?", "…")) else head + "."
