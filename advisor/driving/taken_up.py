"""What a driver leaves behind when it dies: a trial without a verdict.

The trial is heard once more, event by event. Where the trainer has brought it to its end, its verdict is the one that
the dead driver would have given; where it has not, nobody finishes it, and it is taken back.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from advisor.ledger import Entry, Judged, TrialHeard, TrialStarted, Wished
from advisor.trials.compression import CompressionTrial
from advisor.trials.trial import abandon, advance
from advisor.trials.words import Moved, Trial
from trainer.commands import Revert
from trainer.wire import Event, KnobsReverted, RunEnded


@dataclass
class LeftBehind:
    """What the files tell, word by word, of trials that may have no verdict."""

    open: Callable[[TrialStarted], Trial]
    """Return the trial as it was before its first command, from what is known of the run at that word."""
    trial: Trial | None = None
    said: list[Event | Wished] = field(default_factory=list)
    """Since the trial began."""
    written: int = 0
    """Measurements of the trial that are in the ledger."""

    def hear(self, event: Event) -> None:
        """Take in an event."""
        if self.trial is not None:
            self.said.append(event)

    def read(self, entry: Entry) -> None:
        """Take in an entry of the ledger."""
        match entry:
            case TrialStarted():
                self.trial, self.said, self.written = self.open(entry), [], 0
            case Judged() if self.trial is not None and self.trial.setting.trial == entry.trial:
                self.trial = None
            case TrialHeard():
                self.written += 1
            case Wished() if self.trial is not None:
                self.said.append(entry)
            case _:
                pass

    def taken_up(self, live: bool) -> Moved:
        """Return what becomes of the trial without a verdict: its own end if the events tell it, else that nobody finishes it.

        A copy of the finished model waits for its verdict as long as its trainer lives: it is judged now.
        """
        if (trial := self.trial) is None:
            return Moved(None)
        setting, heard = trial.setting, list[Entry]()
        words = iter(self.said)
        for word in words:
            if isinstance(word, Wished):
                named = word.wish == "veto" and word.target in (setting.trial, *setting.fix.also, setting.code)
                trial = trial.vetoed() if named else trial
                continue
            moved = advance(trial, word)
            heard += [entry for entry in moved.entries if isinstance(entry, TrialHeard)]
            if moved.trial is None:
                break
            trial = moved.trial
        else:
            if live and isinstance(trial, CompressionTrial):
                return Moved(trial, trial.decision)
            moved = abandon(trial, "the driver died")
        if moved.commands and not (live and self._still_turned(setting.trial, words)):
            moved = abandon(trial, "the driver died")  # nobody has told the trainer, and it can no longer be told
        (judged,) = [entry for entry in moved.entries if isinstance(entry, Judged)]
        back = () if judged.outcome in ("kept", "applied_untried") else (Revert(trial=setting.trial, why=judged.why),)
        return Moved(None, (*moved.commands, *back), (*heard[self.written :], judged))

    def _still_turned(self, trial: str, later: Iterable[Event | Wished]) -> bool:
        """Tell whether the trainer has not turned a trial's knobs back, or ended, since its verdict was due."""
        ends = (
            isinstance(word, RunEnded) or (isinstance(word, KnobsReverted) and word.trial == trial) for word in later
        )
        return not any(ends)
