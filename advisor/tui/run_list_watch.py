"""A worker thread that keeps the rows of the run list fresh; the screen pulls from it and never waits."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from advisor.tui.run_list_reading import RunReader, living_trainers
from advisor.tui.run_list_rows import RunRow, find_runs

LOOK_S = 1.0
"""A run that goes on says something new about once a second."""
FIND_EVERY_LOOKS = 2
"""New folders are looked for every other second: a run that was just started is seen while it still loads."""
SEARCH_S = 3.0
"""Between two looks at all processes, for runs that nobody drives: such a look costs some milliseconds."""
STRETCH_S = 0.02
"""After so long a stretch of reading the thread rests for as long as it worked: a key never waits long for its turn."""


class RunWatch(threading.Thread):
    """Looks at all runs again and again. `rows` may be called from any thread."""

    def __init__(self, here: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__(name="run-watch", daemon=True)
        self.here = here
        self.read_all = threading.Event()
        """Set as soon as every run that was there has been read once."""
        self.failure: BaseException | None = None
        """What ended the thread, if anything did: the screen says so instead of standing still."""
        self.clock = clock
        """Returns the Unix time now."""
        self._lock = threading.Lock()
        self._rows: dict[Path, RunRow] = {}
        self._version = 0
        self._readers: dict[Path, RunReader] = {}
        self._over = threading.Event()
        self._trainers: tuple[float, frozenset[str]] = (-SEARCH_S, frozenset())

    def rows(self) -> tuple[int, list[RunRow]]:
        """Return a number that rises with every change, and the rows in no particular order."""
        with self._lock:
            return self._version, list(self._rows.values())

    def run(self) -> None:
        """Look until closed."""
        looks = 0
        try:
            while not self._over.is_set():
                if looks % FIND_EVERY_LOOKS == 0:
                    self.find()
                self.look()
                self.read_all.set()
                looks += 1
                self._over.wait(LOOK_S)
        except Exception as failed:  # a thread's border: shown on the screen, no run is touched
            self.failure = failed

    def find(self) -> None:
        """Take up folders that are new and let go of those that are gone; the newest is read first."""
        found = {place.resolve(): place for place in find_runs(self.here)}
        for gone in self._readers.keys() - found.keys():
            del self._readers[gone]
            self._put(gone, None)
        for fresh in sorted(found.keys() - self._readers.keys(), key=lambda folder: folder.name, reverse=True):
            self._readers[fresh] = RunReader(found[fresh], self.here)

    def look(self) -> None:
        """Look at every run once."""
        began = time.monotonic()
        for folder, reader in list(self._readers.items()):
            if (worked := time.monotonic() - began) > STRETCH_S:
                self._over.wait(worked)
                began = time.monotonic()
            if self._over.is_set():
                return
            with suppress(OSError):  # a run of somebody else's, or one that is being removed
                self._put(folder, reader.look(self.clock(), self._living))

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        if self.is_alive():
            self.join(timeout=2)

    def _put(self, folder: Path, row: RunRow | None) -> None:
        if self._rows.get(folder) == row:
            return
        with self._lock:
            self._version += 1
            if row is None:
                self._rows.pop(folder, None)
            else:
                self._rows[folder] = row

    def _living(self) -> frozenset[str]:
        now = time.monotonic()
        if now - self._trainers[0] > SEARCH_S:
            self._trainers = (now, living_trainers())
        return self._trainers[1]
