"""From which state is a change of the network to be tried: the run's own of now, or the beginning of both arms?

    python -m tests.bench.surgery_start

Truth is what the whole rest of the run comes to, with the turn made now against without it. A verdict from now compares the
validation loss after a fork of 40 steps; one from two beginnings compares both nets 40 steps after step 0.
"""

import tempfile
from pathlib import Path
from typing import Any

from tests.trainer.running import config_of, training_of
from trainer.evaluate import Examiner
from trainer.state.snapshot import take
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.trials.restart import names_of, take_over

HORIZON = 40
SHARES = (0.1, 0.4)
NETS: dict[str, dict[str, Any]] = {
    "20 sigmoid layers": {"hidden": [32] * 20, "activation": "sigmoid"},
    "4 ReLU layers": {"hidden": [32] * 4},
    "2 sigmoid layers": {"hidden": [32] * 2, "activation": "sigmoid"},
}
TURNS: tuple[tuple[str, Any], ...] = (("activation", "relu"), ("norm", "batch"), ("residual", True), ("init", "he"))


def made(net: dict[str, Any], **turned: Any) -> Training:
    config = config_of(model=net, epochs=5, lr=3e-3, batch_size=32, threads=1, **turned)
    training, _ = training_of(Path(tempfile.mkdtemp()), config)
    training.model.train()
    return training


def after(training: Training, steps: int) -> float:
    """Train so many steps, at most to the end; return the validation loss."""
    for _ in range(steps):
        if training.progress.samples >= training.progress.samples_total:
            break
        take_step(training, training.supply.take())
    return Examiner(training).score(training.model, "val").loss


def main() -> None:
    right = {"now": 0, "beginning": 0}
    harmful = {"now": 0, "beginning": 0}
    cases = 0
    for name, net in NETS.items():
        for share in SHARES:
            without = made(net)
            after(without, int(share * without.steps_total))
            state, parameters = take(without), names_of(without)
            control, control_end = after(without, HORIZON), after(without, without.steps_total)
            begun = after(made(net), HORIZON)
            for knob, to in TURNS:
                if (knob, to) == ("activation", "relu") and "ReLU" in name:
                    continue
                operated = made(net, **{knob: to})
                take_over(operated, state, parameters)
                now, end = after(operated, HORIZON), after(operated, operated.steps_total)
                first = after(made(net, **{knob: to}), HORIZON)
                truth = end < control_end
                verdicts = {"now": now < control, "beginning": first < begun}
                print(f"{name:18} at {share:.0%} {knob} = {to}: truth {truth}, {verdicts}", flush=True)
                cases += 1
                for way, verdict in verdicts.items():
                    right[way] += verdict == truth
                    harmful[way] += verdict and not truth
    print(f"{cases} cases; right {right}; kept what did harm {harmful}")


if __name__ == "__main__":
    main()
