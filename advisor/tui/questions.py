"""The questions that the keys ask before they change a run: what would happen, and the wish that a yes writes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from advisor.story.told import InterventionState, ProposalState
from advisor.tui.by_hand import HandTurn
from advisor.tui.effects import EFFECTS, TRIALS, deed_text, expected_text, trial_text, turns_text
from rules.vocabulary import Value
from trainer.knobs import Knob, KnobEffect, KnobValue


@dataclass(frozen=True)
class Question:
    """What is asked, what it means line by line, and the wish behind a yes."""

    text: str
    lines: tuple[tuple[str, str], ...]
    yes: str
    wish: str
    target: str = ""
    turns: tuple[dict[str, Value], ...] = ()
    tries: bool = False
    """The turns can be tried first, too: the wish is then `try`."""

    def tried(self) -> "Question":
        """Return the same question as it is when the turns are to be tried first."""
        return replace(self, text=self.text.replace("turn", "try", 1), yes="try", wish="try", tries=False)


def apply(proposal: ProposalState, knobs: Mapping[str, KnobValue]) -> Question:
    """Ask whether the fix that waits shall be applied."""
    lines = (
        ("does", deed_text(proposal.fix, knobs)),
        ("effect", EFFECTS[proposal.fix.effect]),
        ("expected", expected_text(proposal.fix)),
        ("trial", trial_text(proposal.how, proposal.expected_cost_s)),
        ("first", "it is assessed anew: it lapses where its finding no longer stands"),
    )
    return Question(f"apply: {proposal.fix.name}?", lines, "apply", "accept", proposal.proposal)


def veto(proposal: ProposalState, knobs: Mapping[str, KnobValue]) -> Question:
    """Ask whether the fix that waits shall be vetoed."""
    lines = (("would do", deed_text(proposal.fix, knobs)), ("veto", "it is not tried in this run"))
    return Question(f"veto: {proposal.fix.name}?", lines, "veto", "veto", proposal.proposal)


def undo(tried: InterventionState) -> Question:
    """Ask whether a fix shall be taken back."""
    back = turns_text(tried.old, tried.new) or "what it did is no knob: the run keeps its place"
    gained = tried.why or "its trial, which has no verdict yet"
    return Question(
        f"undo: {tried.fix.name}?", (("turns back", back), ("gives up", gained)), "undo", "undo", tried.trial
    )


def undo_by_hand(turn: HandTurn) -> Question:
    """Ask whether what was turned by hand shall be turned back: by hand again, so that it counts as any such turn."""
    lines = (
        ("turns back", turns_text(turn.old, turn.new)),
        ("then", "the run goes on with what it held before; nothing is measured"),
    )
    turns = tuple({"knob": knob, "to": value} for knob, value in turn.old.items())
    return Question("undo what was turned by hand?", lines, "turn back", "turn", turns=turns)


def freeze(frozen: bool) -> Question:
    """Ask whether the advisor shall be frozen, or thawed."""
    if frozen:
        return Question("thaw the advisor?", (("then", "it may try fixes again, within its budget"),), "thaw", "thaw")
    then = "it watches and reports; no new trial begins until you thaw it"
    return Question("freeze the advisor?", (("then", then),), "freeze", "freeze")


def pause(paused: bool) -> Question:
    """Ask whether the run shall pause, or go on."""
    if paused:
        return Question("let the run go on?", (("then", "it trains on from where it stands"),), "go on", "resume")
    then = "it stands still at its next step and keeps its memory and its place"
    return Question("pause the run?", (("then", then),), "pause", "pause")


def stop(place: str) -> Question:
    """Ask whether the run shall end, which lies in `place`."""
    lines = (
        ("then", "it writes a checkpoint, judges its best model, reports and ends"),
        ("later", f"`advisor resume {place}` takes it up again"),
    )
    return Question("stop the run?", lines, "stop", "stop")


def turn(knob: Knob, now: KnobValue, to: KnobValue) -> Question:
    """Ask whether a knob shall be turned by hand: at once and for good, or tried first."""
    when = {"live": "at the next step", "reload": "when its loader is rebuilt", "restart": "by a restart"}[knob.turns]
    lines = (
        ("turns", turns_text({knob.name: to}, {knob.name: now})),
        ("effect", knob.effect.replace("_", " ")),
        ("at once", f"{when}, for good: nothing is measured"),
        ("tried", f"{_TRIED[knob.effect]}; its verdict stands in the ledger"),
    )
    return Question(
        f"turn {knob.name}?", lines, "turn at once", "turn", turns=({"knob": knob.name, "to": to},), tries=True
    )


_TRIED: dict[KnobEffect, str] = {
    "free": TRIALS["free"],
    "same_mathematics": TRIALS["rounds"],
    "other_rounding": TRIALS["rounds"],
    "changes_learning": TRIALS["fork"],
}
"""How a turn by hand is tried, by what it changes."""
