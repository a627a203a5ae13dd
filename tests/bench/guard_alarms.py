"""How often the guard takes a clean step for an outlier: false alarms in 10,000 steps of healthy runs.

python -m tests.bench.guard_alarms            runs all: some minutes on one core
"""

import tempfile
from pathlib import Path
from typing import Any

from tests.trainer.running import of, run_with
from trainer.config import parse
from trainer.wire import BeatTaken, Evaluated, GuardActed

RUNS: dict[str, dict[str, Any]] = {
    "digits, AdamW": {"train": {"epochs": 60, "lr": 3e-3, "batch_size": 32}},
    "digits, AdamW, to a loss of 0": {"train": {"epochs": 80, "lr": 3e-3, "weight_decay": 0.0, "schedule": "constant"}},
    "digits, SGD": {"train": {"epochs": 60, "lr": 0.1, "optimizer": "momentum", "batch_size": 32}},
    "digits, batches of 8": {"train": {"epochs": 20, "lr": 1e-3, "batch_size": 8}},
    "digits, linear": {"train": {"epochs": 60, "lr": 1e-2}, "model": {"name": "linear"}},
    "wine": {"data": {"source": "sklearn:wine"}, "train": {"epochs": 200, "lr": 3e-3, "batch_size": 8}},
    "breast cancer": {
        "data": {"source": "sklearn:breast_cancer"},
        "train": {"epochs": 100, "lr": 3e-3, "batch_size": 16},
    },
    "diabetes": {"data": {"source": "sklearn:diabetes"}, "train": {"epochs": 150, "lr": 1e-3, "batch_size": 16}},
}


def main() -> None:
    """Train each with the guard watching and with it acting; print alarms in 10,000 steps and the best metric."""
    print("run                            | steps | loss | gradient | of 10,000 | metric watched | metric guarded")
    for name, sections in RUNS.items():
        raw = {"data": {"source": "sklearn:digits"}, "model": {"name": "mlp"}, **sections}
        raw["train"] = {"threads": 1, "device": "cpu", **raw["train"]}
        heard, metrics = {}, {}
        for mode in ("watch", "auto"):
            with tempfile.TemporaryDirectory() as folder:
                _, heard[mode] = run_with(Path(folder), parse(raw, name), mode=mode)
            best = [next(iter(e.metrics.values())) for e in of(heard[mode], Evaluated) if e.split == "test"]
            metrics[mode] = best[-1] if best else float("nan")
        steps = sum(beat.steps for beat in of(heard["watch"], BeatTaken))
        whys = [event.why for event in of(heard["watch"], GuardActed)]
        loss, gradient = whys.count("loss_outlier"), whys.count("gradient_outlier")
        rate = 10_000 * (loss + gradient) / steps
        print(
            f"{name:30} | {steps:5} | {loss:4} | {gradient:8} | {rate:9.1f} | {metrics['watch']:14.4f} | "
            f"{metrics['auto']:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
