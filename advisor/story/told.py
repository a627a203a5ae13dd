"""What the story of a run is made of: findings, interventions, proposals, knob moves, marks, notes, abandoned branches."""

from dataclasses import dataclass, replace
from typing import Literal

from advisor import ledger
from rules.vocabulary import Finding, Fix, Value
from trainer import wire
from trainer.knobs import KnobValue

Word = Literal[
    "waiting",
    "warming up",
    "training",
    "trying a fix",
    "recovering",
    "stalled",
    "paused",
    "finishing",
    "finished",
    "stopped",
    "failed",
]
"""The state of a run, as a person would say it."""

MarkKind = Literal[
    "found",
    "kept",
    "rolled_back",
    "undecided",
    "rescued",
    "undone",
    "turned_back",
    "out_of_memory",
    "restarted",
    "by_hand",
]
"""Why a place on the step axis is marked."""


@dataclass(frozen=True)
class FindingState:
    """A finding and what has become of it."""

    finding: Finding
    role: ledger.Role
    explained_by: str
    step: int
    """Where it was found (the last time)."""
    cleared_step: int | None = None
    mended: bool = False
    rewound: bool = False
    """It is gone since the run was turned back, and nothing that was done for it has been judged since."""
    rollbacks: int = 0
    """How often the run had been turned back when it was found."""
    times: int = 1
    confidence: float = 0.0
    """That it is the cause, 0 to 1; 0 for every other role."""

    @classmethod
    def of(cls, entry: ledger.Found, times: int, rollbacks: int) -> "FindingState":
        """Return a finding as it was found, for the `times`-th time, after so many rollbacks."""
        return cls(
            entry.finding,
            entry.role,
            entry.explained_by,
            entry.step,
            times=times,
            confidence=entry.confidence,
            rollbacks=rollbacks,
        )

    def gone(self, entry: ledger.Cleared, rollbacks: int, *, answered: bool) -> "FindingState":
        """Return it as it stands no longer.

        Args:
            entry: What says so.
            rollbacks: How often the run was turned back by now.
            answered: A fix of it was kept or applied since then.
        """
        rewound = rollbacks > self.rollbacks and not answered
        return replace(self, cleared_step=entry.step, mended=entry.mended, rewound=rewound)

    def answered(self) -> "FindingState":
        """Return it behind a fix for it that was kept or applied: gone with a rewind, it is mended by now."""
        return replace(self, rewound=False, mended=True) if self.rewound else self

    def in_part(self, entry: ledger.RoleChanged) -> "FindingState":
        """Return it in another part."""
        return replace(self, role=entry.role, explained_by=entry.explained_by, confidence=entry.confidence)

    @property
    def standing(self) -> bool:
        """Tell whether the finding still stands."""
        return self.cleared_step is None


@dataclass(frozen=True)
class InterventionState:
    """A fix that is being tried, was tried, was applied without a trial, or was refused."""

    trial: str
    """Empty for a refused one."""
    code: str
    fix: Fix
    how: ledger.How
    old: dict[str, Value]
    new: dict[str, Value]
    """Once it is confirmed, with the knobs that turned besides: a rate that a sweep picked, or that follows the batch."""
    step: int
    t: float
    expected_cost_s: float = 0.0
    steps_planned: int = 0
    """Of one arm or stretch; 0 until the trainer has begun."""
    stretches: int = 0
    arms: tuple[wire.Arm, ...] = ()
    """Arms of a fork that have run."""
    heard: tuple[ledger.TrialHeard, ...] = ()
    outcome: ledger.Outcome | None = None
    """None while it runs."""
    measured: ledger.Measured | None = None
    why: str = ""
    cost_s: float = 0.0
    trial_s: float = 0.0
    """What the trainer says that the trial took."""
    ended_step: int | None = None
    undone: str = ""
    """Why it was taken back after it had been kept."""
    in_code: tuple[str, ...] = ()
    """What it comes to in the user's own code."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The findings whose fixes it is made of."""
        return (self.code, *self.fix.also)

    @property
    def verdict_mark(self) -> MarkKind:
        """What its verdict is marked as on the charts."""
        match self.outcome:
            case "kept" | "rolled_back" | "undecided":
                return self.outcome
            case "applied_untried":
                return "rescued" if self.how == "rescue" else "kept"
            case _:
                return "undecided"

    @property
    def running(self) -> bool:
        """Tell whether no verdict has been given."""
        return self.outcome is None

    @property
    def in_force(self) -> bool:
        """Tell whether the fix is part of the run as it stands now."""
        return self.outcome in ("kept", "applied_untried") and not self.undone


@dataclass(frozen=True)
class ProposalState:
    """A fix that waits, or waited, for a person."""

    proposal: str
    code: str
    fix: Fix
    how: ledger.How
    expected_cost_s: float
    step: int
    state: Literal["waiting", "accepted", "vetoed", "tried", "lapsed"] = "waiting"
    """Accepted: it is assessed anew. Lapsed: it was refused then; `why` says why."""
    why: str = ""


@dataclass(frozen=True)
class KnobMove:
    """One knob that turned."""

    step: int
    knob: str
    old: KnobValue
    new: KnobValue
    trial: str
    by: str
    state: Literal["probation", "confirmed", "reverted"]


@dataclass(frozen=True)
class Mark:
    """A place on the step axis that a chart should show."""

    step: int
    kind: MarkKind
    text: str

    @classmethod
    def by_hand(cls, event: wire.KnobsTurned) -> "Mark":
        """Return the mark of a turn that a person made at once."""
        return cls(event.step, "by_hand", ", ".join(f"{one.knob} {one.old} → {one.new}" for one in event.changes))


@dataclass(frozen=True)
class Note:
    """Something said to a person."""

    step: int
    t: float
    level: Literal["info", "warning", "error"]
    text: str


@dataclass(frozen=True)
class Branch:
    """Steps that a rollback or a restart has made void."""

    from_step: int
    to_step: int
    """Where the run stands after it."""
    loss: tuple[tuple[int, float], ...]
