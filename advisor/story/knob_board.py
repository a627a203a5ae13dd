"""What the knobs hold: now, without the turns on probation, and every turn so far."""

from collections import deque
from typing import Literal

from advisor.story.told import KnobMove
from trainer import wire
from trainer.knobs import Knob, KnobValue

MOVES_KEPT = 500
"""Turns kept; older ones are in events.jsonl."""


class KnobBoard:
    """Folds the trainer's events about knobs. Its containers stay the same objects, so that a reader may keep them."""

    def __init__(self) -> None:
        self.catalogue: dict[str, Knob] = {}
        self.initial: dict[str, KnobValue] = {}
        """At the first start of the run."""
        self.now: dict[str, KnobValue] = {}
        self.confirmed: dict[str, KnobValue] = {}
        self.moved: set[str] = set()
        """Knobs that were turned for good or turned back, in any process of the run: a checkpoint may be older than that."""
        self.history: deque[KnobMove] = deque(maxlen=MOVES_KEPT)
        self._by: dict[str, str] = {}
        """Trial → who asked for its turn; a confirmation does not say it again."""

    def start(self, catalogue: tuple[Knob, ...]) -> None:
        """Take in the catalogue of a trainer that starts."""
        for held in (self.catalogue, self.now, self.confirmed):
            held.clear()
        for knob in catalogue:
            self.catalogue[knob.name] = knob
            self.now[knob.name] = self.confirmed[knob.name] = knob.value

        if not self.initial:
            self.initial.update(self.confirmed)

    def in_pieces(self, event: wire.MemoryRanOut | wire.MemoryRegained) -> None:
        """Take in that the trainer itself runs its batches in smaller, or again in larger, pieces from now on."""
        old, new = self.now.get("micro_batch", event.micro_batch_before), event.micro_batch_after
        self.now["micro_batch"] = self.confirmed["micro_batch"] = new
        self.history.append(KnobMove(event.step, "micro_batch", old, new, "", "trainer", "confirmed"))

    def hear(self, event: wire.KnobsTurned | wire.KnobsConfirmed | wire.KnobsReverted) -> None:
        """Take in a turn, its confirmation, or its way back (told as the turn itself, or as the way back)."""
        state: Literal["probation", "confirmed", "reverted"] = "confirmed"
        if isinstance(event, wire.KnobsReverted):
            state = "reverted"
        elif isinstance(event, wire.KnobsTurned) and event.probation:
            state = "probation"
        if isinstance(event, wire.KnobsTurned):
            self._by[event.trial] = event.by
        by = self._by.get(event.trial, "advisor")
        for change in event.changes:
            old, new = change.old, change.new
            if state == "reverted" and self.now.get(change.knob) == new:
                old, new = new, old
            if state == "confirmed" and self.confirmed.get(change.knob) == new == self.now.get(change.knob):
                continue
            self.now[change.knob] = new
            if state != "probation":
                self.confirmed[change.knob] = new
                self.moved.add(change.knob)
            self.history.append(KnobMove(event.step, change.knob, old, new, event.trial, by, state))
