"""trackio: one SQLite file a project, with rows of JSON in `metrics`."""

import json
import sqlite3
from pathlib import Path

from advisor.logs.frame import Frame, number
from advisor.logs.names import is_epoch
from advisor.logs.readers.database import opened


def runs_of(path: Path) -> list[tuple[str, str]]:
    """Return (key, name) of the runs of a project; none where the file is none of trackio's."""
    try:
        with opened(path) as database:
            rows = database.execute("SELECT run_name, MIN(id) FROM metrics GROUP BY run_name ORDER BY 2")
            return [(str(name), str(name)) for name, _ in rows]
    except sqlite3.Error:
        return []


def read_run(path: Path, key: str, frame: Frame, chosen: dict[str, str]) -> None:
    """Read one run of a project."""
    bad = 0
    try:
        with opened(path) as database:
            asked = "SELECT step, metrics FROM metrics WHERE run_name = ? ORDER BY id"
            for step, text in database.execute(asked, (key,)):
                row = _numbers(text)
                if row is None:
                    bad += 1
                    continue
                epoch_name = chosen.get("epoch") or next((name for name in row if is_epoch(name)), "")
                frame.take(number(step), row.pop(epoch_name, None), row)
            _settings(database, key, frame)
    except sqlite3.Error:
        frame.note(f"{path.name} is damaged: some of it could not be read.")
    if bad:
        frame.note(f"{bad} rows of {path.name} could not be read and were left out.")


def _settings(database: sqlite3.Connection, key: str, frame: Frame) -> None:
    try:
        rows = database.execute("SELECT config FROM configs WHERE run_name = ?", (key,)).fetchall()
    except sqlite3.Error:
        return
    for (text,) in rows:
        frame.settings |= _numbers(text) or {}


def _numbers(text: object) -> dict[str, float] | None:
    try:
        row = json.loads(str(text))
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    return {
        str(name): told
        for name, value in row.items()
        if not str(name).startswith("_") and (told := number(value)) is not None
    }
