"""Numbers as words for people: durations, bytes, shares, gains, turns. Missing is «—», never zero."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from advisor.ledger import Measured
from advisor.trials.scoring import AVERAGED, BETTER, plain_score
from rules.vocabulary import Value

MISSING = "—"

NURSERY = "its rule is in the nursery: nothing is done about it"
"""Behind every finding of a rule that is not measured well enough yet, wherever it is shown."""

PART_NAMES = {
    "input_wait": "waiting for input",
    "to_device": "to the device",
    "forward": "forward",
    "backward": "backward",
    "optimizer": "optimizer",
    "evaluation": "evaluation",
    "checkpoint": "checkpoints",
    "trials": "trials and probes",
    "lost": "lost steps",
    "restarts": "starting again",
    "advisor": "being watched",
    "pacing": "waiting for the driver",
    "other": "start-up and other",
}
"""The parts of the time of a run, in the order of the bar."""

OUTCOME_NAMES = {
    "kept": "kept",
    "rolled_back": "taken back",
    "undecided": "undecided, not kept",
    "applied_untried": "applied, not tried",
    "refused": "not tried",
}
OUTCOME_SIGNS = {"kept": "✓", "rolled_back": "↩", "undecided": "?", "applied_untried": "!", "refused": "·"}
"""A sign beside each word: colour alone tells nothing to many readers."""

EFFECT_NAMES = {
    "free": "does not touch the training",
    "same_mathematics": "same mathematics",
    "other_rounding": "other rounding",
    "changes_learning": "changes what is learned",
    "rescue": "rescue",
    "needs_a_person": "needs a person",
}

QUANTITY_NAMES = {
    "step_s": "step time",
    "bytes": "size",
    "time": "run time",
    "loss": "loss",
    "finite": "a finite loss",
    "balanced_accuracy": "balanced accuracy",
    "balanced_loss": "loss with all classes alike",
    "rare_recall": "recall of rare classes",
    "metric": "the main metric",
}
LESS_IS_BETTER = frozenset({"step_s", "bytes", "time", "loss", "balanced_loss", "seconds", "rmse", "mae", "error"})
"""Quantities whose gain is a fall."""


SCORE = re.compile(rf"\b(?:{AVERAGED}|{BETTER})(\w+)")
"""A score at the end of an arm, as the ledger names it."""


def plainly(why: str) -> str:
    """Return the reason of a verdict with its scores in words: `tail_balanced_loss` is the loss with all classes alike."""
    return SCORE.sub(lambda found: QUANTITY_NAMES.get(found[1], found[1]), why)


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with so many significant digits."""
    if value is None:
        return MISSING
    if not isfinite(value):
        return "NaN" if value != value else ("∞" if value > 0 else "-∞")
    if value and (abs(value) >= 1e6 or abs(value) < 1e-4):
        return f"{value:.{max(digits - 2, 1)}g}"
    text = f"{value:.{digits}g}"
    return text if "e" not in text else f"{value:.0f}"


def score(value: float | None) -> str:
    """Return a metric with three decimals, or four digits where it is large."""
    if value is None or not isfinite(value) or abs(value) >= 10:
        return number(value)
    return f"{value:.3f}".replace("-0.000", "0.000")


def watched(overhead: Mapping[str, Any]) -> str:
    """Return what watching added to a step by the trainer's own measurement; nothing where it has made none."""
    if "step_share" not in overhead:
        return ""
    added, error = (f"{100 * overhead[name]:.1f}" for name in ("step_share", "step_share_error"))
    told = f"; it made a step {added} ± {error}% longer, by {overhead['pairs']} pairs of stretches with and without it"
    shed = ", ".join(overhead["shed"])
    return f"{told}; watched less since, for it was over 1%: {shed}" if shed else told


def share(value: float | None) -> str:
    """Return a share, 0 to 1, as a percentage."""
    if value is None or not isfinite(value):
        return MISSING
    percent = 100 * value
    if 0 < percent < 0.05:
        return "<0.1%"
    return f"{percent:.0f}%" if abs(percent) >= 9.95 or percent == 0 else f"{percent:.1f}%"


def duration(seconds: float | None) -> str:
    """Return seconds as people say them."""
    if seconds is None or not isfinite(seconds):
        return MISSING
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs" if seconds else "0 s"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def size(count: float | None) -> str:
    """Return bytes with a decimal unit."""
    if count is None or not isfinite(count):
        return MISSING
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or abs(count) >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def count(value: int) -> str:
    """Return a whole number with thin groups of thousands."""
    return f"{value:,}".replace(",", " ")


def plural(number_of: int, one: str, many: str = "") -> str:
    """Return `3 fixes`, `1 fix`."""
    return f"{number_of} {one if number_of == 1 else many or one + 's'}"


def setting(value: Value | None) -> str:
    """Return a knob's value as it stands in the configuration."""
    match value:
        case None:
            return MISSING
        case bool():
            return "on" if value else "off"
        case float():
            return number(value)
        case _:
            return str(value)


def turns(turned: dict[str, dict[str, Value | None]]) -> str:
    """Return `lr 5 → 0.031, cache off → on`."""
    return ", ".join(f"{knob} {setting(one['old'])} → {setting(one['new'])}" for knob, one in turned.items())


def quantity(name: str) -> str:
    """Return a metric's name for people."""
    plain = plain_score(name.removeprefix("relative "))
    return QUANTITY_NAMES.get(plain, plain.replace("_", " "))


def _parts(measured: Measured) -> tuple[str, bool, bool]:
    relative = measured.unit.startswith("relative ") or (measured.unit == "bytes" and abs(measured.median) <= 1)
    plain = measured.unit.removeprefix("relative ")
    return plain, relative, plain_score(plain) in LESS_IS_BETTER


def gain(measured: Measured | None) -> str:
    """Return what a fix brought: `41% less step time`, `+0.056 balanced accuracy`, `31% more step time`."""
    if measured is None:
        return MISSING
    plain, relative, less = _parts(measured)
    better = measured.median >= 0
    if plain == "seconds":
        return f"{duration(abs(measured.median))} {'saved' if better else 'lost'}"
    if relative:
        direction = "less" if better == less else "more"
        return f"{share(abs(measured.median))} {direction} {quantity(plain)}"
    if plain == "bytes":
        return f"{size(abs(measured.median))} {'less' if better else 'more'}"
    return f"{_points(measured.median)} {quantity(plain)}"


def interval(measured: Measured | None) -> str:
    """Return the interval of a gain, positive = better: `38% to 43%`; nothing where it has no width."""
    if measured is None or measured.low == measured.high:
        return ""
    plain, relative, _ = _parts(measured)
    if plain == "seconds":
        return f"{measured.low:.1f} s to {measured.high:.1f} s"
    if relative:
        return f"{100 * measured.low:+.0f}% to {100 * measured.high:+.0f}%"
    return f"{_points(measured.low)} to {_points(measured.high)}"


def _points(value: float) -> str:
    return f"{value:+.3f}" if abs(value) < 10 else f"{value:+.4g}"


def expected(value: float, improves: str) -> str:
    """Return what a rule expected: `about 43% less step time`; nothing where it could not say."""
    if not value or improves == "finite":
        return quantity("finite") if improves == "finite" else MISSING
    if improves in LESS_IS_BETTER:
        return f"about {_rough(value)} less {quantity(improves)}"
    return f"about {_rough(value)} better {quantity(improves).removeprefix('the ')}"


def _rough(value: float) -> str:
    return f"{100 * value:.0f}%" if value >= 0.01 else share(value)
