"""Two causes at once: their fixes are tried as one candidate, for each alone may show nothing while the other stands.

A net whose units are the same learns nothing from scaled inputs, and raw inputs hide that its units differ now. Only where
nothing was learned, or both fixes begin before the first step, does the one mask the other so; and one fork of both costs
what one of either costs. What it is called names both.
"""

from collections.abc import Iterable, Mapping

from advisor.deciding.causes import Part
from advisor.deciding.consider import consider, holds
from advisor.deciding.history import History
from advisor.deciding.options import No, Scene, Try
from rules.vocabulary import Deed, Effect, Finding, Fix, Severity

SCORES = ("metric", "loss")
"""What two fixes can be judged by together, the more general first: another loss can only be judged by the metric."""


def join(
    chosen: Try, ripe: Mapping[str, Finding], parts: Mapping[str, Part], history: History, scene: Scene
) -> Try | No:
    """Return a fork together with the fix of another open cause, or as it is where there is none.

    Args:
        chosen: What would be tried next.
        ripe: Findings that may be acted upon, by code.
        parts: The part that each plays; a symptom is no cause of its own.
        history: What was tried.
        scene: Where the run stands.

    Returns:
        The fork of one or both; or why the fork of both has to wait.
    """
    if chosen.how != "fork" or not _masks(chosen.fix, ripe[chosen.code], scene):
        return chosen
    for other in _others(chosen, ripe, parts):
        for fix in other.fixes:
            if (
                not _masks(fix, other, scene)
                or _touch(chosen.fix, fix)
                or history.unwanted(other.code, fix)
                or holds(fix, scene.knobs)
            ):
                continue
            both = consider(ripe[chosen.code], _both(chosen.fix, fix, other.code), history, scene)
            if isinstance(both, Try) or (isinstance(both, No) and both.passes):
                return both
            break
    return chosen


def _others(chosen: Try, ripe: Mapping[str, Finding], parts: Mapping[str, Part]) -> Iterable[Finding]:
    """Return the other causes, the gravest first: what nothing explains, and the chosen finding does not."""
    found = ripe[chosen.code]
    roots = [
        one
        for code, one in ripe.items()
        if code != found.code and code not in found.explains and parts.get(code, Part("contributing")).role != "symptom"
    ]
    return sorted(roots, key=lambda one: (-one.severity.rank, one.code))


def _masks(fix: Fix, finding: Finding, scene: Scene) -> bool:
    """Tell whether a fix may show nothing while another cause stands."""
    learns = fix.effect is Effect.CHANGES_LEARNING and bool(fix.turns) and fix.improves in SCORES
    known = finding.severity is not Severity.INFO and not finding.probes
    return learns and known and (fix.deed is Deed.START_OVER or scene.learned_nothing)


def _touch(one: Fix, other: Fix) -> bool:
    return not {turn.knob for turn in one.turns}.isdisjoint(turn.knob for turn in other.turns)


def _both(fix: Fix, other: Fix, code: str) -> Fix:
    """Return the two as one, named as both."""
    begins = Deed.START_OVER in (fix.deed, other.deed)
    return fix.model_copy(
        update={
            "name": f"{fix.name}, together with {code}: {other.name}",
            "deed": Deed.START_OVER if begins else fix.deed,
            "turns": (*fix.turns, *other.turns),
            "improves": min(fix.improves, other.improves, key=SCORES.index),
            "guards": tuple(dict.fromkeys((*fix.guards, *other.guards))),
            "expected": max(fix.expected, other.expected),
            "estimated_by": f"{fix.estimated_by}; {code}: {other.estimated_by}",
            "also": (*fix.also, code),
        }
    )
