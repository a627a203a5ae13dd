"""The choice: what is done next about the findings that stand, or why nothing is.

Pure: from findings, history, knobs and the state of the run to one thing to do. Order: rescue, cause before symptom,
class of the fix, expected gain, cheaper undo.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from advisor.deciding.assess import Standing
from advisor.deciding.causes import Part
from advisor.deciding.consider import weigh
from advisor.deciding.history import History, shape_of
from advisor.deciding.joined import join
from advisor.deciding.options import AskProbe, No, Scene, Try
from rules.vocabulary import Deed, Effect, Finding, Severity

_RANK = {Effect.FREE: 0, Effect.SAME_MATHEMATICS: 1, Effect.OTHER_ROUNDING: 2, Effect.CHANGES_LEARNING: 3}
_UNDO = {"live": 0, "reload": 1, "restart": 2}
"""What is easier to take back comes first: a free look before a change of what is learned, live before a reload."""
HELD_BACK = "held back"
"""Reason of a refusal: the fault is in code or data, and a knob does not mend it."""
OF_A_PASS = frozenset({"zeroed_input", "loss_at_init", "mode_switch"})
"""Probes of a pass or two come before all else, a rescue too: they may show that there is nothing to turn."""


@dataclass(frozen=True)
class Choice:
    """What is done next, what is offered to a person, and what is not done."""

    deed: AskProbe | Try | None
    offers: tuple[Try, ...]
    refusals: tuple[No, ...]


def choose(standings: Iterable[Standing], parts: Mapping[str, Part], history: History, scene: Scene) -> Choice:
    """Return what to do next about the findings that are ripe; of rules in the nursery none is."""
    standings = tuple(standings)
    ripe = {one.finding.code: one.finding for one in standings if one.ripe and not one.finding.nursery}
    deeds: list[tuple[tuple[float, ...], str, AskProbe | Try]] = []
    offers: list[Try] = []
    refusals: list[No] = []
    options = {code: weigh(finding, history, scene) for code, finding in ripe.items()}
    held = held_back([standing.finding for standing in standings if standing.stands], parts)
    roots = [code for code, part in parts.items() if part.role == "cause" and code in options]
    saving = next((code for code in roots if _too_soon(options[code][0])), "")
    for code, (option, refused) in options.items():
        part = parts.get(code, Part("contributing"))
        refusals += refused
        cause = options.get(part.explained_by)
        waits = cause is not None and cause[0] is not None
        match option:
            case None:
                continue
            case No():
                refusals.append(option)
                continue
            case Try() if code in held:
                refusals.append(
                    No(code, option.fix, f"{HELD_BACK}: {held[code]} accounts for it, and {_stays(ripe, held[code])}")
                )
                continue
            case Try() if waits and (option.how != "rescue" or _begins_anew(cause)):
                refusals.append(No(code, option.fix, f"cause first: {part.explained_by} explains it and is open"))
                continue
            case Try() if saving and part.role != "cause" and option.how == "fork":
                refusals.append(No(code, option.fix, f"cause first: the budget is kept for {saving}, which is open"))
                continue
            case Try() if scene.mode == "advise" and (code, shape_of(option.fix)) not in history.accepted:
                offers.append(option)
                continue
            case AskProbe() if (
                waits or code in held or (saving and part.role != "cause" and option.probe not in OF_A_PASS)
            ):
                continue
            case _:
                deeds.append((_order(option, ripe[code], part, scene), code, option))
    first = min(deeds, key=lambda one: (one[0], one[1]), default=None)
    deed = first[2] if first else None
    if isinstance(deed, Try) and scene.mode != "advise":
        free = {code: finding for code, finding in ripe.items() if code not in held}
        both = join(deed, free, parts, history, scene)
        if isinstance(both, No):
            refusals.append(both)
        deed = both if isinstance(both, Try) else None
    return Choice(deed, tuple(offers), tuple(refusals))


def _too_soon(option: AskProbe | Try | No | None) -> bool:
    """Tell whether a fix only waits for the step at which arms from the start are compared: the budget is kept for it."""
    return isinstance(option, No) and option.reason == "too soon"


def _begins_anew(cause: tuple[AskProbe | Try | No | None, list[No]] | None) -> bool:
    """Tell whether the fix of a cause, tried or soon to be, begins before the first step: what is lost then is no loss."""
    option = cause[0] if cause is not None else None
    if not isinstance(option, Try | No):
        return False
    return option.fix.deed is Deed.START_OVER and option.fix.effect is not Effect.RESCUE


def held_back(standing: Iterable[Finding], parts: Mapping[str, Part]) -> dict[str, str]:
    """Return the findings that nothing is done about, each with the finding in code or data that accounts for it.

    A fault that no knob mends is not thrashed at: what it explains, and what that explains in turn, is neither turned nor
    rolled back, restarted or stopped; nor is it while a fault stands that lets every measure on the next batches mislead. It
    must stand by itself: a symptom of something that a knob can mend holds nothing.
    """
    known = {finding.code: finding for finding in standing}
    held: dict[str, str] = {}
    for code, finding in sorted(known.items()):
        if not (finding.beyond_knobs or finding.misleads) or parts.get(code, Part("contributing")).role == "symptom":
            continue
        waiting = [finding]
        while waiting:
            for explained in waiting.pop().explains:
                if explained in known and explained not in held and explained != code:
                    held[explained] = code
                    waiting.append(known[explained])
    return held


def _stays(ripe: Mapping[str, Finding], cause: str) -> str:
    if cause in ripe and not ripe[cause].beyond_knobs:
        return "what the next batches tell misleads while it stands"
    return "no knob mends that"


def _order(option: AskProbe | Try, finding: Finding, part: Part, scene: Scene) -> tuple[float, ...]:
    """Return what sorts first: rescue, cause before symptom, class, expected gain, cheaper undo."""
    symptom = 1 if part.role == "symptom" else 0
    rescues = isinstance(option, Try) and option.how == "rescue"
    urgent = 0 if rescues or finding.severity is Severity.ERROR else 1
    if isinstance(option, AskProbe):
        return (-1 if option.probe in OF_A_PASS else urgent, symptom, -1, 0.0, 0)
    undo = max(
        (_UNDO[scene.knobs[turn.knob].turns] for turn in option.fix.turns if turn.knob in scene.knobs), default=0
    )
    return (urgent, symptom, _RANK.get(option.fix.effect, 0), -option.fix.expected, undo)
