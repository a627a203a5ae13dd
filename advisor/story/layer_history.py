"""How the gradients of the layers went over the steps: a table that never grows past a limit."""

from collections.abc import Sequence
from math import ceil

from trainer.words import Layer

COLUMNS = 120
"""Measurements kept: when there are more, every other one goes."""
ROWS = 40
"""Layers told of a deeper net, evenly from input to output."""


class LayerHistory:
    """Gradient norms by step and layer, of the branch that counts."""

    def __init__(self) -> None:
        self._columns: list[tuple[int, dict[str, float]]] = []
        self._stride = 1
        self._skipped = 0

    def add(self, step: int, layers: Sequence[Layer]) -> None:
        """Add one measurement."""
        self._skipped += 1
        if self._skipped < self._stride and self._columns:
            return
        self._skipped = 0
        self._columns.append((step, {layer.name: layer.grad_norm for layer in layers}))
        if len(self._columns) > COLUMNS:
            self._columns = self._columns[::2]
            self._stride *= 2

    def cut(self, step: int) -> None:
        """Take away what was measured after `step`."""
        self._columns = [column for column in self._columns if column[0] <= step]

    def table(self) -> dict[str, list[object]]:
        """Return `steps`, `names` from input to output, and `grad_norm`: a row a layer; nothing where nobody measured."""
        if not self._columns:
            return {}
        every = list(dict.fromkeys(name for _, norms in self._columns for name in norms))
        names = every[:: max(ceil(len(every) / ROWS), 1)]
        nothing = float("nan")
        return {
            "steps": [step for step, _ in self._columns],
            "names": list(names),
            "grad_norm": [[norms.get(name, nothing) for _, norms in self._columns] for name in names],
        }
