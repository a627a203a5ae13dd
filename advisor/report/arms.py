"""What a trial measured, with the fix and without: round by round, or arm by arm."""

from math import isfinite

from advisor.report.schema import ArmValue
from advisor.story.told import InterventionState

RELATIVE = "relative "


def arms(one: InterventionState) -> tuple[tuple[ArmValue, ...], str]:
    """Return the measurements of a trial and their unit: `s` (seconds per example), or the name of the score.

    Nothing where no control was measured beside the candidate.
    """
    rounds = [heard.numbers for heard in one.heard if heard.what == "round"]
    if rounds:
        sides = (("control", "without_s"), ("candidate", "with_s"))
        return tuple(
            ArmValue(arm=arm, value=numbers[key]) for numbers in rounds for arm, key in sides if key in numbers
        ), "s"
    score = one.measured.unit.removeprefix(RELATIVE) if one.measured else ""
    scored = tuple(
        ArmValue(arm=heard.what, value=heard.numbers[score])
        for heard in one.heard
        if heard.what in ("control", "candidate", "null") and isfinite(heard.numbers.get(score, float("nan")))
    )
    told = {each.arm for each in scored}
    return (scored, score) if {"control", "candidate"} <= told else ((), "")
