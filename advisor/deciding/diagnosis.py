"""The diagnosis of a run as it develops: which findings stand, the part each plays, what passed, what nobody could say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from advisor.deciding.assess import Assessment, Standing, assess, follow, needed, unripe
from advisor.deciding.causes import Part, parts, said
from advisor.deciding.history import History
from advisor.ledger import Assessed, Cleared, Entry, Found, Restated, RoleChanged
from rules.facts import Facts
from rules.vocabulary import Finding, Rule, Severity


class Diagnosis:
    """Holds the standings and tells what has changed as ledger entries."""

    def __init__(self, rules: Sequence[Rule], mute: tuple[str, ...]) -> None:
        self._rules = rules
        self._mute = mute
        self._told = Assessed(passed=(), not_assessed={})
        self.standings: dict[str, Standing] = {}
        self.parts: dict[str, Part] = {}
        self.newest = Assessment()
        self._said: dict[str, tuple[str, Severity]] = {}
        """Code → the message that was told last, and how grave it was told."""

    def update(self, facts: Facts, step: int, history: History) -> list[Entry]:
        """Assess these facts; return what is to be written."""
        self.newest = assess(self._rules, facts, self._mute)
        since = {code: standing.step for code, standing in self.standings.items()}
        followed = follow(self.standings, self.newest, step)
        before, explained = self.parts, {code: part.explained_by for code, part in self.parts.items()}
        self.standings = dict(followed.standings)
        self.parts = self._parts(history)
        entries: list[Entry] = [
            Cleared(
                code=code,
                mended=history.mended((code, explained.get(code, ""))) or history.rescued_since(since[code]),
            )
            for code in followed.cleared
        ]
        for code in followed.found:
            part = self.parts[code]
            finding = self._told_as(code)
            self._said[code] = _words(finding)
            entries.append(
                Found(finding=finding, role=part.role, explained_by=part.explained_by, confidence=part.confidence)
            )
        entries += [
            RoleChanged(code=code, role=part.role, explained_by=part.explained_by, confidence=part.confidence)
            for code, part in self.parts.items()
            if code in before and _differs(before[code], part)
        ]
        return entries + self._assessed()

    def restate(self) -> list[Entry]:
        """Return what the standing findings say now, where that is not what was told."""
        now = {code: self._told_as(code) for code, one in self.standings.items() if one.stands}
        changed = [finding for code, finding in now.items() if self._said.get(code) != _words(finding)]
        self._said |= {finding.code: _words(finding) for finding in changed}
        return [Restated(finding=finding) for finding in changed]

    def unripen(self) -> None:
        """Ask every finding to be seen anew: the run has changed."""
        self.standings = unripe(self.standings)

    def ripen(self, code: str) -> bool:
        """Let a finding that was just seen count at once; return whether it was."""
        seen = next((finding for finding in self.newest.findings if finding.code == code), None)
        if seen is None:
            return False
        known = self.standings.get(code, Standing(seen))
        self.standings[code] = replace(known, finding=seen, stands=True, seen=max(known.seen, needed(seen)))
        return True

    def restore(self, entry: Entry) -> None:
        """Take in an entry of an earlier driver."""
        match entry:
            case Found():
                self.standings[entry.finding.code] = Standing(entry.finding, seen=0, stands=True, step=entry.step)
                self.parts[entry.finding.code] = Part(entry.role, entry.explained_by, entry.confidence)
                self._said[entry.finding.code] = _words(entry.finding)
            case Restated():
                self._said[entry.finding.code] = _words(entry.finding)
            case RoleChanged():
                self.parts[entry.code] = Part(entry.role, entry.explained_by, entry.confidence)
            case Cleared():
                self.standings.pop(entry.code, None)
                self.parts.pop(entry.code, None)
            case Assessed():
                self._told = entry.model_copy(update={"t": 0.0, "step": 0})
            case _:
                pass

    def _told_as(self, code: str) -> Finding:
        """Return a finding as it is told: no graver than one that says of its cause that nothing can be told yet."""
        finding = self.standings[code].finding
        cause = self.standings.get(self.parts[code].explained_by)
        if cause is None or not cause.finding.undecided or cause.finding.severity.rank >= finding.severity.rank:
            return finding
        return finding.model_copy(update={"severity": cause.finding.severity})

    def _parts(self, history: History) -> dict[str, Part]:
        probed = set(history.asked.values())
        return parts((standing.finding for standing in self.standings.values() if standing.stands), probed)

    def _assessed(self) -> list[Entry]:
        """Return the state of every rule, if it has changed; a rule passes when no finding of it stands."""
        silent = _silent(self.newest, self.standings)
        told = Assessed(passed=silent, not_assessed=dict(self.newest.not_assessed), errors=dict(self.newest.errors))
        if told == self._told:
            return []
        self._told = told
        return [told]


def _words(finding: Finding) -> tuple[str, Severity]:
    return finding.message, finding.severity


def _differs(one: Part, other: Part) -> bool:
    """Tell whether a part has changed for a reader: a confidence counts by its word."""
    told = [(part.role, part.explained_by, said(part.confidence)) for part in (one, other)]
    return told[0] != told[1]


def _silent(assessment: Assessment, standings: Mapping[str, Standing]) -> tuple[str, ...]:
    assessed: Iterable[str] = (*assessment.passed, *(finding.code for finding in assessment.findings))
    return tuple(sorted(code for code in assessed if code not in standings or not standings[code].stands))
