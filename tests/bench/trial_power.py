"""Measures what the product's trials find: gains and harms of known size, put before the real advisor by bench rules.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.trial_power FOLDER [SEEDS] [--rounds]

What a learning candidate is worth is told by whole runs of the same seeds with its value from the start, on a test split
that no trial sees. A throughput candidate saves a calibrated spin;
`--rounds` runs those alone. Results are kept in FOLDER.
"""

import math
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.progress import track

from advisor.together import run_together
from rules.vocabulary import Effect, Value
from tests.bench.advised import Kept, Row, config_of, proposing, run_alone, tested, turning, verdicts
from tests.bench.bad_starts import table
from tests.bench.intervals import of_mean
from tests.bench.rounds_busy import processor_s, turns_worth
from tests.bench.spun_task import TURNS
from trainer.config import Config, parse

TRIED_AT = 0.15
SPEED_GAINS = (0.05, 0.10, 0.20)
SPUN_EPOCHS = 1000
"""Long enough for six rounds and for what they are to pay back: of 260 epochs a tenth is less than the rounds take."""
SPUN_EXAMPLES = 1797
CALIBRATED_EPOCHS = (10, 60)


@dataclass(frozen=True)
class Question:
    """A training, and the one turn that the bench proposes in it."""

    name: str
    ground: str
    knob: str
    to: Value
    improves: str = "loss"
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def config(self, seed: int, turned: bool = False) -> Config:
        """Return the training as it is, or with the candidate's value from the start."""
        changes = {section: dict(keys) for section, keys in self.changes.items()}
        if turned:
            changes["train"] = changes.get("train", {}) | {self.knob: self.to}
        return config_of(self.ground, seed, budget=0.3, **changes)


def _rates(name: str, ground: str, rate: float, times: tuple[float, ...], **train: Value) -> list[Question]:
    changes = {"train": {"lr": rate, **train}}
    return [Question(f"{name}, rate ×{one:g}", ground, "lr", rate * one, changes=changes) for one in times]


QUESTIONS = (
    *_rates("rate good, cosine", "digits", 1e-3, (0.1, 0.3, 3.0, 10.0)),
    *_rates("rate good, constant", "digits", 1e-3, (0.1, 0.3, 3.0, 10.0), schedule="constant"),
    *_rates("rate 10× too low", "digits", 1e-4, (3.0, 10.0)),
    *_rates("rate 30× too high", "digits", 3e-2, (0.1, 0.3), schedule="constant"),
    *_rates("rate good, cosine", "fashion", 3e-3, (0.1, 0.3, 3.0, 10.0)),
    *_rates("rate 10× too low", "fashion", 1e-4, (3.0, 10.0)),
    *_rates("rate good, cosine", "tabular", 1e-3, (0.1, 3.0)),
    Question("decay too high, ÷100", "digits", "weight_decay", 0.05, changes={"train": {"weight_decay": 5.0}}),
    Question("decay too high, ÷100", "tabular", "weight_decay", 0.05, changes={"train": {"weight_decay": 5.0}}),
    Question("decay good, ×100", "digits", "weight_decay", 5.0),
    Question("few examples, augmentation", "fashion", "augment", True, changes={"data": {"limit": 600}, "train": {"epochs": 60}}),
    Question("few examples, dropout 0.3", "digits", "dropout", 0.3, changes={"data": {"limit": 300}, "train": {"epochs": 100}}),
    Question("rare classes, class weights", "digits", "class_weights", "sqrt", "balanced_accuracy",
             changes={"data": {"rare": {"7": 0.05, "8": 0.05, "9": 0.05}}}),
    Question("balanced, label smoothing 0.4", "digits", "label_smoothing", 0.4),
)  # fmt: skip


def try_it(question: Question, seed: int, folder: Path) -> Row:
    """Let the advisor try the candidate."""
    effect = Effect.CHANGES_LEARNING
    rule = proposing("BEN300", turning(question.knob, question.to, effect, question.improves), TRIED_AT)
    told = run_together(question.config(seed), folder, lockstep=True, rules=[rule])
    return {"question": question.name, "ground": question.ground, "arm": "tried", "trials": verdicts(told.entries)}


def carry_on(question: Question, seed: int, turned: bool, folder: Path) -> Row:
    """Train to the end with or without the candidate from the start."""
    metric = tested(run_alone(question.config(seed, turned), folder))
    arm = "with" if turned else "without"
    return {"question": question.name, "ground": question.ground, "arm": arm, "seed": seed, "tested": metric}


def spun(gain: float, seed: int, turns: int, folder: Path) -> Row:
    """Let the advisor try to keep items in memory that cost a spin to read."""
    os.environ[TURNS] = str(turns)
    raw = _spun_config(seed)
    rule = proposing("BEN400", turning("cache", True, Effect.SAME_MATHEMATICS, "step_s", gain), 0.05)
    told = run_together(raw, folder, lockstep=False, rules=[rule])
    return {"question": f"gain {gain:.0%}", "ground": "spun", "arm": "tried", "trials": verdicts(told.entries)}


def _spun_config(seed: int, epochs: int = SPUN_EPOCHS) -> Config:
    file = Path(__file__).with_name("spun_task.py")
    train = {"epochs": epochs, "batch_size": 64, "lr": 1e-3, "seed": seed, "threads": 1}
    return parse(
        {
            "task": {"factory": f"{file}:task"},
            "train": train,
            "advisor": {"mode": "auto", "compress": False, "budget": 0.3},
        },
        "bench",
    )


def step_seconds(folder: Path) -> float:
    """Return the processor time of a step without a spin, seconds: of a longer run less a shorter one, middle of three."""
    os.environ[TURNS] = "0"
    shorter, longer = CALIBRATED_EPOCHS

    def took(epochs: int, number: int) -> float:
        config = _spun_config(0, epochs)
        return processor_s(lambda: run_alone(config, folder / f"{epochs}-{number}"))

    config = _spun_config(0)
    steps = (longer - shorter) * math.ceil(
        SPUN_EXAMPLES * (1 - config.data.val_fraction - config.data.test_fraction) / config.train.batch_size
    )
    return median((took(longer, number) - took(shorter, number)) / steps for number in range(3))


def report(rows: list[Row]) -> None:
    """Print what was found, what was missed, and what it is worth."""
    lines = []
    for name, ground in dict.fromkeys((row["question"], row["ground"]) for row in rows):
        chosen = [row for row in rows if (row["question"], row["ground"]) == (name, ground)]
        first = [row["trials"][0] for row in chosen if row["arm"] == "tried" and row["trials"]]
        outcomes = [one["outcome"] for one in first]
        gains = [one["gain"] for one in first if one["gain"] is not None]
        ends = {arm: {row["seed"]: row["tested"] for row in chosen if row["arm"] == arm} for arm in ("with", "without")}
        both = [ends["with"][seed] - ends["without"][seed] for seed in ends["with"] if seed in ends["without"]]
        worth = "{:+.4f} ({:+.4f} to {:+.4f})".format(*of_mean(both)) if both else "-"
        seen = f"{median(gains):+.1%}" if gains else "-"
        tried = sum(row["arm"] == "tried" for row in chosen)
        counts = [outcomes.count(what) for what in ("kept", "undecided", "rolled_back")]
        lines.append((name, ground, tried, *counts, tried - len(first), seen, worth))
    head = (
        "candidate",
        "ground",
        "runs",
        "kept",
        "undecided",
        "rolled back",
        "not tried",
        "gain seen",
        "worth on test (95 %)",
    )
    table(head, *lines)


def main() -> None:
    """Run what is not kept yet, and print the table."""
    folder, seeds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10
    kept = Kept(folder, "trial_power")
    questions = () if "--rounds" in sys.argv else QUESTIONS
    for question in track(questions, "learning"):
        for seed in range(2000, 2000 + seeds):
            name = f"{question.ground} {question.name} {seed}"
            kept.once(f"{name} tried", lambda scratch: try_it(question, seed, scratch))  # noqa: B023
            for turned in (False, True):
                kept.once(f"{name} {turned}", lambda scratch: carry_on(question, seed, turned, scratch))  # noqa: B023
    kept.once("step", lambda scratch: {"question": "", "step_s": step_seconds(scratch)})
    step_s = next(row["step_s"] for row in kept.rows if row["key"] == "step")
    for gain in track(SPEED_GAINS, "throughput"):
        turns = turns_worth(gain, step_s)
        for seed in range(2000, 2000 + seeds):
            kept.once(f"spun {gain} {seed}", lambda scratch: spun(gain, seed, turns, scratch))  # noqa: B023
    report([row for row in kept.rows if row["question"]])


if __name__ == "__main__":
    main()
