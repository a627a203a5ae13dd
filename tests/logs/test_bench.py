"""The bench of logs: no healthy one alarms, and MATRIX.md says what is said of them all."""

from pathlib import Path

import pytest

from rules.catalogue import all_rules
from tests.faults.logs import TITLE, logs_section
from tests.logs.bench import BENCH, RIGHT, SETS, judged
from tests.logs.reading import DATA, diagnosis

LIBRARIES = sorted(place.name for place in (BENCH / "seen").iterdir())
MATRIX = Path(__file__).parents[1] / "faults" / "MATRIX.md"
NOT_LOGGED = {("ultralytics", "nan"), ("ultralytics", "plateau")}
"""Stories that a library does not log."""
SWINGS = {("unseen", "ultralytics", "healthy")}
"""Its accuracy goes up and down by a tenth from epoch to epoch, which OPT105 says; it counts as a false alarm all the same."""
LARGEST_FILE_BYTES = 60_000
REVIEWED = {
    "GEN101", "GEN102", "GEN104", "NUM101", "NUM102", "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT106", "OPT108",
}  # fmt: skip
"""Rules whose answer on a log of curves was thought through; any other is not assessed until it is (`HANGS_ON`)."""


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_healthy_log_of_a_library_alarms(library: str) -> None:
    found = judged(SETS, libraries=(library,), stories=("healthy", "healthy_decay"))
    assert len(found) == 4
    assert {(one.set, one.library, one.story) for one in found if one.alarms} <= SWINGS


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_has_every_story_in_both_sets(library: str) -> None:
    for name in SETS:
        there = {place.name for place in (BENCH / name / library).iterdir()}
        assert there == {story for story in RIGHT if (library, story) not in NOT_LOGGED}


def test_the_logs_of_the_bench_are_small() -> None:
    assert max(path.stat().st_size for path in BENCH.rglob("*") if path.is_file()) < LARGEST_FILE_BYTES


@pytest.mark.slow
def test_the_matrix_says_what_is_said_of_the_logs() -> None:
    told = MATRIX.read_text(encoding="utf-8").partition(TITLE)[2]
    assert TITLE + told == logs_section()


@pytest.mark.parametrize("kind", ["csv", "huggingface", "keras"])
def test_no_rule_is_assessed_from_curves_before_it_was_thought_through(kind: str) -> None:
    report = diagnosis(DATA / kind / "healthy")
    said = {*report.passed, *(one.code for one in report.findings)}
    assert said <= REVIEWED
    assert {one.code for one in report.not_assessed} == {rule.code for rule in all_rules()} - said
