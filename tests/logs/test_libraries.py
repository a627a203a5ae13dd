"""Logs that the libraries write now, by small real trainings: what is found in them is what is found in those that are kept.

`make frameworks` installs the libraries beside `.venv` (`.ci/frameworks.txt`) and runs it; without one, its formats are skipped.
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from rules.vocabulary import Severity
from tests.logs import write
from tests.logs.reading import CAUSES, FORMATS, HEALTHY, diagnosis, standing
from tests.logs.stories import CASES, Case
from tests.logs.write import WRITERS

NEEDED = {
    "plain": (),
    "tensorboard": ("tensorboard",),
    "huggingface": ("transformers", "accelerate"),
    "lightning": ("lightning",),
    "keras": ("keras",),
    "mlflow": ("mlflow",),
    "wandb": ("wandb",),
    "trackio": ("trackio",),
}
"""Writer → what it imports."""


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("writer", NEEDED)
def test_what_a_library_writes_now_is_read_and_judged(
    writer: str, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lacking := [needed for needed in NEEDED[writer] if find_spec(needed) is None]:
        pytest.skip(f"not installed: {', '.join(lacking)}")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr(write, "HERE", tmp_path)
    WRITERS[writer](case)
    written = sorted((tmp_path / case.root).glob(f"*/{case.name}"))
    assert written
    for folder in written:
        report = diagnosis(folder)
        assert report.run["format"] == FORMATS[folder.parent.name]
        if case.name in HEALTHY:
            assert [one.message for one in report.findings if one.severity is not Severity.INFO] == []
        else:
            assert standing(report)[0].code in CAUSES[case.name]
