"""JSON: Hugging Face's `trainer_state.json`, Keras' `History` dictionary, JSON lines, and a list of rows in one value."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from advisor.logs.frame import Frame, number
from advisor.logs.names import is_epoch, is_split, is_step, of_split
from advisor.logs.readers.opened import beginning, content, lines_of, opened
from advisor.logs.readers.parts import Part, naming_column, parts_by_cells

LARGEST_BYTES = 256_000_000
"""Of a file that is one JSON value and has to be held as a whole; JSON lines may be of any size."""
NESTED_MOST = 3
"""Levels of nested objects in a line whose numbers are taken as `outer/inner`."""
SUMMARY_KEYS = ("train_runtime", "total_flos")
"""Keys of the row that sums up a Hugging Face training: its `train_loss` is the mean of the whole run."""
PEEK_BYTES = 1 << 20
"""Of a file, to tell what it is."""
FIRST_ROWS = 50
NOT_BLANK = re.compile(r"[^\s,]")
AS_JSON = {"nan": "NaN", "inf": "Infinity", "None": "null", "True": "true", "False": "false"}
PYTHON_WORDS = re.compile(r"\b(?:nan|inf|None|True|False)\b")
ROW = re.compile(r"\{[^{}]*\}")
"""One flat object: what can be saved of a list that was cut off."""


def read_trainer_state(path: Path, frame: Frame, chosen: dict[str, str]) -> None:
    """Read a `trainer_state.json`; of a torn one, the rows that are whole."""
    text = content(path, LARGEST_BYTES)
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
    """Read a dictionary of lists, one value an epoch, as Keras' `History.history` is written to JSON or pandas writes it."""
    columns = _columns_of(_value(content(path, LARGEST_BYTES)))
    if columns is None:
        frame.note(f"{path.name} is cut off or damaged: nothing of it could be read.")
        return
    series = {str(name): column for name, column in columns.items() if isinstance(column, list)}
    axis = next((name for name in series if name == chosen.get("epoch") or is_epoch(name)), None)
    for place in range(max((len(column) for column in series.values()), default=0)):
        row = {name: column[place] for name, column in series.items() if place < len(column) and name != axis}
        at = number(series[axis][place]) if axis and place < len(series[axis]) else float(place)
        frame.take(None, at, _numbers(row))


def parts_of(path: Path) -> Sequence[Part | None]:
    """Return the runs of JSON lines, by a key that names each row's; nothing to tell them apart by where it is one."""
    with opened(path) as file:
        rows = (_line(line.decode("utf-8", "replace")) for line in lines_of(file, path, Frame()))
        first = next(rows, None)
        names = list(first) if isinstance(first, dict) else []
        column, axis = naming_column(names), next((name for name in names if is_step(name) or is_epoch(name)), "")
        if not column or not axis:
            return (None,)
        told = (
            (str(row.get(column, "")), str(row.get(axis, ""))) for row in chain((first,), rows) if isinstance(row, dict)
        )
        return parts_by_cells(column, told) or (None,)


def read_lines(path: Path, frame: Frame, chosen: dict[str, str], part: Part | None = None) -> None:
    """Read JSON lines. A line that is no object is left out; so is a last line that has no end yet.

    Args:
        path: The file.
        frame: Where the rows go.
        chosen: Role → key, as the user has said it.
        part: The one of several runs in the file that is read; all of it where left out.
    """
    bad = empty = 0
    with opened(path) as file:
        for line in lines_of(file, path, frame):
            if not line.strip():
                continue
            row = _line(line.decode("utf-8", "replace"))
            if isinstance(row, dict) and part is not None and str(row.get(part.column, "")).strip() != part.value:
                continue
            if isinstance(row, dict):
                _take(row, frame, chosen)
                empty += _holds_nothing(row)
            elif line.endswith(b"\n"):
                bad += 1
    if bad:
        frame.lost(bad, "line", path.name)
    if empty:
        frame.note(f"{empty} lines of {path.name} hold null and no number: some writers put it for NaN.")


def read_rows(path: Path, frame: Frame, chosen: dict[str, str]) -> None:
    """Read a JSON file that holds its rows as one list, or as one value after the other over several lines."""
    for row in _rows_of(content(path, LARGEST_BYTES)):
        _take(row, frame, chosen)


def _rows_of(text: str) -> list[dict[str, Any]]:
    """Return the rows of one JSON value, or of several in a row; none where there are no objects."""
    decoder, at, values = json.JSONDecoder(), 0, []
    while begun := NOT_BLANK.search(text, at):
        try:
            value, at = decoder.raw_decode(text, begun.start())
        except (ValueError, RecursionError):
            break
        values.append(value)
    found = values[0] if len(values) == 1 else values
    if isinstance(found, dict):
        lists = [one for one in found.values() if isinstance(one, list) and one and isinstance(one[0], dict)]
        found = max(lists, key=len, default=[found])
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def looks_like_state(path: Path) -> bool:
    """Tell whether a JSON file is a state of Hugging Face's Trainer under another name."""
    return b'"log_history"' in beginning(path, PEEK_BYTES)


def looks_like_rows(path: Path) -> bool:
    """Tell whether a JSON file holds rows in which numbers stand beside a step or an epoch."""
    first = beginning(path, PEEK_BYTES).partition(b"\n")[0].strip()
    row = _line(first.decode("utf-8", "replace"))
    one_row = isinstance(row, dict) and not any(isinstance(one, list) for one in row.values())
    if one_row or not first.startswith((b"{", b"[")):
        return False
    rows = _rows_of(content(path, LARGEST_BYTES))[:FIRST_ROWS]
    return any(is_step(name) or is_epoch(name) or "loss" in name.lower() for row in rows for name in row)


def looks_like_history(path: Path) -> bool:
    """Tell whether a JSON file is a dictionary of lists of numbers."""
    if path.stat().st_size > LARGEST_BYTES:
        return False
    columns = _columns_of(_value(content(path, LARGEST_BYTES)))
    if columns is None:
        return False
    lists = [one for one in columns.values() if isinstance(one, list) and one]
    return bool(lists) and all(number(one[0]) is not None for one in lists)


def _columns_of(value: Any) -> dict[str, Any] | None:
    """Return columns by name: a dictionary of lists, itself or under `history`, or a table as `DataFrame.to_json` writes it."""
    if isinstance(value, dict) and isinstance(value.get("history"), dict):
        value = value["history"]
    if not isinstance(value, dict):
        return None
    names, rows = value.get("columns"), value.get("data")
    if isinstance(names, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):
        return {str(name): [row[at] for row in rows if at < len(row)] for at, name in enumerate(names)}
    if not value or not all(isinstance(one, dict) and one for one in value.values()):
        return value
    if all(isinstance(column, list) for one in value.values() for column in one.values()):
        return {f"{of}/{name}": column for of, one in value.items() for name, column in one.items()}
    if _are_places(value):
        listed = [value[place] for place in sorted(value, key=int)]
        return {name: [row.get(name) for row in listed] for name in dict.fromkeys(key for row in listed for key in row)}
    if all(map(_are_places, value.values())):
        return {name: [column[place] for place in sorted(column, key=int)] for name, column in value.items()}
    return value


def _are_places(row: Mapping[str, Any]) -> bool:
    return all(key.isdecimal() for key in row)


def _take(row: Mapping[str, Any], frame: Frame, chosen: dict[str, str]) -> None:
    step: float | None = None
    epoch: float | None = None
    values: dict[str, float] = {}
    asked = (chosen.get("step"), chosen.get("epoch"))
    split = next((value for name, value in row.items() if isinstance(value, str) and is_split(name)), "")
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
                values[of_split(name, split) if split else name] = told
    if values:
        frame.take(step, epoch, values)


def _holds_nothing(row: Mapping[str, Any]) -> bool:
    """Tell whether a row has keys beside its axes, and null is all that they hold."""
    held = [value for name, value in row.items() if not is_step(name) and not is_epoch(name)]
    return bool(held) and all(value is None for value in held)


def _line(text: str) -> Any:
    """Return the value of a line: JSON, or a dictionary as Python prints it (Hugging Face's Trainer, to its console)."""
    text = text.removeprefix("\ufeff")
    value = _value(text)
    if value is None and text.lstrip().startswith("{'"):
        value = _value(PYTHON_WORDS.sub(lambda found: AS_JSON[found[0]], text.replace("'", '"')))
    return value


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
