"""Where a choice is made, and what can come of it: a probe that is asked for, a fix that is tried, one that is not."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from advisor.deciding.budget import Budget
from advisor.deciding.history import reason_of
from advisor.ledger import How, TrialStarted
from rules.vocabulary import Fix, Value
from trainer.knobs import Knob

STARTS_S = 10.0
"""Two starts of a process, for a candidate and the way back, where the trainer cannot build another network beside its own:
5 s each until torch, the data and the model are ready."""
_WAITS = ("cause first", "cool-down", "still improving", "too soon", "frozen")
"""Reasons that pass by themselves."""


@dataclass(frozen=True)
class Scene:
    """Where the run stands, as far as a choice depends on it."""

    mode: str
    step: int
    steps_left: int
    budget: Budget
    knobs: Mapping[str, Knob]
    phase: str
    metric: str
    finished: bool = False
    lockstep: bool = False
    compress: bool = True
    eta_s: float = 0.0
    step_s: float = 0.0
    scoring_steps: float = 0.0
    """What scoring one arm costs, in steps."""
    fall_share: float = 0.0
    """Relative fall of the smoothed loss over the last tenth of the run."""
    learned_nothing: bool = False
    """The loss is hardly below that of guessing, or is no number."""
    validation_improves: bool = True
    last_evaluation_step: int = 0
    evaluation_steps: int = 0
    """Between two evaluations; 0 where it is not known."""
    probes_done: frozenset[str] = frozenset()
    steps_per_epoch: int = 0
    anew_s: float = STARTS_S
    """What a network built anew costs."""
    memory_counted: bool = False
    """What a step takes of the device's memory is measured."""


@dataclass(frozen=True)
class AskProbe:
    """The cause has to be told apart first."""

    code: str
    probe: str
    from_start: bool


@dataclass(frozen=True)
class Try:
    """This fix is tried, applied, or, in advise mode, proposed."""

    code: str
    fix: Fix
    how: How
    cost_s: float
    steps: int = 0
    """fork: its horizon."""
    from_start: bool = False
    """fork: its arms begin before the first step and end at the step of now."""
    nulls: int = 0
    replicates: int = 1
    """fork: candidates, each on batches of its own."""
    agreement_passes: int = 0
    own_rate: bool = False
    """fork: a candidate without a gain gets another arm, at the rate that a sweep of it picks."""

    def started(self, trial: str, old: Mapping[str, Value]) -> TrialStarted:
        """Return what the ledger says of it when it begins."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "cost_s"}
        return TrialStarted(trial=trial, old=dict(old), expected_cost_s=self.cost_s, **told)

    @classmethod
    def of(cls, started: TrialStarted) -> Self:
        """Return what was tried, as the ledger tells it."""
        told = {one.name: getattr(started, one.name) for one in fields(cls) if one.name != "cost_s"}
        return cls(cost_s=started.expected_cost_s, **told)


@dataclass(frozen=True)
class No:
    """This fix is not tried (now); the reason stands before the colon."""

    code: str
    fix: Fix
    why: str

    @property
    def reason(self) -> str:
        """The reason without its details."""
        return reason_of(self.why)

    @property
    def passes(self) -> bool:
        """Whether the reason passes by itself."""
        return self.reason in _WAITS
