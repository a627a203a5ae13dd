"""Several runs in one table: told apart by a column that names the run, or by what stands before each column's name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

RUN_NAMES = ("run", "run_id", "run_name", "experiment", "exp", "trial", "fold", "seed")
"""Columns that may tell runs apart, the surest first."""
RUNS_MOST = 200
"""Runs of one table; a column with more values numbers something else."""
ROWS_LEAST = 3
"""Rows of a run, on average: a column that changes with almost every row is a count."""
BETWEEN = " - "
"""What W&B puts between the run and the column when several runs are exported as one table."""
VALUE_NAMES = ("name", "metric", "key", "tag", "variable", "metric_name")
"""Columns that name what the column `value` of the same row is."""


@dataclass(frozen=True)
class Part:
    """One of several runs in a table."""

    title: str
    column: str = ""
    """Whose cells name the run; empty where the columns' names do."""
    value: str = ""
    before: str = ""
    """What stands before the names of its columns."""

    def holds(self, name: str) -> bool:
        """Tell whether a column may belong to the run."""
        return name.startswith(self.before)


def naming_column(names: Sequence[str]) -> str:
    """Return the column that may name the run of each row; empty where there is none."""
    plain = {name.strip().lower().replace(" ", "_"): name for name in reversed(names)}
    return next((plain[one] for one in RUN_NAMES if one in plain), "")


def is_name_of_value(name: str) -> bool:
    """Tell whether a column says what the value of its row is."""
    return name.strip().lower() in VALUE_NAMES


def parts_by_cells(column: str, cells: Iterable[tuple[str, str]]) -> list[Part]:
    """Return the runs of a table, by the cells (run, axis) of its rows; none where it holds one.

    Rows of several runs begin their axis anew: where a cell only changes as the axis goes on, it tells another thing.
    """
    first: dict[str, str] = {}
    last = ""
    rows = 0
    for value, at in cells:
        value, rows = value.strip(), rows + 1
        if value and value not in first:
            first[value] = at
            if len(first) > RUNS_MOST:
                return []
        last = value or last
    begins = list(first.values())
    anew = sum(one == begins[0] for one in begins)
    if len(first) < 2 or rows < ROWS_LEAST * len(first) or 2 * anew <= len(first):
        return []
    return [Part(f"{column} {value}", column, value) for value in first]


def parts_by_names(names: Sequence[str]) -> list[Part]:
    """Return the runs of a table whose columns are named `RUN - COLUMN`; none where there are not several."""
    before = dict.fromkeys(name.partition(BETWEEN)[0] for name in names if BETWEEN in name)
    return [Part(one, before=one + BETWEEN) for one in before] if len(before) > 1 else []
