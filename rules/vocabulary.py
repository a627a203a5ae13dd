"""The words of a rule: finding, evidence, cause, fix, guard, and the mark that makes a function a rule."""

import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict

Value = bool | int | float | str
"""What a knob, an observed fact or a limit can be."""


class Effect(StrEnum):
    """What a fix does to the training; the class decides how it is tried."""

    FREE = "free"
    SAME_MATHEMATICS = "same_mathematics"
    OTHER_ROUNDING = "other_rounding"
    CHANGES_LEARNING = "changes_learning"
    RESCUE = "rescue"
    NEEDS_A_PERSON = "needs_a_person"


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error."""
        return list(Severity).index(self)


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")


class Turned(_Word):
    """A knob and the value it is to have."""

    knob: str
    to: Value


class Evidence(_Word):
    """One observed fact beside the limit that it was held against."""

    fact: str
    """Group and field: `loader.wait_share`."""
    value: Value
    limit: Value


class Guard(_Word):
    """A metric that a fix must not worsen, and by how much it may."""

    metric: str
    """`metric` is the user's main metric, `loss` the old unweighted validation loss."""
    tolerance: float
    unit: Literal["standard_errors", "relative"]


METRIC_GUARD = Guard(metric="metric", tolerance=1.0, unit="standard_errors")
"""The default: the user's main metric not worse by more than one standard error (trials.md)."""


class Deed(StrEnum):
    """What is done besides turning knobs."""

    TURN = "turn"
    """Turn the knobs, on probation, in a trial."""
    ROLLBACK = "rollback"
    """Go back to a snapshot from before the onset, then turn: the rescue ladder."""
    START_OVER = "start_over"
    """Go back to the state before step 0, then turn: wrong from the start."""
    STOP = "stop"
    """End the run at its best."""
    COMPRESS = "compress"
    """Compress the finished model, beside the original."""
    PERSON = "person"
    """A person has to do it; nothing is applied."""


class Fix(_Word):
    """What could be done about a finding, and what it should bring."""

    name: str
    """Short, imperative, small first letter: `raise workers to 2`."""
    effect: Effect
    deed: Deed = Deed.TURN
    turns: tuple[Turned, ...] = ()
    improves: str
    """The one metric it should improve: `step_s`, `loss`, `metric`, `balanced_accuracy`, `rare_recall`,
    `balanced_loss` (all classes alike), `bytes`, `time` (of the run), or `finite` for a rescue."""
    guards: tuple[Guard, ...] = ()
    expected: float
    """Relative gain of that metric, 0 to 1: 0.3 = 30 % less time, loss or error; 0 where nobody can say."""
    estimated_by: str
    """How the expected gain was estimated, in words."""
    method: str = ""
    """COMPRESS: int8 or prune."""
    also: tuple[str, ...] = ()
    """Codes of other findings whose fixes are a part of it."""


class Finding(_Word):
    """What a rule found."""

    code: str
    name: str
    severity: Severity
    message: str
    """What is, with its number: a sentence without its capital and its full stop."""
    evidence: tuple[Evidence, ...]
    causes: tuple[str, ...] = ()
    """Causes it considers, most likely first, in words."""
    probes: tuple[str, ...] = ()
    """What has to be probed before a fix is chosen: lr_sweep, single_batch_fit, zeroed_input, …"""
    explains: tuple[str, ...] = ()
    """Codes of findings that would be symptoms of this one."""
    fixes: tuple[Fix, ...] = ()
    """In the order in which they should be tried."""
    nursery: bool = False
    """Its rule is not measured well enough yet: it is shown, explains nothing, and nothing is done about it."""
    eased_by_knobs: bool = False
    """Only a person can mend it, and yet a knob can make up for part of it: its symptoms are treated."""

    undecided: bool = False
    """It says that nothing can be told yet: what it explains is told no graver than it is itself."""
    misleads: bool = False
    """While it stands, the next batches stand for no others, so that neither a probe on them nor what they seem to call for
    is worth anything: no finding that it explains is acted upon."""

    built_in: bool = False
    """It lies in how net and loss are built, and stands however well the run learns: its fixes do not wait for the run to
    slow down, and each step until then takes the weights further to where they suit nothing else."""

    @property
    def beyond_knobs(self) -> bool:
        """Whether it is a fault in code or data for which no knob makes up: what it explains is not acted upon."""
        mended = any(fix.effect is not Effect.NEEDS_A_PERSON or fix.deed is not Deed.PERSON for fix in self.fixes)
        return bool(self.fixes) and not mended and not self.eased_by_knobs and self.severity is not Severity.INFO


@runtime_checkable
class RuleFunction(Protocol):
    """A pure function whose parameters are the groups of facts that it needs."""

    __name__: str

    def __call__(self, **facts: Any) -> Finding | None:
        """Return a finding, or nothing."""
        ...


class Rule:
    """A rule with its code, its needs and its documentation."""

    def __init__(self, code: str, function: Callable[..., Finding | None], *, nursery: bool = False) -> None:
        self.code = code
        self.function = function
        self.nursery = nursery
        """Not measured well enough yet: what it finds is shown, and nothing is done about it."""
        self.name: str = function.__name__
        """Snake case; the command line shows it with dashes."""
        self.module: str = function.__module__
        self.needs: tuple[str, ...] = tuple(inspect.signature(function).parameters)
        """Names of the groups of facts, as in `rules.facts.GROUPS`."""

    @property
    def family(self) -> str:
        """Return the three letters of the family: DAT, INP, DEV, …"""
        return self.code[:3]

    @property
    def state(self) -> Literal["ready", "nursery"]:
        """Return whether something may be done about what it finds."""
        return "nursery" if self.nursery else "ready"

    @property
    def documentation(self) -> str:
        """Return the docstring of the rule's file."""
        return inspect.getdoc(inspect.getmodule(self.function)) or ""

    @property
    def headline(self) -> str:
        """Return the first sentence of the documentation."""
        return self.documentation.partition("\n")[0]

    def __call__(self, *args: Any, **facts: Any) -> Finding | None:
        """Assess the facts."""
        found = self.function(*args, **facts)
        return found.model_copy(update={"nursery": True}) if found is not None and self.nursery else found


Written = TypeVar("Written", bound=Callable[..., "Finding | None"])


def rule(code: str, *, nursery: bool = False) -> Callable[[Callable[..., Finding | None]], Rule]:
    """Mark a function as the rule `code`; the file's docstring is its documentation.

    Args:
        code: Three letters of the family and three figures.
        nursery: It is not measured well enough yet: what it finds is shown, and nothing is done about it.
    """
    return lambda function: Rule(code, function, nursery=nursery)
