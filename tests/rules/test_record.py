"""What rules did on the fault bench, and what the nursery means."""

from dataclasses import asdict

import pytest

from rules.catalogue import all_rules
from rules.record import Record, records
from rules.vocabulary import Finding, Severity, rule


def test_the_record_speaks_of_rules_that_exist_and_of_no_more_runs_than_were_made() -> None:
    known = {one.code for one in all_rules()}
    assert records(), "the fault bench has left no record: python -m tests.faults --matrix FOLDER"
    assert set(records()) <= known
    for one in records().values():
        assert 0 <= one.found_runs <= one.right_runs <= one.faulty_runs
        assert 0 <= one.named_rightly_runs <= one.named_first_runs <= one.faulty_runs
        assert one.false_healthy_runs <= one.healthy_runs


@pytest.mark.parametrize(
    ("right", "said"),
    [
        pytest.param(4, "found in 3 of 4, false in 2 of 16", id="has cases"),
        pytest.param(0, "no case, false in 2 of 20", id="has none"),
    ],
)
def test_a_record_is_said_in_a_few_words(right: int, said: str) -> None:
    counts = dict.fromkeys(asdict(next(iter(records().values()))), 0)
    told = {"right_runs": right, "found_runs": 3 * (right > 0), "false_faulty_runs": 1, "false_healthy_runs": 1}
    assert Record(**counts | told | {"faulty_runs": 10, "healthy_runs": 10}).said() == said


def test_what_a_rule_of_the_nursery_finds_is_marked() -> None:
    def always() -> Finding | None:
        return Finding(code="XYZ101", name="always", severity=Severity.WARNING, message="1 is 1", evidence=())

    ripe, young = rule("XYZ101")(always), rule("XYZ101", nursery=True)(always)
    assert (ripe.state, young.state) == ("ready", "nursery")
    assert ripe() is not None
    assert (ripe().nursery, young().nursery) == (False, True)  # type: ignore[union-attr]
