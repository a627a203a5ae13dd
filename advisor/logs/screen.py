"""A log that is still being written, on the same screen as our own runs; read-only."""

import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.logs.diagnose import Asked, Diagnosed, Heard
from advisor.logs.follow import LOOK_S, looks
from advisor.logs.mirror import Mirror

if TYPE_CHECKING:
    from advisor.tui.app import AdvisorApp

QUIET_S = 15.0
"""Without a new row: the screen says that the training rests. Whether it is over, a log rarely tells."""
JOIN_S = 5.0
"""A look at a huge log may go on for so long after the screen has closed."""


class Watcher(threading.Thread):
    """Looks at the log and keeps its mirror, until it is closed or the log has been idle for too long."""

    def __init__(self, path: Path, asked: Asked, mirror: Mirror, idle_s: float | None) -> None:
        super().__init__(name="log watcher", daemon=True)
        self.path, self.asked, self.mirror, self.idle_s = path, asked, mirror, idle_s
        self.told = Diagnosed(path=str(path), runs=())
        """The newest diagnosis."""
        self.failure: BaseException | None = None
        """What ended it, if anything did."""
        self.app: AdvisorApp | None = None
        """The screen that ends with it."""
        self.over = threading.Event()
        self._name = ""

    def begin_with(self, app: "AdvisorApp") -> None:
        """Begin at the first frame of a screen: whatever ends the looks earlier could not end a screen that is not there."""
        self.app = app
        settle = app.settle

        def settled() -> None:
            if settle is not None:
                settle()
            self.start()

        app.settle = settled

    def run(self) -> None:
        """Look until closed."""
        try:
            for look in looks(self.path, self.asked, self.idle_s, self._rest):
                if self.over.is_set():
                    return
                if look.fresh:
                    self.told = Diagnosed(path=str(self.path), runs=tuple(one.report for one in look.runs))
                    self._show(look.runs)
                elif look.waited_s >= QUIET_S:
                    self.mirror.quiet()
        except Exception as failed:  # a thread's border: it is raised where the screen was opened
            self.failure = failed
        if self.app is not None and self.app.is_running:
            self.app.call_from_thread(self.app.exit, 0)

    def _rest(self, seconds: float) -> None:
        self.over.wait(seconds)

    def _show(self, runs: list[Heard]) -> None:
        """Show the run that was written last; it stays the one that is shown."""
        newest = max(runs, key=lambda one: one.written_t, default=None)
        if newest is None:
            return
        if not self._name and len(runs) > 1:
            self.mirror.note(f"{len(runs)} runs lie there; this is {newest.source.name}, which was written last")
        first = not self._name
        self._name = self._name or newest.source.name
        shown = next((one for one in runs if one.source.name == self._name), newest)
        self.mirror.show(shown)
        if first and time.time() - shown.written_t > QUIET_S:
            self.mirror.quiet()


def watch_log(path: Path, asked: Asked, idle_s: float | None) -> Diagnosed:
    """Show a log on the screen until the user leaves, or nothing has come for `idle_s` seconds; return what it told.

    Raises:
        Mistake: when `--map` does not fit the log, or nothing came within `idle_s`.
    """
    from advisor.tui.app import run_ui

    with tempfile.TemporaryDirectory(prefix="advisor-log-") as scratch:
        mirror = Mirror(Path(scratch).resolve() / (path.resolve().name or "log"))
        watcher = Watcher(path, asked, mirror, idle_s)

        def begin(app: "AdvisorApp") -> None:
            app.overview.asked_for["machine"] = False  # a log tells nothing of it
            watcher.begin_with(app)

        try:
            run_ui(mirror.run, readonly=True, begin=begin)
        finally:
            watcher.over.set()
            if watcher.is_alive():  # not where the user left before the first frame
                watcher.join(max(JOIN_S, LOOK_S))
            mirror.close()
        if watcher.failure is not None:
            raise watcher.failure
        return watcher.told
