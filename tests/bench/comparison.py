"""How often `advisor compare` tells runs apart that differ by their seed alone.

    python -m tests.bench.comparison FOLDER [--seeds 12]

Trains the digits with each seed into FOLDER (what lies there already is taken as it is), then holds every pair, and 400 random
threes against threes, against each other.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from random import Random
from statistics import fmean, stdev

from advisor.compare.build import Bunch, quantity_of
from advisor.compare.read import read
from advisor.compare.side import Side, quantities

CONFIG = Path(__file__).parents[2] / "examples" / "digits.toml"
DRAWS = 400


def train(folder: Path, seed: int) -> Path:
    """Return a run of this seed; it is trained where it is not there."""
    place = folder / f"seed{seed}"
    if not (place / "report.json").exists():
        command = [
            "train",
            str(CONFIG),
            "--headless",
            "--mode",
            "watch",
            "--set",
            "train.epochs=6",
            "--seed",
            str(seed),
        ]
        subprocess.run(
            [sys.executable, "-m", "advisor.cli", *command, "--run-dir", str(place)], check=True, capture_output=True
        )
    return place


def told_apart(pairs: Sequence[tuple[Sequence[Side], Sequence[Side]]]) -> dict[str, float]:
    """Return the share of pairs that are told apart, by quantity."""
    asked = quantities("accuracy", True)
    verdicts = {
        one.name: [
            quantity_of(one, Bunch("a", tuple(first)), Bunch("b", tuple(second))).verdict for first, second in pairs
        ]
        for one in asked
    }
    return {name: fmean(verdict in ("better", "worse") for verdict in told) for name, told in verdicts.items()}


def main() -> None:
    """Train, compare, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=12)
    asked = parser.parse_args()
    sides = read([train(asked.folder, seed) for seed in range(asked.seeds)]).sides
    single = told_apart([((one,), (two,)) for one, two in combinations(sides, 2)])
    random = Random(0)
    drawn = [random.sample(sides, 6) for _ in range(DRAWS)]
    threes = told_apart([(six[:3], six[3:]) for six in drawn])
    print("| quantity | spread over the seeds | pairs told apart | threes told apart |\n| --- | ---: | ---: | ---: |")
    for name, share in single.items():
        values = [side.values[name] for side in sides]
        spread = stdev(values) / fmean(values)
        print(f"| {name} | {spread:.1%} | {share:.1%} | {threes[name]:.1%} |")


if __name__ == "__main__":
    main()
