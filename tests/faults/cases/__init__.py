"""All cases of the bench, by family."""

from functools import cache

from tests.faults.case import Case
from tests.faults.cases import (
    code,
    collection,
    data,
    described,
    healthy,
    hold_out,
    hold_out_healthy,
    net,
    pairs,
    rate,
    remarks,
    second,
    second_healthy,
)

FAMILIES: dict[str, tuple[Case, ...]] = {
    "rate": rate.CASES,
    "net": net.CASES,
    "data": data.CASES,
    "code": code.CODE,
    "midway": code.MIDWAY,
    "pairs": code.PAIRS + pairs.CASES,
    "collection": collection.CASES,
    "described": described.CASES,
    "remarks": remarks.CASES,
    "healthy": healthy.CASES,
}

HOLD_OUT: dict[str, tuple[Case, ...]] = {
    "hold_out": hold_out.CASES,
    "hold_out_healthy": hold_out_healthy.CASES,
}
"""Families that nobody looked at while writing a rule: no limit may be fitted to them."""

SECOND: dict[str, tuple[Case, ...]] = {
    "second": second.CASES,
    "second_healthy": second_healthy.CASES,
}
"""A second hold-out, from when the first had been looked at. It runs only where it is asked for by name."""

ALL_FAMILIES = FAMILIES | HOLD_OUT | SECOND


def main_cases() -> tuple[Case, ...]:
    """Return every case that rules are calibrated on, family by family."""
    return tuple(case for cases in FAMILIES.values() for case in cases)


def held_out_cases() -> tuple[Case, ...]:
    """Return every case of the first hold-out."""
    return tuple(case for cases in HOLD_OUT.values() for case in cases)


def second_cases() -> tuple[Case, ...]:
    """Return every case of the second hold-out."""
    return tuple(case for cases in SECOND.values() for case in cases)


def all_cases() -> tuple[Case, ...]:
    """Return every case: the main ones, then those of the first hold-out and of the second."""
    return main_cases() + held_out_cases() + second_cases()


def find(name: str) -> Case:
    """Return the case of this name.

    Raises:
        KeyError: when there is none.
    """
    return _by_name()[name]


def family_of(case: Case) -> str:
    """Return the family that a case belongs to."""
    return next(name for name, cases in ALL_FAMILIES.items() if case in cases)


@cache
def _by_name() -> dict[str, Case]:
    return {case.name: case for case in all_cases()}
