"""Runs the arms of many forks side by side, scores them at each horizon, and carries every arm on to the run's end."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tests.bench.fork_cases import BATCH, STEPS, Candidate, Case, ground
from tests.bench.many_nets import Nets, Settings, fresh, orders, scores, step, versions

HORIZONS = (40, 100, 400)
FORKED_AT = (0.2, 0.5)
"""Shares of the run."""
PAIRS = 5
"""Streams of batches on which every candidate is trained, and the control with it."""
SPARE = 5
"""Further streams of the control: null arms, and candidates that change nothing."""
SEEDS = {"digits": range(100, 112), "tabular": range(100, 112), "fashion": range(100, 103)}


@dataclass(frozen=True)
class Forked:
    """Scores of all arms of one case from one place in the run.

    `probe` is runs × arms × horizons × (end weights, tail average, annealed) × (loss, accuracy, recall), `final` runs × arms ×
    (loss, accuracy, recall) of the test examples at the run's end. The first arms are PAIRS + SPARE controls, then
    PAIRS arms of each candidate, on the batches of the first controls.
    """

    probe: np.ndarray
    final: np.ndarray


def rate_factor(case: Case, at: int) -> float:
    """Return what the schedule makes of the rate: warm-up over 3 % of the run, then constant or cosine to 0."""
    total = STEPS[case.data]
    warm = min(1.0, (at + 1) / (0.03 * total))
    return warm * (0.5 * (1 + math.cos(math.pi * at / total)) if case.cosine else 1.0)


def _settings(case: Case, arms: list[Candidate]) -> Settings:
    here = ground(case)
    counts = torch.bincount(here.targets, minlength=here.shape.classes).float()
    weights = torch.stack([(counts.mean() / counts) ** arm.class_weights for arm in arms])
    return Settings(
        rate=torch.tensor([case.rate * arm.rate for arm in arms]),
        decay=torch.tensor([case.decay * arm.decay for arm in arms]),
        smoothing=torch.tensor([arm.smoothing for arm in arms]),
        class_weights=weights,
        adam=case.data != "fashion",
    )


def _train(
    case: Case,
    nets: Nets,
    arms: list[Candidate],
    streams: list[tuple[int, ...]],
    stream_of: Tensor,
    start: int,
    end: int,
    watch: Callable[[int, Nets], None] = lambda number, nets: None,
    anneal: bool = False,
) -> None:
    """Train nets from step `start` to `end`; `watch` is told how many steps have been taken since the start.

    With `anneal` the rate falls from what it is at `start` to 0 in a line.
    """
    here, settings = ground(case), _settings(case, arms)
    augmented = torch.tensor([arm.augment for arm in arms])[:, None]
    rows, shown = orders(len(here.targets), BATCH, streams), versions(len(here.train), BATCH, streams)
    for at in range(start, end):
        chosen = next(rows)[stream_of]
        version = torch.where(augmented, next(shown)[stream_of], 0)
        factor = rate_factor(case, start) * (end - at) / (end - start) if anneal else rate_factor(case, at)
        step(nets, settings, here.train[version, chosen], here.targets[chosen], factor)
        watch(at + 1 - start, nets)


def base_runs(case: Case) -> list[Nets]:
    """Return the nets of all seeds at each place where they are forked."""
    seeds = SEEDS[case.data]
    nets, at, kept = fresh(ground(case).shape, seeds), 0, []
    for share in FORKED_AT:
        until = round(share * STEPS[case.data])
        streams = [(seed, at) for seed in seeds]
        _train(case, nets, [Candidate("control")] * len(seeds), streams, torch.arange(len(seeds)), at, until)
        kept.append(nets.chosen(torch.arange(len(seeds))))
        at = until
    return kept


def fork(case: Case, nets: Nets, share: float) -> Forked:
    """Run all arms from the given states; all runs side by side."""
    seeds, here = SEEDS[case.data], ground(case)
    kinds = [Candidate("control")] * (PAIRS + SPARE) + [one for one in case.candidates for _ in range(PAIRS)]
    stream_of_arm = [*range(PAIRS + SPARE), *(list(range(PAIRS)) * len(case.candidates))]
    streams = [(seed, round(1000 * share), 7, stream) for seed in seeds for stream in range(PAIRS + SPARE)]
    stream_of = torch.tensor([run * (PAIRS + SPARE) + stream for run in range(len(seeds)) for stream in stream_of_arm])
    many = nets.chosen(torch.arange(len(seeds)).repeat_interleave(len(kinds)))
    start = round(share * STEPS[case.data])
    probe = np.full((len(seeds) * len(kinds), len(HORIZONS), 3, 3), np.nan)
    sums: list[Tensor] = []

    def watch(number: int, now: Nets) -> None:
        nonlocal sums
        for place, horizon in enumerate(HORIZONS):
            if number == horizon // 2:
                sums = [torch.zeros_like(one) for one in now.weights]
            if horizon // 2 < number <= horizon and (place == 0 or number > HORIZONS[place - 1]):
                for total, one in zip(sums, now.weights, strict=True):
                    total.add_(one)
            if number == horizon:
                averaged = [one / (horizon - horizon // 2) for one in sums]
                annealed, at = now.chosen(torch.arange(len(now.weights[0]))), start + horizon
                others = [(*stream, horizon) for stream in streams]
                _train(case, annealed, kinds * len(seeds), others, stream_of, at, at + horizon // 2, anneal=True)
                for kind, weights in enumerate((now.weights, averaged, annealed.weights)):
                    probe[:, place, kind] = scores(here.shape, weights, *here.probe).numpy()

    _train(case, many, kinds * len(seeds), streams, stream_of, start, STEPS[case.data], watch)
    final = scores(here.shape, many.weights, *here.test).numpy()
    runs = (len(seeds), len(kinds))
    return Forked(probe.reshape(*runs, len(HORIZONS), 3, 3), final.reshape(*runs, 3))
