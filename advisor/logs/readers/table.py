"""CSV tables: Lightning's `metrics.csv`, Keras' CSVLogger, Ultralytics' `results.csv`, and any other with a header."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from advisor.logs.frame import Frame, is_place, number
from advisor.logs.names import is_epoch, is_step

SNIFFED_BYTES = 4096
CHUNK_ROWS = 8192
"""Rows that are taken at once."""
LONGEST_FIELD = 1 << 20
"""Characters of one cell; a longer one is no number, and a broken quote must not swallow the file."""


def header_of(path: Path) -> list[str]:
    """Return the column names of a table; none where its first line is no header."""
    try:
        with path.open("rb") as file:
            first = file.readline(SNIFFED_BYTES)
    except OSError:
        return []
    text = first.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r\n")
    if "\0" in text or not text:
        return []
    names = [name.strip().strip('"') for name in text.split(_delimiter(text))]
    filled = [name for name in names if name]
    if len(filled) < 2 or all(number(name) is not None for name in filled):
        return []
    return names


def read_table(path: Path, frame: Frame, chosen: dict[str, str]) -> None:
    """Read a CSV file. A torn last line is left out; cells that are no numbers are skipped.

    Args:
        path: The file.
        frame: Where the rows go.
        chosen: Role → column, as the user has said it.
    """
    names = header_of(path)
    step_at = _place(names, chosen.get("step"), is_step)
    epoch_at = _place(names, chosen.get("epoch"), is_epoch)
    wanted = [(at, name) for at, name in enumerate(names) if name and at not in (step_at, epoch_at)]
    delimiter = _delimiter(",".join(names) if not names else _first_line(path))
    csv.field_size_limit(LONGEST_FIELD)
    reading = _Reading(frame, names, wanted, step_at, epoch_at)
    rows = _rows(path, delimiter)
    while stretch := list(islice(rows, CHUNK_ROWS)):
        reading.stretch(stretch)
    if reading.bad:
        frame.note(f"{reading.bad} lines of {path.name} could not be read and were left out.")


class _Reading:
    """Puts rows into a frame: a stretch of sound rows column by column, any other row by row."""

    def __init__(
        self, frame: Frame, names: list[str], wanted: list[tuple[int, str]], step_at: int | None, epoch_at: int | None
    ) -> None:
        self.frame, self.names, self.wanted, self.step_at, self.epoch_at = frame, names, wanted, step_at, epoch_at
        self.bad = 0

    def stretch(self, rows: list[list[str] | None]) -> None:
        """Take some rows."""
        if not self._as_columns(rows):
            for cells in rows:
                self._row(cells)

    def _as_columns(self, rows: list[list[str] | None]) -> bool:
        """Take the rows column by column; return False, with nothing taken, where one of them is not sound."""
        whole = [cells for cells in rows if cells is not None and len(cells) == len(self.names)]
        if self.step_at is None or len(whole) < len(rows):
            return False
        columns = list(zip(*whole, strict=True))
        try:
            steps = list(map(float, columns[self.step_at]))
            epochs = None if self.epoch_at is None else list(map(float, columns[self.epoch_at]))
            values = {name: _numbers(columns[at]) for at, name in self.wanted}
        except ValueError:
            return False
        if not all(map(is_place, steps)) or not all(map(is_place, epochs or ())):
            return False
        self.frame.take_stretch(steps, epochs, values)
        return True

    def _row(self, cells: list[str] | None) -> None:
        if cells is None or len(cells) > len(self.names):
            self.bad += 1
            return
        if not any(cells) or cells[: len(self.names)] == self.names:
            return
        values: dict[str, float] = {}
        for at, name in self.wanted:
            value = number(cells[at]) if at < len(cells) and cells[at] else None
            if value is not None:
                values[name] = value
        step, epoch = _cell(cells, self.step_at), _cell(cells, self.epoch_at)
        if values:
            self.frame.take(step, epoch, values)
        elif step is None and epoch is None:
            self.bad += 1


def _numbers(column: Sequence[str]) -> list[float | None]:
    """Return a column as numbers, empty cells as nothing.

    Raises:
        ValueError: when a cell is neither.
    """
    try:
        return list(map(float, column))
    except ValueError:
        return [float(cell) if cell else None for cell in column]


def _rows(path: Path, delimiter: str) -> Iterator[list[str] | None]:
    """Yield the cells of each whole line after the header; nothing for a line that is no row."""
    with path.open("r", encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.reader(_whole_lines(file), delimiter=delimiter, skipinitialspace=True)
        next(rows, None)
        while True:
            try:
                yield next(rows)
            except StopIteration:
                return
            except csv.Error:
                yield None


def _whole_lines(file: io.TextIOBase) -> Iterator[str]:
    """Yield the lines that end: the last one may still be being written."""
    for line in file:
        if line.endswith(("\n", "\r")):
            yield line.replace("\0", "")
        elif line.count(",") and line.strip():
            yield ""


def _first_line(path: Path) -> str:
    with path.open("r", encoding="utf-8", errors="replace") as file:
        return file.readline(SNIFFED_BYTES)


def _delimiter(line: str) -> str:
    return max((",", "\t", ";"), key=line.count)


def _place(names: Sequence[str], chosen: str | None, fits: object) -> int | None:
    if chosen is not None:
        return names.index(chosen) if chosen in names else None
    return next((at for at, name in enumerate(names) if callable(fits) and fits(name)), None)


def _cell(cells: Sequence[str], at: int | None) -> float | None:
    return number(cells[at]) if at is not None and at < len(cells) and cells[at] else None
