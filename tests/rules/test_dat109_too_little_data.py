"""DAT109 too little data: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat109_too_little_data import too_little_data
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"task": {"train_examples": 80}}, id="eighty"),
        pytest.param({"task": {"smallest_class": 3}}, id="a class of three"),
        pytest.param(
            {"task": {"train_examples": 80, "kind": "regression", "classes": ()}}, id="eighty, of a regression"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(too_little_data, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT109", "too_little_data")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy, or nobody has counted"),
        pytest.param({"task": {"train_examples": 0}}, id="a log that does not tell"),
        pytest.param({"task": {"smallest_class": 40}}, id="enough of each class"),
        pytest.param({"task": {"kind": "regression", "classes": ()}}, id="a regression"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(too_little_data, changes) is None


def test_it_is_not_assessed_without_the_task() -> None:
    assert missing_without(too_little_data, "task") == ("task",)


def test_a_class_is_spoken_of_only_where_classes_were_counted() -> None:
    counted = assessed(too_little_data, {"task": {"smallest_class": 3}})
    uncounted = assessed(too_little_data, {"task": {"train_examples": 80}})
    assert counted is not None
    assert uncounted is not None
    assert counted.message == "6400 training examples, 3 in the smallest class"
    assert uncounted.message == "80 training examples"
