"""Measures what the product is for: the final test metric of advised runs against the same runs untouched, and a random fix.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.final_benefit FOLDER [SEEDS]

Twenty-four configurations, healthy and troubled. Each seed trains three times, in lockstep: untouched; advised in auto
mode with the whole catalogue; and with one random turn of one knob at the step at which the advised run began its first
trial (a tenth of the run where it began none), for good and untried. The metric is that of the best model on a test
split that no trial saw. Results are kept in FOLDER; `trial_cost` reads its bill from them.
"""

import random
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.progress import track

from advisor.together import run_together
from tests.bench.advised import FASHION, Kept, Row, bill, config_of, run_alone, tested, verdicts
from tests.bench.bad_starts import table
from tests.bench.intervals import of_mean
from trainer.commands import Command, Confirm, Turn
from trainer.config import Config
from trainer.wire import BeatTaken, Event, SnapshotTaken, TrialBegan
from trainer.words import Turned

Changes = dict[str, dict[str, Any]]

HEALTHY: dict[str, tuple[str, Changes]] = {
    "digits, mlp": ("digits", {}),
    "digits, mlp, momentum": ("digits", {"train": {"optimizer": "momentum", "lr": 0.05}}),
    "digits, mlp, one cycle": ("digits", {"train": {"schedule": "one-cycle", "lr": 3e-3}}),
    "digits, mlp, dropout": ("digits", {"train": {"dropout": 0.1}}),
    "digits, cnn": ("digits", {"model": {"name": "cnn", "width": 8}, "train": {"lr": 3e-3}}),
    "fashion, cnn": ("fashion", {"train": {"lr": 3e-3}}),
    "tabular, mlp": ("tabular", {}),
    "wine, mlp": ("tabular", {"data": {"source": "sklearn:wine"}, "train": {"epochs": 80}}),
}
TROUBLED: dict[str, tuple[str, Changes]] = {
    "rate 100× too low": ("digits", {"train": {"lr": 1e-5}}),
    "rate 10× too low": ("digits", {"train": {"lr": 1e-4}}),
    "rate 300× too high": ("digits", {"train": {"lr": 0.3}}),
    "sgd diverges": ("digits", {"train": {"optimizer": "sgd", "lr": 30.0}}),
    "rate 30× too high, constant": ("digits", {"train": {"lr": 3e-2, "schedule": "constant"}}),
    "fashion, rate 30× too low": ("fashion", {"train": {"lr": 3e-5}}),
    "fashion, rate 100× too high": ("fashion", {"train": {"lr": 0.1}}),
    "decay 100× too high": ("digits", {"train": {"weight_decay": 5.0}}),
    "tabular, decay 100× too high": ("tabular", {"train": {"weight_decay": 5.0}}),
    "dropout 0.8": ("digits", {"train": {"dropout": 0.8}}),
    "smoothing 0.5": ("digits", {"train": {"label_smoothing": 0.5}}),
    "rare classes": ("digits", {"data": {"rare": {"7": 0.05, "8": 0.05, "9": 0.05}}}),
    "300 examples": ("digits", {"data": {"limit": 300}, "train": {"epochs": 100}}),
    "fashion, 600 examples": ("fashion", {"data": {"limit": 600}, "train": {"epochs": 60, "lr": 3e-3}}),
    "tabular, inputs as they are": ("tabular", {"data": {"standardise": False}}),
    "deep sigmoid net": ("digits", {"model": {"hidden": (64, 64, 64, 64), "activation": "sigmoid"}}),
}
TURNS: tuple[Turned, ...] = (
    *(Turned(knob="lr", to=to) for to in (1e-4, 3e-4, 3e-3, 1e-2)),
    *(Turned(knob="weight_decay", to=to) for to in (0.0, 0.5)),
    *(Turned(knob="label_smoothing", to=to) for to in (0.0, 0.1)),
    *(Turned(knob="dropout", to=to) for to in (0.0, 0.2)),
    *(Turned(knob="batch_size", to=to) for to in (32, 128)),
    *(Turned(knob="optimizer", to=to) for to in ("momentum", "adamw")),
    Turned(knob="clip", to=1.0),
    Turned(knob="class_weights", to="sqrt"),
)
"""What a random fix may be: the turns that the catalogue's rules make, without a reason."""


def configured(name: str, seed: int) -> Config:
    """Return a configuration by name."""
    ground, changes = (HEALTHY | TROUBLED)[name]
    return config_of(ground, seed, **changes)


def untouched(name: str, seed: int, folder: Path) -> Row:
    """Train without an advisor."""
    events = run_alone(configured(name, seed), folder)
    return {"name": name, "seed": seed, "arm": "untouched", "tested": tested(events)}


def advised(name: str, seed: int, folder: Path) -> Row:
    """Train in auto mode with the whole catalogue."""
    told = run_together(configured(name, seed), folder, lockstep=True)
    begun = [event.step for event in told.events if isinstance(event, TrialBegan)]
    held = [event.bytes for event in told.events if isinstance(event, SnapshotTaken)]
    return {
        "name": name,
        "seed": seed,
        "arm": "auto",
        "tested": tested(told.events),
        "trials": verdicts(told.entries),
        "first_trial": begun[0] if begun else None,
        "held_bytes": max(held, default=0),
        "seconds": told.words.seconds,
        **bill(told.events),
    }


def random_fix(name: str, seed: int, at: int | None, folder: Path) -> Row:
    """Train with one random turn, for good and untried."""
    chosen = random.Random(f"{name} {seed}").choice(TURNS)
    config, turned = configured(name, seed), False

    def say(event: Event) -> list[Command]:
        nonlocal turned
        if turned or not isinstance(event, BeatTaken) or event.step < (at if at is not None else 40):
            return []
        turned = True
        return [Turn(trial="r1", turns=(chosen,), by="user"), Confirm(trial="r1")]

    events = run_alone(config, folder, say)
    return {"name": name, "seed": seed, "arm": "random", "tested": tested(events), "fix": f"{chosen.knob} {chosen.to}"}


def report(rows: list[Row]) -> None:
    """Print the test metric by configuration, and differences to the untouched run of the same seed."""
    by_run = {(row["name"], row["seed"], row["arm"]): row["tested"] for row in rows}
    lines: list[tuple[object, ...]] = []
    overall: dict[tuple[str, str], list[float]] = {}
    for group, names in (("healthy", HEALTHY), ("troubled", TROUBLED)):
        for name in names:
            seeds = sorted({seed for known, seed, _ in by_run if known == name})
            plain = [by_run[name, seed, "untouched"] for seed in seeds if (name, seed, "untouched") in by_run]
            if not plain:
                continue
            cells: list[object] = [group, name, f"{fmean(plain):.4f} ({min(plain):.4f}-{max(plain):.4f})"]
            for arm in ("auto", "random"):
                found = [
                    by_run[name, seed, arm] - by_run[name, seed, "untouched"]
                    for seed in seeds
                    if (name, seed, arm) in by_run and (name, seed, "untouched") in by_run
                ]
                overall.setdefault((group, arm), []).append(fmean(found) if found else 0.0)
                cells.append("{:+.4f} ({:+.4f} to {:+.4f})".format(*of_mean(found)) if found else "-")
            lines.append(tuple(cells))
    for group in ("healthy", "troubled"):
        means = [overall.get((group, arm), []) for arm in ("auto", "random")]
        cells = ["{:+.4f} ({:+.4f} to {:+.4f})".format(*of_mean(one)) if one else "-" for one in means]
        lines.append((group, "all, each configuration once", "", *cells))
    table(
        ("", "configuration", "untouched (least-most)", "auto - untouched (95 %)", "random - untouched (95 %)"), *lines
    )


def main() -> None:
    """Run what is not kept yet, and print the table."""
    folder, seeds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    if not Path(FASHION.removeprefix("idx:")).exists():
        sys.exit("Fashion-MNIST is missing: apt-get install dataset-fashion-mnist")
    kept = Kept(folder, "final_benefit")
    for name in track(list(HEALTHY | TROUBLED), "configurations"):
        for seed in range(3000, 3000 + seeds):
            kept.once(f"{name} {seed} untouched", lambda scratch: untouched(name, seed, scratch))  # noqa: B023
            kept.once(f"{name} {seed} auto", lambda scratch: advised(name, seed, scratch))  # noqa: B023
            at = next(row["first_trial"] for row in kept.rows if row["key"] == f"{name} {seed} auto")
            kept.once(f"{name} {seed} random", lambda scratch: random_fix(name, seed, at, scratch))  # noqa: B023
    report(kept.rows)


if __name__ == "__main__":
    main()
