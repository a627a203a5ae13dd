"""Rounds: the same training with and without a turn, in neighbouring stretches, for throughput."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from advisor.deciding.budget import ROUNDS, STRETCH_S, STRETCH_STEPS
from advisor.ledger import Entry, TrialHeard
from advisor.trials.judge import Agreement, Verdict, judge_agreement, judge_crowd, judge_payback, judge_rounds
from advisor.trials.judge_memory import judge_memory
from advisor.trials.words import VETOED, Moved, Setting, over
from rules.vocabulary import Effect
from trainer.commands import Alternate, Command, Confirm, Turn
from trainer.wire import AgreementMeasured, Arm, Event, StretchTaken, TrialEnded


@dataclass(frozen=True)
class RoundsTrial:
    """Waits for an agreement, where one was asked for, then for all stretches; judges when the trainer is done."""

    setting: Setting
    agreement_passes: int = 0
    agreement: Agreement | None = None
    seconds: dict[int, dict[Arm, float]] = field(default_factory=dict)
    """Round → arm → seconds an example."""
    peaks: dict[int, dict[Arm, int]] = field(default_factory=dict)
    """Round → arm → bytes of the device's memory at its peak."""
    veto: bool = False

    def begin(self) -> tuple[Command, ...]:
        """Ask for the rounds."""
        return (
            Alternate(
                trial=self.setting.trial,
                turns=self.setting.turns,
                rounds=ROUNDS,
                stretch_steps=STRETCH_STEPS,
                stretch_s=STRETCH_S,
                agreement_passes=self.agreement_passes,
            ),
        )

    def vetoed(self) -> RoundsTrial:
        """Return the trial so that it will not be kept."""
        return replace(self, veto=True)

    def advance(self, event: Event) -> Moved:
        """Take a stretch, an agreement or the end."""
        match event:
            case AgreementMeasured(trial=self.setting.trial):
                agreement = Agreement(event.loss_difference, event.gradient_cosine)
                numbers = {"difference": event.loss_difference, "cosine": event.gradient_cosine}
                heard = TrialHeard(trial=self.setting.trial, what="agreement", numbers=numbers)
                return Moved(replace(self, agreement=agreement), entries=(heard,))
            case StretchTaken(trial=self.setting.trial):
                return self._stretch(event)
            case TrialEnded(trial=self.setting.trial):
                return self._end(event)
            case _:
                return Moved(self)

    @property
    def gains(self) -> list[float]:
        """Relative time saved in each round that has both its stretches."""
        return [
            1 - arms["candidate"] / arms["control"]
            for _, arms in sorted(self.seconds.items())
            if "candidate" in arms and arms.get("control", 0.0) > 0
        ]

    @property
    def spared(self) -> list[float]:
        """Relative memory spared at the peak in each round that has both its stretches."""
        return [
            1 - arms["candidate"] / arms["control"]
            for _, arms in sorted(self.peaks.items())
            if arms.get("candidate") and arms.get("control")
        ]

    @property
    def _spares(self) -> bool:
        """Whether the fix is there for memory, and not for time."""
        return self.setting.fix.improves == "bytes"

    def _stretch(self, event: StretchTaken) -> Moved:
        if event.timed_samples <= 0:
            return Moved(self)
        arms = {**self.seconds.get(event.round, {}), event.arm: event.timed_s / event.timed_samples}
        peaks = {**self.peaks.get(event.round, {}), event.arm: event.peak_bytes}
        after = replace(self, seconds={**self.seconds, event.round: arms}, peaks={**self.peaks, event.round: peaks})
        entries: tuple[Entry, ...] = ()
        if "candidate" in arms and arms.get("control", 0.0) > 0:
            without_s, with_s = arms["control"], arms["candidate"]
            numbers = {"without_s": without_s, "with_s": with_s, "gain": 1 - with_s / without_s}
            if self._spares:
                numbers |= {
                    "without_bytes": float(peaks.get("control", 0)),
                    "with_bytes": float(peaks.get("candidate", 0)),
                }
            entries = (TrialHeard(trial=self.setting.trial, what="round", numbers=numbers),)
        return Moved(after, entries=entries)

    def _end(self, event: TrialEnded) -> Moved:
        left_s = self.setting.eta_s - max(event.t - self.setting.t, 0.0)
        verdict = self._verdict(event.why)
        if not self._spares:
            verdict = judge_crowd(judge_payback(verdict, left_s, event.set_up_s), event.crowded_share)
        commands: tuple[Command, ...] = ()
        if verdict.keep:
            turn = Turn(trial=self.setting.trial, turns=self.setting.turns)
            commands = (turn, Confirm(trial=self.setting.trial))
        return over(self.setting, verdict, event.seconds, commands)

    def _verdict(self, why: str) -> Verdict:
        if self.veto:
            return VETOED
        if (
            self.agreement is not None
            and (differs := judge_agreement(self.agreement, self.setting.fix.effect is Effect.SAME_MATHEMATICS))
            is not None
        ):
            return differs
        verdict = judge_memory(self.spared, self.gains, ROUNDS) if self._spares else judge_rounds(self.gains, ROUNDS)
        if self.agreement_passes and self.agreement is None and verdict.outcome != "rolled_back":
            return Verdict("undecided", why or "the agreement of the two was not measured")
        return replace(verdict, why=f"{verdict.why}: {why}") if len(self.gains) < ROUNDS and why else verdict
