"""What differs in how two runs were started and how they ended: keys of the configuration, code, versions, machine."""

from collections.abc import Iterator, Mapping
from typing import Any

from advisor.compare.schema import Difference
from advisor.compare.side import Side

ABSENT = None
"""A key that one side does not have, or has not set."""
NO_DIFFERENCE = ("run.dir", "train.seed")
"""Keys that are told elsewhere: the path, and the seed of each run."""


def configuration(base: Side, other: Side) -> tuple[Difference, ...]:
    """Return the keys whose value differs at the start or at the end, the turns that stayed included."""
    starts = (_flat(base.config), _flat(other.config))
    ends = (_flat(base.report.final_config), _flat(other.report.final_config))
    found = _differing(*starts, *ends)
    return tuple(one for one in found if one.key not in NO_DIFFERENCE)


def surroundings(base: Side, other: Side) -> tuple[Difference, ...]:
    """Return what differs in code, versions and machine."""
    sides = [_around(side) for side in (base, other)]
    return tuple(_differing(sides[0], sides[1], sides[0], sides[1]))


def _differing(
    start: Mapping[str, Any], other_start: Mapping[str, Any], end: Mapping[str, Any], other_end: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in sorted({*start, *other_start, *end, *other_end}):
        held = start.get(key, ABSENT), other_start.get(key, ABSENT)
        ended = end.get(key, held[0]), other_end.get(key, held[1])
        if held[0] != held[1] or ended[0] != ended[1]:
            yield Difference(key=key, base=held[0], value=held[1], base_end=ended[0], value_end=ended[1])


def _around(side: Side) -> dict[str, Any]:
    run, hardware = side.report.run, side.report.hardware
    told: dict[str, Any] = {"mode": run.get("mode"), "lockstep": run.get("lockstep")}
    git = run.get("git") or {}
    told |= {"commit": git.get("commit"), "uncommitted changes": _yes_or_no(git.get("changed"))}
    device = hardware.get("device") or {}
    told |= {"device": device.get("name"), "cores": hardware.get("cores"), "threads": device.get("threads")}
    return told | _flat(run.get("versions") or {}, "version of ")


def _yes_or_no(told: Any) -> str | None:
    return ("yes" if told else "no") if isinstance(told, bool) else None


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            found |= _flat(value, f"{name}.")
        else:
            found[name] = value
    return found
