"""CSV tables: Lightning's `metrics.csv`, Keras' CSVLogger, Ultralytics' `results.csv`, and any other with a header."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from advisor.logs.frame import Frame, decimal_number, is_place, number
from advisor.logs.names import is_epoch, is_split, is_step, of_split
from advisor.logs.readers.opened import lines_of, opened_text
from advisor.logs.readers.parts import Part, is_name_of_value

COMMENTS_MOST = 100
"""Lines before the header that begin with `#`."""
CHUNK_ROWS = 8192
"""Rows that are taken at once."""
LONGEST_FIELD = 1 << 20
"""Characters of one cell; a longer one is no number, and a broken quote must not swallow the file."""
DELIMITERS = (",", "\t", ";", "|")
PEEK_LINES = 20
"""Lines in which cells with a decimal comma are looked for, where a comma parts the cells too."""
QUOTED_DECIMAL = re.compile(r'"[+-]?(?:0,\d+|\d+,(?:\d{1,2}|\d{4,}))(?:e[+-]?\d+)?"', re.IGNORECASE)
"""`"0,5"`, and no thousands as in `"1,234"`."""


@dataclass(frozen=True)
class Layout:
    """How a table is laid out."""

    names: tuple[str, ...]
    delimiter: str
    before: int
    """Lines up to the header and with it."""
    quoted_decimals: bool = False
    """Cells are parted by commas, and those with a comma before decimals stand in quotes."""

    @property
    def decimal_comma(self) -> bool:
        """Whether a comma inside a cell may stand before decimals."""
        return self.delimiter != "," or self.quoted_decimals


def header_of(path: Path) -> list[str]:
    """Return the column names of a table; none where it has no header."""
    found = layout_of(path)
    return list(found.names) if found else []


def layout_of(path: Path) -> Layout | None:
    """Return how a table is laid out; nothing where it has no header, and so is no table that can be read.

    Lines before it that begin with `#` are comments; where rows of numbers follow them, the last of them is the header
    (as numpy.savetxt writes it).

    Raises:
        FileNotFoundError: when the file is gone.
    """
    comment: tuple[int, str] | None = None
    try:
        with opened_text(path) as file:
            lines = lines_of(file, path, Frame())
            for at, line in enumerate(_split_lines(lines, COMMENTS_MOST)):
                text = line.strip("\r\n")
                if "\0" in text:
                    return None
                if text.startswith("#"):
                    comment = (at, text.lstrip("# "))
                elif text.strip():
                    begun = _layout(text, at + 1)
                    if begun is None and comment is not None:
                        return _layout(comment[1], comment[0] + 1)
                    if begun is not None and begun.delimiter == ",":
                        peeked = any(QUOTED_DECIMAL.search(row) for row in islice(lines, PEEK_LINES))
                        return replace(begun, quoted_decimals=peeked)
                    return begun if begun is None or begun.delimiter != " " or _has_numbers(lines, begun) else None
    except FileNotFoundError:
        raise
    except OSError:
        return None
    return None


def _layout(text: str, before: int) -> Layout | None:
    """Return the layout that a header line tells; nothing for a line of numbers, or of one word."""
    delimiter = max(DELIMITERS, key=text.count)
    delimiter = delimiter if delimiter in text else " "
    cells = text.split() if delimiter == " " else next(csv.reader([text], delimiter=delimiter, skipinitialspace=True))
    names = tuple(name.strip().strip('"') for name in cells)
    filled = [name for name in names if name]
    numbers = sum(number(name) is not None for name in filled)
    if len(filled) < 2 or numbers == len(filled) or (numbers and delimiter == " "):
        return None
    return Layout(names, delimiter, before)


def _has_numbers(lines: Iterator[str], begun: Layout) -> bool:
    """Tell whether the line after the header is a row of numbers: words with blanks between them may be any text."""
    cells = next(lines, "").split()
    return len(cells) == len(begun.names) and sum(number(cell) is not None for cell in cells) >= 2


def read_table(path: Path, frame: Frame, chosen: dict[str, str], part: Part | None = None) -> None:
    """Read a CSV file. A torn last line is left out; cells that are no numbers are skipped.

    Args:
        path: The file, which has a header.
        frame: Where the rows go.
        chosen: Role → column, as the user has said it.
        part: The one of several runs in the file that is read; all of it where left out.
    """
    layout = layout_of(path)
    if layout is None:
        frame.note(f"{path.name} has no header: nothing of it could be read.")
        return
    csv.field_size_limit(LONGEST_FIELD)
    reading = _Reading(frame, layout, chosen, part)
    rows = _rows(path, layout, frame)
    while stretch := list(islice(rows, CHUNK_ROWS)):
        reading.stretch(stretch)
    if reading.bad:
        frame.lost(reading.bad, "line", path.name)


def cells_of(path: Path, *wanted: int) -> Iterator[tuple[str, ...]]:
    """Yield some cells of each whole row, by their places in the header; rows that lack one are left out."""
    layout = layout_of(path)
    csv.field_size_limit(LONGEST_FIELD)
    for cells in _rows(path, layout, Frame()) if layout is not None else ():
        if cells is not None and len(cells) > max(wanted):
            yield tuple(cells[at] for at in wanted)


class _Reading:
    """Puts rows into a frame: a stretch of sound rows column by column, any other row by row."""

    def __init__(self, frame: Frame, layout: Layout, chosen: dict[str, str], part: Part | None) -> None:
        self.frame, self._chosen, self._part = frame, chosen, part
        self.number = decimal_number if layout.decimal_comma else number
        self.bad = 0
        self._begin(list(layout.names))

    def _begin(self, names: list[str]) -> None:
        """Take a header: where a training was taken up again with other columns, a second one follows."""
        self.names = names
        self.step_at = _place(names, self._chosen.get("step"), is_step)
        self.epoch_at = _place(names, self._chosen.get("epoch"), is_epoch)
        self._split_at = _place(names, None, is_split)
        self._name_at, self._value_at = _place(names, None, is_name_of_value), _place(names, None, _is_value)
        axes = (self.step_at, self.epoch_at, self._split_at)
        part = self._part
        self._of_part = names.index(part.column) if part is not None and part.column in names else None
        self.wanted = [
            (at, name)
            for at, name in enumerate(names)
            if name and at not in axes and at != self._of_part and (part is None or part.holds(name))
            if names.index(name) == at
        ]
        if twice := sorted({name for name in names if name and names.count(name) > 1}):
            self.frame.note(f"More than one column is called {', '.join(twice)}: the first one is read.")

    def stretch(self, rows: list[list[str] | None]) -> None:
        """Take some rows."""
        if self._of_part is not None and self._part is not None:
            at, value = self._of_part, self._part.value
            rows = [cells for cells in rows if cells is None or len(cells) <= at or cells[at].strip() == value]
        if not self._as_columns(rows):
            for cells in rows:
                self._row(cells)

    def _as_columns(self, rows: list[list[str] | None]) -> bool:
        """Take the rows column by column; return False, with nothing taken, where one of them is not sound."""
        whole = [cells for cells in rows if cells is not None and len(cells) == len(self.names)]
        if self.step_at is None or self._split_at is not None or not whole or len(whole) < len(rows):
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
        if cells is not None and self._is_header(cells):
            self._begin([cell.strip() for cell in cells])
            self.frame.note("The header changes on the way: from there on the columns are those of the new one.")
            return
        if cells is None or len(cells) > len(self.names):
            self.bad += 1
            return
        if not any(cells) or cells[: len(self.names)] == self.names:
            return
        values = self._values(cells)
        step, epoch = (
            self.number(cells[at]) if at is not None and at < len(cells) and cells[at] else None
            for at in (self.step_at, self.epoch_at)
        )
        if values:
            self.frame.take(step, epoch, values)
        elif step is None and epoch is None:
            self.bad += 1

    def _values(self, cells: list[str]) -> dict[str, float]:
        """Return the numbers of a row by name; those of validation rows among training rows get its name before theirs."""
        split = cells[self._split_at] if self._split_at is not None and self._split_at < len(cells) else ""
        if self._name_at is not None and self._value_at is not None:
            told = self.number(cells[self._value_at]) if len(cells) == len(self.names) else None
            return {} if told is None else {of_split(cells[self._name_at], split): told}
        values: dict[str, float] = {}
        for at, name in self.wanted:
            value = self.number(cells[at]) if at < len(cells) and cells[at] else None
            if value is not None:
                values[of_split(name, split)] = value
        return values

    def _is_header(self, cells: list[str]) -> bool:
        """Tell whether a row names other columns, most of those of before among them."""
        told = [cell.strip() for cell in cells if cell.strip()]
        both = len({*told} & {*self.names})
        return told != self.names and both >= 2 and 2 * both > len(self.names) and not any(map(_is_number, told))


def _is_value(name: str) -> bool:
    return name.strip().lower() == "value"


def _is_number(cell: str) -> bool:
    return number(cell) is not None


def _numbers(column: Sequence[str]) -> list[float | None]:
    """Return a column as numbers, empty cells as nothing.

    Raises:
        ValueError: when a cell is neither.
    """
    try:
        return list(map(float, column))
    except ValueError:
        return [float(cell) if cell else None for cell in column]


def _rows(path: Path, layout: Layout, frame: Frame) -> Iterator[list[str] | None]:
    """Yield the cells of each whole line after the header; nothing for a line that is no row."""
    with opened_text(path) as file:
        lines = islice(_split_lines(lines_of(file, path, frame)), layout.before, None)
        rows = csv.reader(
            _whole_lines(lines, layout.delimiter, path, frame), delimiter=layout.delimiter, skipinitialspace=True
        )
        while True:
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error:
                yield None
                continue
            yield cells[:-1] if layout.delimiter == " " and cells and not cells[-1] else cells


def _split_lines(lines: Iterable[str], most: int | None = None) -> Iterator[str]:
    """Yield lines, those that end by a carriage return alone too, each with its end; at most so many."""
    for line in islice(lines, most):
        inner = line.removesuffix("\r\n")
        if "\r" not in inner[:-1]:
            yield line
        else:
            yield from line.splitlines(keepends=True)


def _whole_lines(lines: Iterable[str], delimiter: str, path: Path, frame: Frame) -> Iterator[str]:
    """Yield the lines that end, and of one that is still being written the cells that are whole."""
    for line in lines:
        if line.endswith(("\n", "\r")):
            yield line.replace("\0", "")
        elif line.strip():
            whole, parted, _ = line.rpartition(delimiter)
            frame.note(f"The last line of {path.name} has no end: its last cell was left out, it may be cut off.")
            yield whole + parted


def _place(names: Sequence[str], chosen: str | None, fits: object) -> int | None:
    if chosen is not None:
        return names.index(chosen) if chosen in names else None
    return next((at for at, name in enumerate(names) if callable(fits) and fits(name)), None)
