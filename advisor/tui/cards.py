"""The advisor feed as rows: finding, evidence, fix, trial in progress, measured effect; pure, from the story alone."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from advisor.deciding.causes import said
from advisor.report.words import NURSERY
from advisor.story.story import Story
from advisor.story.told import FindingState, InterventionState, ProposalState
from advisor.tui import words
from advisor.tui.by_hand import HandTurn, hand_turns
from advisor.tui.effects import (
    EFFECTS,
    deed_text,
    expected_text,
    heard_text,
    measured_text,
    offer_text,
    outcome_text,
    progress_text,
    trial_text,
    turns_text,
)

NOTES_SHOWN = 5
"""Warnings and errors that are no findings; older ones are in the ledger."""
FEWEST_CELLS = 30
UNBROKEN = "\u00a0"
"""A blank at which no line is broken: what belongs together stays together."""


@dataclass(frozen=True)
class Row:
    """One row of the feed that can be chosen."""

    key: str
    head: Content
    body: tuple[Content, ...] = ()
    """Shown when the row is open."""
    code: str = ""
    fix: str = ""
    """Name of the fix that it tells of."""
    proposal: str = ""
    """The proposal that `a` and `x` answer; empty when none waits here."""
    trial: str = ""
    """The kept or running fix that `u` takes back; empty when there is none."""
    by_hand: str = ""
    """The turn by hand that `u` turns back; empty when there is none."""

    def prompt(self, opened: bool) -> Content:
        """Return what is shown of it."""
        return Content("\n").join((self.head, *self.body)) if opened and self.body else self.head


@dataclass(frozen=True)
class Signs:
    """The little pictures of the feed."""

    severities: Mapping[str, tuple[str, str]]
    branch: str
    arrow: str
    fixes: Mapping[str, str]


UNICODE = Signs(
    severities={"error": ("✗", "$error"), "warning": ("▲", "$warning"), "info": ("●", "$primary"), "cleared": ("✓", "$success")},
    branch="└─",
    arrow="→",
    fixes={"kept": "✓", "applied, not tried": "✓", "trying": "◐", "taken back": "▽", "not kept": "▽", "not tried": "·", "for you": "✎", "undone": "↶", "waits": "?"},
)  # fmt: skip
PLAIN = Signs(
    severities={"error": ("x", "$error"), "warning": ("!", "$warning"), "info": ("*", "$primary"), "cleared": ("+", "$success")},
    branch="`-",
    arrow="->",
    fixes={"kept": "+", "applied, not tried": "+", "trying": "~", "taken back": "v", "not kept": "v", "not tried": ".", "for you": "@", "undone": "<", "waits": "?"},
)  # fmt: skip
_ROLES = ("cause", "contributing", "symptom")
_COLOURS = {
    "kept": "$success",
    "applied, not tried": "$success",
    "trying": "$accent",
    "waits": "$accent",
    "undone": "$warning",
}


class Feed:
    """Builds the rows for one width."""

    def __init__(self, story: Story, width: int, asked: Mapping[str, str], ascii_only: bool = False) -> None:
        self._story = story
        self._width = max(width, FEWEST_CELLS)
        self._asked = asked
        """Proposal or trial → what this viewer has asked and the driver has not yet answered."""
        self._signs = PLAIN if ascii_only else UNICODE

    def rows(self) -> list[Row]:
        """Return all rows: what is being tried first, then what waits for a person, then causes before symptoms."""
        codes = set(self._story.findings)
        asked_for = [one for one in reversed(self._story.interventions) if one.code not in codes]
        rows = [self._fix(one, place) for place, one in enumerate(asked_for) if one.running]
        for found in sorted(self._story.findings.values(), key=self._urgency):
            rows.append(self._finding(found))
            code = found.finding.code
            rows += [
                self._proposal(one)
                for one in self._story.proposals.values()
                if one.code == code and one.state in ("waiting", "accepted", "vetoed")
            ]
            tried = [one for one in reversed(self._story.interventions) if one.code == code]
            rows += [self._fix(one, place) for place, one in enumerate(tried) if not self._proposed_again(one)]
        rows += [self._fix(one, place) for place, one in enumerate(asked_for) if not one.running]
        rows += [self._by_hand(one) for one in hand_turns(self._story)]
        notes = [note for note in self._story.notes if note.level != "info"]
        rows += [
            self._note(note.level, note.text, f"{note.step}-{place}", note.step)
            for place, note in enumerate(reversed(notes[-NOTES_SHOWN:]))
        ]
        return rows

    def _urgency(self, found: FindingState) -> tuple[int, int, int, int, str]:
        code = found.finding.code
        place = 2 if found.standing else 3
        if self._story.trial is not None and self._story.trial.code == code:
            place = 0
        elif found.standing and any(one.code == code for one in self._story.waiting):
            place = 1
        return (place, _ROLES.index(found.role), -found.finding.severity.rank, -found.step, code)

    def _proposed_again(self, tried: InterventionState) -> bool:
        """Tell whether a fix that was refused waits now: the row of the proposal says all that counts."""
        return tried.outcome == "refused" and any(
            one.code == tried.code and one.fix.name == tried.fix.name for one in self._story.waiting
        )

    def _finding(self, found: FindingState) -> Row:
        finding = found.finding
        level = finding.severity.value
        glyph, colour = self._signs.severities[level if found.standing else "cleared"]
        gone = "gone since the rewind" if found.rewound else "mended" if found.mended else "cleared"
        state = "" if found.standing else f"{gone}, "
        young = ", in the nursery" if finding.nursery else ""
        about = (
            "  "
            + f"{state}{level if found.standing else 'was ' + level}, {self._part(found)}, step {found.step:,}{young}".replace(
                " ", UNBROKEN
            )
        )
        lead = f"{glyph} {finding.code} "
        text = self._wrapped(f"{finding.message}{about}", len(lead))
        message, tail = text[: len(text) - _tail(text, about)], text[len(text) - _tail(text, about) :]
        head = Content.assemble(
            (f"{glyph} ", f"bold {colour}"),
            (f"{finding.code} ", "bold"),
            (message, "" if found.standing else "$muted"),
            (tail, "$muted"),
        )
        return Row(f"finding-{finding.code}", head, self._evidence(found), code=finding.code)

    @staticmethod
    def _part(found: FindingState) -> str:
        """Return the part of a finding, and how sure it is that it is the cause."""
        sure = said(found.confidence)
        return f"{found.role} ({sure})" if sure else found.role

    def _evidence(self, found: FindingState) -> tuple[Content, ...]:
        finding = found.finding
        lines = [
            self._detail(one.fact, f"{words.value(one.value)}   limit {words.value(one.limit)}")
            for one in finding.evidence
        ]
        lines += [self._detail("cause" if not place else "or", cause) for place, cause in enumerate(finding.causes)]
        if finding.probes:
            lines.append(self._detail("told apart by", ", ".join(probe.replace("_", " ") for probe in finding.probes)))
        if found.explained_by:
            lines.append(self._detail("symptom of", found.explained_by))
        if finding.nursery:
            lines.append(self._detail("nursery", NURSERY))
        if found.times > 1:
            lines.append(self._detail("found", f"{found.times} times"))
        told = {one.fix.name for one in self._story.proposals.values() if one.code == finding.code}
        told |= {one.fix.name for one in self._story.interventions if one.code == finding.code}
        lines += [
            self._detail("could be done", f"{fix.name}: {expected_text(fix)}")
            for fix in finding.fixes
            if fix.name not in told
        ]
        return tuple(lines)

    def _proposal(self, proposal: ProposalState) -> Row:
        asked = self._asked.get(proposal.proposal, "")
        state = {"accepted": "accepted, assessed anew", "vetoed": "vetoed"}.get(proposal.state, "")
        fix = proposal.fix
        offer = offer_text(fix.expected, fix.improves, proposal.expected_cost_s)
        about = self._story.findings.get(proposal.code)
        waits = f"waits for you: {offer}" if about is None or about.standing else "waits, but nothing is found now"
        waits = waits if self._story.ended is None else "was not answered before the run ended"
        state = state or (f"you asked to {asked}" if asked else waits)
        head = self._fix_head("waits", proposal.fix.name, state, "$accent")
        lines = (
            self._detail("would do", deed_text(fix, self._story.knobs)),
            self._detail("effect", EFFECTS[fix.effect]),
            self._detail("expected", expected_text(fix)),
            self._detail("trial", trial_text(proposal.how, proposal.expected_cost_s)),
            *(
                self._detail(
                    "guard", f"{guard.metric} at most {guard.tolerance:g} {guard.unit.replace('_', ' ')} worse"
                )
                for guard in fix.guards
            ),
        )
        waiting = proposal.state == "waiting" and not asked and self._story.ended is None
        return Row(
            f"proposal-{proposal.proposal}",
            head,
            lines,
            proposal.code,
            fix.name,
            proposal=proposal.proposal if waiting else "",
        )

    def _fix(self, tried: InterventionState, place: int) -> Row:
        outcome = outcome_text(tried)
        asked = self._asked.get(tried.trial, "")
        for_you = outcome == "for you"
        state = f"{outcome} {progress_text(tried)}" if tried.running else outcome
        if tried.measured is not None:
            state += f": {measured_text(tried.measured)}"
        elif tried.outcome == "refused":
            state = "for you to do" if for_you else f"{state}: {tried.why}"
        if tried.running and tried.how == "rescue":
            state = progress_text(tried)
        if asked and not tried.undone:
            state += f" · you asked to {asked}"
        did = turns_text(tried.new, tried.old, self._signs.arrow) or deed_text(tried.fix, tried.old)
        lines = []
        if not for_you:
            lines.append(self._detail("turned" if tried.outcome != "refused" else "would do", did))
            lines.append(self._detail("effect", EFFECTS[tried.fix.effect]))
        lines.append(self._detail("expected", expected_text(tried.fix)))
        lines += [self._detail(heard.what, heard_text(heard)) for heard in tried.heard]
        if tried.why and tried.outcome != "refused":
            lines.append(self._detail("verdict", tried.why))
        if tried.undone:
            lines.append(self._detail("undone", tried.undone))
        if tried.cost_s:
            lines.append(self._detail("cost", words.seconds(tried.cost_s)))
        undoable = tried.trial if (tried.in_force or tried.running) and not asked and self._story.ended is None else ""
        key = f"fix-{tried.trial}" if tried.trial else f"refused-{tried.code}-{tried.fix.name}-{place}"
        return Row(
            key,
            self._fix_head(outcome, tried.fix.name, state, _COLOURS.get(outcome, "$muted")),
            tuple(lines),
            tried.code,
            tried.fix.name,
            trial=undoable,
        )

    def _by_hand(self, turn: HandTurn) -> Row:
        glyph = self._signs.fixes["for you"]
        did = turns_text(turn.new, turn.old, self._signs.arrow)
        said = self._wrapped(f"turned by hand: {did}  step {turn.step:,}", 2)
        body = (self._detail("measured", "nothing: it was turned at once, for good"),)
        undoable = turn.name if self._story.ended is None else ""
        head = Content.assemble((f"{glyph} ", "$accent"), said)
        return Row(f"by-hand-{turn.name}", head, body, by_hand=undoable)

    def _fix_head(self, kind: str, name: str, state: str, colour: str) -> Content:
        lead = f"  {self._signs.branch} {self._signs.fixes[kind]} "
        state = re.sub(r"\([^)]*\)", lambda within: within[0].replace(" ", UNBROKEN), state)
        whole = self._wrapped(f"{name}  {state}", len(lead))
        cut = len(whole) - _tail(whole, state)
        return Content.assemble(
            (lead[:-2], "$faint"), (lead[-2:], colour), (whole[:cut], "$foreground"), (whole[cut:], colour)
        )

    def _note(self, level: str, text: str, key: str, step: int) -> Row:
        glyph, colour = self._signs.severities[level]
        said = self._wrapped(f"{text}  step {step:,}", 2)
        return Row(f"note-{key}", Content.assemble((f"{glyph} ", colour), (said, "$muted")))

    def _detail(self, label: str, text: str) -> Content:
        lead = f"       {label:<13}  "
        return Content.assemble((lead, "$muted"), self._wrapped(text, len(lead)))

    def _wrapped(self, text: str, indent: int) -> str:
        """Break a text at the width; the lines after the first are indented by so many cells."""
        room = max(self._width - indent, 12)
        if cell_len(text) == len(text):
            lines = textwrap.wrap(text, room)
        else:  # a wide letter takes two cells: only the screen's own way of breaking counts them
            lines = [line.plain.rstrip() for line in Content(text).wrap(room)]
        return ("\n" + " " * indent).join(lines or [""])


def _tail(wrapped: str, tail: str) -> int:
    """Return how many characters at the end of a wrapped text hold `tail`, blanks aside."""
    wanted = len("".join(tail.split()))
    count = 0
    for place in range(len(wrapped) - 1, -1, -1):
        count += not wrapped[place].isspace()
        if count == wanted:
            return len(wrapped) - place
    return len(wrapped)


def nothing_yet(story: Story) -> str:
    """Return what the feed says while it is empty: never blank."""
    if story.started is None:
        return "waiting for the trainer to load its data and say hello"
    warm = max(20, round(0.05 * story.steps_total))
    if story.step < warm:
        return f"waiting for step {warm:,} to judge: the first steps of a run look like trouble and are none"
    passed, missing = len(story.passed), len(story.not_assessed)
    counted = f": {passed} rules passed" + (f", {missing} could not be assessed" if missing else "") if passed else ""
    return f"nothing found so far{counted}"


def summary(story: Story, silent: bool = False) -> str:
    """Return the feed's headline: how much stands, waits and was kept; to a silent viewer it names no key."""
    standing = len(story.standing)
    kept = sum(one.in_force for one in story.interventions)
    waiting = len(story.waiting) if story.ended is None else 0
    parts = [f"{standing} finding{'s' * (standing != 1)}" if standing else "nothing found"]
    if waiting:
        parts.append(
            f"{waiting} fix{'es' * (waiting != 1)} wait{'s' * (waiting == 1)}"
            + (" for an answer" if silent else " for you: a apply, x veto")
        )
    if kept:
        parts.append(f"{kept} kept")
    return " · ".join(parts)
