"""How much of this machine other programs use: on a crowded one, stretches of training cannot be compared."""

import os
from dataclasses import dataclass
from time import perf_counter

import psutil

IDLE_SHARE = 0.10
"""While more than this share of the processors lies idle, nobody waits for one, whatever others do."""


@dataclass(frozen=True)
class _Reading:
    wall_s: float
    busy_s: float
    idle_s: float
    own_s: float


class Crowd:
    """Looks at the processors from its making on.

    Only time at ordinary priority counts as others': the driver and the screens run at nice 10 and give way.
    """

    def __init__(self) -> None:
        self._begun = _read()

    def share(self) -> float:
        """Return the share of the usable processors that other programs used since then; 0 while some lay idle."""
        now = _read()
        wall_s = now.wall_s - self._begun.wall_s
        total_s = wall_s * _cores()
        if total_s <= 0 or (now.idle_s - self._begun.idle_s) / total_s > IDLE_SHARE:
            return 0.0
        others_s = (now.busy_s - self._begun.busy_s) - (now.own_s - self._begun.own_s)
        return min(max(others_s / total_s, 0.0), 1.0)


def _read() -> _Reading:
    every = psutil.cpu_times(percpu=True)
    mine = [every[core] for core in _usable() if core < len(every)] or every
    own_nice = os.getpriority(os.PRIO_PROCESS, 0) > 0
    idle_s = sum(one.idle + getattr(one, "iowait", 0.0) for one in mine)
    busy_s = sum(
        one.user + one.system + getattr(one, "steal", 0.0) + (getattr(one, "nice", 0.0) if own_nice else 0.0)
        for one in mine
    )
    return _Reading(perf_counter(), busy_s, idle_s, _own_s())


def _own_s() -> float:
    """Return the processor time of this process, of workers that have ended, and of those that live."""
    own = psutil.Process()
    times = own.cpu_times()
    seconds = times.user + times.system + getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    for child in own.children(recursive=True):
        try:
            spent = child.cpu_times()
        except psutil.Error:
            continue
        seconds += spent.user + spent.system
    return float(seconds)


def _usable() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def _cores() -> int:
    return len(_usable())
