"""What was done and what could still be done: interventions, opportunities, and the configuration lines of both."""

from collections.abc import Mapping, Sequence

import tomli_w

from advisor.deciding.causes import Part
from advisor.deciding.choose import held_back
from advisor.report.arms import arms
from advisor.report.schema import Intervention, Opportunity
from advisor.story.story import Story
from advisor.story.told import InterventionState
from rules.vocabulary import Deed, Effect, Fix, Severity, Value

OPPORTUNITIES_MOST = 12
"""Nobody acts on the thirteenth."""

WEIGHTS = {"bytes": 0.1}
"""A tenth of the size is worth about a hundredth of time or accuracy to most: a smaller file trains and runs no better."""


def interventions(story: Story) -> tuple[Intervention, ...]:
    """Return every fix that was tried, applied or refused, in the order of the run."""
    return tuple(_intervention(one, story) for one in story.interventions)


def opportunities(story: Story, *, compresses: bool) -> tuple[Opportunity, ...]:
    """Return what could still be gained: fixes of standing findings that nobody tried.

    What mends an error that explains others comes first, then the greatest saving. What a fault in code or data accounts for
    is left out: mending that fault comes first, and may leave nothing of the rest.

    Args:
        story: What happened.
        compresses: The configuration already asks for compression, so there is no line to paste for it.
    """
    tried = {(one.code, one.fix.name) for one in story.interventions if one.outcome != "refused" and one.trial}
    together = [one for one in story.interventions if one.fix.also and one.in_force]
    refused = {(one.code, one.fix.name): one.why for one in story.interventions if one.outcome == "refused"}
    asked = {(one.code, one.fix.name): one.state for one in story.proposals.values()}
    offered: dict[tuple[str, str], Opportunity] = {}
    urgent = {
        code
        for code, state in story.findings.items()
        if state.role == "cause" and state.finding.severity is Severity.ERROR
    }
    parts = {code: Part(state.role, state.explained_by) for code, state in story.findings.items()}
    held = held_back([state.finding for state in story.standing], parts)
    for code, state in story.findings.items():
        if code in held:
            continue
        answered = not state.standing and state.mended
        for fix in state.finding.fixes:
            key = (state.finding.code, fix.name)
            waits = asked.get(key) == "waiting"
            if (
                key in tried
                or _part_of(together, state.finding.code, fix)
                or ((answered or not state.standing) and not waits)
            ):
                continue
            offered[key] = Opportunity(
                rule=state.finding.code,
                fix=fix.name,
                saves=fix.expected,
                improves=fix.improves,
                estimated_by=fix.estimated_by,
                why_not_applied=_why_not(story, fix, refused.get(key, ""), asked.get(key, "")),
                config="" if fix.deed is Deed.COMPRESS and compresses else config_lines(fix),
            )
    ranked = sorted(
        offered.values(),
        key=lambda one: (one.rule not in urgent, -one.saves * WEIGHTS.get(one.improves, 1.0), one.rule, one.fix),
    )
    return tuple(ranked[:OPPORTUNITIES_MOST])


def _part_of(together: Sequence[InterventionState], code: str, fix: Fix) -> bool:
    """Tell whether a fix is in force as a part of one that mends two findings."""
    return any(code in one.codes and set(fix.turns) <= set(one.fix.turns) for one in together if fix.turns)


def config_lines(fix: Fix) -> str:
    """Return the TOML lines that make a fix part of the next run; empty where no key does."""
    if fix.deed is Deed.COMPRESS:
        return "[advisor]\ncompress = true\n"
    if fix.deed is Deed.STOP:
        return toml_lines({"early_stop": True})
    return toml_lines({turn.knob: _readable(turn.to) for turn in fix.turns})


def toml_lines(knobs: Mapping[str, Value]) -> str:
    """Return knobs as a `[train]` table."""
    return tomli_w.dumps({"train": dict(knobs)}) if knobs else ""


def _intervention(one: InterventionState, story: Story) -> Intervention:
    answered = story.findings.get(one.code)
    measured, unit = arms(one)
    knobs = list(dict.fromkeys([*one.old, *one.new]))
    undo = ""
    if one.in_force:
        undo = toml_lines({knob: value for knob, value in one.old.items() if knob in one.new})
    return Intervention(
        step=one.step,
        rule=one.code,
        fix=one.fix.name,
        turns={knob: {"old": one.old.get(knob), "new": one.new.get(knob)} for knob in knobs},
        effect=one.fix.effect,
        outcome=one.outcome or "undecided",
        expected=one.fix.expected,
        measured=one.measured,
        cost_s=one.cost_s or one.trial_s,
        trial=one.trial,
        why=_why(one),
        improves=one.fix.improves,
        undo=undo,
        undone=bool(one.undone),
        in_code=one.in_code if one.in_force else (),
        evidence=answered.finding.evidence if answered else (),
        arms=measured,
        arms_unit=unit,
    )


def _readable(value: Value) -> Value:
    """Return a number with six digits: what a person pastes need not carry the noise of a sweep."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _why(one: InterventionState) -> str:
    if one.running:
        return "the run ended before there was a verdict"
    return f"{one.why}; later taken back: {one.undone}" if one.undone else one.why


def _why_not(story: Story, fix: Fix, refusal: str, asked: str) -> str:
    if refusal:
        return refusal
    if asked:
        return {"waiting": "it waits for your yes", "vetoed": "you declined it"}.get(asked, asked)
    if fix.effect is Effect.NEEDS_A_PERSON:
        return "it needs a person"
    if story.mode == "watch":
        return "the run was only watched"
    return "the run ended before its turn came"
