"""Measures how far a sweep's pick ends from the best rate, on the healthy trainings of the fault bench under four optimizers.

    OMP_NUM_THREADS=1 nice -n 5 .venv/bin/python -m tests.bench.rate_picks SEED [TRAINING ...]

Each training (digits, clothes, tables, text; a name of tests/faults/cases/bases.py) is trained whole, guard off, at 12 rates from a
64th to 32 times the pick, all from one state and on the same batches. About ten seconds of processor time each. Results stand
in RESULTS.md beside this file.
"""

import sys
import tempfile
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import torch

from tests.faults.case import Case
from tests.faults.cases import _by_name, bases
from tests.trainer.running import training_of
from trainer.evaluate import Examiner
from trainer.probing.probes import SWEEP_STEPS, sweep_rates
from trainer.probing.sweep import pick_rate
from trainer.state.snapshot import restore, take
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.turning import set_knobs

OPTIMIZERS = ("sgd", "momentum", "adam", "rmsprop")
USUAL = ("DIGITS", "FASHION", "TANGLE", "FRIEDMAN", "DIGITS_CNN", "DIGITS_GRU", "WORDS_BAG", "TEXT_BAG", "ORDERS")
OCTAVES = range(-6, 6)
"""Powers of two around the pick."""
EVALUATIONS = 12
"""In a run: the best of them is tested, as a run keeps its best model."""


@dataclass(frozen=True)
class Picked:
    """What one training has shown."""

    pick: float
    scores: dict[int, float]
    """Octaves from the pick → test score of the model that was best in validation; NaN where the run was lost."""

    def shortfall(self, octaves: int = 0) -> float:
        """Return how far a rate so many octaves from the pick ends below the second best, which is less luck than the best."""
        known = sorted(score for score in self.scores.values() if isfinite(score))
        score = self.scores[octaves]
        return known[-2] - score if isfinite(score) else 1.0


def measure(name: str, optimizer: str, seed: int) -> Picked | None:
    """Sweep a training, and train it whole at rates around the pick; None where there is no pick."""
    setting = getattr(bases, name).having(optimizer=optimizer, lr=0.01)
    case = Case(f"rates_{name}_{optimizer}", "", setting, setting)
    _by_name()[case.name] = case  # its task finds it by name
    with tempfile.TemporaryDirectory() as folder:
        training, _ = training_of(Path(folder), case.config("reference", seed, "watch"))
        training.watching = False
        first, examiner = take(training), Examiner(training)
        pick, _ = pick_rate(*sweep_rates(training, SWEEP_STEPS), optimizer)
        if pick is None:
            return None
        scores = {}
        for octaves in OCTAVES:
            restore(training, first)
            set_knobs(training, {"lr": pick * 2.0**octaves})
            scores[octaves] = trained(training, examiner)
    return Picked(pick, scores)


def trained(training: Training, examiner: Examiner) -> float:
    """Train to the end; return the test score of the model that was best in validation, NaN for a run that was lost at once."""
    total, sign = training.steps_total, 1 if training.setup.info.higher_is_better else -1
    best, score = float("-inf"), float("nan")
    for step in range(1, total + 1):
        if not isfinite(float(take_step(training, training.supply.take()).loss)):
            break
        if step % max(total // EVALUATIONS, 1) == 0 and sign * (metric := examiner.judge("val").scores.main) >= best:
            best, score = sign * metric, examiner.judge("test").scores.main
    return score


def main(seed: int, names: tuple[str, ...]) -> None:
    """Print a row for each training, and for each optimizer how often the pick, its half and its double end near the best."""
    torch.set_num_threads(1)
    for optimizer in OPTIMIZERS:
        found = []
        for name in names:
            one = measure(name, optimizer, seed)
            if one is None:
                print(f"{name} {optimizer}: no pick", flush=True)
                continue
            found.append(one)
            row = " ".join(f"{score:.3f}" for score in one.scores.values())
            print(f"{name} {optimizer}: pick {one.pick:.2g}, scores {row}", flush=True)
        for octaves in (-1, 0, 1):
            near = sum(one.shortfall(octaves) <= 0.02 for one in found)
            print(
                f"{optimizer}, {2.0**octaves:g} times the pick: within 2 points of the best in {near} of {len(found)}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]), tuple(sys.argv[2:]) or USUAL)
