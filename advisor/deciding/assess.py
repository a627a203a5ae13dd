"""Assessment: every rule over the facts, and which findings stand.

Hysteresis is the same for all rules: what is seen twice in a row stands, what is absent three times is cleared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from rules.facts import Facts
from rules.vocabulary import Deed, Effect, Finding, Rule, Severity

SEEN_TO_STAND = 2
"""Assessments in a row: one look at a noisy window is no finding."""
ABSENT_TO_CLEAR = 3
"""Assessments in a row: a finding at its limit must not flicker."""


@dataclass(frozen=True)
class Assessment:
    """What all rules say about one moment."""

    findings: tuple[Finding, ...] = ()
    passed: tuple[str, ...] = ()
    not_assessed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Code → groups of facts that are missing."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """Code → what the rule raised."""


def assess(rules: Iterable[Rule], facts: Facts, mute: tuple[str, ...] = ()) -> Assessment:
    """Put the facts to every rule that is not muted; a rule that raises is recorded and hinders nobody."""
    findings: list[Finding] = []
    passed: list[str] = []
    not_assessed: dict[str, tuple[str, ...]] = {}
    errors: dict[str, str] = {}
    for one in rules:
        if one.code in mute:
            continue
        if missing := facts.missing(one.needs):
            not_assessed[one.code] = missing
            continue
        try:
            finding = one(**{name: facts.groups[name] for name in one.needs})
        except Exception as raised:  # a rule may be a stranger's: what it raises is ours to record
            errors[one.code] = f"{raised.__class__.__name__}: {raised}"
            continue
        if finding is None:
            passed.append(one.code)
        else:
            findings.append(finding)
    return Assessment(tuple(findings), tuple(passed), not_assessed, errors)


@dataclass(frozen=True)
class Standing:
    """What has been seen of one finding."""

    finding: Finding
    seen: int = 1
    """Assessments in a row."""
    absent: int = 0
    """Assessments in a row without it."""
    stands: bool = False
    """It is in the ledger as found, and not yet cleared."""
    step: int = 0
    """Step at which it was first seen."""

    @property
    def ripe(self) -> bool:
        """Whether something may be done about it: seen often enough since the run last changed."""
        return self.stands and self.seen >= needed(self.finding)


def needed(finding: Finding) -> int:
    """Return how many assessments in a row make this finding stand.

    An error, or a finished model, needs but one; so does the suspicion that a run was wrong from its start: it alarms
    nobody, its probe is the second look, and every step that it waits for is lost. What says that nothing can be told yet
    stands at once, too, before what it explains does.
    """
    urgent = (
        finding.severity is Severity.ERROR
        or finding.undecided
        or any(fix.effect is Effect.RESCUE or fix.deed in (Deed.COMPRESS, Deed.START_OVER) for fix in finding.fixes)
    )
    return 1 if urgent else SEEN_TO_STAND


@dataclass(frozen=True)
class Followed:
    """What an assessment has changed."""

    standings: Mapping[str, Standing]
    found: tuple[str, ...]
    cleared: tuple[str, ...]


def follow(standings: Mapping[str, Standing], assessment: Assessment, step: int) -> Followed:
    """Return the standings after this assessment; a rule that could not be assessed says nothing either way."""
    after: dict[str, Standing] = dict(standings)
    found: list[str] = []
    cleared: list[str] = []
    for finding in assessment.findings:
        before = after.get(finding.code)
        now = (
            Standing(finding, step=step)
            if before is None
            else replace(before, finding=finding, seen=before.seen + 1, absent=0)
        )
        if not now.stands and now.seen >= needed(finding):
            now = replace(now, stands=True)
            found.append(finding.code)
        after[finding.code] = now
    for code in assessment.passed:
        before = after.get(code)
        if before is None:
            continue
        if before.stands and before.absent + 1 < ABSENT_TO_CLEAR:
            after[code] = replace(before, seen=0, absent=before.absent + 1)
            continue
        if before.stands:
            cleared.append(code)
        del after[code]
    return Followed(after, tuple(found), tuple(cleared))


def unripe(standings: Mapping[str, Standing]) -> dict[str, Standing]:
    """Return the standings after the run has changed: each has to be seen anew before anything is done about it."""
    return {code: replace(standing, seen=0) for code, standing in standings.items() if standing.stands}
