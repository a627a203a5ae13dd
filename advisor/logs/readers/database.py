"""SQLite files of others, opened for reading only: nothing is locked for long, nothing written beside them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

BUSY_S = 2.0
"""Seconds to wait while the training that is being watched writes."""
MAGIC = b"SQLite format 3\0"


def is_database(path: Path) -> bool:
    """Tell whether a file begins as SQLite files do."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading.

    Raises:
        sqlite3.Error: when it cannot be opened or read.
    """
    try:
        with closing(_connected(path)) as database:
            yield database
    except UnicodeDecodeError as garbled:  # a damaged schema, quoted in the library's own error
        raise sqlite3.DatabaseError(f"{path.name} is damaged") from garbled


def _connected(path: Path) -> sqlite3.Connection:
    place = path.resolve().as_uri()
    database = sqlite3.connect(f"{place}?mode=ro", uri=True, timeout=BUSY_S)
    try:
        database.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:  # its log of writes needs a folder that can be written to
        database.close()
        database = sqlite3.connect(f"{place}?immutable=1", uri=True)
    except BaseException:
        database.close()
        raise
    database.text_factory = _text
    return database


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
