"""Helpers of the tests of logs: where the written logs lie, and a diagnosis in one call."""

from pathlib import Path

from advisor.logs.diagnose import Asked, diagnose
from advisor.logs.find import find_runs
from advisor.logs.telling import Said
from advisor.report.schema import Report, ReportedFinding

DATA = Path(__file__).parent / "data"

HEALTHY = ("healthy", "healthy_fast")
CAUSES = {
    "diverging": {"NUM102", "OPT101"},
    "overfitting": {"GEN101"},
    "lr_zero": {"OPT108", "OPT103"},
    "nan": {"NUM101"},
    "plateau": {"OPT104", "GEN102"},
}
"""Case → codes of which one has to stand first."""
FORMATS = {
    "csv": "CSV",
    "huggingface": "Hugging Face trainer_state.json",
    "jsonl": "JSON lines",
    "keras": "Keras CSVLogger",
    "keras_history": "Keras History JSON",
    "lightning": "Lightning metrics.csv",
    "mlflow": "MLflow",
    "tensorboard": "TensorBoard events",
    "trackio": "trackio",
    "wandb": "W&B offline run",
}


def diagnosis(path: Path, columns: dict[str, str] | None = None, said: Said | None = None) -> Report:
    """Return the diagnosis of the only run at a path."""
    (source,) = find_runs(path)
    return diagnose(source, Asked(columns or {}, said or Said()))


def standing(report: Report) -> list[ReportedFinding]:
    """Return the findings that stand, the cause first."""
    return [one for one in report.findings if one.cleared_step is None]
