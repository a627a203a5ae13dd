"""Runs held against a base: groups by seed, verdicts by their noise, and what differs in how they were started.

Pure: reports in, a comparison out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from advisor.compare.differences import configuration, surroundings
from advisor.compare.noise import Gap, gap_of_groups, gap_of_two, paired_error
from advisor.compare.schema import Compared, Comparison, Group, Quantity, Verdict
from advisor.compare.side import Asked, Side, quantities
from advisor.compare.told import STATES
from advisor.report import words

LEAST_TIME_NOISE_SHARE = 0.05
"""Standard error of a time, of one run: what else the machine does is not the same from run to run. Where its steps swing
more than that, so much: a crowded machine stays crowded for a whole run, so that more steps tell no more
(tests/bench/RESULTS.md, «Comparison of runs»)."""
MEMORY_NOISE_SHARE = 0.01
"""Likewise of the peak memory of a process."""
LEAST_COST_SHARE = 0.005
"""Half a percent of time or memory is worth no word, however sure it is."""


@dataclass(frozen=True)
class Bunch:
    """Runs of one recipe, one a seed and more."""

    name: str
    sides: tuple[Side, ...]

    def by_seed(self, quantity: str) -> list[float]:
        """Return one value a seed: the mean of its runs that have the quantity."""
        found: dict[object, list[float]] = {}
        for at, side in enumerate(self.sides):
            if quantity in side.values:
                key = side.seed if side.seed is not None else f"run {at}"
                found.setdefault(key, []).append(side.values[quantity])
        return [fmean(values) for values in found.values()]

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return len({side.seed for side in self.sides})

    @property
    def first(self) -> Side:
        """The run that stands for all in what they share."""
        return self.sides[0]

    def having(self, quantity: str) -> Side:
        """Return the first run that has a quantity and is scored, else one that has it; else the first."""
        held = [side for side in self.sides if quantity in side.values]
        return next((side for side in held if side.scored), (*held, self.first)[0])


def compare(sides: Sequence[Side], paths: Mapping[str, str], problems: Sequence[str] = ()) -> Compared:
    """Return how the first run, or its group, and the others stand to each other.

    Args:
        sides: The base first; two at least.
        paths: Name → folder.
        problems: What could not even be read, said before what cannot be compared.
    """
    bunches = _bunches(sides)
    base, others = bunches[0], bunches[1:]
    comparisons = tuple(_compared(base, other) for other in others)
    return Compared(
        base=base.name,
        runs=tuple(side.told(paths[side.name]) for side in sides),
        groups=tuple(Group(name=one.name, runs=tuple(side.name for side in one.sides)) for one in bunches),
        comparisons=comparisons,
        problems=(*problems, *_problems(base, others)),
    )


def _bunches(sides: Sequence[Side]) -> list[Bunch]:
    """Return the groups, the base's first; where all runs are of one recipe, each on its own."""
    found: dict[str, list[Side]] = {}
    for side in sides:
        found.setdefault(side.recipe, []).append(side)
    if len(found) == 1:
        return [Bunch(side.name, (side,)) for side in sides]
    return [Bunch(_name(group), tuple(group)) for group in found.values()]


def _name(group: Sequence[Side]) -> str:
    return group[0].name if len(group) == 1 else f"{group[0].name} and {len(group) - 1} more"


def _problems(base: Bunch, others: Sequence[Bunch]) -> list[str]:
    """Return what a user should mend: no evaluation, another task."""
    told = [
        f"{side.name} has no evaluation with a number: its metric cannot be compared"
        for bunch in (base, *others)
        for side in bunch.sides
        if not side.scored
    ]
    first = base.having("validation")
    unlike = [one for one in others if _tasks_differ(first, one.having("validation"))]
    return told + [
        f"{one.name} and {base.name} cannot be compared by metric: {_unlike(first, one.having('validation'))}"
        for one in unlike
    ]


def _tasks_differ(base: Side, other: Side) -> bool:
    """Tell whether two runs were scored on different tasks."""
    return base.scored and other.scored and base.task != other.task


def _unlike(base: Side, other: Side) -> str:
    if base.metric != other.metric:
        return f"one is scored by {other.metric[0]}, the other by {base.metric[0]}"
    return "they learn different things (kind of task, classes or target)"


def _compared(base: Bunch, other: Bunch) -> Comparison:
    asked = quantities(*base.having("validation").metric)
    told = tuple(quantity_of(one, base, other) for one in asked)
    return Comparison(
        name=other.name,
        summary=_summary(other.name, base.name, told),
        quantities=told,
        configuration=configuration(base.first, other.first),
        surroundings=surroundings(base.first, other.first),
        notes=_notes(base, other),
    )


def quantity_of(asked: Asked, base: Bunch, other: Bunch) -> Quantity:
    """Return one quantity of a group held against the base's, with its verdict."""
    first, second = base.by_seed(asked.name), other.by_seed(asked.name)
    why = _why_not(asked, base, other, first, second)
    gap = None if why else _gap(asked, base, other, first, second)
    return Quantity(
        name=asked.name,
        title=asked.title,
        kind=asked.kind,
        unit=asked.unit,
        higher_is_better=asked.higher_is_better,
        base=fmean(first) if first else None,
        value=fmean(second) if second else None,
        difference=gap.difference if gap else None,
        low=gap.difference - gap.noise if gap else None,
        high=gap.difference + gap.noise if gap else None,
        noise=gap.noise if gap else None,
        told_by=gap.told_by if gap else "",
        verdict=_verdict(gap, asked),
        why=why,
    )


def _why_not(asked: Asked, base: Bunch, other: Bunch, first: Sequence[float], second: Sequence[float]) -> str:
    lacking = [bunch.name for bunch, values in ((base, first), (other, second)) if not values]
    if asked.kind == "metric":
        one, two = base.having(asked.name), other.having(asked.name)
        if _tasks_differ(one, two):
            return _unlike(one, two)
        reason = "has no test score" if asked.name == "test" else "has no evaluation with a number"
    elif asked.name == "run_s":
        reason = "has not come to its end"
    else:
        reason = "has not told it"
    return f"{' and '.join(lacking)} {reason}" if lacking else ""


def _gap(asked: Asked, base: Bunch, other: Bunch, first: Sequence[float], second: Sequence[float]) -> Gap:
    if asked.kind != "metric":
        return _cost_gap(asked, base, other, first, second)
    one, two = base.having(asked.name), other.having(asked.name)
    least = max(one.least(asked.name), two.least(asked.name))
    if max(len(first), len(second)) > 1:
        return gap_of_groups(first, second, least / min(len(first), len(second)))
    same = one.split == two.split
    wrong, wrong_too = one.report.metrics.test_wrong, two.report.metrics.test_wrong
    examples = one.examples(asked.name)
    swings = [*one.errors(asked.name, of_split=False), *two.errors(asked.name, of_split=False)]
    of_swings = " and the swing between evaluations" if swings else ""
    if asked.name == "test" and least and same and examples and wrong is not None and wrong_too is not None:
        errors = [paired_error(wrong, wrong_too, examples), *swings]
        told_by = f"the same {examples} examples, counted in pairs{of_swings}"
    else:
        errors = [*one.errors(asked.name, of_split=True), *two.errors(asked.name, of_split=True)]
        told_by = f"{_examples(one, two, asked.name)}{of_swings}"
    return gap_of_two(second[0] - first[0], errors, told_by, least)


def _examples(one: Side, two: Side, quantity: str) -> str:
    counts = one.examples(quantity), two.examples(quantity)
    return f"{counts[0]} examples each" if counts[0] == counts[1] else f"{counts[0]} and {counts[1]} examples"


def _cost_gap(asked: Asked, base: Bunch, other: Bunch, first: Sequence[float], second: Sequence[float]) -> Gap:
    if max(len(first), len(second)) > 1:
        return gap_of_groups(first, second, LEAST_COST_SHARE * fmean(first))
    shares = [MEMORY_NOISE_SHARE, MEMORY_NOISE_SHARE]
    told_by = f"runs of one configuration, which differ by about {MEMORY_NOISE_SHARE:.0%}"
    if asked.kind == "time":
        swings = [bunch.having(asked.name).step_swing_share for bunch in (base, other)]
        shares = [max(LEAST_TIME_NOISE_SHARE, swing) for swing in swings]
        told_by = f"how much single steps swing, {swings[0]:.0%} and {swings[1]:.0%}, and at least {LEAST_TIME_NOISE_SHARE:.0%}"
    return gap_of_two(second[0] - first[0], [shares[0] * first[0], shares[1] * second[0]], told_by)


def _verdict(gap: Gap | None, asked: Asked) -> Verdict:
    if gap is None:
        return "not compared"
    if not gap.detectable:
        return "no detectable difference"
    return "better" if (gap.difference > 0) == asked.higher_is_better else "worse"


def _summary(name: str, base: str, told: Sequence[Quantity]) -> str:
    """Return one sentence: better on …, worse on …, no detectable difference on …; what was not compared last."""
    groups: dict[Verdict, list[str]] = {"better": [], "worse": [], "no detectable difference": [], "not compared": []}
    for one in told:
        groups[one.verdict].append(one.title)
    parts = [
        f"{'no detectable difference in' if verdict == 'no detectable difference' else verdict + ' in'} {', '.join(titles)}"
        for verdict, titles in groups.items()
        if titles and verdict != "not compared"
    ]
    return f"{name} against {base}: {'; '.join(parts) or 'nothing could be compared'}."


def _notes(base: Bunch, other: Bunch) -> tuple[str, ...]:
    told: list[str] = []
    for side in (*base.sides, *other.sides):
        if not side.complete:
            run = side.report.run
            told.append(
                f"{side.name} {_state(str(run.get('state')))}: compared as far as it came, step {run.get('steps', 0)} "
                f"of {run.get('steps_total', 0)}."
            )
    if not (base.first.complete and other.first.complete):
        told += _at_one_step(base.having("validation"), other.having("validation"))
    one, two = base.having("validation"), other.having("validation")
    if one.scored and two.scored and one.task == two.task:
        if one.split != two.split:
            told.append("They were not scored on the same examples: part of a difference may be the data's.")
        if max(base.seeds, other.seeds) == 1:
            told.append(
                "One seed each: another seed may move the score by more than the noise told here. Runs that differ by "
                "--seed alone are taken together."
            )
    if one.device != two.device:
        told.append("They did not train on the same device: time and memory tell of the machines, too.")
    return tuple(told)


def _at_one_step(one: Side, two: Side) -> list[str]:
    """Return what the best scores were when both had taken as many steps as the shorter one; nothing where none shows it."""
    if not (one.scored and two.scored) or one.task != two.task or one.batch_size != two.batch_size:
        return []
    step = min(one.scores[-1][0], two.scores[-1][0]) if one.scores and two.scores else 0
    values = [side.best_by(step) for side in (one, two)]
    if None in values:
        return []
    told = " and ".join(f"{words.score(value)} for {side.name}" for side, value in zip((one, two), values, strict=True))
    return [f"Up to step {step}, which both have reached, the best validation {one.metric[0]} was {told}."]


def _state(word: str) -> str:
    known = {"failed": "has failed", "stopped": "was stopped", "waiting": "has not started", "": "never started"}
    return known.get(word) or f"is {STATES.get(word, word)}"
