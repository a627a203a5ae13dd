"""The form of report.json. Its names are a contract with other programs: extend it, never rename."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from advisor.ledger import Measured, Outcome, Role
from rules.vocabulary import Effect, Evidence, Severity, Value

SCHEMA_VERSION = "1.0"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")


class Metrics(_Part):
    """The main metric, on the validation split but `test`."""

    name: str
    higher_is_better: bool
    baseline: float
    """Of the constant predictor."""
    best: float | None
    final: float | None
    test: float | None
    """Of the best model, on a split that no trial saw."""
    standard_error: float | None = None
    """Of the metric at the end."""
    best_standard_error: float | None = None
    """Of the best score."""
    test_standard_error: float | None = None
    test_wrong: list[int] | None = None
    """Numbers, in the test split, of the examples taken for another class; null where that was not told."""
    all: dict[str, float]
    """Every metric of the final evaluation, the loss among them."""
    recalls: dict[str, float] = Field(default_factory=dict)
    """Class → recall at the end."""
    confusion: list[list[int]] = Field(default_factory=list)


class ReportedFinding(_Part):
    """A finding and what became of it."""

    code: str
    name: str
    role: Role
    severity: Severity
    mended: bool
    message: str
    evidence: tuple[Evidence, ...]
    step: int
    causes: tuple[str, ...] = ()
    explained_by: str = ""
    confidence: float = 0.0
    """That it is the primary cause, 0 to 1; 0 where it is not."""
    cleared_step: int | None = None
    advice: tuple[str, ...] = ()
    """What a person could do, from the fixes that were not applied."""
    nursery: bool = False
    """Its rule is not measured well enough yet: it is shown, and nothing is done about it."""


class ArmValue(_Part):
    """One measurement inside a trial."""

    arm: Literal["control", "candidate", "null"]
    value: float


class Intervention(_Part):
    """A fix that was tried, applied or refused."""

    step: int
    rule: str
    fix: str
    turns: dict[str, dict[str, Value | None]]
    """Knob → {"old": …, "new": …}."""
    effect: Effect
    outcome: Outcome
    expected: float
    """Relative gain that the rule expected."""
    measured: Measured | None
    cost_s: float
    trial: str = ""
    why: str = ""
    improves: str = ""
    undo: str = ""
    """How to take it back: the config lines with the old values."""
    undone: bool = False
    in_code: tuple[str, ...] = ()
    """What it comes to in the user's own code, where it is in force."""
    evidence: tuple[Evidence, ...] = ()
    """Of the finding that it answers."""
    arms: tuple[ArmValue, ...] = ()
    """What was measured with it and without, round by round or arm by arm."""
    arms_unit: str = ""
    """`s` (seconds per example), or the name of the score."""


class Opportunity(_Part):
    """What could still be gained, ranked by what it should save."""

    rule: str
    fix: str
    saves: float
    """Relative gain of `improves`, 0 to 1."""
    improves: str
    estimated_by: str
    why_not_applied: str
    config: str
    """TOML lines to paste."""


class NotAssessed(_Part):
    """A rule that could not speak."""

    code: str
    missing: tuple[str, ...]
    """Groups of facts that nobody gathered."""
    applicable: bool = True
    """False where it has nothing to say on such a run, however long it is."""
    why: str = ""
    """The reason, in words."""


class RulePage(_Part):
    """A rule that the report speaks of."""

    name: str
    headline: str
    documentation: str = ""
    """The whole page, of the rules that found something; `advisor rule CODE` prints it for all."""


class Health(_Part):
    """One figure of how the run did, with its unit and how it is computed."""

    name: str
    value: float
    unit: str
    """`share`, `FLOP/s`, or the name of the metric that it is a difference of."""
    noise: float | None
    """Of this figure in this run; null where nobody can tell."""
    formula: str


class Bill(_Part):
    """What trials and probes cost."""

    trials: int
    trials_s: float
    probes: int
    probes_s: float
    share: float
    """Of the wall time."""
    budget: float
    """Share that was allowed."""


class Report(_Part):
    """The whole report."""

    schema_version: str = SCHEMA_VERSION
    verdict: str
    """One sentence: how the training went."""
    why: str
    """One sentence with one number."""
    next: str
    """One sentence: what to do now."""
    run: dict[str, Any]
    """path, name, started, seconds, ended (why), command, seed, versions, task, model, steps, epochs."""
    metrics: Metrics
    findings: tuple[ReportedFinding, ...]
    interventions: tuple[Intervention, ...]
    opportunities: tuple[Opportunity, ...]
    passed: tuple[str, ...]
    not_assessed: tuple[NotAssessed, ...]
    hardware: dict[str, Any]
    data: dict[str, Any]
    time: dict[str, float]
    """Seconds by part: input_wait, to_device, forward, backward, optimizer, evaluation, checkpoint, trials, lost,
    restarts, advisor, pacing (a short run that stood still until its driver had heard it), other; and `total`."""
    overhead: dict[str, Any]
    """share (of the wall time), and how it was measured."""
    config: dict[str, Any] = Field(default_factory=dict)
    """As the run was started."""
    final_config: dict[str, Any]
    """With the knobs that were turned for good."""
    compression: list[dict[str, Any]] = Field(default_factory=list)
    timeline: dict[str, Any] = Field(default_factory=dict)
    """steps, loss, metric, lr, grad_norm as lists, and marks [{step, text, kind}], thinned for plots."""
    health: tuple[Health, ...] = ()
    bill: Bill | None = None
    rules: dict[str, RulePage] = Field(default_factory=dict)
    """Code → the rule, of all that found something, passed or could not speak."""
    unsure: tuple[str, ...] = ()
    """What we are not sure of."""
    level: Literal["info", "warning", "error", "none"] = "none"
    """The worst severity of a finding that still stands."""
