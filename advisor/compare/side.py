"""One run as one side of a comparison: its values, and which runs it may be held against."""

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import isfinite
from statistics import median
from typing import Any

from advisor.compare.noise import lucky, standard_error, swing, tail
from advisor.compare.schema import ComparedRun, Fix, Kind
from advisor.report import words
from advisor.report.schema import Intervention, Report

COUNTS_EXAMPLES = frozenset({"accuracy"})
"""Metrics in which each example of the split counts alike."""
OF_THE_SPLIT = ("source", "target", "val_fraction", "test_fraction", "split_seed", "limit")
"""Keys of `data` that say which examples are held out."""
STEP_PARTS = ("input_wait", "to_device", "forward", "backward", "optimizer")
"""Parts of the time that a step takes."""
COMPLETE = frozenset({"finished", "early_stop"})
"""Ways to end as a run should."""


@dataclass(frozen=True)
class Asked:
    """One quantity: its name for programs and for people, its kind, its unit, and which way it should go."""

    name: str
    title: str
    kind: Kind
    unit: str
    higher_is_better: bool


@dataclass(frozen=True)
class Side:
    """A run by its report.

    Args:
        name: Unlike that of every other run in the comparison.
        report: What is known of it.
    """

    name: str
    report: Report

    @cached_property
    def config(self) -> dict[str, Any]:
        """As it was started; of a report of an older form, as it ended."""
        return self.report.config or self.report.final_config

    @property
    def device(self) -> tuple[object, ...]:
        """What it trained on."""
        device = self.report.hardware.get("device") or {}
        return device.get("type"), device.get("name")

    @property
    def seed(self) -> int | None:
        """The seed; nothing where it never started."""
        seed = self.report.run.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def complete(self) -> bool:
        """Tell whether it ended as it should."""
        return self.report.run.get("ended") in COMPLETE and self.report.run.get("state") == "finished"

    @property
    def scored(self) -> bool:
        """Tell whether it was evaluated, with a finite number as the best result."""
        best = self.report.metrics.best
        return best is not None and isfinite(best)

    @property
    def metric(self) -> tuple[str, bool]:
        """Name of the metric, and whether more is better."""
        return self.report.metrics.name, self.report.metrics.higher_is_better

    @property
    def task(self) -> tuple[object, ...]:
        """What is learned: two runs of different tasks have no metric in common."""
        data = self.report.data
        target = self._section("data").get("target")
        return (self.report.run.get("task"), *self.metric, tuple(sorted(data.get("classes") or ())), target)

    @property
    def split(self) -> tuple[object, ...]:
        """What decides which examples are held out: two runs that have it alike are scored on the same ones."""
        factory = self._section("task")
        held = self._section("data")
        drawn = self.seed if factory.get("factory") else None
        sizes = (self.report.data.get("val_examples"), self.report.data.get("test_examples"))
        return (_text(factory), *(_text(held.get(key)) for key in OF_THE_SPLIT), drawn, *sizes)

    @cached_property
    def recipe(self) -> str:
        """Everything but the seed that a run was started with: runs that have it alike are one group."""
        config = {section: dict(held) for section, held in self.config.items() if isinstance(held, dict)}
        config.get("train", {}).pop("seed", None)
        config.pop("run", None)
        run = self.report.run
        commit = (run.get("git") or {}).get("commit")
        return _text([config, run.get("mode"), commit, run.get("versions"), run.get("lockstep"), self.device])

    @cached_property
    def values(self) -> dict[str, float]:
        """Quantity → value; what is not known is absent."""
        report = self.report
        found = {
            "validation": report.metrics.best,
            "test": report.metrics.test,
            "example_s": self._example_s(),
            "run_s": report.time.get("total") if self.complete else None,
            "peak_bytes": report.hardware.get("peak_memory_bytes") or None,
        }
        return {name: float(value) for name, value in found.items() if value is not None and isfinite(value)}

    @property
    def batch_size(self) -> object:
        """Examples a step, at the start and at the end."""
        ends = (self.report.final_config.get("train") or {}).get("batch_size")
        return self._section("train").get("batch_size"), ends

    @cached_property
    def scores(self) -> list[tuple[int, float]]:
        """Step and score of each evaluation that has a number, oldest first."""
        shown = self.report.timeline
        pairs = zip(shown.get("metric_steps", []), map(_number, shown.get("metric", [])), strict=False)
        return [(int(step), score) for step, score in pairs if isfinite(score)]

    def best_by(self, step: int) -> float | None:
        """Return the best score up to a step; nothing where it was not evaluated until then."""
        reached = [score for at, score in self.scores if at <= step]
        best = max if self.metric[1] else min
        return best(reached) if reached else None

    def errors(self, quantity: str, *, of_split: bool) -> list[float]:
        """Return the standard errors of a metric's value: of its split, and of its swing between evaluations.

        Args:
            quantity: validation or test.
            of_split: Count that other examples would give another score.
        """
        metrics = self.report.metrics
        told = metrics.test_standard_error if quantity == "test" else metrics.best_standard_error
        swings = swing(tail([_number(one) for one in self.report.timeline.get("metric", [])]))
        found = [standard_error(told, self.values[quantity])] if of_split else []
        return [*found, *([swings] if swings else [])]

    @cached_property
    def step_swing_share(self) -> float:
        """How much the time of a step swings from step to step, over its median: more on a machine that others use, too."""
        told = [one for one in map(_number, self.report.timeline.get("step_s", [])) if isfinite(one) and one > 0]
        times = [time for time, _ in groupby(told)]  # while a fix is tried, the last time before it stands in
        return (swing(times) or 0.0) / median(times) if times else 0.0

    def least(self, quantity: str) -> float:
        """Return the least difference of a metric that can count."""
        return lucky(self.examples(quantity)) if self.metric[0] in COUNTS_EXAMPLES else 0.0

    def examples(self, quantity: str) -> int:
        """Return how many examples a metric's value is of; 0 where nobody knows."""
        return int(self.report.data.get("test_examples" if quantity == "test" else "val_examples") or 0)

    def told(self, path: str) -> ComparedRun:
        """Return what a comparison says of the run itself."""
        run = self.report.run
        return ComparedRun(
            name=self.name,
            path=path,
            state=str(run.get("state", "")),
            complete=self.complete,
            step=int(run.get("steps") or 0),
            steps_total=int(run.get("steps_total") or 0),
            seed=self.seed,
            mode=str(run.get("mode") or ""),
            values=self.values,
            kept=tuple(
                Fix(rule=one.rule, fix=one.fix, step=one.step, gain=_gain(one))
                for one in self.report.interventions
                if one.outcome in ("kept", "applied_untried") and not one.undone
            ),
        )

    def _example_s(self) -> float | None:
        samples = self.report.run.get("samples") or 0
        seconds = sum(self.report.time.get(part, 0.0) for part in STEP_PARTS)
        return seconds / samples if samples and seconds > 0 else None

    def _section(self, name: str) -> dict[str, Any]:
        held = self.config.get(name)
        return held if isinstance(held, dict) else {}


def quantities(metric: str, higher_is_better: bool) -> tuple[Asked, ...]:
    """Return what is compared, in order.

    `validation` is the best score on that split, `test` that of the best model; `example_s` is training alone, `run_s` all
    of the run's wall time, trials and evaluations in it.
    """
    return (
        Asked("validation", f"validation {metric}", "metric", "", higher_is_better),
        Asked("test", f"test {metric}", "metric", "", higher_is_better),
        Asked("example_s", "time per example", "time", "s", False),
        Asked("run_s", "time of the run", "time", "s", False),
        Asked("peak_bytes", "peak memory", "memory", "bytes", False),
    )


def _gain(one: Intervention) -> str:
    """Return what a fix brought, and whether that was told without a control arm; nothing where it was not measured."""
    untried = " against before, applied untried" if one.outcome == "applied_untried" else ""
    return f"{words.gain(one.measured)}{untried}" if one.measured else untried.rpartition(", ")[2]


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
