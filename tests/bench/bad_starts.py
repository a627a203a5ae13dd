"""Measures which bad starts are noticed and rescued: rates 10, 100 and 1000 times too high, and healthy ones beside them.

    OMP_NUM_THREADS=1 nice -n 5 .venv/bin/python -m tests.bench.bad_starts

Needs Fashion-MNIST (Debian: dataset-fashion-mnist). One thread, about six minutes. Results stand in RESULTS.md
beside this file.
"""

import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from tests.bench.bare_training import (
    CHANCE_LOSS,
    GRID,
    HIGHEST,
    STEPS,
    Case,
    Landscape,
    Trained,
    curve,
    landscape,
    train,
)
from tests.bench.rate_sweep import pick_first_written, running_mean
from trainer.probing.sweep import pick_rate

SEEDS = range(20, 25)
"""Not the seeds on which the constants of rate_sweep.py were chosen; the net «deep» was not seen there at all."""
FACTORS: tuple[float, ...] = (10, 100, 1000)
ALL_FACTORS: tuple[float, ...] = (1 / 100, 1 / 10, 1 / 3, 1, 3, *FACTORS)


@dataclass(frozen=True)
class Detector:
    """A name, and the function from a run's losses to the step at which it speaks, or None."""

    name: str
    step: Callable[[list[float]], int | None]


def finite(losses: list[float]) -> list[float]:
    """Return the losses with an enormous number for each that is not finite."""
    return [loss if math.isfinite(loss) else 1e30 for loss in losses]


def not_finite(losses: list[float]) -> int | None:
    return next((step for step, loss in enumerate(losses) if not math.isfinite(loss)), None)


def above_its_minimum(losses: list[float], patience: int, share_of_run: float = 1.0) -> int | None:
    """Smoothed loss > 1.5× its minimum for `patience` steps, looked for in the first `share_of_run`."""
    lowest, above = math.inf, 0
    for step, value in enumerate(running_mean(finite(losses))[: int(share_of_run * len(losses))]):
        lowest = min(lowest, value)
        above = above + 1 if value > 1.5 * lowest else 0
        if above == patience:
            return step
    return None


def above_the_start(losses: list[float], times: float) -> int | None:
    """Smoothed loss > `times` the loss at step 0."""
    smooth = running_mean(finite(losses))
    return next((step for step, value in enumerate(smooth) if value > times * losses[0]), None)


def no_better_than_chance(losses: list[float], share_of_run: float) -> int | None:
    """Smoothed loss not 2 % below that of the constant predictor after `share_of_run`."""
    step = int(share_of_run * len(losses))
    return step if running_mean(finite(losses))[step] > 0.98 * CHANCE_LOSS else None


def noisy(losses: list[float], share_of_run: float) -> int | None:
    """Mean step-to-step change of the last 20 losses > 0.3 of the constant predictor's loss."""
    step = max(21, int(share_of_run * len(losses)))
    window = finite(losses)[step - 20 : step]
    change = statistics.fmean(abs(after - before) for before, after in itertools.pairwise(window))
    return step if change > 0.3 * CHANCE_LOSS else None


def ladder_onset(losses: list[float]) -> int | None:
    """Return the first step at which a detector of the recommended set speaks."""
    found = (
        not_finite(losses),
        above_the_start(losses, 2.0),
        above_its_minimum(losses, 20, 0.2),
        above_its_minimum(losses, 50),
        no_better_than_chance(losses, 0.1),
    )
    return min((step for step in found if step is not None), default=None)


DETECTORS = (
    Detector("not finite", not_finite),
    Detector("> 3× step 0", lambda losses: above_the_start(losses, 3.0)),
    Detector("> 2× step 0", lambda losses: above_the_start(losses, 2.0)),
    Detector("> 1.5× minimum, 50 steps", lambda losses: above_its_minimum(losses, 50)),
    Detector("> 1.5× minimum, 20 steps", lambda losses: above_its_minimum(losses, 20)),
    Detector("the same, first 20 % of the run", lambda losses: above_its_minimum(losses, 20, 0.2)),
    Detector("chance after 5 %", lambda losses: no_better_than_chance(losses, 0.05)),
    Detector("chance after 10 %", lambda losses: no_better_than_chance(losses, 0.1)),
    Detector("noisy after 5 %", lambda losses: noisy(losses, 0.05)),
    Detector("recommended set", ladder_onset),
)


def table(*rows: Sequence[object]) -> None:
    """Print rows as a markdown table; the first is the head."""
    for number, row in enumerate(rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)
        if number == 0:
            print("|" + " --- |" * len(row))
    print(flush=True)


def judged(picks: list[tuple[float | None, Landscape]]) -> list[object]:
    """Return no pick / within 1 / within 3 points, the worst shortfall, and the lowest, middle and highest ratio."""
    known = [(pick, ground) for pick, ground in picks if pick is not None]
    shortfalls = [ground.shortfall_points(pick) for pick, ground in known]
    ratios = sorted(pick / ground.good for pick, ground in known)
    of = len(picks)
    counts = [f"{sum(short <= points for short in shortfalls)}/{of}" for points in (1, 3)]
    if not known:
        return [f"{of}/{of}", *counts, "-", "-"]
    spread = f"{ratios[0]:.2f} .. {statistics.median(ratios):.2f} .. {ratios[-1]:.2f}"
    return [f"{of - len(known)}/{of}", *counts, f"{max(shortfalls):.0f}", spread]


def report_sweeps(grounds: dict[Case, Landscape]) -> dict[tuple[Case, int], float | None]:
    """Print how well sweeps agree with the good rates; return the recommended sweep's picks."""
    picks: dict[tuple[Case, int], float | None] = {}
    by_recipe: dict[str, list[tuple[float | None, Landscape]]] = {}
    for case, ground in grounds.items():
        hi, early = HIGHEST[case.optimizer], STEPS[case.net] // 20
        for seed in SEEDS:
            curves = {
                f"{steps} steps from {lo:g}": curve(case, seed, steps, lo, hi)
                for steps, lo in ((40, 1e-5), (60, 1e-5), (100, 1e-5), (100, 1e-7))
            }
            if case.batch == 32:
                for factor in FACTORS:
                    lo = ground.good * factor / 1000
                    curves[f"60 steps from a thousandth of a rate {factor}× too high"] = curve(case, seed, 60, lo, hi)
                for excess, what in ((1, "healthy"), (100, "broken")):
                    state = train(case, seed, ground.good * excess, early + 1, keep_states=(early,)).states[early]
                    curves[f"60 steps from 1e-05, {what} state at 5 % of the run"] = curve(
                        case, seed, 60, 1e-5, hi, state
                    )
            for name, swept in curves.items():
                by_recipe.setdefault(f"pick_rate, {name}", []).append((pick_rate(*swept, case.optimizer)[0], ground))
                if "from 1e-0" in name and "state" not in name:
                    by_recipe.setdefault(f"first recipe, {name}", []).append((pick_first_written(*swept)[0], ground))
            picks[case, seed] = pick_rate(*curves["60 steps from 1e-05"], case.optimizer)[0]
    head = ["no pick", "≤ 1 point", "≤ 3 points", "worst", "pick / good rate: least .. middle .. most"]
    table(["recipe", *head], *([name, *judged(found)] for name, found in sorted(by_recipe.items())))
    table(
        ["net", "optimizer", "batch", "good rate (band)", "accuracy", *head],
        *(
            [
                case.net,
                case.optimizer,
                case.batch,
                f"{ground.good:.2g} ({ground.band[0]:.2g}-{ground.band[1]:.2g})",
                f"{max(ground.accuracies):.1f}",
                *judged([(picks[case, seed], ground) for seed in SEEDS]),
            ]
            for case, ground in grounds.items()
        ),
    )
    rows: list[list[object]] = []
    for times in (3, 10, 20, 30):
        for side in ("too high", "too low"):
            cells: list[object] = [f"{side} by > {times}×"]
            for factor in ALL_FACTORS:
                ratios = [grounds[case].good * factor / pick for (case, _), pick in picks.items() if pick is not None]
                spoken = sum(ratio > times if side == "too high" else ratio < 1 / times for ratio in ratios)
                cells.append(f"{spoken / len(picks):.2f}")
            rows.append(cells)
    table(["sweep says", *(f"×{factor:.2g}" for factor in ALL_FACTORS)], *rows)
    return picks


def report_detectors(grounds: dict[Case, Landscape]) -> dict[tuple[Case, float, int], Trained]:
    """Print which detector speaks in which runs, and when; return the untouched runs."""
    runs: dict[tuple[Case, float, int], Trained] = {}
    for case, ground in grounds.items():
        for factor in ALL_FACTORS if case.batch == 32 and case.net in ("mlp", "cnn") else ():
            for seed in SEEDS:
                runs[case, factor, seed] = train(case, seed, ground.good * factor)
        for factor in ALL_FACTORS[2:5] if case.batch == 32 and case.net in ("linear", "deep") else ():
            for seed in SEEDS:
                runs[case, factor, seed] = train(case, seed, ground.good * factor)
    rows: list[list[object]] = []
    for detector in DETECTORS:
        row: list[object] = [detector.name]
        for factor in ALL_FACTORS:
            chosen = [run.losses for (_, known, _), run in runs.items() if known == factor]
            found = [(detector.step(losses), len(losses)) for losses in chosen]
            when = [step / length for step, length in found if step is not None]
            row.append(f"{len(when)}/{len(chosen)}" + (f" at {100 * statistics.median(when):.0f} %" if when else ""))
        rows.append(row)
    table(["detector", *(f"×{factor:.2g}" for factor in ALL_FACTORS)], *rows)
    return runs


def report_rescues(
    grounds: dict[Case, Landscape],
    picks: dict[tuple[Case, int], float | None],
    runs: dict[tuple[Case, float, int], Trained],
) -> None:
    """Print how many of the bad starts end within one and three points of the reference, by way of rescue."""
    rows: list[Sequence[object]] = []
    for case in [Case(net, optimizer) for net in ("mlp", "cnn") for optimizer in ("sgd", "adam")]:
        reference = statistics.fmean(runs[case, 1, seed].accuracy for seed in SEEDS)
        for factor in FACTORS:
            arms: dict[str, list[float]] = {}
            for seed in SEEDS:
                bad, rate, length = runs[case, factor, seed], grounds[case].good * factor, STEPS[case.net]
                found, pick = ladder_onset(bad.losses), picks[case, seed]
                onset = length // 10 if found is None else found
                chosen = rate if pick is None else pick
                results = {
                    "untouched": bad,
                    "halved in place": train(case, seed, rate, halve_at=onset),
                    "pick in place": train(case, seed, rate, switch_at=(onset, chosen)),
                    "halved from step 0": train(case, seed, rate / 2),
                    "pick from step 0": train(case, seed, chosen),
                    "the same, lost steps charged": train(case, seed, chosen, length - onset - 60),
                }
                for name, result in results.items():
                    arms.setdefault(name, []).append(reference - result.accuracy)
            rows.append(
                [case.net, case.optimizer, f"×{factor}", f"{reference:.1f}"]
                + [
                    f"{sum(gap <= 1 for gap in gaps)}, {sum(gap <= 3 for gap in gaps)} of 5 (-{max(gaps):.0f})"
                    for gaps in arms.values()
                ]
            )
    table(["net", "optimizer", "rate", "reference", *arms], *rows)


def main() -> None:
    """Run the experiment and print its tables."""
    torch.set_num_threads(1)
    pairs = (("linear", 32), ("mlp", 32), ("mlp", 128), ("deep", 32), ("cnn", 32), ("cnn", 128))
    cases = [Case(net, optimizer, batch) for net, batch in pairs for optimizer in GRID]
    grounds = {case: landscape(case) for case in cases}
    picks = report_sweeps(grounds)
    runs = report_detectors(grounds)
    report_rescues(grounds, picks, runs)
    print(f"{time.process_time():.0f} s of processor time")


if __name__ == "__main__":
    main()
