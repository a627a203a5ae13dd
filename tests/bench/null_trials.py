"""Measures how often the product keeps a fix that changes nothing: real trainer, real advisor, rules of the bench's own.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.null_trials FOLDER [RUNS A GROUND] [--busy | --learning | --rounds]

Learning: a fork whose candidate is a control on other batches. Throughput: rounds whose candidate turns a knob that no
stretch feels. `--learning` runs the forks alone, `--rounds` and `--busy` the rounds; `--busy` lets processes with the load of
a driver and of a viewer run beside it. Results are kept in FOLDER; what is there is not run again.
"""

import sys
from pathlib import Path

from rich.progress import track

from advisor.together import run_together
from rules.vocabulary import Effect, Rule
from tests.bench.advised import (
    GROUNDS,
    Kept,
    Row,
    competitors,
    config_of,
    proposing,
    run_with_other_batches,
    turning,
    verdicts,
)
from tests.bench.bad_starts import table
from tests.bench.intervals import wilson

TRIED_AT = (0.1, 0.3, 0.5, 0.7)
"""Shares of the run from which on a learning candidate is proposed, each by a rule of its own."""
TIMED_AT = (0.05, 0.3, 0.5)
TIMED_EPOCHS = {"digits": 1200, "fashion": 150, "tabular": 1600}
"""Long enough for three trials of six rounds; a fork does not need as much."""


def nothing_learned() -> list[Rule]:
    """Return rules whose fixes do nothing: a clip that no gradient reaches."""
    return [
        proposing(f"BEN10{number}", turning("clip", 1e9 - number, Effect.CHANGES_LEARNING, "loss"), share)
        for number, share in enumerate(TRIED_AT)
    ]


def nothing_faster() -> list[Rule]:
    """Return rules whose fixes save no time: another evaluation interval, and no stretch holds an evaluation."""
    return [
        proposing(f"BEN20{number}", turning("eval_every", 2.0 + number, Effect.SAME_MATHEMATICS, "step_s"), share)
        for number, share in enumerate(TIMED_AT)
    ]


def learning(ground: str, seed: int, folder: Path) -> Row:
    """Run one training with null forks."""
    advised = run_with_other_batches(config_of(ground, seed, budget=1.0), folder, nothing_learned())
    return {"kind": "learning", "ground": ground, "trials": verdicts(advised.entries)}


def throughput(ground: str, seed: int, busy: bool, folder: Path) -> Row:
    """Run one training with null rounds."""
    config = config_of(ground, seed, budget=1.0, train={"epochs": TIMED_EPOCHS[ground]})
    with competitors(busy):
        told = run_together(config, folder, lockstep=False, rules=nothing_faster())
    kind = "throughput, driver and viewer beside it" if busy else "throughput"
    return {"kind": kind, "ground": ground, "trials": verdicts(told.entries)}


def report(rows: list[Row]) -> None:
    """Print trials by kind and ground."""
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    lines = []
    for kind in kinds:
        for ground in (*GROUNDS, ""):
            chosen = [row for row in rows if row["kind"] == kind and ground in ("", row["ground"])]
            how = "rounds" if kind.startswith("throughput") else "fork"
            outcomes = [one["outcome"] for row in chosen for one in row["trials"] if one["how"] == how]
            kept, of = outcomes.count("kept"), len(outcomes)
            low, high = wilson(kept, of)
            share = f"{kept / of:.1%} ({low:.1%}-{high:.1%})" if of else "-"
            rolled = outcomes.count("rolled_back")
            lines.append((kind, ground or "all", of, kept, share, rolled, of - kept - rolled))
    table(("trials", "ground", "of", "kept by mistake", "share (95 %)", "rolled back", "undecided"), *lines)


def main() -> None:
    """Run what is not kept yet, and print the table."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    folder, runs, busy = Path(words[0]), int(words[1]) if len(words) > 1 else 30, "--busy" in sys.argv
    kept = Kept(folder, "null_trials")
    forks, rounds = not {"--rounds", "--busy"} & {*sys.argv}, "--learning" not in sys.argv
    for ground in GROUNDS:
        for seed in track(range(1000, 1000 + runs * forks), f"{ground}, learning"):
            kept.once(f"learning {ground} {seed}", lambda scratch: learning(ground, seed, scratch))  # noqa: B023
        for seed in track(range(1000, 1000 + runs * rounds), f"{ground}, throughput"):
            name = f"throughput {ground} {seed}{' busy' * busy}"
            kept.once(name, lambda scratch: throughput(ground, seed, busy, scratch))  # noqa: B023
    report(kept.rows)


if __name__ == "__main__":
    main()
