"""How fast the terminal UI is: first useful frame, key to effect, its share of a core, painting of the charts.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.ui [WORD …]

Words choose the measurements whose name holds one of them; without any, all are made.

Viewers run as processes of their own on a pseudo-terminal of 120 × 40 cells, by the command that a user types
(`advisor watch RUN`), with the byte code that an installed package has.
"""

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
from rich.style import Style

from advisor.driving.lease import Lease, is_driven
from advisor.driving.wishes import send_wish
from advisor.ledger import Wished
from advisor.runs import Run
from advisor.tui.chart import Chart
from advisor.tui.feeder import Feeder
from advisor.tui.plots import NAMES, Plotter
from advisor.tui.scene import Scene
from tests.tui.recording import BEAT_STEPS, Recording, record
from trainer.wire import BeatTaken, read_event

COLUMNS, ROWS = 120, 40
ROUNDS = 5
FLOOD_EVENTS, FLOOD_S = 20_000, 2.0
LIVE_S = 12.0
BEATS_PER_S = 10
LONG_EVENTS = 20_000
MILLION_BEATS = 50_000
"""Of 20 steps each."""
BEATS_AT_ONCE = 2_500
PAIRS = 24
STRETCH_S = 2.0
SETTLE_S = 6.0
"""Until the run and its viewer are at work."""
WATCHED = """
[data]
source = "sklearn:digits"
[model]
name = "cnn"
width = 16
[train]
epochs = 2000
batch_size = 32
threads = 1
[advisor]
mode = "watch"
"""
"""A run of steps of some milliseconds, on one thread, as long as it takes."""
CHART_CELLS = (58, 9)
"""Width and height of a chart on a terminal of 120 × 40."""
STANDING = b" of 4,200"
"""What the glance line says as soon as it knows where the run stands."""
WATCH = (sys.executable, "-P", "-m", "advisor", "watch")


@dataclass
class Viewer:
    """A viewer on a pseudo-terminal."""

    process: "subprocess.Popen[bytes]"
    terminal: int
    began: float

    def wait_for(self, word: bytes, limit_s: float = 30.0) -> float:
        """Read the screen until a word comes by; return the monotonic time of that moment.

        Raises:
            TimeoutError: when it does not come.
        """
        said, end = b"", time.monotonic() + limit_s
        while time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.5)[0]:
                said = said[-4096:] + os.read(self.terminal, 1 << 16)
                if word in said:
                    return time.monotonic()
        raise TimeoutError(f"the screen never said {word!r}")

    def press(self, key: bytes) -> float:
        """Press a key; return when."""
        os.write(self.terminal, key)
        return time.monotonic()


def as_installed() -> dict[str, str]:
    """Return the environment of a user's process: compiled modules are kept from one start to the next."""
    kept = {name: one for name, one in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


@contextmanager
def viewer(run: Run) -> Iterator[Viewer]:
    """Start a viewer, and end it afterwards. A run without a driver seems to have one meanwhile, so that none is started."""
    lease = None if is_driven(run) else Lease(run)
    inner, outer = pty.openpty()
    fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    began = time.monotonic()
    process = subprocess.Popen(
        [*WATCH, str(run.folder)], stdin=outer, stdout=outer, stderr=outer, env=as_installed(), start_new_session=True,
    )  # fmt: skip
    os.close(outer)
    try:
        yield Viewer(process, inner, began)
    finally:
        process.kill()
        process.wait(20)
        os.close(inner)
        if lease is not None:
            lease.release()


@contextmanager
def drained(shown: Viewer) -> Iterator[None]:
    """Read the screen away meanwhile, as a terminal does."""
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            if select.select([shown.terminal], [], [], 0.05)[0]:
                os.read(shown.terminal, 1 << 16)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()


def beats(made: Recording, count: int) -> None:
    """Put down so many beats, and nothing else."""
    for _ in range(count):
        made.train(BEAT_STEPS, evaluate=False)


def first_frame(run: Run) -> str:
    """Return the time from the start of the process to a screen that says where the run stands, in words."""
    with viewer(run) as warming:
        warming.wait_for(STANDING)
    times, spent = [], []
    for _ in range(ROUNDS):
        with viewer(run) as shown:
            times.append(shown.wait_for(STANDING) - shown.began)
            used = psutil.Process(shown.process.pid).cpu_times()
            spent.append(used.user + used.system)
    return f"{spread(times)} s (processor time {spread(spent)} s)"


def caught_up(run: Run) -> float:
    """Return the seconds of processor time that reading a whole run takes."""
    feeder = Feeder(run)
    began = time.process_time()
    while feeder.read_chunk(1.0):
        pass
    return time.process_time() - began


def under_flood(folder: Path, count: int, over_s: float) -> list[float]:
    """Return the seconds from a key to its page while so many events come in so few seconds."""
    run = record(folder, "warming")
    made = Recording.go_on(run, 100)
    beats(made, count)
    lines = made._lines.pop(run.events)
    made._lines.clear()

    def write() -> None:
        began, at = time.monotonic(), 0
        with run.events.open("a") as file:
            while at < len(lines):
                due = min(int((time.monotonic() - began) / over_s * len(lines)) + 1, len(lines))
                file.writelines(line + "\n" for line in lines[at:due])
                file.flush()
                at = due
                time.sleep(0.005)

    delays = []
    with viewer(run) as shown:
        shown.wait_for(b"advisor")
        time.sleep(1.0)
        with_flood = threading.Thread(target=write)
        with_flood.start()
        end = time.monotonic() + over_s
        while time.monotonic() < end:
            delays.append(-shown.press(b"?") + shown.wait_for(b"keys and signs"))
            delays.append(-shown.press(b"q") + shown.wait_for(STANDING))
            time.sleep(0.05)
        with_flood.join()
    return delays


def share_of_a_core(folder: Path, beats_per_s: int) -> float:
    """Return the processor seconds a second of a viewer on a run that takes so many beats a second."""
    run = record(folder, "healthy")
    made = Recording.go_on(run, 2900)
    with viewer(run) as shown:
        shown.wait_for(STANDING)
        with drained(shown):
            time.sleep(1.5)
            process = psutil.Process(shown.process.pid)
            before, began = process.cpu_times(), time.monotonic()
            while (passed := time.monotonic() - began) < LIVE_S:
                made.t = time.time()
                if beats_per_s:
                    beats(made, 1)
                    made.flush()
                time.sleep(max(1 / max(beats_per_s, 1) - (time.monotonic() - began - passed), 0.0))
            after = process.cpu_times()
            spent = after.user + after.system - before.user - before.system
            return spent / (time.monotonic() - began)


def painting(points: int) -> list[float]:
    """Return the processor seconds that it takes to make and paint all four charts with so many points in each curve."""
    random = np.random.default_rng(0)
    scene = Scene()
    scene.story.step = points
    steps = np.arange(1.0, points + 1)
    for series in vars(scene.curves).values():
        for start in range(0, points, 64):
            part = steps[start : start + 64]
            series.append(part.tolist(), (2 * np.exp(-part / points) + random.normal(0, 0.1, len(part))).tolist())
    charts = [Chart(id=name) for name in NAMES]
    for chart in charts:
        chart._part_styles = {part: Style() for part in ("", *(name[7:] for name in Chart.COMPONENT_CLASSES))}
    times = []
    for _ in range(20):
        began = time.thread_time()
        plotter = Plotter(scene, shown=1.0, ascii_only=False)
        for chart, name in zip(charts, NAMES, strict=True):
            chart._plot = plotter.plot(name)
            chart._paint(*CHART_CELLS)
        times.append(time.thread_time() - began)
    return times[2:]


def memory(folder: Path) -> str:
    """Return what reading a log of a million steps holds after each quarter of it, in a process that does nothing else."""
    code = f"from pathlib import Path; from tests.bench.ui import held; held(Path({str(long_log(folder, MILLION_BEATS).folder)!r}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def held(folder: Path) -> None:
    """Print the MiB above those before the first record, at the first thousand steps and after each quarter."""
    feeder, process = Feeder(Run(folder)), psutil.Process()
    before, marks, told = process.memory_info().rss, [1_000, 250_000, 500_000, 750_000], list[str]()
    while feeder.read_chunk(0.05):
        if marks and feeder._scene.story.step >= marks[0]:
            told.append(f"{(process.memory_info().rss - before) / 2**20:.1f} at step {marks.pop(0):,}")
    told.append(f"{(process.memory_info().rss - before) / 2**20:.1f} at step {feeder._scene.story.step:,}")
    print(", ".join(told) + " MiB")


def long_log(folder: Path, count: int) -> Run:
    """Return a run with so many beats and nothing else, written bit by bit."""
    made = Recording.begin(folder)
    made.start()
    for _ in range(count // BEATS_AT_ONCE):
        beats(made, BEATS_AT_ONCE)
        made.flush()
    return made.run


def watched(folder: Path) -> str:
    """Return the step time of a run while a viewer looks on over that while it is stopped, by neighbouring stretches of time.

    The viewer of one run is stopped and let go on in turns: what else the machine does falls on both alike.
    """
    folder.mkdir()
    (folder / "run.toml").write_text(WATCHED)
    run, turns = Run(folder / "run"), list[tuple[float, bool]]()
    command = [sys.executable, "-m", "advisor.cli", "train", "run.toml", "--headless", "--run-dir", str(run.folder)]
    training = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not run.events.exists():
            time.sleep(0.05)
        with viewer(run) as shown, drained(shown):
            time.sleep(SETTLE_S)
            for turn in range(2 * PAIRS):
                looks = turn % 2 == (turn // 2) % 2
                os.kill(shown.process.pid, signal.SIGCONT if looks else signal.SIGSTOP)
                turns.append((time.time(), looks))
                time.sleep(STRETCH_S)
            turns.append((time.time(), False))
            os.kill(shown.process.pid, signal.SIGCONT)
    finally:
        send_wish(run, Wished(wish="stop", viewer="bench"))
        training.wait(60)
        training.kill()
    heard = [event for line in run.events.read_text().splitlines() if (event := read_event(line)) is not None]
    beaten = [event for event in heard if isinstance(event, BeatTaken)]
    means: dict[bool, list[float]] = {True: [], False: []}
    for (since, looks), (until, _) in pairwise(turns):
        inside = [one for one in beaten if since + one.seconds < one.t <= until]
        means[looks].append(sum(one.seconds for one in inside) / max(sum(one.steps for one in inside), 1))
    ratios = sorted(on / off for on, off in zip(means[True], means[False], strict=True))
    return f"median {statistics.median(ratios):.3f}, middle half {ratios[PAIRS // 4]:.3f} .. {ratios[-PAIRS // 4]:.3f} ({PAIRS} pairs)"


def spread(values: Sequence[float], unit: float = 1.0) -> str:
    """Return least, median and greatest."""
    return f"{min(values) * unit:.3g} .. {statistics.median(values) * unit:.3g} .. {max(values) * unit:.3g}"


def main() -> None:
    """Measure everything and print the table."""
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows: list[tuple[str, Callable[[], str], str]] = []
        short = record(folder / "short", "healthy")
        made = Recording.begin(folder / "long")
        made.start()
        beats(made, LONG_EVENTS)
        long = made.flush()
        size = long.events.stat().st_size / 2**20
        rows = [
            ("first useful frame, run of 145 beats", lambda: first_frame(short), "1 s"),
            (f"first useful frame, {LONG_EVENTS:,} beats, {size:.0f} MiB", lambda: first_frame(long), "1 s"),
            (f"reading {LONG_EVENTS:,} beats", lambda: f"{caught_up(long):.2f} s of processor time", ""),
            (
                f"key to effect, {FLOOD_EVENTS:,} events in {FLOOD_S:.0f} s",
                lambda: spread(under_flood(folder / "flood", FLOOD_EVENTS, FLOOD_S), 1e3) + " ms", "100 ms",
            ),
            ("key to effect, nothing comes in", lambda: spread(under_flood(folder / "still", 1, 2.0), 1e3) + " ms", "100 ms"),
            *(
                (f"share of one core, {rate} beats/s", lambda rate=rate: f"{share_of_a_core(folder / f'live{rate}', rate):.1%}", "15 %")
                for rate in (0, BEATS_PER_S)
            ),
            ("memory while reading 10⁶ steps, by quarters", lambda: memory(folder / "million"), "flat"),
            ("step time while a viewer looks on over while it is stopped", lambda: watched(folder / "watched"), "1.02"),
            *(
                (f"four charts made and painted, {points:,} points", lambda points=points: spread(painting(points), 1e3) + " ms", "10 ms")
                for points in (200, 2_000, 200_000)
            ),
        ]  # fmt: skip
        load = " ".join(f"{one:.1f}" for one in os.getloadavg())
        print(f"{psutil.cpu_count()} cores, load {load} before it began\n")
        print("| what | least .. median .. most | bound |\n| --- | --- | --- |")
        for what, measure, bound in rows:
            if wanted and not any(word in what for word in wanted):
                continue
            print(f"| {what} | {measure()} | {bound} |", flush=True)


if __name__ == "__main__":
    main()
