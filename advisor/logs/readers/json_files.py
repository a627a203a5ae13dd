"""JSON: Hugging Face's `trainer_state.json`, Keras' `History` dictionary, and JSON lines."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from advisor.logs.frame import Frame, number
from advisor.logs.names import is_epoch, is_step

LARGEST_BYTES = 256_000_000
"""Of a file that is one JSON value and has to be held as a whole; JSON lines may be of any size."""
NESTED_MOST = 3
"""Levels of nested objects in a line whose numbers are taken as `outer/inner`."""
SUMMARY_KEYS = ("train_runtime", "total_flos")
"""Keys of the row that sums up a Hugging Face training: its `train_loss` is the mean of the whole run."""
ROW = re.compile(r"\{[^{}]*\}")
"""One flat object: what can be saved of a list that was cut off."""


def read_trainer_state(path: Path, frame: Frame, chosen: dict[str, str]) -> None:
    """Read a `trainer_state.json`; of a torn one, the rows that are whole."""
    text = path.read_bytes()[:LARGEST_BYTES].decode("utf-8", "replace")
    state = _value(text)
    if isinstance(state, dict):
        listed = state.get("log_history")
        rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
        total = number(state.get("max_steps"))
        frame.steps_total = int(total) if total is not None and 0 < total < 1e15 else 0
        for theirs, ours in (("train_batch_size", "batch_size"), ("num_train_epochs", "epochs")):
            if (value := number(state.get(theirs))) is not None:
                frame.settings[ours] = value
    else:
        begun = text.find('"log_history"')
        rows = [row for found in ROW.finditer(text, max(begun, 0)) if isinstance(row := _value(found[0]), dict)]
        frame.note(f"{path.name} is cut off or damaged: {len(rows)} rows of it could be read.")
    for row in rows:
        if not any(key in row for key in SUMMARY_KEYS):
            _take(row, frame, chosen)


def read_history(path: Path, frame: Frame, chosen: dict[str, str]) -> None:
    """Read a dictionary of lists, one value an epoch, as Keras' `History.history` is written to JSON."""
    columns = _value(path.read_bytes()[:LARGEST_BYTES].decode("utf-8", "replace"))
    if isinstance(columns, dict) and isinstance(columns.get("history"), dict):
        columns = columns["history"]
    if not isinstance(columns, dict):
        frame.note(f"{path.name} is cut off or damaged: nothing of it could be read.")
        return
    series = {str(name): column for name, column in columns.items() if isinstance(column, list)}
    axis = next((name for name in series if name == chosen.get("epoch") or is_epoch(name)), None)
    for place in range(max((len(column) for column in series.values()), default=0)):
        row = {name: column[place] for name, column in series.items() if place < len(column) and name != axis}
        at = number(series[axis][place]) if axis and place < len(series[axis]) else float(place)
        frame.take(None, at, _numbers(row))


def read_lines(path: Path, frame: Frame, chosen: dict[str, str]) -> None:
    """Read JSON lines. A line that is no object is left out; so is a last line that has no end yet."""
    bad = 0
    with path.open("rb") as file:
        for line in file:
            if not line.strip():
                continue
            row = _value(line.decode("utf-8", "replace"))
            if isinstance(row, dict):
                _take(row, frame, chosen)
            elif line.endswith(b"\n"):
                bad += 1
    if bad:
        frame.note(f"{bad} lines of {path.name} could not be read and were left out.")


def looks_like_history(path: Path) -> bool:
    """Tell whether a JSON file is a dictionary of lists of numbers."""
    if path.stat().st_size > LARGEST_BYTES:
        return False
    columns = _value(path.read_bytes().decode("utf-8", "replace"))
    if isinstance(columns, dict) and isinstance(columns.get("history"), dict):
        columns = columns["history"]
    if not isinstance(columns, dict):
        return False
    lists = [one for one in columns.values() if isinstance(one, list) and one]
    return bool(lists) and all(number(one[0]) is not None for one in lists)


def _take(row: Mapping[str, Any], frame: Frame, chosen: dict[str, str]) -> None:
    step: float | None = None
    epoch: float | None = None
    values: dict[str, float] = {}
    asked = (chosen.get("step"), chosen.get("epoch"))
    for name, value in row.items() if not _is_nested(row) else _flat(row):
        told = value if value.__class__ is float else number(value)
        if told is None:
            continue
        match _axis_of(name, asked):
            case "step":
                step = told
            case "epoch":
                epoch = told
            case _:
                values[name] = told
    if values:
        frame.take(step, epoch, values)


def _is_nested(row: Mapping[str, Any]) -> bool:
    return any(value.__class__ is dict for value in row.values())


@lru_cache(maxsize=4096)
def _axis_of(name: str, asked: tuple[str | None, str | None]) -> str:
    """Return which axis a key is: `step`, `epoch`, or empty for a value."""
    step, epoch = asked
    if name == step if step is not None else is_step(name):
        return "step"
    return "epoch" if (name == epoch if epoch is not None else is_epoch(name)) else ""


def _flat(row: Mapping[str, Any], before: str = "", level: int = 0) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, dict):
            if level < NESTED_MOST:
                yield from _flat(value, f"{before}{key}/", level + 1)
        else:
            yield f"{before}{key}", value


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: told for name, value in row.items() if (told := number(value)) is not None}


def _value(text: str) -> Any:
    """Return the value of a JSON text; nothing where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
