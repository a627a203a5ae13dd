"""The diagnosis of a training that is not ours: the report of our own runs, as far as a log can fill it."""

from dataclasses import dataclass
from math import isfinite, isnan, nan
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from advisor.deciding.causes import parts
from advisor.logs.advice import framework_of, is_suspicion, lines_of, plain
from advisor.logs.curve import Point
from advisor.logs.find import Source
from advisor.logs.frame import Frame
from advisor.logs.names import ROLES, Roles, roles_of
from advisor.logs.replay import Replay, Seen, replay
from advisor.logs.telling import EPOCH_STEPS, GROUP_WORDS, Said
from advisor.mistakes import Mistake
from advisor.report.schema import Metrics, NotAssessed, Opportunity, Report, ReportedFinding
from advisor.report.words import plural, score
from rules.catalogue import all_rules, find
from rules.vocabulary import Effect, Fix, Severity

LOGS_SCHEMA_VERSION = "1.1"
OPPORTUNITIES_MOST = 12
SETTINGS_MOST = 60
"""Settings of a log that are told: a sweep's whole configuration is not read in a diagnosis."""
COLUMNS_MOST = 20
"""Columns that a message lists."""
POINTS_MOST = 500
"""Points of a curve in the report: what a plot has room for."""
NOT_OURS = "a training that is not ours is only read"


class LeftOut(BaseModel):
    """A file or folder that is no run that can be told of, and why."""

    model_config = ConfigDict(frozen=True)

    path: str
    why: str


class Diagnosed(BaseModel):
    """What `advisor diagnose --format json` prints: one report a run, in the form of report.json."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    schema_version: str = LOGS_SCHEMA_VERSION
    path: str
    runs: tuple[Report, ...]
    left_out: tuple[LeftOut, ...] = ()
    """What lies there and could not be told of."""

    @property
    def level(self) -> str:
        """The worst severity that stands in any run."""
        levels = ("none", "info", "warning", "error")
        return max((run.level for run in self.runs), key=levels.index, default="none")


class Gone(Mistake):
    """A file went away after it was found: its writer may be about to replace it."""


@dataclass(frozen=True)
class Asked:
    """What the user has said beside the path."""

    columns: dict[str, str]
    """Role or axis → column (`--map`)."""
    said: Said
    lower_is_better: bool | None = None


@dataclass(frozen=True)
class Heard:
    """One run: what was read of it, what the rules said, and its diagnosis."""

    source: Source
    frame: Frame
    roles: Roles
    replay: Replay
    report: Report
    steps_told: int
    """Steps that the training was to take; 0 where neither log nor user say."""

    @property
    def written_t(self) -> float:
        """Unix time at which its files were last written."""
        return max((file.stat().st_mtime for file in log_files(self.source) if file.exists()), default=0.0)


def diagnose(source: Source, asked: Asked) -> Report:
    """Read one run and return its diagnosis.

    Raises:
        Mistake: when `--map` names a column that the log lacks.
    """
    return hear(source, asked).report


def hear(source: Source, asked: Asked) -> Heard:
    """Read one run, put it to the rules and return all of it.

    Raises:
        Mistake: when `--map` names a column that the log lacks.
    """
    frame = read(source, asked.columns)
    check_columns(frame, asked, source)
    roles = roles_of(frame, asked.columns, asked.lower_is_better)
    heard = replay(frame, roles, asked.said, all_rules())
    told = asked.said.steps_total or frame.steps_total
    return Heard(source, frame, roles, heard, build(source, frame, roles, heard), told)


def read(source: Source, columns: dict[str, str]) -> Frame:
    """Return what the log of one run holds; rows that lie in no order are read once more, and sorted.

    Raises:
        Gone: when a file is not there any more.
        Mistake: when one cannot be read.
    """
    frame = Frame()
    try:
        source.read(frame, columns)
        if frame.stands:
            frame = Frame(counts=True)
            source.read(frame, columns)
            frame.note("All rows have the same step or epoch, and were counted instead.")
        if frame.is_unsorted:
            frame = Frame(sorts=True)
            source.read(frame, columns)
            frame.sort()
    except FileNotFoundError:
        raise Gone(f"{source.path} went away while it was read") from None
    except OSError as failed:
        raise Mistake(f"{source.path} cannot be read: {failed.strerror}") from None
    return frame


def check_columns(frame: Frame, asked: Asked, source: Source) -> None:
    """Check that the columns named by the user are there.

    Raises:
        Mistake: when one is not; it lists those that are.
    """
    axes = {
        "step": frame.axis == "step" or frame.counts,
        "epoch": frame.axis == "epoch" or len(frame.epochs) > 0 or frame.counts,
    }
    for role, name in asked.columns.items():
        if name not in frame.columns if role in ROLES else frame.columns and not axes[role]:
            there = ", ".join(sorted(frame.columns)[:COLUMNS_MOST]) or "none with numbers"
            raise Mistake(f"{source.path} has no column {name!r} to take for {role}; it has: {there}")


def build(source: Source, frame: Frame, roles: Roles, heard: Replay) -> Report:
    """Return the report of a log. Pure."""
    epoch_steps = EPOCH_STEPS if frame.axis == "epoch" else 0
    standing = {code: one for code, one in heard.seen.items() if one.cleared_step is None}
    part = parts(one.finding for one in standing.values())
    found = tuple(
        _finding(one, part[code].role if code in part else "contributing",
                 part[code].explained_by if code in part else "", epoch_steps)
        for code, one in heard.seen.items()
        if not _tells_nothing(one, heard)
    )  # fmt: skip
    order = ("cause", "contributing", "symptom")
    found = tuple(
        sorted(
            found, key=lambda one: (one.cleared_step is not None, order.index(one.role), -one.severity.rank, one.step)
        )
    )
    framework = framework_of(source.framework, frame.columns)
    offers = _opportunities(found, standing, framework, epoch_steps)
    scores = _metrics(heard)
    level = max((one.severity for one in found if one.cleared_step is None), key=lambda one: one.rank, default=None)
    return Report(
        verdict=_verdict(found, heard, scores),
        why=_why(found, heard),
        next=_next(found, offers, heard, roles),
        run={
            "path": str(source.path),
            "name": source.name,
            "state": "read",
            "format": source.format,
            "framework": framework,
            "axis": frame.axis,
            "rows": frame.rows,
            "steps": _place(heard.step, epoch_steps),
            "steps_total": _place(heard.known.steps_total, epoch_steps),
            "columns": {role: list(names) for role, names in roles.columns.items()},
            "settings": dict(list(frame.settings.items())[:SETTINGS_MOST]),
        },
        metrics=scores,
        findings=found,
        interventions=(),
        opportunities=offers,
        passed=heard.passed,
        not_assessed=tuple(
            NotAssessed(code=code, missing=tuple(dict.fromkeys(_group_words(one, heard) for one in missing)))
            for code, missing in sorted(heard.not_assessed.items())
        ),
        hardware={},
        data={},
        time={},
        overhead={},
        final_config={},
        timeline=_timeline(heard, found, epoch_steps),
        unsure=_unsure(frame, roles, heard),
        level=level.value if level is not None else "none",
    )


def _group_words(group: str, heard: Replay) -> str:
    """Return a group of facts as a person would ask for it; a loss that is there has too few rows."""
    few = group == "loss" and heard.loss
    return "enough rows of the training loss" if few else GROUP_WORDS.get(group, group)


def _tells_nothing(seen: Seen, heard: Replay) -> bool:
    """Tell whether a hint that came and went is not worth a word.

    A suspicion that only a probe could have turned into a finding, or a symptom of an error that still stands.
    """
    if seen.cleared_step is None or seen.finding.severity is not Severity.INFO:
        return False
    if is_suspicion(seen.finding):
        return True
    errors = [one for one in heard.seen.values() if one.cleared_step is None and one.finding.severity is Severity.ERROR]
    return any(seen.cleared_step >= error.step for error in errors)


def _finding(seen: Seen, role: str, explained_by: str, epoch_steps: int) -> ReportedFinding:
    finding = seen.finding
    return ReportedFinding(
        code=finding.code,
        name=finding.name,
        role=role,
        severity=finding.severity,
        mended=False,
        message=plain(finding.message, epoch_steps),
        evidence=tuple(one for one in finding.evidence if one.value == one.value),
        step=_place(seen.step, epoch_steps),
        causes=finding.causes,
        explained_by=explained_by,
        cleared_step=None if seen.cleared_step is None else _place(seen.cleared_step, epoch_steps),
        advice=tuple(_said(fix, epoch_steps) for fix in finding.fixes),
        nursery=finding.nursery,
    )


def _opportunities(
    found: tuple[ReportedFinding, ...], standing: dict[str, Seen], framework: str, epoch_steps: int
) -> tuple[Opportunity, ...]:
    """Return the advice for findings that stand: what mends the cause first; symptoms go with it."""
    offers = [
        Opportunity(
            rule=one.code,
            fix=_said(fix, epoch_steps),
            saves=fix.expected if isfinite(fix.expected) else 0.0,
            improves=fix.improves,
            estimated_by=fix.estimated_by,
            why_not_applied="it needs a person" if fix.effect is Effect.NEEDS_A_PERSON else NOT_OURS,
            config=lines_of(fix, framework),
        )
        for one in found
        if one.cleared_step is None and one.role != "symptom"
        for fix in standing[one.code].finding.fixes
    ]
    return tuple(offers[:OPPORTUNITIES_MOST])


def _said(fix: Fix, epoch_steps: int) -> str:
    return plain(fix.name, epoch_steps)


def _metrics(heard: Replay) -> Metrics:
    sign = 1 if heard.higher_is_better else -1
    usable = [one for one in heard.evaluations if isfinite(one.metric)]
    best = max(usable, key=lambda one: sign * one.metric, default=None)
    last = heard.evaluations[-1] if heard.evaluations else None
    every = {"loss": last.loss, heard.metric: last.metric} if last else {}
    return Metrics(
        name=heard.metric if heard.evaluations else "",
        higher_is_better=heard.higher_is_better,
        baseline=nan if heard.sign.blown else heard.known.baseline_metric,
        best=best.metric if best else None,
        final=last.metric if last and not isnan(last.metric) else None,
        test=None,
        standard_error=last.standard_error if last and not isnan(last.standard_error) else None,
        all=every,
    )


def _verdict(found: tuple[ReportedFinding, ...], heard: Replay, scores: Metrics) -> str:
    if not heard.loss and not heard.evaluations:
        return "The log holds no loss and no metric that is known by its name."
    told = f"best {scores.name} {score(scores.best)}" if scores.best is not None else ""
    alarm = next((one for one in found if one.cleared_step is None and one.severity is not Severity.INFO), None)
    if alarm is not None:
        return find(alarm.code).headline
    hints = [one for one in found if one.cleared_step is None]
    if not heard.passed and not hints:
        return "The log tells too little: no rule could be assessed."
    if hints:
        return f"Nothing is broken; {plural(len(hints), 'hint')} below" + (f" ({told})." if told else ".")
    return "Nothing is wrong that a log can show" + (f": {told}." if told else ".")


def _why(found: tuple[ReportedFinding, ...], heard: Replay) -> str:
    first = next((one for one in found if one.cleared_step is None), None)
    if first is not None:
        return f"{first.code}: {first.message}."
    if heard.passed:
        return f"{plural(len(heard.passed), 'rule')} looked for faults and found none that stands."
    return "A log with a training loss and a validation loss tells most."


def _next(found: tuple[ReportedFinding, ...], offers: tuple[Opportunity, ...], heard: Replay, roles: Roles) -> str:
    if offers:
        return f"{offers[0].fix[:1].upper()}{offers[0].fix[1:]} ({offers[0].rule})."
    if not heard.loss and not heard.evaluations:
        return "Say which column is what: --map loss=COLUMN --map val_loss=COLUMN."
    lacking = heard.not_assessed.get("GEN101", ())
    if "the loss of guessing" in lacking:
        return "Say how many classes there are: --classes N tells the loss of guessing, and more rules can be asked."
    if roles.no_measure:
        return "Judge it by its rewards, or by what it makes: the loss does not tell."
    if "loss" in lacking:
        few = "The log is too short to tell more." if heard.loss else ""
        return (
            few
            or "Log the training loss too: most faults show in it, or in what lies between it and the validation loss."
        )
    if "validation loss" in lacking:
        return "Log the loss on a validation split too: without it nobody sees overfitting."
    if heard.sign.still_falling:
        return (
            "Train longer, or at a higher rate: the validation loss still fell at every evaluation when the log ended."
        )
    return "Nothing has to be done." if not found else "See the findings that came and went."


def _unsure(frame: Frame, roles: Roles, heard: Replay) -> tuple[str, ...]:
    told = [*frame.notes, *heard.known.unsure]
    restarts = max((curve.restarts for curve in frame.columns.values()), default=0)
    if restarts:
        told.append(f"The log goes back {plural(restarts, 'time')}: what was logged twice counts as logged last.")
    if suspects := [code for code, one in heard.seen.items() if one.cleared_step is None and is_suspicion(one.finding)]:
        told.append(
            f"{', '.join(suspects)}: a suspicion; a sweep of the rate would tell, and none can be made from a log."
        )
    if len(roles.columns.get("loss", ())) > 1:
        told.append(f"The training loss is the sum of {', '.join(roles.columns['loss'])}.")
    if frame.dropped_columns:
        told.append("The log has more columns than are kept; name the ones that count with --map.")
    told += [f"Rule {code} failed and said nothing: {error}" for code, error in heard.errors.items()]
    return tuple(told)


def _timeline(heard: Replay, found: tuple[ReportedFinding, ...], epoch_steps: int) -> dict[str, object]:
    loss = _thinned(heard.loss)
    rates = dict(sorted(heard.rates.items()))
    norms = {point.at: point.value for point in heard.norms}
    places = [point.at for point in loss]
    unit = float(epoch_steps or 1)
    evaluations = heard.evaluations[:: max(len(heard.evaluations) // POINTS_MOST, 1)]
    return {
        "steps": [place / unit for place in places],
        "loss": [point.value for point in loss],
        "lr": [rates.get(place, nan) for place in places] if set(places) & set(rates) else [],
        "grad_norm": [norms.get(place, nan) for place in places],
        "metric_steps": [one.step / unit for one in evaluations],
        "metric": [one.metric for one in evaluations],
        "val_loss": [one.loss for one in evaluations],
        "train_metric": [one.train_metric for one in evaluations],
        "marks": [{"step": one.step, "kind": "found", "text": f"{one.code} {one.message}"} for one in found],
        "trials": [],
        "abandoned": [],
    }


def _thinned(points: list[Point]) -> list[Point]:
    every = max(-(-len(points) // POINTS_MOST), 1)
    return [*points[:-1:every], *points[-1:]]


def _place(step: int, epoch_steps: int) -> int:
    return -(-step // epoch_steps) if epoch_steps else step


def log_files(source: Source) -> list[Path]:
    """Return the files whose growth means that there is something new to read."""
    if source.path.is_dir():
        return [path for path in source.path.rglob("*") if path.is_file()]
    return [source.path]
