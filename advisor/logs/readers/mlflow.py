"""MLflow: a run's folder in `mlruns` (one file a metric: time, value, step), and the runs of an `mlflow.db`."""

import sqlite3
from collections.abc import Iterator
from heapq import merge
from pathlib import Path

from advisor.logs.frame import Frame, number
from advisor.logs.names import is_epoch
from advisor.logs.readers.database import opened

LARGEST_PARAM_BYTES = 4096


def read_run_folder(folder: Path, frame: Frame, chosen: dict[str, str]) -> None:
    """Read the metrics and parameters of one run folder."""
    metrics = folder / "metrics"
    files = sorted(path for path in metrics.rglob("*") if path.is_file())
    _fill(merge(*(_lines(path, path.relative_to(metrics).as_posix(), frame) for path in files)), frame, chosen)
    for path in sorted((folder / "params").glob("*")):
        if path.is_file():
            text = path.read_bytes()[:LARGEST_PARAM_BYTES].decode("utf-8", "replace").strip()
            frame.settings[path.name] = text if (value := number(text)) is None else value


def name_of(folder: Path) -> str:
    """Return experiment and name of a run, as its user gave them; empty where the folder tells none."""
    run = _written(folder / "tags" / "mlflow.runName") or _named(folder / "meta.yaml", "run_name")
    experiment = _named(folder.parent / "meta.yaml", "name")
    return "/".join(told for told in (experiment, run) if told) if run else ""


def _named(meta: Path, key: str) -> str:
    begun = f"{key}: "
    lines = [line for line in _written(meta).splitlines() if line.startswith(begun)]
    return lines[0].removeprefix(begun).strip().strip("'\"") if lines else ""


def _written(path: Path) -> str:
    try:
        return path.read_bytes()[:LARGEST_PARAM_BYTES].decode("utf-8", "replace").strip()
    except OSError:
        return ""


def runs_of(path: Path) -> list[tuple[str, str]]:
    """Return (id, name) of the runs in a database of MLflow; none where it is none."""
    try:
        with opened(path) as database:
            return [(str(key), str(name or key)) for key, name in database.execute("SELECT run_uuid, name FROM runs")]
    except sqlite3.Error:
        return []


def read_database_run(path: Path, key: str, frame: Frame, chosen: dict[str, str]) -> None:
    """Read one run of an `mlflow.db`."""
    asked = "SELECT step, key, value, is_nan FROM metrics WHERE run_uuid = ? ORDER BY step, timestamp"
    try:
        with opened(path) as database:
            rows = database.execute(asked, (key,))
            _fill(((float(s), str(k), float("nan") if lost else float(v)) for s, k, v, lost in rows), frame, chosen)
            for name, text in database.execute("SELECT key, value FROM params WHERE run_uuid = ?", (key,)):
                frame.settings[str(name)] = str(text) if (value := number(text)) is None else value
    except (sqlite3.Error, TypeError, ValueError):
        frame.note(f"{path.name} is damaged: some of it could not be read.")


def _fill(points: Iterator[tuple[float, str, float]], frame: Frame, chosen: dict[str, str]) -> None:
    """Put points that are ordered by step into rows of one step."""
    row: dict[str, float] = {}
    now: float | None = None
    for step, name, value in points:
        if row and step != now:
            _take(now, row, frame, chosen)
            row = {}
        now = step
        row[name] = value
    if row:
        _take(now, row, frame, chosen)


def _take(step: float | None, row: dict[str, float], frame: Frame, chosen: dict[str, str]) -> None:
    epoch_name = chosen.get("epoch") or next((name for name in row if is_epoch(name)), "")
    frame.take(step, row.pop(epoch_name, None), row)


def _lines(path: Path, name: str, frame: Frame) -> Iterator[tuple[float, str, float]]:
    bad, row = 0, 0
    with path.open("rb") as file:
        for line in file:
            cells = line.split()
            value = number(cells[1].decode("ascii", "replace")) if len(cells) >= 2 else None
            step = number(cells[2].decode("ascii", "replace")) if len(cells) >= 3 else float(row)
            row += 1
            if value is None or step is None or not line.endswith(b"\n"):
                bad += 1
                continue
            yield step, name, value
    if bad:
        frame.lost(bad, "line", name)
