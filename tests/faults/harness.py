"""Runs a case in all its arms, in this process and in lockstep, and says what each has shown."""

import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from time import process_time

from advisor.ledger import Assessed, Cleared, Entry, Found, Judged, Noted, Restated, RoleChanged, TrialStarted, Undone
from advisor.together import run_together
from rules.vocabulary import Finding, Severity
from tests.faults import random_fix
from tests.faults.case import Case, Side
from tests.faults.result import Alarm, Arm, Deed, Result, digest_of
from trainer.wire import ArmScored, Evaluated, Event, RolledBack, RunEnded, RunStarted

OTHER_DRAW = 100
"""Added to the seed: other weights and another order on the same split."""
WORST = -1.0
"""An R² below tells nothing more."""


def run_case(case: Case, seed: int) -> Result:
    """Run a case untouched and advised; where it has a fault, mended by hand and at random too.

    Where a knob can mend it, it is mended by hand a second time, with another draw: so much is luck.
    """
    untouched = advised(case, "faulty", seed, "watch")
    auto = advised(case, "faulty", seed, "auto")
    arms = {"untouched": untouched, "auto": auto}
    if not case.healthy:
        arms["reference"] = advised(case, "reference", seed, "watch")
    if case.knobs:
        arms["again"] = advised(case, "reference", seed + OTHER_DRAW, "watch")
    if auto.changed:
        arms["random"] = mended_at_random(case, seed, auto.changed[0])
    return Result.model_validate({"case": case.name, "seed": seed, "digest": digest_of(case), "arms": arms})


def advised(case: Case, side: Side, seed: int, mode: random_fix.Mode) -> Arm:
    """Run one side of a case under the advisor."""
    with tempfile.TemporaryDirectory() as folder:
        begun = process_time()
        try:
            told = run_together(case.config(side, seed, mode), Path(folder) / "run")
        except Exception as failed:  # the advisor's own mistake: it is a result of the bench, not its end
            return _failed(failed, process_time() - begun)
        seconds = process_time() - begun
    return arm_of(case, told.events, told.entries, told.words, seconds)


def mended_at_random(case: Case, seed: int, deed: Deed) -> Arm:
    """Run the faulty side and change one thing at random where the advisor made its first change."""
    with tempfile.TemporaryDirectory() as folder:
        begun = process_time()
        words, events = random_fix.run(case, seed, deed.step, Path(folder) / "run")
        seconds = process_time() - begun
    return arm_of(case, events, (), words, seconds)


def _failed(failed: Exception, seconds: float) -> Arm:
    place = traceback.extract_tb(failed.__traceback__)[-1]
    text = f"{type(failed).__name__}: {failed} ({place.name}, line {place.lineno} of {Path(place.filename).name})"
    return Arm(score=WORST, validation=WORST, seconds=seconds, steps_total=0, ended="failed", text=text)


def arm_of(case: Case, events: Sequence[Event], entries: Sequence[Entry], words: RunEnded, seconds: float) -> Arm:
    """Fold what was said in a run."""
    started = next((event for event in events if isinstance(event, RunStarted)), None)
    tested = [event for event in events if isinstance(event, Evaluated) and event.split == "test"]
    judged = [event for event in events if isinstance(event, Evaluated) and event.split == "val" and event.best]
    called, longest = _causes(entries, words.step)
    return Arm(
        score=_score(case, tested[-1]) if tested else (started.task.baseline_metric if started else WORST),
        validation=next(iter(judged[-1].metrics.values())) if judged else float("nan"),
        seconds=seconds,
        steps_total=started.steps_total if started else 0,
        extra_steps=_extra_steps(events),
        ended=words.why,
        text=words.text or _errors(entries),
        alarms=tuple(_alarms(entries)),
        causes=called,
        longest_cause=longest,
        deeds=tuple(_deeds(entries)),
    )


def _score(case: Case, tested: Evaluated) -> float:
    if case.scored_by == "balanced":
        known = [recall for recall in tested.recalls if recall == recall]
        return sum(known) / len(known)
    score = next(iter(tested.metrics.values()))
    return max(score, WORST) if score == score else WORST


def _extra_steps(events: Sequence[Event]) -> int:
    arms = [event for event in events if isinstance(event, ArmScored)]
    lost = sum(arm.steps for arm in arms) - sum(arm.steps for arm in arms if arm.arm == "control")
    return lost + sum(event.from_step - event.step for event in events if isinstance(event, RolledBack))


def _errors(entries: Sequence[Entry]) -> str:
    """Return what failed in the advisor itself."""
    noted = [entry.text for entry in entries if isinstance(entry, Noted) and entry.level == "error"]
    raised = [
        f"{code}: {error}" for entry in entries if isinstance(entry, Assessed) for code, error in entry.errors.items()
    ]
    return "; ".join(dict.fromkeys([*noted, *raised]))


def _alarms(entries: Sequence[Entry]) -> list[Alarm]:
    """Return the first appearance of each finding, at its gravest, with the last part that it played."""
    alarms: dict[str, Alarm] = {}
    for entry in entries:
        match entry:
            case Found():
                part = {"role": entry.role, "explained_by": entry.explained_by}
                known = alarms.get(entry.finding.code) or Alarm.model_validate(
                    {
                        "code": entry.finding.code,
                        "severity": entry.finding.severity.value,
                        "step": entry.step,
                        "message": entry.finding.message,
                        **part,
                    }
                )
                alarms[entry.finding.code] = _graver(entry.finding, known).model_copy(update=part)
            case Restated() if entry.finding.code in alarms:
                alarms[entry.finding.code] = _graver(entry.finding, alarms[entry.finding.code])
            case RoleChanged() if entry.code in alarms:
                part = {"role": entry.role, "explained_by": entry.explained_by}
                alarms[entry.code] = alarms[entry.code].model_copy(update=part)
            case _:
                pass
    return list(alarms.values())


def _graver(finding: Finding, known: Alarm) -> Alarm:
    """Return the alarm as the finding has it where that is graver: what stands may become so without being found anew."""
    if finding.severity.rank <= Severity(known.severity).rank:
        return known
    return known.model_copy(update={"severity": finding.severity.value, "message": finding.message})


def _causes(entries: Sequence[Entry], last_step: int) -> tuple[tuple[str, ...], str]:
    """Return the codes that were called the cause, in order, and the one that was it over the most steps."""
    stood: dict[str, int] = {}
    now, since = "", 0
    for entry in entries:
        before = now
        match entry:
            case Found() if entry.role == "cause":
                now = entry.finding.code
            case RoleChanged() if entry.role == "cause":
                now = entry.code
            case RoleChanged() | Cleared() if entry.code == now:
                now = ""
            case _:
                continue
        if now != before:
            if before:
                stood[before] = stood.get(before, 0) + max(entry.step - since, 0)
            if now:
                stood.setdefault(now, 0)
            since = entry.step
    if now:
        stood[now] += max(last_step - since, 0)
    return tuple(stood), max(stood, key=lambda code: stood[code], default="")


def _deeds(entries: Sequence[Entry]) -> list[Deed]:
    deeds: dict[str, Deed] = {}
    for entry in entries:
        match entry:
            case TrialStarted():
                deeds[entry.trial] = Deed(
                    code=entry.code, fix=entry.fix.name, how=entry.how, step=entry.step, outcome="open"
                )
            case Judged() if entry.trial in deeds:
                deeds[entry.trial] = deeds[entry.trial].model_copy(update={"outcome": entry.outcome})
            case Undone() if entry.trial in deeds:
                deeds[entry.trial] = deeds[entry.trial].model_copy(update={"undone": True})
            case _:
                pass
    return list(deeds.values())
