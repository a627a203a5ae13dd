"""A comparison in words: the rows that the terminal and Markdown share."""

import re
from itertools import takewhile
from math import floor, isfinite, log10
from typing import Any

from advisor.compare.schema import Compared, ComparedRun, Comparison, Difference, Quantity, Verdict
from advisor.report import words

SIGNS: dict[Verdict, str] = {"better": "✓", "worse": "✗", "no detectable difference": "=", "not compared": "–"}
"""A sign beside each word: colour alone tells nothing to many readers."""


STATES = {
    "warming up": "still training",
    "training": "still training",
    "trying a fix": "still training, a fix on trial",
    "recovering": "still training, after a rollback",
    "finishing": "being finished",
    "failed": "failed",
    "stopped": "stopped",
    "waiting": "not started",
    "": "never started",
}
"""The state of a run that has not come to its end, as a reader of a comparison asks for it; the others are told as they are."""
LONG_NAME = 18
"""Characters: two such columns beside the change and its verdict still fit on a terminal of 80."""
LEAST_DECIMALS = 3
MOST_DECIMALS = 12
SIGNIFICANT = 4
"""Digits of a metric beyond ten."""


def value(one: Quantity, number: float | None) -> str:
    """Return a value of a quantity with its unit."""
    match one.unit:
        case "s":
            return words.duration(number)
        case "bytes":
            return words.size(number)
        case _:
            if number is None or one.difference is None or one.noise is None or not isfinite(number):
                return words.score(number)
            return _fixed(number, _decimals(one.difference, one.noise, one.base or 0.0, one.value or 0.0))


def change(one: Quantity) -> str:
    """Return the difference as people say it, with what it must be larger than: `+0.021 ± 0.018`, `-13% ± 6%`.

    As many decimals as it takes to see which of the two is larger: what is written never contradicts the verdict.
    """
    if one.difference is None or one.noise is None:
        return words.MISSING
    if one.kind == "metric":
        decimals = _decimals(one.difference, one.noise, one.base or 0.0, one.value or 0.0)
        return f"{_fixed(one.difference, decimals, sign='+')} ± {_fixed(one.noise, decimals)}"
    if not one.base:
        return words.MISSING
    difference, noise = (100 * number / abs(one.base) for number in (one.difference, one.noise))
    decimals = _seen_apart(difference, noise, 1)
    return f"{_fixed(difference, decimals, sign='+')}% ± {_fixed(noise, decimals)}%"


def _decimals(difference: float, noise: float, base: float, value: float) -> int:
    """Return how many decimals a metric needs: three, or two digits of its noise, or what tells it from its noise."""
    largest = max(abs(number) for number in (difference, noise, base, value))
    least = LEAST_DECIMALS if largest < 10 else max(SIGNIFICANT - 1 - floor(log10(largest)), 0)
    of_noise = 1 - floor(log10(noise)) if noise > 0 else 0
    return _seen_apart(difference, noise, min(max(least, of_noise), MOST_DECIMALS))


def _seen_apart(difference: float, noise: float, decimals: int) -> int:
    """Return the least number of decimals, from `decimals` on, at which a difference beyond its noise looks beyond it."""
    while abs(difference) > noise and decimals < MOST_DECIMALS:
        if round(abs(difference), decimals) > round(noise, decimals):
            break
        decimals += 1
    return decimals


def _fixed(number: float, decimals: int, sign: str = "") -> str:
    """Return a number with so many decimals; a zero has no minus."""
    return f"{round(number, decimals) + 0.0:{sign}.{decimals}f}"


def verdict(one: Quantity) -> str:
    """Return the verdict with its sign, and why where there is none."""
    return f"{SIGNS[one.verdict]} {one.verdict}{f': {one.why}' if one.why else ''}"


DIRECTIONS = (
    "↑ more is better, ↓ less is better; better and worse are said only of a change that is larger than ±, its noise, "
    "told by"
)


def titled(one: Quantity) -> str:
    """Return what a quantity is, with the way that is better."""
    return f"{one.title} {'↑' if one.higher_is_better else '↓'}"


def headings(base: str, other: str) -> tuple[str, str]:
    """Return two names for the head of a table: of long ones that begin alike, as runs of one day do, what tells them apart."""
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(base, other, strict=False))
    alike = re.match(r".*[-_/T ]", "".join(letter for letter, _ in shared))
    if min(len(base), len(other)) <= LONG_NAME or alike is None:
        return base, other
    return f"…{base[alike.end() :]}", f"…{other[alike.end() :]}"


def noises(comparison: Comparison) -> list[str]:
    """Return what the noise was told by, each source once with the quantities that it is for."""
    found: dict[str, list[str]] = {}
    for one in comparison.quantities:
        if one.told_by:
            found.setdefault(one.told_by, []).append(one.title)
    return [f"{', '.join(titles)}: {told_by}" for told_by, titles in found.items()]


def side(held: Any, ended: Any) -> str:
    """Return a value of the configuration, and what it was at the end where that is another."""
    return _setting(held) if held == ended else f"{_setting(held)} → {_setting(ended)}"


def row(one: Difference) -> tuple[str, str, str]:
    """Return (key, base, other)."""
    return one.key, side(one.base, one.base_end), side(one.value, one.value_end)


def standing(run: ComparedRun) -> str:
    """Return how far a run came."""
    if run.complete:
        return run.state
    return f"{STATES.get(run.state, run.state)}, step {run.step} of {run.steps_total}"


def kept(run: ComparedRun) -> list[str]:
    """Return the fixes that a run kept, with what they were measured to bring."""
    return [f"{one.rule} {one.fix}{f': {one.gain}' if one.gain else ''} (step {one.step})" for one in run.kept]


def members(compared: Compared, comparison: Comparison) -> list[ComparedRun]:
    """Return the runs of the base and of one group, in order."""
    names = {name for group in compared.groups if group.name in (compared.base, comparison.name) for name in group.runs}
    return [run for run in compared.runs if run.name in names]


def _setting(held: Any) -> str:
    if isinstance(held, str):
        return held or '""'
    return words.setting(held) if held is None or isinstance(held, bool | int | float) else str(held)
