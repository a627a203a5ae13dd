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


def main_cases() -> tuple[Case, ...]:
    """Return every case that rules are calibrated on, family by family."""
    return tuple(case for cases in FAMILIES.values() for case in cases)


def held_out_cases() -> tuple[Case, ...]:
    """Return every case of the hold-out."""
    return tuple(case for cases in HOLD_OUT.values() for case in cases)


def all_cases() -> tuple[Case, ...]:
    """Return every case: the main ones, then those of the hold-out."""
    return main_cases() + held_out_cases()


def find(name: str) -> Case:
    """Return the case of this name.

    Raises:
        KeyError: when there is none.
    """
    return _by_name()[name]


def family_of(case: Case) -> str:
    """Return the family that a case belongs to."""
    return next(name for name, cases in (FAMILIES | HOLD_OUT).items() if case in cases)


@cache
def _by_name() -> dict[str, Case]:
    return {case.name: case for case in all_cases()}
