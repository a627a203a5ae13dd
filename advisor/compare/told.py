"""A comparison in words: the rows that the terminal and Markdown share."""

from typing import Any

from advisor.compare.schema import Compared, ComparedRun, Comparison, Difference, Quantity, Verdict
from advisor.report import words

SIGNS: dict[Verdict, str] = {"better": "✓", "worse": "✗", "no detectable difference": "=", "not compared": "–"}
"""A sign beside each word: colour alone tells nothing to many readers."""


def value(one: Quantity, number: float | None) -> str:
    """Return a value of a quantity with its unit."""
    match one.unit:
        case "s":
            return words.duration(number)
        case "bytes":
            return words.size(number)
        case _:
            return words.score(number)


def change(one: Quantity) -> str:
    """Return the difference as people say it: `+0.021`, `-13%`; with what must be passed to count: `± 0.018`."""
    if one.difference is None or one.noise is None:
        return words.MISSING
    if one.kind == "metric":
        return f"{_signed(one.difference)} ± {words.score(one.noise)}"
    if not one.base:
        return words.MISSING
    return f"{100 * one.difference / abs(one.base):+.1f}% ± {100 * one.noise / abs(one.base):.1f}%"


def verdict(one: Quantity) -> str:
    """Return the verdict with its sign, and why where there is none."""
    return f"{SIGNS[one.verdict]} {one.verdict}{f': {one.why}' if one.why else ''}"


DIRECTIONS = "↑ more is better, ↓ less is better; ± is the noise that a change must pass, told by"


def titled(one: Quantity) -> str:
    """Return what a quantity is, with the way that is better."""
    return f"{one.title} {'↑' if one.higher_is_better else '↓'}"


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
    return f"{run.state or 'never started'}, step {run.step} of {run.steps_total}"


def kept(run: ComparedRun) -> list[str]:
    """Return the fixes that a run kept, with what they were measured to bring."""
    return [f"{one.rule} {one.fix}{f': {one.gain}' if one.gain else ''} (step {one.step})" for one in run.kept]


def members(compared: Compared, comparison: Comparison) -> list[ComparedRun]:
    """Return the runs of the base and of one group, in order."""
    names = {name for group in compared.groups if group.name in (compared.base, comparison.name) for name in group.runs}
    return [run for run in compared.runs if run.name in names]


def _signed(difference: float) -> str:
    text = words.score(difference)
    return text if difference < 0 else f"+{text}"


def _setting(held: Any) -> str:
    if isinstance(held, str):
        return held or '""'
    return words.setting(held) if held is None or isinstance(held, bool | int | float) else str(held)
