"""What the trainer can be told, always at a step boundary; each command is answered by events.

No torch is imported here: the advisor writes these.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from trainer.words import ProbeName, Turned, Word


class _Command(Word):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings", extra="forbid")

    trial: str = ""


class Turn(_Command):
    """Turn knobs on probation: they turn back by themselves after `probation_steps` unless confirmed."""

    kind: Literal["turn"] = "turn"
    turns: tuple[Turned, ...]
    probation_steps: int = 200
    by: str = "advisor"


class Confirm(_Command):
    """The turn of this trial stays."""

    kind: Literal["confirm"] = "confirm"


class Revert(_Command):
    """Take the turn of this trial back, also after it was confirmed."""

    kind: Literal["revert"] = "revert"
    why: str
    back: bool = False
    """Go back to the state in which the trial was decided, too, while it is still held."""


class Alternate(_Command):
    """Run rounds with and without the turns (throughput); afterwards the knobs are as before."""

    kind: Literal["alternate"] = "alternate"
    turns: tuple[Turned, ...]
    rounds: int = 6
    stretch_steps: int = 20
    stretch_s: float = 0.25
    agreement_passes: int = 0
    """Other rounding: so many passes of both arms on the same weights first; 0 = no agreement check."""


class Fork(_Command):
    """Run control, candidate and null arms of `steps` from one snapshot, then wait for `Decide` (learning).

    A candidate that turns a knob of kind `restart` is a network built anew.
    """

    kind: Literal["fork"] = "fork"
    turns: tuple[Turned, ...]
    steps: int
    nulls: int = 1
    replicates: int = 1
    """Candidate arms: the first on the control's batches, each further one on those of a null arm (at most nulls + 1)."""
    score: str = ""
    """What the turn should improve: where the first pair of arms shows less than `least_gain` in it, no more are run."""
    less_is_better: bool = True
    """Of the score."""
    least_gain: float = 0.0
    """Relative to the control's score."""
    from_start: bool = False
    """All arms begin at the state before the first step and train up to the step of now, whatever `steps` says."""
    own_rate: bool = False
    """Where the first candidate shows no gain, a sweep picks a rate for it, and it is run once more with that one; such a
    candidate has one arm. A candidate that needs a process of its own stays at the run's rate."""


class Decide(_Command):
    """Carry on from this arm; for a compression: keep the file (candidate) or delete it (control)."""

    kind: Literal["decide"] = "decide"
    arm: Literal["control", "candidate"]


class Snapshot(_Command):
    """Take a snapshot now."""

    kind: Literal["snapshot"] = "snapshot"


class Rollback(_Command):
    """Go back to the newest snapshot at or before `to_step` (0 = the start) and turn knobs there, confirmed."""

    kind: Literal["rollback"] = "rollback"
    to_step: int
    turns: tuple[Turned, ...] = ()
    rewarm_steps: int = 0
    """Raise the rate linearly over so many steps after the rollback."""


class Probe(_Command):
    """Run a probe on a snapshot and answer with `Probed`."""

    kind: Literal["probe"] = "probe"
    probe: ProbeName
    from_start: bool = False
    """On the state before the first step instead of now."""


class Compress(_Command):
    """Compress the finished model by this method and score it; then wait for `Decide`."""

    kind: Literal["compress"] = "compress"
    method: Literal["int8", "prune"]
    amount: float = 0.3
    """prune: the least share of weights that goes; more go as long as the metric bears it."""


class Checkpoint(_Command):
    """Write the last state to disk now."""

    kind: Literal["checkpoint"] = "checkpoint"


class Pause(_Command):
    """Stand still at the next step boundary."""

    kind: Literal["pause"] = "pause"


class Resume(_Command):
    """Go on after a pause."""

    kind: Literal["resume"] = "resume"


class Stop(_Command):
    """End the run: checkpoint, evaluate, say goodbye."""

    kind: Literal["stop"] = "stop"
    why: Literal["stopped", "early_stop", "hopeless"] = "stopped"


class Answer(_Command):
    """The driver has heard all events up to this count: what a trainer in lockstep, or one that keeps pace, waits for."""

    kind: Literal["answer"] = "answer"
    heard: int


class Finish(_Command):
    """Nothing more is wanted of a run whose training has ended."""

    kind: Literal["finish"] = "finish"


Command = Annotated[
    Turn | Confirm | Revert | Alternate | Fork | Decide | Snapshot | Rollback | Probe | Compress | Checkpoint | Pause
    | Resume | Stop | Answer | Finish,
    Field(discriminator="kind"),
]  # fmt: skip
