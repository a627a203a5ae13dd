"""The common frame of all logs: columns by name as curves over one axis, and what the log says of itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import Literal

from advisor.logs.curve import Curve

MOST_COLUMNS = 400
"""Numeric columns of a log that are kept: per-layer histograms beyond it tell no rule anything."""
LARGEST_PLACE = 1e12
"""Steps or epochs: nobody trains for more."""
UNSORTED_SHARE = 0.05
"""Of the rows that go back: more is no resumed training, it is a table in another order."""
UNSORTED_LEAST = 5
STANDING_MOST = 2
"""Rows at one place: an evaluation may have been logged twice."""
MOST_NOTES = 8
"""Notes on how the log was read."""

TENSOR = re.compile(r"(?:(?:tf\.)?tensor|array|np\.float\d+)\(\s*([^,()\s]+)|<.*\b(?:numpy|value)=([^,()\s>]+)")
NOT_A_NUMBER = re.compile(r"[+-]?(?:nan\b|1\.#(?:q|s)nan|1\.#ind)")
INFINITE = re.compile(r"[+-]?1\.#inf")
"""As C libraries spell them."""
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$")

Axis = Literal["step", "epoch", "row"]


@dataclass
class Frame:
    """What was read of one run."""

    columns: dict[str, Curve] = field(default_factory=dict)
    epochs: Curve = field(default_factory=Curve)
    """Epoch by step, where the log tells both."""
    axis: Axis = "row"
    settings: dict[str, float | str | bool] = field(default_factory=dict)
    """What the log says of its configuration, by the names of its own framework."""
    steps_total: int = 0
    """Steps that the training was to take; 0 where the log does not say."""
    rows: int = 0
    notes: list[str] = field(default_factory=list)
    """What could not be read, as sentences."""
    dropped_columns: int = 0
    sorts: bool = False
    """Rows are put in the order of their places when `sort` is called, instead of being taken as they come."""
    counts: bool = False
    """Rows are placed by their number alone."""
    _at: float = 0.0
    _epoch: float | None = None
    """Epoch of the newest row that told both."""
    _before: float = 0.0
    """Steps of the epochs before, where each counts its steps anew."""
    _held: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)

    def take(self, step: float | None, epoch: float | None, values: dict[str, float]) -> None:
        """Take one row: its values lie at its step; where rows have none, at its epoch; else at its number."""
        self.rows += 1
        step, epoch = (None, None) if self.counts else (step, epoch)
        if step is not None and is_place(step):
            if self.axis != "step":
                self._begin("step")
            self._at = self._along(step, epoch)
            if epoch is not None and is_place(epoch):
                self.epochs.add(self._at, epoch)
        elif self.axis != "step" and epoch is not None and is_place(epoch):
            if self.axis != "epoch":
                self._begin("epoch")
            self._at = epoch
        elif self.axis == "row":
            self._at = float(self.rows)
        at = self._at
        for name, value in values.items():
            curve = self.columns[name] if name in self.columns else self._column(name)
            if curve is not None:
                self._put(name, curve, (at,), (value,))

    def take_stretch(
        self, steps: list[float], epochs: list[float] | None, columns: dict[str, list[float | None]]
    ) -> None:
        """Take many rows that have steps: as `take` row by row, in a tenth of the time."""
        if self.counts:
            steps, epochs = [float(self.rows + at) for at in range(1, len(steps) + 1)], None
        self.rows += len(steps)
        if self.axis != "step" and not self.counts:
            self._begin("step")
        if self._before or steps[0] < self._at or steps != sorted(steps):
            steps = [self._along(step, epochs[row] if epochs else None) for row, step in enumerate(steps)]
        self._at = steps[-1]
        if epochs is not None:
            self._epoch = epochs[-1]
            self.epochs.extend(steps, epochs)
        for name, values in columns.items():
            filled = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
            curve = (self.columns[name] if name in self.columns else self._column(name)) if filled else None
            if curve is not None:
                self._put(name, curve, [step for step, _ in filled], [value for _, value in filled])

    @property
    def is_unsorted(self) -> bool:
        """Tell whether the rows lie in no order at all: a training that was taken up again goes back a few times."""
        turns = max((curve.restarts / max(curve.rows, 1) for curve in self.columns.values()), default=0.0)
        return turns > UNSORTED_SHARE and max(curve.restarts for curve in self.columns.values()) > UNSORTED_LEAST

    @property
    def stands(self) -> bool:
        """Tell whether every row lies at one place: then what was taken for the axis is none."""
        longest = max((curve.rows for curve in self.columns.values()), default=0)
        places = {at for curve in self.columns.values() for at in (curve.first_at, curve.last_at)}
        return self.axis != "row" and longest > STANDING_MOST and len(places) == 1

    def sort(self) -> None:
        """Put what was held back into its curves, in the order of the places."""
        for name, (places, values) in self._held.items():
            order = sorted(range(len(places)), key=places.__getitem__)
            self.columns[name].extend([places[row] for row in order], [values[row] for row in order])
        self._held.clear()
        self.note("The rows are not in the order of their places, and were sorted.")

    def _put(self, name: str, curve: Curve, places: Sequence[float], values: Sequence[float]) -> None:
        if self.sorts:
            held = self._held.setdefault(name, ([], []))
            held[0].extend(places)
            held[1].extend(values)
        else:
            curve.extend(places, values)

    def _along(self, step: float, epoch: float | None) -> float:
        """Return a step from the beginning of the run: one that goes back while the epoch goes on counts from its epoch."""
        at = self._before + step
        if epoch is not None and is_place(epoch):
            if self._epoch is not None and epoch > self._epoch and at < self._at:
                self._before = self._at + (1 if step <= 0 else 0) - min(step, 0)
                at = self._before + step
                self.note("Steps are counted anew in each epoch, and were added up.")
            self._epoch = epoch
        self._at = at
        return at

    def _column(self, name: str) -> Curve | None:
        """Return a new column, unless there are too many."""
        if len(self.columns) >= MOST_COLUMNS:
            self.dropped_columns += 1
            return None
        self.columns[name] = Curve()
        return self.columns[name]

    def lost(self, count: int, what: str, name: str) -> None:
        """Note that so many lines, rows or records of a file could not be read."""
        told = (
            f"{count} {what} of {name} could not be read and was"
            if count == 1
            else f"{count} {what}s of {name} could not be read and were"
        )
        self.note(f"{told} left out.")

    def note(self, sentence: str) -> None:
        """Note what a reader of the diagnosis should know of the log."""
        if sentence not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(sentence)

    def _begin(self, axis: Axis) -> None:
        """Change to a better axis: rows before it, numbered by themselves, cannot be placed on it."""
        if any(len(curve) for curve in self.columns.values()):
            self.note(f"The first rows have no {axis} and were left out.")
            self.columns.clear()
        self.axis = axis


def is_place(value: float) -> bool:
    """Tell whether a number can be a step or an epoch; a garbled one must not stretch the axis for all others."""
    return abs(value) <= LARGEST_PLACE


def number(value: object) -> float | None:
    """Return a logged value as a number, or nothing where it is none. `NaN`, `inf` and booleans are numbers."""
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return _spelled(value)
    return None


def decimal_number(text: str) -> float | None:
    """Return a cell of a table in which a comma stands before decimals: `0,5` is a half, `1.234,5` is 1234.5."""
    if text.count(",") == 1:
        whole, _, decimals = text.partition(",")
        text = f"{whole.replace('.', '')}.{decimals}"
    return number(text)


def _spelled(text: str) -> float | None:
    """Return a number in another spelling: `1.#QNAN`, `-nan(ind)`, `tensor(0.5)`, `97.5%`, `1,234`; else nothing."""
    text = text.strip().lower()
    if held := TENSOR.match(text):
        return number(held[1] or held[2])
    if NOT_A_NUMBER.match(text):
        return nan
    if INFINITE.match(text):
        return -inf if text.startswith("-") else inf
    if text.endswith("%"):
        return number(text[:-1])
    return float(text.replace(",", "")) if THOUSANDS.match(text) else None
