"""Compression: a smaller copy of the finished model beside it, kept if the metric allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from advisor.trials.judge import Verdict, judge_compression
from advisor.trials.words import VETOED, Moved, Setting, over
from trainer.commands import Command, Compress, Decide
from trainer.wire import Compressed, Event, Told, TrialEnded


@dataclass(frozen=True)
class CompressionTrial:
    """Waits for the copy and its scores, decides, and waits for the trainer to be done with it."""

    setting: Setting
    most_loss: float
    """What the metric may lose, in its own unit."""
    verdict: Verdict | None = None
    told: str = ""
    """What the trainer said last: why it cannot compress, where it cannot."""
    veto: bool = False

    def begin(self) -> tuple[Command, ...]:
        """Ask for the copy."""
        method: Literal["int8", "prune"] = "prune" if self.setting.fix.method == "prune" else "int8"
        return (Compress(trial=self.setting.trial, method=method),)

    def vetoed(self) -> CompressionTrial:
        """Return the trial so that the copy is deleted."""
        return replace(self, veto=True)

    def advance(self, event: Event) -> Moved:
        """Judge the copy; a trainer that could not make one says why and ends."""
        match event:
            case Compressed(trial=self.setting.trial):
                verdict = VETOED if self.veto else self._judged(event)
                after = replace(self, verdict=verdict)
                return Moved(after, after.decision)
            case Told():
                return Moved(replace(self, told=event.text))
            case TrialEnded(trial=self.setting.trial):
                return over(self.setting, self._final(event), event.seconds)
            case _:
                return Moved(self)

    def _final(self, ended: TrialEnded) -> Verdict:
        if (verdict := self.verdict) is None:
            return Verdict("refused", f"cannot be done here: {self.told or ended.why}")
        if verdict.keep and ended.went_on_from != "candidate":
            return Verdict("undecided", f"{verdict.why}; but the verdict came too late", verdict.measured)
        return verdict

    @property
    def decision(self) -> tuple[Command, ...]:
        """Return what the trainer is told once the copy is judged."""
        if self.verdict is None:
            return ()
        return (Decide(trial=self.setting.trial, arm="candidate" if self.verdict.keep else "control"),)

    def _judged(self, event: Compressed) -> Verdict:
        return judge_compression(
            bytes_before=event.bytes_before,
            bytes_after=event.bytes_after,
            metric_before=event.metric_before,
            metric_after=event.metric_after,
            higher_is_better=self.setting.higher_is_better,
            most_loss=self.most_loss,
        )
