"""What is printed for programs, held against the JSON schemas that are checked in, by a validator that is not ours."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from advisor.compare.build import compare
from advisor.compare.read import read
from advisor.logs.diagnose import Asked, Diagnosed, diagnose
from advisor.logs.find import find_runs
from advisor.logs.telling import Said
from advisor.report.build import build, report_of
from advisor.report.schema import Report
from advisor.runs import open_run
from advisor.story.story import fold
from advisor.together import run_together
from tests.logs.bench import BENCH
from tests.report import literal_runs
from trainer.config import parse

jsonschema = pytest.importorskip("jsonschema", reason="pip install 'training-advisor[test]'")

FOLDER = Path(__file__).parents[2] / "advisor" / "report"
OF_REPORTS, OF_COMPARISONS = "report.schema.json", "comparison.schema.json"
LOGS = sorted(path for path in (BENCH / "seen").glob("*/*") if path.name in ("nan", "healthy", "overfitting"))


def wrong(told: str, schema: str) -> list[str]:
    """Return what a validator has against a text."""
    validator = jsonschema.Draft202012Validator(json.loads((FOLDER / schema).read_text()))
    return [f"{one.json_path}: {one.message}" for one in validator.iter_errors(json.loads(told, parse_constant=strict))]


def strict(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("name", [OF_REPORTS, OF_COMPARISONS])
def test_a_schema_that_is_checked_in_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads((FOLDER / name).read_text()))


def test_the_validator_finds_what_is_wrong() -> None:
    run = literal_runs.troubled()
    report = build(fold(run.events, run.entries), literal_runs.about(), "/runs/run")
    assert wrong(report.model_dump_json(), OF_REPORTS) == []
    assert wrong(report.model_copy(update={"why": 3}).model_dump_json(warnings=False), OF_REPORTS)


@pytest.mark.parametrize("name", literal_runs.ALL)
def test_the_report_of_any_run_is_valid(name: str) -> None:
    run = literal_runs.ALL[name]()
    report = build(fold(run.events, run.entries), literal_runs.about(), "/runs/run")
    assert wrong(report.model_dump_json(), OF_REPORTS) == []


@pytest.mark.parametrize("place", LOGS, ids=lambda place: f"{place.parent.name}-{place.name}")
def test_the_diagnosis_of_a_log_is_valid_a_loss_that_is_no_number_included(place: Path) -> None:
    (source,) = find_runs(place)
    told = json.loads(Diagnosed(path=str(place), runs=(diagnose(source, Asked({}, Said())),)).model_dump_json())
    assert wrong(json.dumps(told["runs"][0]), OF_REPORTS) == []


TROUBLED = {"data": {"source": "sklearn:diabetes"}, "train": {"epochs": 60, "lr": 3e-3}, "advisor": {"budget": 0.5}}
"""A regression whose plateau is worked on: one cut of the rate is kept, the next one is taken back."""
HEALTHY = {"data": {"source": "sklearn:digits"}, "train": {"epochs": 3, "lr": 3e-3}, "advisor": {}}
LOST = {"data": {"source": "sklearn:digits"}, "train": {"epochs": 6, "optimizer": "sgd", "lr": 1e4}, "advisor": {}}


def train(sections: dict[str, dict[str, Any]], place: Path) -> Report:
    fixed = {"train": {"threads": 1, "batch_size": 32}, "advisor": {"compress": False}}
    given = {name: section | fixed.get(name, {}) for name, section in sections.items()}
    run_together(parse({"model": {"name": "mlp", "hidden": [128]}, **given}, "a run to be told of"), place)
    return report_of(open_run(place))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_reports_of_real_runs_and_their_comparison_are_valid(tmp_path: Path) -> None:
    reports = {
        name: train(sections, tmp_path / name)
        for name, sections in (("healthy", HEALTHY), ("troubled", TROUBLED), ("lost", LOST))
    }
    outcomes = {one.outcome for report in reports.values() for one in report.interventions}
    assert {"kept", "rolled_back", "applied_untried"} <= outcomes
    killed = open_run(shutil.copytree(tmp_path / "troubled", tmp_path / "killed"))
    said = killed.events.read_bytes().splitlines(keepends=True)
    killed.events.write_bytes(b"".join(said[: 2 * len(said) // 3]) + said[-1][:20])
    reports["killed"] = report_of(killed)
    assert reports["killed"].run["state"] == "failed"
    assert {name: wrong(report.model_dump_json(), OF_REPORTS) for name, report in reports.items()} == {
        name: [] for name in reports
    }
    found = read([tmp_path / name for name in ("troubled", "killed", "healthy")])
    assert wrong(compare(found.sides, found.paths).model_dump_json(), OF_COMPARISONS) == []
