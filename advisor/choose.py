"""The choice: what is done next about the findings that stand, or why nothing is.

Pure: from findings, history, knobs and the state of the run to one thing to do. Order: rescue, cause before symptom,
class of the fix, expected gain, cheaper undo.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from advisor.assess import Standing
from advisor.causes import Part
from advisor.consider import AskProbe, No, Scene, Try, weigh
from advisor.history import History, shape_of
from rules.vocabulary import Effect, Finding, Severity

_RANK = {Effect.FREE: 0, Effect.SAME_MATHEMATICS: 1, Effect.OTHER_ROUNDING: 2, Effect.CHANGES_LEARNING: 3}
_UNDO = {"live": 0, "reload": 1, "restart": 2}
"""What is easier to take back comes first: a free look before a change of what is learned, live before a reload."""


@dataclass(frozen=True)
class Choice:
    """What is done next, what is offered to a person, and what is not done."""

    deed: AskProbe | Try | None
    offers: tuple[Try, ...]
    refusals: tuple[No, ...]


def choose(standings: Iterable[Standing], parts: Mapping[str, Part], history: History, scene: Scene) -> Choice:
    """Return what to do next about the findings that are ripe; of rules in the nursery none is."""
    ripe = {one.finding.code: one.finding for one in standings if one.ripe and not one.finding.nursery}
    deeds: list[tuple[tuple[float, ...], str, AskProbe | Try]] = []
    offers: list[Try] = []
    refusals: list[No] = []
    options = {code: weigh(finding, history, scene) for code, finding in ripe.items()}
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
            case Try() if waits and option.how != "rescue":
                refusals.append(No(code, option.fix, f"cause first: {part.explained_by} explains it and is open"))
                continue
            case Try() if scene.mode == "advise" and (code, shape_of(option.fix)) not in history.accepted:
                offers.append(option)
                continue
            case AskProbe() if waits:
                continue
            case _:
                deeds.append((_order(option, ripe[code], part, scene), code, option))
    first = min(deeds, key=lambda one: (one[0], one[1]), default=None)
    return Choice(first[2] if first else None, tuple(offers), tuple(refusals))


def _order(option: AskProbe | Try, finding: Finding, part: Part, scene: Scene) -> tuple[float, ...]:
    """Return what sorts first: rescue, cause before symptom, class, expected gain, cheaper undo."""
    symptom = 1 if part.role == "symptom" else 0
    rescues = isinstance(option, Try) and option.how == "rescue"
    urgent = 0 if rescues or finding.severity is Severity.ERROR else 1
    if isinstance(option, AskProbe):
        return (urgent, symptom, -1, 0.0, 0)
    undo = max(
        (_UNDO[scene.knobs[turn.knob].turns] for turn in option.fix.turns if turn.knob in scene.knobs), default=0
    )
    return (urgent, symptom, _RANK.get(option.fix.effect, 0), -option.fix.expected, undo)
