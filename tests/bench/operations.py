"""What each operation on a net that cannot learn comes to, where the run is configured with it from the start.

python -m tests.bench.operations [CASE …]

Prints the test scores of a case's reference and of its faulty side under every operation, by seed. The order of the fixes in
`rules/operations.py` rests on it.
"""

import argparse
import tempfile
from pathlib import Path

import torch

from advisor.together import run_together
from tests.faults.case import Case, Side
from tests.faults.cases import find
from tests.faults.harness import arm_of
from trainer.knobs import KnobValue

SEEDS = (0, 1)
CASES = (
    "autotrainer_circles", "deep_sigmoid", "deep_sigmoid_tangle", "plain_20_layers", "deep_small_weights",
    "deep_large_weights", "tanh_large_breast", "tanh_large_weights", "dead_layer", "same_weights", "no_activations",
)  # fmt: skip
OPERATIONS: tuple[dict[str, KnobValue], ...] = (
    {},
    {"init": "he"},
    {"init": "xavier"},
    {"init": "orthogonal"},
    {"activation": "relu", "init": "he"},
    {"activation": "leaky_relu", "init": "he"},
    {"activation": "tanh", "init": "xavier"},
    {"activation": "relu", "init": "he", "norm": "batch"},
    {"activation": "relu", "init": "he", "residual": True},
    {"norm": "batch"},
    {"norm": "batch", "init": "he"},
    {"residual": True},
    {"residual": True, "init": "he"},
    {"residual": True, "init": "he", "norm": "batch"},
)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.operations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", type=find, default=[find(name) for name in CASES])
    torch.set_num_threads(1)
    for case in parser.parse_args().cases:
        print(case.name)
        print("  reference", told([score(case, "reference", seed, {}) for seed in SEEDS]))
        for operation in OPERATIONS:
            scores = [score(case, "faulty", seed, operation) for seed in SEEDS]
            name = ", ".join(f"{knob} {value}" for knob, value in operation.items()) or "as it is"
            print(f"  {name:44}", told(scores), flush=True)


def score(case: Case, side: Side, seed: int, operation: dict[str, KnobValue]) -> float | None:
    """Return the test score; nothing where the net cannot be operated so."""
    config = case.config(side, seed, "watch")
    config = config.model_copy(update={"train": config.train.model_copy(update=operation)})
    with tempfile.TemporaryDirectory() as folder:
        run = run_together(config, Path(folder) / "run", rules=())
    if run.words.why == "mistake":
        return None
    return arm_of(case, run.events, run.entries, run.words, 0.0).score


def told(scores: list[float | None]) -> str:
    return " ".join("  – " if one is None else f"{one:.3f}" for one in scores)


if __name__ == "__main__":
    main()
