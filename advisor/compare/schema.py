"""The form of a comparison as JSON. Its names are a contract with other programs: extend it, never rename."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

COMPARISON_SCHEMA_VERSION = "1.0"

Verdict = Literal["better", "worse", "no detectable difference", "not compared"]
Kind = Literal["metric", "time", "memory"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")


class Fix(_Part):
    """A fix that a run kept."""

    rule: str
    fix: str
    step: int
    gain: str
    """What it was measured to bring, in words; empty where nothing was measured."""


class ComparedRun(_Part):
    """One run as it stands."""

    name: str
    path: str
    state: str
    """finished, stopped, failed, training, …"""
    complete: bool
    """It ended as it should; else it is compared as far as it came."""
    step: int
    steps_total: int
    seed: int | None
    mode: str
    values: dict[str, float]
    """Quantity → value, of those that this run has."""
    kept: tuple[Fix, ...]


class Group(_Part):
    """Runs of one configuration that differ by their seed alone; most often one."""

    name: str
    runs: tuple[str, ...]
    """Their names."""


class Quantity(_Part):
    """One quantity of a group, held against the base."""

    name: str
    """validation, test, example_s, run_s, peak_bytes."""
    title: str
    """What it is, for people."""
    kind: Kind
    unit: str
    """Empty for a metric."""
    higher_is_better: bool
    base: float | None
    """Mean over the seeds."""
    value: float | None
    difference: float | None
    """value - base."""
    low: float | None
    high: float | None
    """95 % interval of the difference."""
    noise: float | None
    """A difference must be larger than this to count."""
    told_by: str
    """What the noise was told by."""
    verdict: Verdict
    why: str = ""
    """Why it is not compared."""


class Difference(_Part):
    """A key whose value is not the same on both sides, at the start or at the end."""

    key: str
    base: Any
    value: Any
    base_end: Any
    """With the turns that stayed."""
    value_end: Any


class Comparison(_Part):
    """One group against the base."""

    name: str
    summary: str
    """One sentence."""
    quantities: tuple[Quantity, ...]
    configuration: tuple[Difference, ...]
    surroundings: tuple[Difference, ...]
    """Code, versions and machine that differ."""
    notes: tuple[str, ...]
    """What a reader should not take for certain."""


class Compared(_Part):
    """The whole comparison."""

    schema_version: str = COMPARISON_SCHEMA_VERSION
    base: str
    """Name of the group that the others are held against."""
    runs: tuple[ComparedRun, ...]
    groups: tuple[Group, ...]
    """The base first."""
    comparisons: tuple[Comparison, ...]
    problems: tuple[str, ...]
    """What cannot be compared, and why; the rest was."""

    @property
    def failed(self) -> bool:
        """Tell whether a run besides the base's has failed."""
        base = self.groups[0].runs
        return any(run.state == "failed" and run.name not in base for run in self.runs)

    @property
    def worse(self) -> bool:
        """Tell whether a metric of any group is worse than the base's by more than its noise."""
        every = (one for comparison in self.comparisons for one in comparison.quantities)
        return any(one.kind == "metric" and one.verdict == "worse" for one in every)
