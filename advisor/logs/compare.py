"""Several runs side by side: which is better by more than its noise, and what differs in their settings."""

from dataclasses import dataclass
from math import isfinite

from advisor.compare.noise import gap_of_two, standard_error
from advisor.logs.diagnose import Diagnosed
from advisor.report.schema import Report
from advisor.report.words import score


@dataclass(frozen=True)
class Row:
    """One run in the list."""

    name: str
    format: str
    steps: str
    best: str
    """The best value of its metric, with the metric's name."""
    level: str
    cause: str
    """Code and message of what stands first."""
    against_best: str
    """`best`, or how it compares with the best run of the same metric."""


def rows(diagnosed: Diagnosed) -> list[Row]:
    """Return the runs as a list to print, in the order in which they were found."""
    leaders = {
        name: _leader(name, diagnosed.runs) for name in {run.metrics.name for run in diagnosed.runs if run.metrics.name}
    }
    return [_row(run, leaders.get(run.metrics.name)) for run in diagnosed.runs]


def different_settings(diagnosed: Diagnosed) -> list[tuple[str, list[str]]]:
    """Return the settings that the runs do not share: (name, value in each run)."""
    settings = [run.run["settings"] for run in diagnosed.runs]
    names = sorted({name for one in settings for name in one})
    told = [(name, [str(one.get(name, "—")) for one in settings]) for name in names]
    return [(name, values) for name, values in told if len(set(values)) > 1]


def _row(run: Report, leader: Report | None) -> Row:
    standing = next((one for one in run.findings if one.cleared_step is None), None)
    best = f"{run.metrics.name} {score(run.metrics.best)}" if run.metrics.best is not None else "—"
    return Row(
        name=str(run.run["name"]),
        format=str(run.run["format"]),
        steps=f"{run.run['steps']} {'epochs' if run.run['axis'] == 'epoch' else 'steps'}",
        best=best,
        level=run.level,
        cause=f"{standing.code} {standing.message}" if standing else "",
        against_best=_against(run, leader),
    )


def _leader(metric: str, runs: tuple[Report, ...]) -> Report | None:
    scored = [run for run in runs if run.metrics.name == metric and run.metrics.best is not None]
    return max(scored, key=_goodness, default=None) if len(scored) > 1 else None


def _goodness(run: Report) -> float:
    best = run.metrics.best if run.metrics.best is not None and isfinite(run.metrics.best) else float("nan")
    return best if run.metrics.higher_is_better else -best


def _against(run: Report, leader: Report | None) -> str:
    if leader is None or run.metrics.best is None or leader.metrics.best is None:
        return ""
    if run is leader:
        return "best"
    errors = [standard_error(one.metrics.standard_error, one.metrics.best or 0.0) for one in (run, leader)]
    gap = gap_of_two(leader.metrics.best - run.metrics.best, errors, "standard errors")
    return f"worse by {score(abs(gap.difference))}" if gap.detectable else "no detectable difference"
