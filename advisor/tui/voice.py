"""What a viewer may say: wishes in a file of its own, and whether somebody else already looks on."""

import getpass
import os
import time
from pathlib import Path

from advisor.ledger import Wished
from advisor.runs import Run
from rules.vocabulary import Value
from trainer.journal import JournalHeld, JournalWriter, is_held


class Voice:
    """One viewer's own wishes file, locked while it looks on; a read-only viewer has none and writes nothing.

    A second viewer is read-only: two people pressing keys on one run would undo each other.
    """

    def __init__(self, run: Run, *, readonly: bool, viewer: str = "") -> None:
        self.viewer = viewer or f"{_user()}-{os.getpid()}"
        self.why_silent = ""
        """Why this viewer cannot wish; empty when it can."""
        self._writer: JournalWriter | None = None
        if readonly:
            self.why_silent = "read-only: no key changes this run"
            return
        try:
            run.wishes.mkdir(exist_ok=True)
            self._writer = JournalWriter(run.wishes / f"{self.viewer}.jsonl")
        except (OSError, JournalHeld) as failed:
            self.why_silent = f"read-only: the wishes file cannot be written ({failed})"
            return
        others = [path.stem for path in other_viewers(run) if path.stem != self.viewer]
        if others:
            self.close()
            self.why_silent = (
                f"read-only: {others[0]} already looks on; when that screen is closed, detach and join again"
            )

    def wish(self, wish: str, target: str = "", turns: tuple[dict[str, Value], ...] = (), step: int = 0) -> str:
        """Write a wish and return what went wrong, or nothing."""
        if self._writer is None:
            return self.why_silent
        line = Wished(t=time.time(), step=step, wish=wish, target=target, viewer=self.viewer, turns=turns)
        if not self._writer.append(line.model_dump_json()):
            return "the wish could not be written: the disk is full"
        return ""

    def close(self) -> None:
        """Let go of the file; one without a wish in it is taken away."""
        if self._writer is None:
            return
        path = self._writer.path
        empty = path.exists() and path.stat().st_size == 0
        if empty:
            path.unlink(missing_ok=True)
        self._writer.close()
        self._writer = None


def other_viewers(run: Run) -> list[Path]:
    """Return the wishes files that a living viewer holds."""
    return [path for path in sorted(run.wishes.glob("*.jsonl")) if is_held(path)]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "user"
