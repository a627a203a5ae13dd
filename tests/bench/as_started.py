"""Cases of the fault bench started as a user starts them, beside the same cases in lockstep and in one process.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.as_started RESULTS FOLDER [CASES]

RESULTS is what `python -m tests.faults --out` has left: it holds seed 0 of the same cases, untouched, advised and mended by
hand. Here trainer and driver are processes of their own and nobody asks for lockstep, so what is found comes as late as
the driver is. Told are the cause that is named first, the score on the test split, and how long the run stood still for its
driver. The cases are drawn at random, the same ones each time; FOLDER keeps what was run.
"""

import random
import sys
from functools import partial
from pathlib import Path

from advisor.report.view import config_toml
from tests.bench.advised import Kept, Row, begin_on_its_own, entries_of, events_of
from tests.bench.bad_starts import table
from tests.faults.cases import FAMILIES, all_cases
from tests.faults.harness import arm_of
from tests.faults.measure import Seen, seen
from tests.faults.result import read_results
from trainer.wire import BeatTaken, RunEnded

CASES = 40
DRAW = 7
FAMILIES_DRAWN = ("rate", "net", "data", "midway", "pairs", "healthy")
HEAD = (
    "case", "named first", "in lockstep", "untouched", "as started", "in lockstep", "by hand", "false", "s (stood still)",
)  # fmt: skip
NO_WORDS = RunEnded(why="failed", seconds=0.0)
"""Of a trainer that died."""
NEAR = 0.01
"""One point of the score."""


def started(known: Seen, folder: Path) -> Row:
    """Start a case, wait for its end, and read what it has left."""
    config = known.case.config("faulty", 0, "auto").model_dump(mode="json")
    code = begin_on_its_own(folder, config_toml(config), "auto", {}).wait()
    events, entries = events_of(folder), entries_of(folder)
    words = next((event for event in reversed(events) if isinstance(event, RunEnded)), NO_WORDS)
    arm = arm_of(known.case, events, entries, words, words.seconds)
    now = Seen(known.case, known.result.model_copy(update={"arms": {**known.result.arms, "auto": arm}}))
    return {
        "case": known.case.name,
        "code": code,
        "named": now.primary,
        "named in lockstep": known.primary,
        "right": known.case.healthy or now.named,
        "right in lockstep": known.case.healthy or known.named,
        "false": sorted(now.false_alarms),
        "untouched": known.untouched.score,
        "score": arm.score,
        "in lockstep": known.auto.score,
        "by hand": known.reference.score,
        "seconds": words.seconds,
        "waited": sum(event.waited_s for event in events if isinstance(event, BeatTaken)),
        "changed": [f"{deed.fix} at {deed.step}" for deed in arm.changed],
    }


def main(results: Path, folder: Path, count: int) -> None:
    """Run what FOLDER does not hold yet, and print the table."""
    found = {one.case.name: one for one in seen(read_results(results, all_cases()), all_cases()) if not one.result.seed}
    names = sorted(case.name for family in FAMILIES_DRAWN for case in FAMILIES[family] if case.name in found)
    drawn = random.Random(DRAW).sample(names, min(count, len(names)))
    kept = Kept(folder, "as_started")
    for name in drawn:
        kept.once(name, partial(started, found[name]))
    rows = [row for row in kept.rows if row["case"] in drawn]
    table(HEAD, *(_told(row) for row in rows))
    counts = {
        "right cause first": sum(row["right"] for row in rows),
        "… in lockstep": sum(row["right in lockstep"] for row in rows),
        "within a point of lockstep, or better": sum(row["score"] >= row["in lockstep"] - NEAR for row in rows),
        "over a point below untouched": sum(row["score"] < row["untouched"] - NEAR for row in rows),
        "with a false warning": sum(bool(row["false"]) for row in rows),
    }
    print(f"Of {len(rows)}: " + ", ".join(f"{what} {number}" for what, number in counts.items()) + ".")


def _told(row: Row) -> list[object]:
    return [
        row["case"],
        f"{row['named'] or '–'}{'' if row['right'] else ' !'}",
        row["named in lockstep"] or "–",
        *(f"{row[name]:.3f}" for name in ("untouched", "score", "in lockstep", "by hand")),
        " ".join(row["false"]) or "–",
        f"{row['seconds']:.1f} ({row['waited']:.1f})",
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else CASES)
