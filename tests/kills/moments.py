"""When to kill: the states that a run comes through, each told from its files as they grow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from advisor.ledger import Entry, Judged, ProbeAsked, RunClosed, TrialStarted, read_entry
from advisor.runs import Run
from trainer.commands import Checkpoint, Command, Turn
from trainer.journal import JournalReader
from trainer.wire import (
    ArmScored,
    BeatTaken,
    CheckpointWritten,
    Event,
    KnobsTurned,
    Probed,
    RolledBack,
    RunEnded,
    RunStarted,
    SnapshotTaken,
    StretchTaken,
    TrainingEnded,
    TrialBegan,
    TrialEnded,
    read_event,
)
from trainer.words import Turned

Who = Literal["driver", "trainer"]


class Seen:
    """What a run has told so far."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.events: list[Event] = []
        self.entries: list[Entry] = []
        self._events, self._entries = JournalReader(run.events), JournalReader(run.ledger)

    def look(self) -> None:
        """Read on."""
        self.events += [event for line in self._events.read() if (event := read_event(line)) is not None]
        self.entries += [entry for line in self._entries.read() if (entry := read_entry(line)) is not None]

    def count(self, *kinds: type[Event] | type[Entry]) -> int:
        """Return how many events and entries of these kinds there were."""
        return sum(isinstance(word, kinds) for word in (*self.events, *self.entries))

    def last(self, *kinds: type[Event]) -> bool:
        """Tell whether the newest of the events that mark a trial is of one of these kinds."""
        marks = (TrialBegan, StretchTaken, ArmScored, TrialEnded, RolledBack)
        newest = next((event for event in reversed(self.events) if isinstance(event, marks)), None)
        return isinstance(newest, kinds)

    def trying(self, how: str) -> bool:
        """Tell whether a trial of this kind is open in the ledger."""
        judged = {entry.trial for entry in self.entries if isinstance(entry, Judged)}
        started = (entry for entry in self.entries if isinstance(entry, TrialStarted))
        return any(entry.how == how and entry.trial not in judged for entry in started)


@dataclass(frozen=True)
class Moment:
    """A state of a run, and how it is known."""

    state: str
    setup: str
    came: Callable[[Seen], bool]
    within_s: float = 0.0
    """The kill comes at random within so many seconds after the state was seen."""
    told: tuple[Command, ...] = ()
    """Given to the trainer once it trains, as by a driver that dies before it confirms."""


def _arms(count: int) -> Callable[[Seen], bool]:
    return lambda seen: seen.trying("fork") and seen.count(TrialBegan) > 0 and seen.count(ArmScored) == count


def _writes(seen: Seen) -> bool:
    return seen.count(BeatTaken) > 3 and any(path.name.startswith(".") for path in seen.run.checkpoints.iterdir())


DOUBTFUL = Turn(trial="doubtful", turns=(Turned(knob="lr", to=1e-5),), probation_steps=300)

MOMENTS = (
    Moment("starting", "healthy", lambda seen: bool(seen.entries), 4.0),
    Moment("idle", "healthy", lambda seen: seen.count(BeatTaken) > 3, 2.0),
    Moment("on probation", "healthy", lambda seen: seen.count(KnobsTurned) > 1, 0.05, told=(DOUBTFUL, Checkpoint())),
    Moment("rounds: warm-up", "timed", lambda seen: seen.trying("rounds"), 0.2),
    Moment("rounds: stretch", "timed", lambda seen: seen.last(TrialBegan, StretchTaken), 3.0),
    Moment("rounds: between", "timed", lambda seen: seen.last(StretchTaken)),
    Moment("rounds: kept", "timed", lambda seen: seen.count(Judged) > 0, 0.3),
    Moment("fork: control", "forked", _arms(0), 0.05),
    Moment("fork: candidate", "forked", _arms(1), 0.05),
    Moment("fork: nulls", "forked", _arms(2), 0.1),
    Moment("fork: verdict", "forked", _arms(4)),
    Moment("fork: decided", "forked", lambda seen: seen.last(TrialEnded), 0.02),
    Moment("probe", "swept", lambda seen: seen.count(ProbeAsked) > seen.count(Probed), 0.1),
    Moment("rescue: asked", "rescued", lambda seen: seen.trying("rescue")),
    Moment("rescue: rolled back", "rescued", lambda seen: seen.last(RolledBack), 0.04),
    Moment("snapshot", "healthy", lambda seen: seen.count(SnapshotTaken) > 1),
    Moment("checkpoint being written", "saved", _writes),
    Moment("checkpoint written", "saved", lambda seen: seen.count(CheckpointWritten) > 2, 0.05),
    Moment("compression", "compressed", lambda seen: seen.trying("compression"), 0.15),
    Moment("training ended", "healthy", lambda seen: seen.count(TrainingEnded) > 0),
    Moment("after the last word", "healthy", lambda seen: seen.count(RunEnded) > 0, 1.0),
    Moment("any time", "forked", lambda seen: seen.count(RunStarted) > 0, 3.0),
)
"""Every state of a run and of a trial that a kill can fall into."""


def over(seen: Seen) -> bool:
    """Tell whether the run was closed."""
    return seen.count(RunClosed) > 0
