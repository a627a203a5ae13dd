"""How fast the run list is: first frame, all rows, key to effect, and its share of a core while it stands open.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.run_list

The list runs as a process of its own on a pseudo-terminal of 120 × 40 cells over 300 run directories, one of them live
with a log of 100 MiB.
"""

import os
import pty
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from advisor.driving.lease import Lease
from advisor.runs import Run
from tests.bench.ui import as_installed
from tests.tui.recording import Recording, record

RUNS = 300
LOG_BYTES = 100 << 20
ROUNDS = 5
STANDS_S = 10.0
LIST = [sys.executable, "-P", "-m", "advisor.cli"]


def make(here: Path) -> Run:
    """Make the run directories; return the one with the long log."""
    states = ("healthy", "crashed", "nan", "stalled", "trying", "warming", "empty")
    first = {state: record(here / "runs" / f"first_{state}", state) for state in states}
    for number in range(RUNS - len(states) - 1):
        shutil.copytree(first[states[number % len(states)]].folder, here / "runs" / f"run_{number}")
    made = Recording.begin(here / "runs" / "long")
    made.start()
    made.train(4000, evaluate=False)
    run = made.flush()
    _, *beats = run.events.read_bytes().splitlines(keepends=True)
    body = b"".join(beats)
    with run.events.open("ab") as file:
        for _ in range(LOG_BYTES // len(body)):
            file.write(body)
    return run


class Shown:
    """The list on a terminal."""

    def __init__(self, here: Path) -> None:
        self.terminal, outer = pty.openpty()
        environment = as_installed() | {"COLUMNS": "120", "LINES": "40"}
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            LIST, stdin=outer, stdout=outer, stderr=outer, cwd=here, env=environment, start_new_session=True
        )
        os.close(outer)

    def wait_for(self, word: bytes, limit_s: float = 60.0) -> float:
        """Read until a word comes by; return the monotonic time of that moment."""
        said, end = b"", time.monotonic() + limit_s
        while time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.2)[0]:
                said = said[-4096:] + os.read(self.terminal, 1 << 16)
                if word in said:
                    return time.monotonic()
        raise TimeoutError(f"the list never said {word!r}")

    def spent_s(self) -> float:
        """Return the seconds of processor time that it has taken so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def press(self, key: bytes, word: bytes) -> float:
        """Press a key; return the seconds until a word comes by."""
        pressed = time.monotonic()
        os.write(self.terminal, key)
        return self.wait_for(word) - pressed

    def stand(self, seconds: float) -> float:
        """Read the screen away for so long; return the processor seconds a second that the list takes."""
        before, end = self.spent_s(), time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                os.read(self.terminal, 1 << 16)
        return (self.spent_s() - before) / seconds

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait(20)
        os.close(self.terminal)


def spread(values: Sequence[float], unit: str, scale: float = 1.0) -> str:
    """Return least, median and greatest."""
    least, middle, most = min(values) * scale, statistics.median(values) * scale, max(values) * scale
    return f"{least:.3g} .. {middle:.3g} .. {most:.3g} {unit}"


def main() -> None:
    """Measure everything and print the table."""
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        lease = Lease(make(here))
        frames, spent, whole, keys, standing = [], [], [], [], []
        load = " ".join(f"{one:.1f}" for one in os.getloadavg())
        warming = Shown(here)
        warming.wait_for(b"training-advisor")
        warming.close()
        for _ in range(ROUNDS):
            shown = Shown(here)
            frames.append(shown.wait_for(b"training-advisor") - shown.began)
            spent.append(shown.spent_s())
            whole.append(shown.wait_for(f"{RUNS} runs".encode()) - shown.began)
            keys.append(shown.press(b"s", b"by state"))
            keys.append(shown.press(b"S", b"backwards"))
            keys.append(shown.press(b"/x", b"0 of"))
            shown.press(b"\x1b", f"{RUNS} runs".encode())
            standing.append(shown.stand(STANDS_S / ROUNDS * 2))
            shown.close()
        lease.release()
    print(f"{psutil.cpu_count()} cores, load {load} before it began\n")
    print(
        f"| {RUNS} runs, one live with {LOG_BYTES >> 20} MiB | least .. median .. most | bound |\n| --- | --- | --- |"
    )
    print(f"| first frame | {spread(frames, 's')} | 1 s |")
    print(f"| processor time until then | {spread(spent, 's')} | |")
    print(f"| all rows read | {spread(whole, 's')} | |")
    print(f"| key to effect | {spread(keys, 'ms', 1e3)} | 100 ms |")
    print(f"| share of one core | {spread(standing, '%', 100)} | 15 % |")


if __name__ == "__main__":
    main()
