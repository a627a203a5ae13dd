"""The common frame of all logs: columns by name as curves over one axis, and what the log says of itself."""

from dataclasses import dataclass, field
from typing import Literal

from advisor.logs.curve import Curve

MOST_COLUMNS = 400
"""Numeric columns of a log that are kept: per-layer histograms beyond it tell no rule anything."""
LARGEST_PLACE = 1e12
"""Steps or epochs: nobody trains for more."""
MOST_NOTES = 8
"""Notes on how the log was read."""

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
    _at: float = 0.0

    def take(self, step: float | None, epoch: float | None, values: dict[str, float]) -> None:
        """Take one row: its values lie at its step; where rows have none, at its epoch; else at its number."""
        self.rows += 1
        if step is not None and is_place(step):
            if self.axis != "step":
                self._begin("step")
            self._at = step
            if epoch is not None and is_place(epoch):
                self.epochs.add(step, epoch)
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
                curve.add(at, value)

    def take_stretch(
        self, steps: list[float], epochs: list[float] | None, columns: dict[str, list[float | None]]
    ) -> None:
        """Take many rows that have steps: as `take` row by row, in a tenth of the time."""
        self.rows += len(steps)
        if self.axis != "step":
            self._begin("step")
        self._at = steps[-1]
        if epochs is not None:
            self.epochs.extend(steps, epochs)
        for name, values in columns.items():
            filled = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
            curve = (self.columns[name] if name in self.columns else self._column(name)) if filled else None
            if curve is not None:
                curve.extend([step for step, _ in filled], [value for _, value in filled])

    def _column(self, name: str) -> Curve | None:
        """Return a new column, unless there are too many."""
        if len(self.columns) >= MOST_COLUMNS:
            self.dropped_columns += 1
            return None
        self.columns[name] = Curve()
        return self.columns[name]

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
            return None
    return None
