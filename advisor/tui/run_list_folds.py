"""Folds of a run's logs that the list can afford: the head, the end and a few places between; never a whole log."""

import json
from collections.abc import Iterable
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

from advisor.ledger import Role
from advisor.tui.run_list_rows import Standing
from trainer.journal import JournalReader

TAIL_BYTES = 1 << 16
"""The end of the events: some hundred beats, the newest evaluation nearly always among them."""
HEAD_BYTES = 1 << 18
"""The first event of a run brings the catalogue of knobs (about 16 KiB) and comes after the survey of the data."""
LEDGER_BYTES = 1 << 20
"""The end of the ledger; a whole ledger is far smaller than that, unless a run goes on for weeks."""
GROWN_BYTES = 1 << 18
"""What is read at most of what was added since the last look."""
PLACE_BYTES = 1 << 13
"""Read for the course of the loss at one place for each part of the curve: a beat with 64 values in each series fits."""
PARTS = 24
"""Parts of the curve: twice what the widest list shows."""


class EventsFold:
    """Where a run stands, from some of its events."""

    def __init__(self, path: Path) -> None:
        self.step = self.steps_total = 0
        self.t = 0.0
        self.began_t: float | None = None
        self.loss: float | None = None
        self.eta_s: float | None = None
        self.step_s = self.longest_evaluation_s = 0.0
        self.metric, self.higher_is_better = "", True
        self.best: float | None = None
        self.curve: list[float | None] = [None] * PARTS
        self._path = path
        self._reader: JournalReader | None = None

    def read(self) -> None:
        """Take in the start, a few places and the end at first; then what was added, its end first if it is much."""
        size = size_of(self._path)
        if self._reader is None:
            if not size:
                return
            self._reader = JournalReader(self._path, max(size - TAIL_BYTES, 0))
            if size > TAIL_BYTES:
                self._take(_until(_lines_at(self._path, 0, HEAD_BYTES), "run_started"))
                for place in range(PARTS):
                    self._take(_until(_lines_at(self._path, place * size // PARTS, PLACE_BYTES), "beat_taken"))
                self._take(_lines_at(self._path, size - TAIL_BYTES, TAIL_BYTES))
                self._reader.offset = size - len(_torn_end(self._path, size))
        elif size - self._reader.offset > GROWN_BYTES:
            self._take(_lines_at(self._path, size - GROWN_BYTES, GROWN_BYTES))
            self._reader.offset = size - len(_torn_end(self._path, size))
        while lines := self._reader.read(GROWN_BYTES):
            self._take(lines)

    def _take(self, lines: Iterable[str]) -> None:
        for line in lines:
            kind = _kind(line)
            if kind in ("run_started", "beat_taken", "evaluated", "rolled_back") and (word := _word(line)):
                with suppress(KeyError, TypeError, ValueError, IndexError):  # a form that this version does not know
                    self._hear(kind, word)

    def _hear(self, kind: str, word: dict[str, Any]) -> None:
        self.t, self.step = max(self.t, float(word["t"])), int(word["step"])
        if kind == "run_started":
            self.began_t = self.began_t or float(word["t"])
            self.steps_total = int(word["steps_total"])
            self.metric = str(word["task"]["metric"])
            self.higher_is_better = bool(word["task"]["higher_is_better"])
        elif kind == "beat_taken":
            self.eta_s = float(word["eta_s"])
            self.step_s = float(word["seconds"]) / max(int(word["steps"]), 1)
            if word["loss"]:
                self.loss = float(word["loss"][-1])
                enter_loss(self.curve, self.step, self.steps_total, self.loss)
        elif kind == "evaluated" and word["split"] == "val":
            self.longest_evaluation_s = max(self.longest_evaluation_s, float(word["seconds"]))
            self._score(float(word["metrics"][self.metric]))

    def _score(self, value: float) -> None:
        better = self.best is None or (value > self.best if self.higher_is_better else value < self.best)
        self.best = value if better and isfinite(value) else self.best


class LedgerFold:
    """What stands, what was tried and how a run was closed, from the end of its ledger."""

    def __init__(self, path: Path) -> None:
        self.closed_why = ""
        self.paused = False
        self.t = 0.0
        self.stands: dict[str, Standing] = {}
        self.outcomes: dict[str, str] = {}
        """Trial → kept, applied_untried, rolled_back, undecided, refused or undone."""
        self._path = path
        self._reader: JournalReader | None = None

    def read(self) -> None:
        """Take in what was added since the last look."""
        if self._reader is None:
            size = size_of(self._path)
            self._reader = JournalReader(self._path)
            if size > LEDGER_BYTES:
                self._take(_lines_at(self._path, size - LEDGER_BYTES, LEDGER_BYTES))
                self._reader.offset = size - len(_torn_end(self._path, size))
        while lines := self._reader.read(GROWN_BYTES):
            self._take(lines)

    def _take(self, lines: Iterable[str]) -> None:
        for line in lines:
            if _kind(line) not in ("", "assessed", "trial_heard", "hardware_profiled") and (word := _word(line)):
                with suppress(KeyError, TypeError, ValueError):  # a form that this version does not know
                    self._enter(word)

    def _enter(self, word: dict[str, Any]) -> None:
        self.t = max(self.t, float(word["t"]))
        match word["kind"]:
            case "driver_started":
                self.closed_why = ""
            case "trainer_started":
                self.paused = False
            case "run_closed":
                self.closed_why = str(word["why"])
            case "wished" if word["wish"] in ("pause", "resume"):
                self.paused = word["wish"] == "pause"
            case "found":
                self._stand(word["finding"]["code"], word["role"], word["finding"]["message"])
            case "restated" if word["finding"]["code"] in self.stands:
                known = self.stands[word["finding"]["code"]]
                self._stand(known.code, known.role, word["finding"]["message"])
            case "role_changed" if word["code"] in self.stands:
                self._stand(word["code"], word["role"], self.stands[word["code"]].message)
            case "cleared":
                self.stands.pop(word["code"], None)
            case "judged":
                self.outcomes[word["trial"]] = word["outcome"]
            case "undone":
                self.outcomes[word["trial"]] = "undone"

    def _stand(self, code: str, role: Role, message: str) -> None:
        self.stands[code] = Standing(code, role, message)


def enter_loss(curve: list[float | None], step: int, steps_total: int, loss: float) -> None:
    """Put a loss into its part of the curve; a run that was turned back writes over what it left."""
    if steps_total > 0:
        curve[min(max(step - 1, 0) * len(curve) // steps_total, len(curve) - 1)] = loss


def _kind(line: str) -> str:
    """Return the kind of a line without parsing it: it stands near the beginning."""
    at = line.find('"kind":"', 0, 120)
    return line[at + 8 : line.find('"', at + 8)] if at >= 0 else ""


def _word(line: str) -> dict[str, Any] | None:
    try:
        word = json.loads(line)
    except ValueError:
        return None
    return word if isinstance(word, dict) else None


def _until(lines: list[str], kind: str) -> list[str]:
    """Return the lines up to the first of this kind."""
    place = next((place for place, line in enumerate(lines) if _kind(line) == kind), len(lines))
    return lines[: place + 1]


def _lines_at(path: Path, start: int, count: int) -> list[str]:
    """Return the whole lines that lie in so many bytes from `start`."""
    try:
        with path.open("rb") as file:
            file.seek(max(start - 1, 0))
            data = file.read(count + 1)
    except OSError:
        return []
    if start > 0:
        data = data[data.find(b"\n") + 1 :] if b"\n" in data else b""
    return data[: data.rfind(b"\n") + 1].decode("utf-8", errors="replace").splitlines()


def _torn_end(path: Path, size: int) -> bytes:
    """Return what follows the last newline in the first `size` bytes: the line that is being written."""
    with path.open("rb") as file:
        file.seek(max(size - TAIL_BYTES, 0))
        data = file.read(min(size, TAIL_BYTES))
    return data[data.rfind(b"\n") + 1 :]


def size_of(path: Path) -> int:
    """Return a file's size in bytes; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
