"""What holds the processor back: heat, as the kernel counts it, and a container's quota of time. Absent is -1."""

from collections import deque
from pathlib import Path

from advisor.sensors.control_group import Quota, quota

CORES = Path("/sys/devices/system/cpu")
COUNTERS = ("package_throttle_total_time_ms", "core_throttle_total_time_ms")
"""Milliseconds since the machine started, of Intel processors; virtual machines and others have none."""
WINDOW_S = 30.0
"""Of the newest looks: a core that is hot comes and goes by seconds."""
UNKNOWN = -1.0


class HeldBack:
    """Remembers the kernel's counters of the last half minute."""

    def __init__(self) -> None:
        self._counters = [
            path for name in COUNTERS for path in sorted(CORES.glob(f"cpu[0-9]*/thermal_throttle/{name}"))
        ]
        self._looks: deque[tuple[float, int, Quota | None]] = deque()

    def look(self, now: float) -> None:
        """Read the counters; `now` in seconds of any clock that only rises."""
        self._looks.append((now, self._hot_ms(), quota()))
        while len(self._looks) > 2 and self._looks[0][0] < now - WINDOW_S:
            self._looks.popleft()

    @property
    def hot_share(self) -> float:
        """Share of the window in which the hottest core slowed down; -1 where nothing counts it, or before a second look."""
        if not self._counters or len(self._looks) < 2:
            return UNKNOWN
        (first, before, _), (last, after, _) = self._looks[0], self._looks[-1]
        return min(max((after - before) / 1000 / max(last - first, 1e-9), 0.0), 1.0)

    @property
    def quota_stall_share(self) -> float:
        """Share of the quota's periods in the window in which it was used up; -1 without a quota."""
        quotas = [one for _, _, one in self._looks if one is not None]
        if len(quotas) < 2:
            return UNKNOWN
        periods = quotas[-1].periods - quotas[0].periods
        return (quotas[-1].used_up - quotas[0].used_up) / periods if periods > 0 else 0.0

    def _hot_ms(self) -> int:
        return max((_count(path) for path in self._counters), default=0)


def _count(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
