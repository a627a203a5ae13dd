"""All cases of the bench, by family."""

from functools import cache

from tests.faults.case import Case
from tests.faults.cases import code, collection, data, healthy, net, pairs, rate

FAMILIES: dict[str, tuple[Case, ...]] = {
    "rate": rate.CASES,
    "net": net.CASES,
    "data": data.CASES,
    "code": code.CODE,
    "midway": code.MIDWAY,
    "pairs": code.PAIRS + pairs.CASES,
    "collection": collection.CASES,
    "healthy": healthy.CASES,
}


def all_cases() -> tuple[Case, ...]:
    """Return every case, family by family."""
    return tuple(case for cases in FAMILIES.values() for case in cases)


def find(name: str) -> Case:
    """Return the case of this name.

    Raises:
        KeyError: when there is none.
    """
    return _by_name()[name]


def family_of(case: Case) -> str:
    """Return the family that a case belongs to."""
    return next(name for name, cases in FAMILIES.items() if case in cases)


@cache
def _by_name() -> dict[str, Case]:
    return {case.name: case for case in all_cases()}
