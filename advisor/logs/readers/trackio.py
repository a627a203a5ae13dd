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
            key = _key(database)
            asked = f"SELECT {key}, run_name, MIN(id) FROM metrics GROUP BY {key} ORDER BY 3"
            return [(str(one), str(name)) for one, name, _ in database.execute(asked)]
    except sqlite3.Error:
        return []


def read_run(path: Path, key: str, frame: Frame, chosen: dict[str, str]) -> None:
    """Read one run of a project."""
    bad = 0
    try:
        with opened(path) as database:
            named = _key(database)
            asked = f"SELECT step, metrics FROM metrics WHERE {named} = ? ORDER BY id"
            for step, text in database.execute(asked, (key,)):
                row = _numbers(text)
                if row is None:
                    bad += 1
                    continue
                epoch_name = chosen.get("epoch") or next((name for name in row if is_epoch(name)), "")
                frame.take(number(step), row.pop(epoch_name, None), row)
            _settings(database, named, key, frame)
    except sqlite3.Error:
        frame.note(f"{path.name} is damaged: some of it could not be read.")
    if bad:
        frame.lost(bad, "row", path.name)


def _key(database: sqlite3.Connection) -> str:
    """Return the column that tells runs apart: newer versions give each an id, in older ones the name is all."""
    columns = [str(row[1]) for row in database.execute("PRAGMA table_info(metrics)")]
    return "run_id" if "run_id" in columns else "run_name"


def _settings(database: sqlite3.Connection, named: str, key: str, frame: Frame) -> None:
    try:
        rows = database.execute(f"SELECT config FROM configs WHERE {named} = ?", (key,)).fetchall()
    except sqlite3.Error:
        return
    for (text,) in rows:
        frame.settings |= _numbers(text) or {}


def _numbers(text: object) -> dict[str, float] | None:
    try:
        row = json.loads(text if isinstance(text, bytes) else str(text))
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    return {
        str(name): told
        for name, value in row.items()
        if not str(name).startswith("_") and (told := number(value)) is not None
    }
