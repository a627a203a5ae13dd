"""Prints what all trials took of the runs that `final_benefit` advised: against the budget, in steps, in memory.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.trial_cost FOLDER

Measures nothing itself; FOLDER is that of `final_benefit`.
"""

import sys
from pathlib import Path
from statistics import median

from tests.bench.advised import Kept, Row
from tests.bench.bad_starts import table

BUDGET = 0.10
BORROWED = 0.30
"""What the first probe or fork may borrow up to."""


def report(rows: list[Row]) -> None:
    """Print by configuration; of several runs the middle and the most."""
    lines = []
    for name in dict.fromkeys(row["name"] for row in rows):
        runs = [row for row in rows if row["name"] == name]
        trials = [len(row["trials"]) for row in runs]
        kept = sum(one["outcome"] == "kept" for row in runs for one in row["trials"])
        lost = [row["lost_steps"] / max(row["steps"], 1) for row in runs]
        seconds = [sum(one["cost_s"] for one in row["trials"]) / row["seconds"] for row in runs]
        held = max(row["held_bytes"] for row in runs)
        lines.append(
            (
                name,
                f"{median(trials):g} ({max(trials)})",
                kept,
                f"{median(lost):.1%} ({max(lost):.1%})",
                f"{median(seconds):.1%} ({max(seconds):.1%})",
                f"{sum(one <= BUDGET for one in lost)}, {sum(one <= BORROWED for one in lost)} of {len(runs)}",
                f"{held / 1024:.0f} KiB",
            )
        )
    head = (
        "configuration",
        "trials a run: middle (most)",
        "kept in all",
        "lost steps, of the run's",
        "trials' seconds, of the run's",
        f"runs within {BUDGET:.0%}, {BORROWED:.0%}",
        "largest snapshot",
    )
    table(head, *lines)


def main() -> None:
    """Print the table."""
    report([row for row in Kept(Path(sys.argv[1]), "final_benefit").rows if row["arm"] == "auto"])


if __name__ == "__main__":
    main()
