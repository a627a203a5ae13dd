"""Runs read from where they lie: folders, or report.json files that were kept from elsewhere."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from advisor.compare.side import Side
from advisor.mistakes import Mistake
from advisor.report.build import report_of
from advisor.report.schema import Report
from advisor.runs import RunError, open_run

LEAST = 2
"""Runs that make a comparison."""


@dataclass(frozen=True)
class Read:
    """What could be read, and what not."""

    sides: tuple[Side, ...]
    paths: dict[str, str]
    """Name → path, as it was given."""
    problems: tuple[str, ...]


def read(paths: Sequence[Path]) -> Read:
    """Return the runs at these paths; what cannot be read is a problem, unless it is the base or too few are left.

    A run that is going on is taken as far as it came. Nothing is written.

    Args:
        paths: Run folders, or files in the form of report.json; the base first.

    Raises:
        Mistake: when fewer than two paths are given, or can be read, or the base cannot.
    """
    if len(paths) < LEAST:
        raise Mistake("a comparison takes two runs at least: advisor compare BASE OTHER")
    sides: list[Side] = []
    places: dict[str, str] = {}
    problems: list[str] = []
    for at, (path, name) in enumerate(zip(paths, _names(paths), strict=True)):
        try:
            report = _report(path)
        except RunError as unreadable:
            if at == 0:
                raise Mistake(f"the base of the comparison cannot be read: {unreadable}") from None
            problems.append(str(unreadable))
            continue
        sides.append(Side(name, report))
        places[name] = str(path)
    if len(sides) < LEAST:
        raise Mistake(f"nothing is left to compare with {paths[0]}: {'; '.join(problems)}")
    return Read(tuple(sides), places, tuple(problems))


def _report(path: Path) -> Report:
    if not path.is_file():
        return report_of(open_run(path))
    try:
        return Report.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        raise RunError(f"{path} is neither a run's folder nor a report.json") from None


def _names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each: its last part, with as many parts before it as tell them apart, then a number."""
    places = [(path.parent if path.name == "report.json" else path).resolve() for path in paths]
    names = [place.name or str(place) for place in places]
    for depth in range(2, max(len(place.parts) for place in places)):
        if len(set(names)) == len(set(places)):
            break
        names = [
            "/".join(place.parts[-depth:]) if names.count(name) > 1 else name
            for place, name in zip(places, names, strict=True)
        ]
    return [name if names.index(name) == at else f"{name} ({at + 1})" for at, name in enumerate(names)]
