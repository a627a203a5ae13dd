"""Knobs that a person has turned at once, and that still hold what they were turned to: each can be turned back."""

from dataclasses import dataclass

from advisor.story.story import Story
from trainer.knobs import KnobValue

SHOWN = 3
"""Of the newest turns; a person who turns more of them has the page of the knobs."""


@dataclass(frozen=True)
class HandTurn:
    """One turn by hand: what its knobs held before, and what they hold since."""

    name: str
    step: int
    old: dict[str, KnobValue]
    new: dict[str, KnobValue]


def hand_turns(story: Story) -> list[HandTurn]:
    """Return the turns that a person made at once, newest first: those that a later turn has replaced are left out."""
    tried = {one.trial for one in story.interventions}
    newest = {move.knob: move for move in story.knob_history}
    turns: dict[str, HandTurn] = {}
    for move in newest.values():
        if move.by != "user" or move.state != "confirmed" or move.trial in tried or move.old == move.new:
            continue
        turn = turns.setdefault(move.trial, HandTurn(move.trial, move.step, {}, {}))
        turn.old[move.knob], turn.new[move.knob] = move.old, move.new
    return sorted(turns.values(), key=lambda turn: -turn.step)[:SHOWN]
