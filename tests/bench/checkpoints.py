"""How long a training waits for a checkpoint: written at once, and behind the training.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.checkpoints [ROUNDS]

The trainer on digits with nets of three sizes and AdamW (three times the weights lie in a checkpoint, and the best weights
besides); both ways in turns, by the wall clock. The steps that are taken while one is written behind are timed, too, beside
steps with nothing behind them.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.trainer.running import config_of, training_of
from trainer.state.keeping import Keeper
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.wire import CheckpointWritten

ROUNDS = 5
HIDDEN = {"0.1 MB": (128, 64), "20 MB": (2048, 2048), "140 MB": (5800, 5800)}
"""Weights of the net, and its layers."""


def steps_s(training: Training, least: int = 3) -> float:
    """Return the seconds of a step: while something is written behind, of at least so many otherwise."""
    taken, begun = 0, perf_counter()
    while taken < least or training.behind.busy:
        take_step(training, training.supply.take())
        taken += 1
    return (perf_counter() - begun) / taken


def main(rounds: int) -> None:
    """Print a table, a row for each net."""
    print(
        "| weights | waits at once, s | waits for the copy, s | share (least .. most) | written behind in, s | a step meanwhile, × |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name, hidden in HIDDEN.items():
        with tempfile.TemporaryDirectory() as scratch:
            training, heard = training_of(Path(scratch), config_of(model={"hidden": hidden}, epochs=1000))
            training.model.train()
            keeper = Keeper(training)
            steps_s(training)
            training.keep_best()
            waits: dict[bool, list[float]] = {False: [], True: []}
            slower = []
            for number in range(rounds + 1):
                alone = steps_s(training)
                for behind in (False, True) if number % 2 else (True, False):
                    training.knobs["async_checkpoints"] = behind
                    begun = perf_counter()
                    keeper.write_due()
                    waits[behind].append(perf_counter() - begun)
                    if behind:
                        slower.append(steps_s(training) / alone)
                        training.behind.settle()
            written = [event.behind_s for event in heard if isinstance(event, CheckpointWritten) and event.behind_s]
            shares = [copy / whole for copy, whole in list(zip(waits[True], waits[False], strict=True))[1:]]
            print(
                f"| {name} | {median(waits[False][1:]):.3f} | {median(waits[True][1:]):.3f} "
                f"| {median(shares):.0%} ({min(shares):.0%} .. {max(shares):.0%}) | {median(written[1:]):.3f} "
                f"| {median(slower[1:]):.2f} ({min(slower[1:]):.2f} .. {max(slower[1:]):.2f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
