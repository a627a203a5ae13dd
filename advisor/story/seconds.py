"""Where the time of a run went: seconds by part, with the time of lost steps set apart from those that count."""

from collections import defaultdict
from collections.abc import Mapping

STEP_PHASES = ("input_wait", "to_device", "forward", "backward", "optimizer", "other")
"""Phases whose time buys learning, or is lost with the steps that a rollback makes void."""


class Seconds:
    """Adds up seconds by part. The parts exclude each other."""

    def __init__(self) -> None:
        self.by_part: defaultdict[str, float] = defaultdict(float)
        self._counted_steps = 0
        self._restarting_since_t: float | None = None

    def restart(self, t: float) -> None:
        """Hear at Unix time `t` that a trainer is started in place of one that died."""
        self._restarting_since_t = t

    def ready(self, t: float) -> None:
        """Hear at Unix time `t` that the trainer is ready: what it took is lost, where another one had died."""
        if self._restarting_since_t is not None:
            self.by_part["restarts"] += max(t - self._restarting_since_t, 0.0)
        self._restarting_since_t = None

    def step(self, steps: int, phases: Mapping[str, float]) -> None:
        """Add the phases of so many steps."""
        self._counted_steps += steps
        for phase, seconds in phases.items():
            self.by_part[phase] += seconds

    def add(self, part: str, seconds: float) -> None:
        """Add the seconds of one evaluation, checkpoint, probe, …"""
        self.by_part[part] += seconds

    def lose(self, steps: int) -> None:
        """Move the time of so many steps to `lost`, at the mean cost of the steps that counted until now."""
        share = min(steps / self._counted_steps, 1.0) if self._counted_steps else 0.0
        for phase in STEP_PHASES:
            if self.by_part.get(phase):
                self.by_part["lost"] += self.by_part[phase] * share
                self.by_part[phase] *= 1 - share
        self._counted_steps = max(self._counted_steps - steps, 0)
