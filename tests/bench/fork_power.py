"""Measures how often rules that decide a fork keep what changes nothing, and find what helps, from the same arms.

    OMP_NUM_THREADS=1 nice -n 5 .venv/bin/python -m tests.bench.fork_power FOLDER [PART OF A CASE'S NAME]

Arms are kept in FOLDER, so that a run that was broken off goes on where it was. Needs Fashion-MNIST (Debian:
dataset-fashion-mnist). One thread, about a quarter of an hour. Results stand in RESULTS.md beside this file.

What a candidate is worth is told by runs carried to their end with and without it, from the same states: the mean
difference of the test metric over the runs and streams of a case. So it can be seen where a short fork prefers what
ends worse.
"""

import itertools
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from tests.bench.bad_starts import table
from tests.bench.fork_arms import FORKED_AT, HORIZONS, PAIRS, SPARE, Forked, base_runs, fork
from tests.bench.fork_cases import CASES, Candidate, Case
from tests.bench.fork_judges import JUDGES, LEAST_GAIN, Judge, Pool
from tests.bench.intervals import wilson

CONTROLS = PAIRS + SPARE
PLACE = {"loss": 0, "accuracy": 1, "recall": 2}
KINDS = ("end weights", "tail average", "annealed")
ROLES = 40
"""Ways in which the controls of a fork are dealt out as controls and candidates of null trials."""
WORTH_POINTS = 0.3
"""A final difference below it, or within two standard errors, is none."""
SMALL_POINTS = 1.0


@dataclass(frozen=True)
class Trials:
    """Forks of one candidate at one place: what it is worth, and every arm's scores."""

    case: Case
    candidate: Candidate
    share: float
    forked: Forked
    earlier: Forked
    """The forks of the same runs at the other place."""
    worth_points: float
    error_points: float
    loss_change: float

    @property
    def arms(self) -> slice:
        """Where the candidate's arms stand."""
        first = CONTROLS + PAIRS * self.case.candidates.index(self.candidate)
        return slice(first, first + PAIRS)

    @property
    def truth(self) -> str:
        """Say what the candidate does to the metric at the end of the run."""
        if abs(self.worth_points) <= max(2 * self.error_points, WORTH_POINTS):
            return "nothing"
        if self.worth_points < 0:
            return "harms"
        return "helps little" if self.worth_points < SMALL_POINTS else "helps"

    @property
    def kind(self) -> str:
        """Tell cuts of the rate from the rest."""
        return "cut" if self.candidate.rate < 1 else "other"

    def gains(self, forked: Forked, horizon: int, kind: int) -> np.ndarray:
        """Return runs × arms: the judged score over the controls' mean, turned so that more is better."""
        score = self.candidate.score
        values = forked.probe[:, :, horizon, kind, PLACE[score]]
        return (-1 if score == "loss" else 1) * values / np.abs(values[:, :CONTROLS].mean(1, keepdims=True))

    def pool(self, horizon: int, kind: int, pairs: int) -> Pool:
        """Return what the run's other forks tell: three null arms of the other place, pairs of the other candidates."""
        here, there = self.gains(self.forked, horizon, kind), self.gains(self.earlier, horizon, kind)
        variances = []
        for number, other in enumerate(self.case.candidates):
            if other is not self.candidate:
                first = CONTROLS + PAIRS * number
                variances.append((here[:, first : first + pairs] - here[:, :pairs]).var(-1, ddof=1))
        return Pool((there[:, 1:4] - there[:, :1]) ** 2, np.stack(variances, -1))


def run_all(folder: Path, part: str) -> None:
    """Run the arms that are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [case for case in CASES if part in case.name]
    for case in track(chosen, "forking"):
        if not all(path_of(folder, case, share).exists() for share in FORKED_AT):
            for share, nets in zip(FORKED_AT, base_runs(case), strict=True):
                forked = fork(case, nets, share)
                np.savez(path_of(folder, case, share), probe=forked.probe, final=forked.final)


def path_of(folder: Path, case: Case, share: float) -> Path:
    """Return where the arms of a case are kept."""
    return folder / f"{case.name.replace(', ', '_').replace(' ', '_')}_{round(100 * share)}.npz"


def load(folder: Path) -> list[Trials]:
    """Return all trials whose arms are in the folder."""
    trials = []
    for case in CASES:
        paths = [path_of(folder, case, share) for share in FORKED_AT]
        if not all(path.exists() for path in paths):
            continue
        forks = [Forked(stored["probe"], stored["final"]) for stored in map(np.load, paths)]
        for place, number in itertools.product(range(len(FORKED_AT)), range(len(case.candidates))):
            final, candidate = forks[place].final, case.candidates[number]
            first = CONTROLS + PAIRS * number
            change = (final[:, first : first + PAIRS] - final[:, :PAIRS]).mean(1)
            points = 100 * change[:, PLACE["recall" if candidate.score == "recall" else "accuracy"]]
            trials.append(
                Trials(
                    case,
                    candidate,
                    FORKED_AT[place],
                    forks[place],
                    forks[1 - place],
                    float(points.mean()),
                    float(points.std(ddof=1) / np.sqrt(len(points))),
                    float((change[:, 0] / final[:, :PAIRS, 0].mean(1)).mean()),
                )
            )
    return trials


def kept(judge: Judge, trials: Trials, horizon: int, kind: int) -> np.ndarray:
    """Return for each run whether the candidate is kept."""
    gains = trials.gains(trials.forked, horizon, kind)
    pool = trials.pool(horizon, kind, max(judge.pairs, 2))
    return judge.keeps(gains[:, :CONTROLS], gains[:, trials.arms], pool)


def kept_of_nothing(judge: Judge, trials: Trials, horizon: int, kind: int) -> np.ndarray:
    """Return for each run how often a control on other batches is kept, over many ways to deal out the controls."""
    gains = trials.gains(trials.forked, horizon, kind)[:, :CONTROLS]
    pool = trials.pool(horizon, kind, max(judge.pairs, 2))
    dealt = np.random.default_rng(0)
    roles = np.stack([dealt.permutation(CONTROLS) for _ in range(ROLES)])
    shared = Pool(*(np.repeat(one[:, None], ROLES, 1) for one in (pool.null_squares, pool.pair_variances)))
    return judge.keeps(gains[:, roles[:, :PAIRS]], gains[:, roles[:, PAIRS:]], shared).mean(1)


def report_truth(trials: list[Trials]) -> None:
    """Print what every candidate does to the end of the run."""
    rows = []
    for one in trials:
        worth = f"{one.worth_points:+.2f} ± {one.error_points:.2f}"
        rows.append(
            (one.case.name, f"{one.share:.0%}", one.candidate.name, worth, f"{one.loss_change:+.1%}", one.truth)
        )
    table(("case", "forked at", "candidate", "points at the end", "test loss", "so it"), *rows)


def report_judges(trials: list[Trials], kind: int, horizon: int) -> None:
    """Print, for one horizon and one kind of weights, what each rule keeps."""
    groups = [(truth, what) for what in ("other", "cut") for truth in ("helps", "helps little", "nothing", "harms")]
    firsts = [one for one in trials if one.candidate is one.case.candidates[0]]
    rows = []
    for judge in JUDGES:
        nothing = np.concatenate([kept_of_nothing(judge, one, horizon, kind) for one in firsts])
        low, high = wilson(float(nothing.mean()) * len(nothing), len(nothing))
        cells: list[object] = [judge.name, judge.arms, f"{nothing.mean():.1%} ({low:.1%}-{high:.1%})"]
        for group in groups:
            found = [kept(judge, one, horizon, kind) for one in trials if (one.truth, one.kind) == group]
            cells.append(f"{np.concatenate(found).mean():.2f}" if found else "-")
        rows.append(cells)
    counts = [sum(len(one.forked.final) for one in trials if (one.truth, one.kind) == group) for group in groups]
    heads = [
        f"{truth}{', cut' if what == 'cut' else ''} ({count})"
        for (truth, what), count in zip(groups, counts, strict=True)
    ]
    print(f"H = {HORIZONS[horizon]}, {KINDS[kind]}; {len(nothing)} forks for the null trials\n")
    table(("rule", "arms", "null trials kept", *heads), *rows)


def report_noise(trials: list[Trials]) -> None:
    """Print by how much the same batches cut the noise of the difference, and how often a first pair shows a gain."""
    rows = []
    names = list(dict.fromkeys(one.candidate.name for one in trials))
    for name in names:
        cells: list[object] = [name]
        for horizon in range(len(HORIZONS)):
            ratios, first = [], []
            for one in trials:
                if one.candidate.name == name:
                    gains = one.gains(one.forked, horizon, 0)
                    control, candidate = gains[:, :PAIRS], gains[:, one.arms]
                    apart = np.sqrt(control.var(1, ddof=1) + candidate.var(1, ddof=1))
                    paired = (candidate - control).std(1, ddof=1)
                    ratios.append(apart / np.maximum(paired, 1e-12))
                    first.append(candidate[:, 0] - control[:, 0] > LEAST_GAIN)
            cells += [f"{np.median(np.concatenate(ratios)):.1f}×", f"{np.concatenate(first).mean():.2f}"]
        rows.append(cells)
    heads = [f"{what}, H = {horizon}" for horizon in HORIZONS for what in ("noise cut", "first pair > 0.5 %")]
    table(("candidate", *heads), *rows)


def main() -> None:
    """Run the experiment and print its tables."""
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    run_all(folder, sys.argv[2] if len(sys.argv) > 2 else "")
    trials = load(folder)
    report_truth(trials)
    report_noise(trials)
    for kind, horizon in itertools.product(range(len(KINDS)), range(len(HORIZONS))):
        with_it = [one for one in trials if one.forked.probe.shape[3] > kind]
        if with_it:
            report_judges(with_it, kind, horizon)
    print(f"{time.process_time():.0f} s of processor time")


if __name__ == "__main__":
    main()
