"""An append-only file of lines with one writer: a record exists when its newline does.

The writer holds an flock for as long as it lives and cuts off a torn tail when it starts and after a failed write.
Readers keep a byte offset and never lock. No torch is imported here: the advisor keeps its ledger with this file too.
"""

import fcntl
import os
from pathlib import Path

CHUNK_BYTES = 1 << 20
"""Read at most so much at once: a reader that attaches late must stay responsive."""


class JournalHeld(Exception):
    """Another process writes this file; the text names the file."""


class JournalWriter:
    """Appends lines to a file that nobody else writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped = 0
        """Lines that could not be written (disk full); the caller's work went on."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise JournalHeld(f"{path} is being written by another process") from None
        self._cut_torn_tail()

    def append(self, *lines: str) -> bool:
        """Write lines; return whether they reached the file. A full disk drops them and is counted, never raised."""
        data = "".join(line + "\n" for line in lines).encode()
        end = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, data)
        except OSError:
            written = 0
        if written == len(data):
            return True
        self.dropped += len(lines)
        if written:
            os.ftruncate(self._file, end)
        return False

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _cut_torn_tail(self) -> None:
        size = os.fstat(self._file).st_size
        end = size
        while end > 0:
            start = max(0, end - 4096)
            newline = os.pread(self._file, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._file, end)


class JournalReader:
    """Reads the whole lines of a growing file, from where it stopped the last time."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset

    def read(self, limit_bytes: int = CHUNK_BYTES) -> list[str]:
        """Return the lines that are complete by now; an absent file has none. A torn last line waits."""
        try:
            if os.stat(self.path).st_size <= self.offset:
                return []
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(limit_bytes)
                while data and b"\n" not in data:
                    more = file.read(limit_bytes)
                    if not more:
                        return []
                    data += more
        except FileNotFoundError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        return whole.decode("utf-8", errors="replace").splitlines()

    def skip_to_end(self) -> None:
        """Leave out what is there by now."""
        while self.read():
            pass


def is_held(path: Path) -> bool:
    """Tell whether some process holds the flock of this file."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(file)
