"""The ledger: every finding, refusal, trial, verdict and restart, each with its cause.

Entries are facts about what happened; the report and the screens are folds of them and hold no truth of their own.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from rules.vocabulary import Finding, Fix, Value

Role = Literal["cause", "contributing", "symptom"]
Outcome = Literal["kept", "rolled_back", "undecided", "applied_untried", "refused"]
How = Literal["rounds", "fork", "rescue", "free", "compression", "untried", "plan"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")

    t: float = 0.0
    """Unix time in seconds."""
    step: int = 0


class Measured(BaseModel):
    """A measured gain of a fix: positive = better. `low` and `high` are its interval (95 %, or the range of rounds)."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    median: float
    low: float
    high: float
    unit: str
    """`relative step_s`, `relative loss`, `accuracy`, `bytes`, `seconds`, …"""


class DriverStarted(_Entry):
    """A driver took the lease."""

    kind: Literal["driver_started"] = "driver_started"
    pid: int
    mode: str
    budget: float


class HardwareProfiled(_Entry):
    """What this machine has."""

    kind: Literal["hardware_profiled"] = "hardware_profiled"
    hardware: dict[str, Any]


class Found(_Entry):
    """A finding stands now that did not stand before."""

    kind: Literal["found"] = "found"
    finding: Finding
    role: Role
    explained_by: str = ""
    """Code of the finding that this one is a symptom of."""
    confidence: float = 0.0
    """That it is the cause, 0 to 1; 0 for every other role."""


class Restated(_Entry):
    """A finding that stands says something else now: its numbers have changed. Written at evaluations."""

    kind: Literal["restated"] = "restated"
    finding: Finding


class RoleChanged(_Entry):
    """Another finding now explains this one, or no longer does; or it is the cause, and that has become more or less sure."""

    kind: Literal["role_changed"] = "role_changed"
    code: str
    role: Role
    explained_by: str = ""
    confidence: float = 0.0
    """That it is the cause; written when its word changes (sure, likely, perhaps)."""


class Cleared(_Entry):
    """A finding does not stand any more."""

    kind: Literal["cleared"] = "cleared"
    code: str
    mended: bool
    """A kept or applied fix of this finding came before."""


class Proposed(_Entry):
    """A fix waits for a person: advise mode."""

    kind: Literal["proposed"] = "proposed"
    proposal: str
    code: str
    fix: Fix
    how: How
    expected_cost_s: float


class Wished(_Entry):
    """A person pressed a key: `accept`, `veto`, `undo`, `freeze`, `thaw`, `pause`, `resume`, `stop`, `turn`, `try`.

    `turn` turns knobs at once, for good; `try` tries the same turns like a fix, and keeps them only where they help.
    """

    kind: Literal["wished"] = "wished"
    wish: str
    target: str = ""
    viewer: str = ""
    turns: tuple[dict[str, Value], ...] = ()


class Refused(_Entry):
    """A fix was not tried, and why: budget, muted, cool-down, cannot be turned here, needs a person, vetoed."""

    kind: Literal["refused"] = "refused"
    code: str
    fix: Fix
    why: str


class ProbeAsked(_Entry):
    """The cause has to be told apart first."""

    kind: Literal["probe_asked"] = "probe_asked"
    code: str
    probe: str


class TrialStarted(_Entry):
    """A fix is being tried."""

    kind: Literal["trial_started"] = "trial_started"
    trial: str
    code: str
    fix: Fix
    how: How
    old: dict[str, Value]
    """What the knobs held before."""
    expected_cost_s: float
    steps: int = 0
    """fork: its horizon."""
    from_start: bool = False
    nulls: int = 0
    replicates: int = 1
    own_rate: bool = False
    agreement_passes: int = 0
    """rounds: passes on the same weights and batches before them."""


class TrialHeard(_Entry):
    """One measurement inside a trial: a round, an arm, an agreement."""

    kind: Literal["trial_heard"] = "trial_heard"
    trial: str
    what: Literal["round", "agreement", "control", "candidate", "null"]
    numbers: dict[str, float]
    """round: without_s, with_s (seconds per example), gain · arms: the scores · agreement: difference, cosine."""


class Judged(_Entry):
    """The verdict on a trial."""

    kind: Literal["judged"] = "judged"
    trial: str
    code: str
    outcome: Outcome
    why: str
    """One sentence with the numbers."""
    measured: Measured | None = None
    cost_s: float
    """Seconds that the run would not have spent without the trial."""
    bill_s: float = 0.0
    """The same of all trials and probes of this run so far, rescues left out."""
    bill_share: float = 0.0
    """What they cost as a share of the whole run, to be held against the budget; in lockstep counted in steps."""


class Undone(_Entry):
    """A kept fix was taken back: by the guard, or by a person."""

    kind: Literal["undone"] = "undone"
    trial: str
    why: str


class Assessed(_Entry):
    """The state of every rule; written when it changes."""

    kind: Literal["assessed"] = "assessed"
    passed: tuple[str, ...]
    not_assessed: dict[str, tuple[str, ...]]
    """Code → groups of facts that are missing."""
    errors: dict[str, str] = Field(default_factory=dict)
    """Code → what a rule raised: our mistake, recorded, never the run's."""


class TrainerStarted(_Entry):
    """A trainer process was started, or found alive."""

    kind: Literal["trainer_started"] = "trainer_started"
    pid: int
    pid_started: float = 0.0
    """Start time of the process, Unix seconds; a later driver knows it by both. 0 = not known."""
    restart: int = 0


class TrainerExited(_Entry):
    """The trainer process ended."""

    kind: Literal["trainer_exited"] = "trainer_exited"
    code: int
    why: str
    last_lines: tuple[str, ...] = ()
    suspect: str = ""
    """The knob that was on trial when it died; it is not tried again in this run."""


class Noted(_Entry):
    """Something that a reader of the report should know."""

    kind: Literal["noted"] = "noted"
    text: str
    level: Literal["info", "warning", "error"] = "info"


class RunClosed(_Entry):
    """The driver is done with this run."""

    kind: Literal["run_closed"] = "run_closed"
    why: str
    exit_code: int


Entry = Annotated[
    DriverStarted | HardwareProfiled | Found | Restated | RoleChanged | Cleared | Proposed | Wished | Refused | ProbeAsked
    | TrialStarted | TrialHeard | Judged | Undone | Assessed | TrainerStarted | TrainerExited | Noted | RunClosed,
    Field(discriminator="kind"),
]  # fmt: skip

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)


def read_entry(line: str | bytes) -> Entry | None:
    """Return the entry of a line, or nothing for a kind that this version does not know."""
    try:
        return _ENTRY.validate_json(line)
    except ValidationError:
        return None
