"""The report of a run: built from its story, written beside it as JSON, HTML and Markdown.

A run that crashed, was killed or never started has a report too: what is not known is null, and said.
"""

import json
from collections.abc import Mapping
from typing import Any

from advisor.driving.lease import is_driven
from advisor.report import checked, fixes, health, machine, profile, verdict
from advisor.report.html import html
from advisor.report.markdown import markdown
from advisor.report.schema import Report, ReportedFinding
from advisor.report.timeline import timeline
from advisor.report.view import config_toml, standing
from advisor.runs import Run, write_by_rename
from advisor.story.story import Story, fold
from advisor.story.told import FindingState
from rules.vocabulary import Deed, Effect, Severity
from trainer.journal import is_held

FINAL_CONFIG = "final_config.toml"
"""The configuration with the final knobs, beside the report."""

LAST_DEEDS = (Deed.COMPRESS, Deed.STOP)
"""After them nothing is assessed any more: their finding is mended though nobody could see it clear."""

SAMPLES_MOST = 2000
"""Samples that are read: a week's are as many as a plot can show."""

ROLES = ("cause", "contributing", "symptom")


def build(story: Story, about: Mapping[str, Any], path: str) -> Report:
    """Return the report of a run. Pure: no clock, no file.

    Args:
        story: What happened.
        about: What run.json holds: config, argv, versions, name; what is missing is left out of the report.
        path: The run directory, for the commands that the report gives.
    """
    scores = profile.metrics(story)
    time = profile.seconds(story)
    done = fixes.interventions(story)
    config = about.get("config") or {}
    compresses = bool((config.get("advisor") or {}).get("compress", True))
    offered = fixes.opportunities(story, compresses=compresses)
    found = tuple(_finding(state, story) for state in sorted(story.findings.values(), key=_order))
    silent = checked.not_assessed(story, (config.get("advisor") or {}).get("mute") or ())
    spoken_of = {*story.findings, *(one.rule for one in done)}
    severities = [one.severity for one in standing(found)]
    level: Severity | None = max(severities, key=lambda severity: severity.rank, default=None)
    return Report(
        verdict=verdict.verdict(story, scores, found),
        why=verdict.why(story, scores, done, found),
        next=verdict.next_step(story, scores, offered, path),
        run=profile.about_run(story, about, path),
        metrics=scores,
        findings=found,
        interventions=done,
        opportunities=offered,
        passed=tuple(sorted(story.passed)),
        not_assessed=silent,
        hardware=profile.hardware(story),
        data=profile.data(story),
        time=time,
        overhead=profile.overhead(story, time),
        config=dict(config),
        final_config=profile.final_config(story, config),
        compression=[one.model_dump(exclude={"kind", "t", "samples"}) for one in story.compressed],
        timeline=timeline(story),
        health=health.health(story, scores, time),
        bill=health.bill(story, time),
        rules=checked.pages((*story.passed, *(one.code for one in silent)), spoken_of),
        unsure=verdict.unsure(story, scores, dropped=story.ended.dropped if story.ended else 0),
        level=level.value if level is not None else "none",
    )


def report_of(run: Run) -> Report:
    """Return the report of a run as far as it has come; nothing is written.

    Raises:
        RunError: when the folder is no run.
    """
    about = run.read_about()
    if run.resume.exists():
        about |= json.loads(run.resume.read_text(encoding="utf-8"))
    goes_on = is_driven(run) or is_held(run.events)
    events = run.read_events()
    story = fold(events, run.read_ledger())
    if not goes_on:
        story.lose()
    report = build(story, about, str(run.folder))
    sensed = machine.busy(events, run.read_samples(SAMPLES_MOST))
    return report.model_copy(update={"timeline": report.timeline | {"busy": sensed}}) if sensed else report


def write_report(run: Run) -> Report:
    """Write report.json, report.html, report.md and the final configuration into the run directory; return the report.

    Each file is written by rename, so that a reader sees the old one or the new one, whole.

    Raises:
        RunError: when the folder is no run.
    """
    report = report_of(run)
    write_by_rename(run.report, report.model_dump_json(indent=1))
    write_by_rename(run.folder / FINAL_CONFIG, config_toml(report.final_config))
    write_by_rename(run.report.with_suffix(".md"), markdown(report))
    write_by_rename(run.report.with_suffix(".html"), html(report))
    return report


def read_report(run: Run) -> Report | None:
    """Return the report that lies in a run directory, or nothing where there is none."""
    try:
        return Report.model_validate_json(run.report.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _order(state: FindingState) -> tuple[int, int, int, str]:
    return (ROLES.index(state.role), -state.finding.severity.rank, state.step, state.finding.code)


def _finding(state: FindingState, story: Story) -> ReportedFinding:
    finding = state.finding
    tried = {(one.code, one.fix.name) for one in story.interventions if one.trial}
    at_the_end = any(
        one.code == finding.code and one.in_force and one.fix.deed in LAST_DEEDS for one in story.interventions
    )
    answered = state.cleared_step is not None and any(
        finding.code in one.codes
        and one.outcome == "applied_untried"
        and one.in_force
        and one.step <= state.cleared_step
        for one in story.interventions
    )
    advice = tuple(fix.name for fix in finding.fixes if (finding.code, fix.name) not in tried)
    return ReportedFinding(
        code=finding.code,
        name=finding.name,
        role=state.role,
        severity=finding.severity,
        mended=state.mended or at_the_end or answered,
        message=finding.message,
        evidence=finding.evidence,
        step=state.step,
        causes=finding.causes,
        explained_by=state.explained_by,
        confidence=state.confidence,
        cleared_step=state.cleared_step,
        nursery=finding.nursery,
        advice=advice if state.standing or any(fix.effect is Effect.NEEDS_A_PERSON for fix in finding.fixes) else (),
    )
