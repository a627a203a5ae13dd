"""Logs that the libraries themselves wrote (`tests/logs/write.py`): the right cause is found, and no healthy one alarms."""

import pytest

from rules.vocabulary import Severity
from tests.logs.reading import CAUSES, DATA, FORMATS, HEALTHY, diagnosis, standing

LARGEST_FILE_BYTES, LARGEST_ALL_BYTES = 60_000, 1_200_000
CASES = [(kind, case) for kind in FORMATS for case in CAUSES]


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_the_cause_of_a_faulty_training_stands_first(kind: str, case: str) -> None:
    report = diagnosis(DATA / kind / case)
    assert report.run["format"] == FORMATS[kind]
    assert standing(report)[0].code in CAUSES[case]
    assert not any("failed and said nothing" in sentence for sentence in report.unsure)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("case", HEALTHY)
def test_a_healthy_training_gives_no_alarm(kind: str, case: str) -> None:
    report = diagnosis(DATA / kind / case)
    alarms = [one.message for one in report.findings if one.severity is not Severity.INFO]
    assert alarms == []
    assert {"NUM101", "NUM102", "GEN101"} <= set(report.passed)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_has_every_case(kind: str) -> None:
    assert {place.name for place in (DATA / kind).iterdir()} == {*CAUSES, *HEALTHY}


def test_the_written_logs_are_small() -> None:
    sizes = [path.stat().st_size for path in DATA.rglob("*") if path.is_file()]
    assert max(sizes) < LARGEST_FILE_BYTES
    assert sum(sizes) < LARGEST_ALL_BYTES
