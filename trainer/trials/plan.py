"""A plan: what a former run did to itself and kept, to be done again at the same samples, without a trial.

Written to plan.json in the directory of the new run. No torch is imported here: the advisor writes these.
"""

from typing import Annotated, Literal

from pydantic import Field

from trainer.words import Drawn, Turned, Word

PLAN_FILE = "plan.json"


class _Deed(Word):
    samples: int
    """Done at the step boundary at which so many examples were trained on."""
    trial: str = ""
    """The trial of the former run that it comes from."""


class PlannedTurn(_Deed):
    """Knobs turn and stay."""

    kind: Literal["turn"] = "turn"
    turns: tuple[Turned, ...]


class PlannedArm(_Deed):
    """The stretch that a fork's winner trained, up to `until` samples: as there, the guard learns nothing on it.

    A fork whose control won is here too, without turns: the run went on from that arm.
    """

    kind: Literal["arm"] = "arm"
    until: int
    turns: tuple[Turned, ...] = ()


class PlannedRescue(_Deed):
    """A rollback to this point, taken without the steps that it took back: only what it changed here."""

    kind: Literal["rescue"] = "rescue"
    held: tuple[Turned, ...] = ()
    """Knobs that were turned in the steps that were taken back, and stayed."""
    turns: tuple[Turned, ...] = ()
    epoch: int = 0
    offset: int = 0
    """Where the order goes on: behind the batches that were left out."""
    parts: tuple[Drawn, ...] = ()
    """How that epoch was drawn up to there."""
    rewarm_samples: int = 0


class PlannedStop(_Deed):
    """The training ends here."""

    kind: Literal["stop"] = "stop"
    why: Literal["early_stop", "hopeless"]


Deed = Annotated[PlannedTurn | PlannedArm | PlannedRescue | PlannedStop, Field(discriminator="kind")]


class Copy(Word):
    """A compressed copy that was kept."""

    trial: str
    method: Literal["int8", "prune"]


class Plan(Word):
    """What is to be done, in order."""

    of: str
    """Folder of the run that it was made from."""
    guard: bool
    """Whether the trainer's own guard acted there."""
    deeds: tuple[Deed, ...] = ()
    copies: tuple[Copy, ...] = ()

    def turned(self) -> tuple[tuple[Turned, ...], ...]:
        """Return every turn in it, in order: those that are made at once together."""
        made = [(getattr(deed, "held", ()), getattr(deed, "turns", ())) for deed in self.deeds]
        return tuple(turns for both in made for turns in both if turns)
