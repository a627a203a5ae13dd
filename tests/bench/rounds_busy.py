"""Measures rules that decide rounds on two cores, with a competitor of a driver's and a viewer's load and without.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.rounds_busy FILE [STRETCHES]

A real training (digits MLP) is timed in stretches of a quarter of a second, one after the other, nothing changed. From
those series trials are dealt: neighbouring stretches are called control and candidate in turns, and a true gain g
shortens the candidate's by 1 - g, as less work at the same disturbance does. So every rule sees the same machine.
A gain made by a calibrated spin in the step is timed beside it, to see that the two ways agree.

The competitor stands for driver and viewer: two processes at nice 10, one busy 3 % of a core in slices of 8 ms, one 7 %
in slices of 35 ms twice a second (the viewer's share is measured, RESULTS.md; the driver's is assumed). Series are kept in FILE.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import torch
from rich.progress import track
from torch import nn

from tests.bench.bad_starts import table
from tests.bench.bare_training import Case, batches, fresh, make_optimizer
from tests.bench.intervals import wilson

STRETCH_S = 0.25
LEAST_STEPS = 20
GAINS = (0.0, 0.05, 0.10, 0.20)
SPUN_GAIN = 0.10
LEAST_GAIN = 0.02
LOOP_TURNS = 2_000_000
HIDDEN_SHARE = 0.03
"""Stretches are doubled while their noise hides 3 %."""
DRIVER, VIEWER = (0.25, 0.008), (0.5, 0.035)
"""Seconds between wakes, and seconds of work at each."""


class Training:
    """A step of a digits MLP, and a spin of so many turns of an empty loop."""

    def __init__(self) -> None:
        case = Case("mlp", "adam")
        self.model = fresh("mlp", 0)
        self.optimizer = make_optimizer(case, self.model, 1e-3)
        self.batches = batches(case, 0)

    def step(self, turns: int) -> None:
        inputs, targets = next(self.batches)
        self.optimizer.zero_grad()
        nn.functional.cross_entropy(self.model(inputs), targets).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        for _ in range(turns):
            pass

    def seconds(self, steps: int, turns: int) -> float:
        """Time so many steps, per step."""
        begun = time.perf_counter()
        for _ in range(steps):
            self.step(turns)
        return (time.perf_counter() - begun) / steps


def record(stretches: int, competitors: bool) -> dict[str, object]:
    """Time stretches: nothing changed, and then a spin in every other one."""
    others = [subprocess.Popen([sys.executable, "-c", busy(*load)]) for load in (DRIVER, VIEWER) if competitors]
    try:
        training = Training()
        training.seconds(50, 0)
        step_s = min(training.seconds(40, 0) for _ in range(8))
        turns = turns_worth(SPUN_GAIN, processor_s(lambda: training.seconds(200, 0)) / 200)
        steps = max(LEAST_STEPS, round(STRETCH_S / step_s))
        same = [training.seconds(steps, 0) for _ in track(range(stretches), "nothing changed")]
        spun = [training.seconds(steps, turns * (place % 4 in (0, 3))) for place in track(range(stretches), "spun")]
    finally:
        for one in others:
            one.kill()
            one.wait()
    return {"same": same, "spun": spun, "steps": steps, "step_s": step_s, "load": os.getloadavg()[0]}


def turns_worth(gain: float, step_s: float) -> int:
    """Return how many turns of an empty loop a step must have so that leaving them out saves a share `gain` of it.

    Counted in processor time: wall time on a busy machine would call a step far longer than a loop's turns.
    """
    begun = time.process_time()
    for _ in range(LOOP_TURNS):
        pass
    return round(gain / (1 - gain) * step_s / ((time.process_time() - begun) / LOOP_TURNS))


def processor_s(work: Callable[[], object]) -> float:
    """Return the processor time of some work, seconds."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def busy(every_s: float, work_s: float) -> str:
    return (
        "import os, time\nos.nice(10)\n"
        f"while True:\n    end = time.process_time() + {work_s}\n"
        f"    while time.process_time() < end: pass\n    time.sleep({every_s})\n"
    )


@dataclass(frozen=True)
class Rule:
    """How many rounds of which length, and what is kept from their gains."""

    name: str
    rounds: int
    keeps: Callable[[list[float]], bool]
    stretch: int = 1
    """Stretches of a quarter of a second that make one of this rule's."""
    doubles: int = 1
    """… and how many times as many at most, while noise hides 3 %."""


def all_agree(gains: list[float]) -> bool:
    return min(gains) > 0 and median(gains) >= LEAST_GAIN


def trimmed(gains: list[float]) -> bool:
    """All but the worst must agree, and the mean without best and worst be worth it."""
    ordered = sorted(gains)
    return ordered[1] > 0 and sum(ordered[1:-1]) / (len(ordered) - 2) >= LEAST_GAIN


RULES = (
    Rule("6 rounds agree, median ≥ 2 %", 6, all_agree),
    Rule("the same, stretches of 0.5 s", 6, all_agree, stretch=2),
    Rule("the same, stretches of 1 s", 6, all_agree, stretch=4),
    Rule("the same, doubled up to 1 s while noise hides 3 %", 6, all_agree, doubles=4),
    Rule("8 rounds agree, median ≥ 2 %", 8, all_agree),
    Rule("6 rounds, the worst may disagree", 6, trimmed),
    Rule("8 rounds, the worst may disagree", 8, trimmed),
)


def gains_of(series: list[float], rounds: int, gain: float, swapped: bool) -> list[float]:
    """Return the gain of each round of two neighbours, AB BA AB …; of two series of the same length, the first half."""
    found = []
    for number in range(rounds):
        pair = series[2 * number : 2 * number + 2]
        control, candidate = pair if (number % 2 == 0) != swapped else pair[::-1]
        found.append(1 - candidate * (1 - gain) / control)
    return found


def merged(series: list[float], by: int) -> list[float]:
    """Return the means of so many neighbours."""
    return [sum(series[at : at + by]) / by for at in range(0, len(series) - by + 1, by)]


def hides(series: list[float]) -> bool:
    """Tell whether the spread of neighbouring control stretches would hide 3 %."""
    low, _, high = quantiles(series, n=4)
    return (high - low) / median(series) > 2 * HIDDEN_SHARE


def verdicts(rule: Rule, series: list[float], gain: float) -> tuple[int, int, float]:
    """Return kept, trials, and the mean seconds that one took."""
    kept, trials, stretches, at = 0, 0, 0, 0
    while True:
        by = rule.stretch
        while by < rule.stretch * rule.doubles and at + 6 * by <= len(series):
            if not hides(merged(series[at : at + 6 * by], by)):
                break
            by *= 2
        length = 2 * rule.rounds * by
        if at + length > len(series):
            return kept, trials, STRETCH_S * stretches / max(trials, 1)
        for swapped in (False, True):
            kept += rule.keeps(gains_of(merged(series[at : at + length], by), rule.rounds, gain, swapped))
            trials += 1
            stretches += length
        at += length


def report(recorded: dict[str, dict[str, object]]) -> None:
    """Print how noisy the machine was, and what each rule keeps."""
    for name, series in recorded.items():
        same: list[float] = series["same"]  # type: ignore[assignment]
        spun: list[float] = series["spun"]  # type: ignore[assignment]
        low, _, high = quantiles([after / before for before, after in zip(same[::2], same[1::2], strict=False)], n=20)[
            ::9
        ]
        made = [1 - (spun[at + 1] + spun[at + 2]) / (spun[at] + spun[at + 3]) for at in range(0, len(spun) - 3, 4)]
        print(
            f"{name}: load {series['load']:.1f}; neighbours' ratio {low:.2f}-{high:.2f} (90 %); "
            f"a spin worth {SPUN_GAIN:.0%} is timed as {median(made):.1%}\n"
        )
        rows = []
        for rule in RULES:
            cells: list[object] = [rule.name]
            for gain in GAINS:
                kept, trials, seconds = verdicts(rule, same, gain)
                share = f"{kept}/{trials}"
                if gain == 0:
                    # The two ways to call neighbours are not independent: the interval counts each stretch once.
                    edges = wilson(kept / 2, trials // 2)
                    share += f" ({edges[0]:.1%}-{edges[1]:.1%})"
                cells.append(share)
            rows.append([*cells, f"{seconds:.1f}"])
        table(("rule", *(f"gain {gain:.0%}" for gain in GAINS), "seconds a trial"), *rows)


def main() -> None:
    """Record what is not recorded yet, and print the tables."""
    torch.set_num_threads(1)
    file, stretches = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 600
    recorded = json.loads(file.read_text()) if file.exists() else {}
    for competitors in (False, True):
        name = "driver and viewer run beside it" if competitors else "without them"
        if name not in recorded:
            recorded[name] = record(stretches, competitors)
            file.write_text(json.dumps(recorded))
    report(recorded)


if __name__ == "__main__":
    main()
