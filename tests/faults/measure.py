"""What the results of a case say about the goals: was the cause named, when, what was false, did it help, at what cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, median

from tests.faults.case import Case
from tests.faults.result import Alarm, Arm, Result

NEAR = 0.01
"""One point: so close to the reference fix counts as rescued, and so far below untouched as harmed."""
HURTS = 0.02
"""A fault that costs less of the test score than this can hardly be rescued from."""
Z95 = 1.96

Runs = dict[tuple[str, int], Result]


@dataclass(frozen=True)
class Seen:
    """One case with one seed, read against what is right."""

    case: Case
    result: Result

    @property
    def untouched(self) -> Arm:
        """The run that was only watched."""
        return self.result.arms["untouched"]

    @property
    def auto(self) -> Arm:
        """The run that was advised."""
        return self.result.arms["auto"]

    @property
    def reference(self) -> Arm:
        """The run that was mended by hand; of a healthy case the run itself."""
        return self.result.arms.get("reference", self.untouched)

    @property
    def random(self) -> Arm:
        """The run with a random change; without one where the advisor changed nothing."""
        return self.result.arms.get("random", self.untouched)

    @property
    def primary(self) -> str:
        """The finding that was first called the cause; where none was, the one whose fix took hold first.

        An opportunity (a finding of severity info) is never called the cause, but it is acted upon. Empty where nothing was.
        """
        acted = [deed.code for deed in self.auto.changed if deed.how != "free"]
        return next(iter((*self.auto.causes, *acted)), "")

    @property
    def named(self) -> bool:
        """The right cause was called the cause first."""
        return self.primary in self.case.causes

    @property
    def named_later(self) -> bool:
        """The right cause was called the cause at some time, in either run."""
        return bool(set(self.case.causes) & {*self.auto.causes, *self.untouched.causes})

    @property
    def found(self) -> bool:
        """The right cause was among the findings, in whatever part, in either run."""
        return any(alarm.code in self.case.causes for alarm in (*self.auto.alarms, *self.untouched.alarms))

    @property
    def first_share(self) -> float | None:
        """Share of the run between the fault and its first right finding; nothing where there was none."""
        steps = [alarm.step for alarm in self.untouched.alarms if alarm.code in self.case.causes]
        if not steps or not self.untouched.steps_total:
            return None
        return max(min(steps) / self.untouched.steps_total - self.case.begins, 0.0)

    @property
    def false_alarms(self) -> dict[str, Alarm]:
        """Warnings and errors that are not true of the run, untouched or advised, by code."""
        return self._false_in(self.auto) | self._false_in(self.untouched)

    @property
    def false_when_mended(self) -> dict[str, Alarm]:
        """Warnings and errors that are not true of the run that was mended by hand: a healthy one, as far as it can be."""
        return self._false_in(self.reference)

    def _false_in(self, arm: Arm) -> dict[str, Alarm]:
        right = {*self.case.causes, *self.case.allowed}
        return {
            alarm.code: alarm
            for alarm in arm.alarms
            if alarm.severity != "info" and alarm.code not in right and not self._led_back(alarm, arm)
        }

    def _led_back(self, alarm: Alarm, arm: Arm) -> bool:
        """Tell whether a finding was shown as a symptom of what is true of the run, or of a symptom of that."""
        by_code = {other.code: other for other in arm.alarms}
        passed: set[str] = set()
        while alarm.role == "symptom" and alarm.code not in passed:
            if alarm.explained_by in {*self.case.causes, *self.case.allowed}:
                return True
            passed.add(alarm.code)
            alarm = by_code.get(alarm.explained_by, alarm)
        return False

    @property
    def hurts(self) -> bool:
        """The fault costs something that the reference fix brings back."""
        return self.reference.score - self.untouched.score >= HURTS

    @property
    def rescued(self) -> bool:
        """The advised run ended near the reference fix, or above it."""
        return self.auto.score >= self.reference.score - NEAR

    @property
    def near_itself(self) -> bool | None:
        """A second run mended by hand, with other weights and another order, ended near the first, or above it."""
        again = self.result.arms.get("again")
        return None if again is None else again.score >= self.reference.score - NEAR

    @property
    def harmed(self) -> bool:
        """The advised run ended clearly below the untouched one."""
        return self.auto.score < self.untouched.score - NEAR

    @property
    def cost(self) -> float:
        """Processor time of the advised run over that of the untouched one."""
        return self.auto.seconds / max(self.untouched.seconds, 1e-9)


def seen(runs: Runs, cases: Iterable[Case]) -> list[Seen]:
    """Return what there is, in the order of the cases."""
    return [Seen(case, runs[key]) for case in cases for key in sorted(runs) if key[0] == case.name]


def share(flags: Iterable[bool]) -> str:
    """Return how many of how many, the share, and its 95 % interval (Wilson 1927)."""
    known = list(flags)
    if not known:
        return "nothing run"
    n, p = len(known), fmean(known)
    middle = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    return f"{sum(known)} of {n}, {p:.0%} ({max(middle - half, 0):.0%} to {min(middle + half, 1):.0%})"


def mean_with_error(values: Iterable[float]) -> str:
    """Return a mean with its standard error."""
    known = list(values)
    if len(known) < 2:
        return "nothing run"
    middle = fmean(known)
    error = sqrt(sum((value - middle) ** 2 for value in known) / (len(known) - 1) / len(known))
    return f"{middle:+.3f} ± {error:.3f}"


def middle_of(values: Iterable[float]) -> str:
    """Return a median, with quartiles."""
    known = sorted(values)
    if not known:
        return "nothing run"
    return f"{median(known):.2f} (quartiles {known[len(known) // 4]:.2f} and {known[(3 * len(known)) // 4]:.2f})"
