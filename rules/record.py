"""What each rule did on the fault bench: the runs whose fault it names rightly, and its false alarms.

`record.json` beside this file is generated together with `tests/faults/MATRIX.md`.
"""

import json
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

FILE = "record.json"


@dataclass(frozen=True)
class Record:
    """Counts of runs on the fault bench (a case with a seed is a run)."""

    right_runs: int
    """Runs of which the rule is a right answer, or of which it has something to say that is no fault."""
    found_runs: int
    """Those of them in which it spoke."""
    named_first_runs: int
    """Faulty runs in which it was the first to be called the cause."""
    named_rightly_runs: int
    """Those of them of which it is a right answer."""
    false_faulty_runs: int
    """Faulty runs of which it is not true, and in which it warned."""
    false_healthy_runs: int
    """Healthy runs in which it warned."""
    faulty_runs: int
    """All that were run."""
    healthy_runs: int

    def said(self) -> str:
        """Return the record in a few words."""
        found = f"found in {self.found_runs} of {self.right_runs}" if self.right_runs else "no case"
        false = self.false_faulty_runs + self.false_healthy_runs
        return f"{found}, false in {false} of {self.faulty_runs - self.right_runs + self.healthy_runs}"


COUNTS = tuple(field.name for field in fields(Record))


@cache
def records() -> dict[str, Record]:
    """Return the record of every rule that was measured, by code; nothing where the bench was never run."""
    file = files("rules") / FILE
    if not file.is_file():
        return {}
    read = json.loads(file.read_text(encoding="utf-8"))
    return {code: Record(**{name: counts[name] for name in COUNTS}) for code, counts in read.items()}
