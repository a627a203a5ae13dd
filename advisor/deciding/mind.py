"""The mind: hears the trainer, assesses, chooses, tries, judges, and writes down why.

It has no clock, file or process of its own: time comes in with events and samples, deeds go out as commands, and what
it decides goes to the ledger. A new mind that folds the files of a run knows what the old one knew.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import merge

from advisor.deciding.by_hand import weigh_by_hand
from advisor.deciding.choose import Choice, choose
from advisor.deciding.diagnosis import Diagnosis
from advisor.deciding.history import NO_LONGER, Attempt, History, shape_of, turns_of
from advisor.deciding.options import AskProbe, No, Try
from advisor.deciding.scene import circumstances_of, repeats, scene_of, setting_of
from advisor.deciding.settings import Settings as Settings
from advisor.driving.deeds import Deeds
from advisor.driving.taken_up import LeftBehind
from advisor.gathering.gather import gather
from advisor.ledger import Entry, Judged, Noted, ProbeAsked, Proposed, Refused, Undone, Wished
from advisor.sensors.sample import Sample
from advisor.signals.signals import Signals
from advisor.trials.judge import regressed
from advisor.trials.trial import abandon, advance, open_trial
from advisor.trials.words import Moved, Trial
from rules.catalogue import all_rules
from rules.vocabulary import Rule
from trainer.commands import Checkpoint, Command, Confirm, Finish, Pause, Probe, Resume, Revert, Stop, Turn
from trainer.wire import (
    BeatTaken,
    CommandRefused,
    Evaluated,
    Event,
    LabelsSuspected,
    MemoryRanOut,
    Probed,
    RolledBack,
    RunEnded,
    RunStarted,
    Surveyed,
    TrainingEnded,
)
from trainer.words import ProbeName, Turned

OF_A_PERSON = "u"
"""How the name of a turn begins that a person made at once; that of a trial begins otherwise."""
ASSESS_STEPS = 10
ASSESS_SHARE = 0.005
"""Assess at beats at most every so many steps, or this share of the run: windows do not move faster."""


class Mind:
    """Decides for one run."""

    def __init__(self, settings: Settings, write: Callable[[Entry], None], rules: Sequence[Rule] | None = None) -> None:
        self.settings = settings
        self.signals = Signals()
        self.history = History()
        self.diagnosis = Diagnosis(all_rules() if rules is None else rules, settings.mute)
        self._write = write
        self._deeds = Deeds()
        self._trial: Trial | None = None
        self._probing = ""
        self._assessed_step = -1
        self._finish_sent = False

    @property
    def lockstep(self) -> bool:
        """Tell whether no decision may depend on wall time."""
        return repeats(self.signals, self.settings)

    def hear(self, event: Event) -> list[Command]:
        """Take in an event; return what the trainer is to be told about it."""
        self.signals.hear(event)
        self.history.hear(event)
        self._deeds.hear(event)
        commands = self._move(event)
        for entry in self.settings.plan.told(event, event.step) if self.settings.plan is not None else ():
            self._say(entry)
        self._note_probe(event)
        if isinstance(event, RolledBack):
            self.diagnosis.unripen()
            self._assessed_step = event.step
        if isinstance(event, RunStarted):
            self._probing, self._finish_sent, self._assessed_step = "", False, event.step - 1
            commands += self._tell_again() if not event.trial else []
        commands += self._guard(event)
        if self._due(event):
            self._assess()
            if isinstance(event, Evaluated):
                self._restate()
            commands += self._decide()
        elif self.signals.ended is not None:
            commands += self._decide()
        return commands

    def sense(self, sample: Sample) -> None:
        """Take in what the sensors saw."""
        self.signals.sense(sample)
        if sample.stall is not None:  # no event will come that it could be assessed at
            self._assess()
            self._restate()

    def wish(self, wish: Wished) -> list[Command]:
        """Obey a person; the wish goes to the ledger with what comes of it."""
        opened = self.history.open
        self._say(wish)
        match wish.wish:
            case "accept":
                return self._accept(wish)
            case "veto" if (
                self._trial is not None and opened is not None and wish.target in (opened.trial, *opened.codes)
            ):
                self._trial = self._trial.vetoed()
                return []
            case "undo":
                return self._undo(wish)
            case "pause":
                return [Pause()]
            case "resume":
                return [Resume()]
            case "stop":
                return [Stop(why="stopped")]
            case "checkpoint":
                return [Checkpoint()]
            case "turn":
                trial = f"{OF_A_PERSON}{sum(1 for _ in self.history.attempts) + 1}-{self.signals.step}"
                turns = tuple(Turned(knob=turn.knob, to=turn.to) for turn in turns_of(wish))
                return [Turn(trial=trial, turns=turns, by="user"), Confirm(trial=trial)]
            case "try":
                return self._decide()
            case _:
                return []

    def restore(self, events: Iterable[Event], entries: Iterable[Entry], live: bool) -> list[Command]:
        """Fold the files of a run; end the trial that a dead driver left open; return what is to be done now.

        Args:
            events: All of the trainer's, in order.
            entries: All of the ledger, in order.
            live: A trainer of this run is alive and listens.
        """
        heard = ((event.t, 0, place, event) for place, event in enumerate(events))
        written = ((entry.t, 1, place, entry) for place, entry in enumerate(entries))
        left = LeftBehind(lambda started: self._opened(started.trial, Try.of(started)))
        for _, kind, _, word in merge(heard, written, key=lambda one: one[:3]):
            if kind == 0:
                left.hear(word)  # type: ignore[arg-type]
                self.signals.hear(word)  # type: ignore[arg-type]
                self.history.hear(word)  # type: ignore[arg-type]
                self._deeds.hear(word)  # type: ignore[arg-type]
            else:
                left.read(word)  # type: ignore[arg-type]
                self.history.enter(word)  # type: ignore[arg-type]
                self.diagnosis.restore(word)  # type: ignore[arg-type]
        self._assessed_step = self.signals.step
        attempts = self.history.attempts.values() if live else ()
        commands = [command for one in attempts for command in self._deeds.outstanding(one)]
        commands += self._take(left.taken_up(live)) if left.trial is not None else []
        if live and self.signals.ended is not None and not self.signals.over:
            self._assess()
            commands += self._decide()
        return commands if live else []

    def close(self) -> None:
        """Say the last words: the verdict on what is still open, and the state of every rule."""
        if self._trial is not None:
            self._take(abandon(self._trial, "the driver ended"))
        if self.signals.started is not None and not self.signals.over:
            self._assess()
        self._restate()

    # ------------------------------------------------------------ assess and decide

    def _due(self, event: Event) -> bool:
        match event:
            case BeatTaken():
                every = max(
                    ASSESS_STEPS, ASSESS_SHARE * (self.signals.started.steps_total if self.signals.started else 0)
                )
                return event.step - self._assessed_step >= every
            case Evaluated():
                return event.split == "val" and not event.final and self.signals.ended is None
            case Surveyed() | LabelsSuspected() | Probed() | MemoryRanOut() | TrainingEnded():
                return True
            case _:
                return False

    def _assess(self) -> None:
        self._assessed_step = self.signals.step
        facts = gather(self.signals, self.lockstep)
        for entry in self.diagnosis.update(facts, self.signals.step, self.history):
            self._say(entry)

    def _restate(self) -> None:
        for entry in self.diagnosis.restate():
            self._say(entry)

    def _decide(self) -> list[Command]:
        """Return the next deed, if one may begin now; once nothing is wanted of a finished run, say so."""
        signals = self.signals
        busy = self._trial is not None or self._probing != ""
        died = signals.over and signals.ended is None
        if signals.started is None or busy or died:
            return []
        by_hand = self._try_by_hand()
        if self._trial is not None or signals.over or self._finish_sent:
            return by_hand
        idle = self.settings.mode == "watch" or self.history.paused or unfinished(signals.ended)
        commands = [] if idle else self._act(self._choose())
        if signals.ended is not None and self._trial is None:
            self._finish_sent = True
            return [*commands, Finish()]
        return commands

    def _try_by_hand(self) -> list[Command]:
        """Begin what a person wants tried, in every mode, or say why it cannot be tried."""
        for turns in () if self.history.paused else tuple(self.history.by_hand):
            scene = scene_of(self.signals, self.history, self.settings)
            match weigh_by_hand(turns, self.history, scene):
                case Try() as chosen:
                    return self._begin(chosen)
                case No() as no:
                    self._say(Refused(code=no.code, fix=no.fix, why=no.why))
        return []

    def _choose(self) -> Choice:
        standings = self.diagnosis.standings.values()
        return choose(
            standings, self.diagnosis.parts, self.history, scene_of(self.signals, self.history, self.settings)
        )

    def _act(self, choice: Choice) -> list[Command]:
        for no in choice.refusals:
            self._refuse(no)
        for offer in choice.offers:
            self._offer(offer)
        match choice.deed:
            case AskProbe() as asked:
                return self._probe(asked)
            case Try() as chosen:
                return self._begin(chosen)
            case _:
                return []

    def _refuse(self, no: No) -> None:
        told = {"budget", "too late"} if no.reason == "too late" else {no.reason}
        if not any((no.code, shape_of(no.fix), reason) in self.history.refused for reason in told):
            self._say(Refused(code=no.code, fix=no.fix, why=no.why))

    def _offer(self, offer: Try) -> None:
        for one in self.history.proposals.values():
            same = (one.fix.deed, one.fix.turns) == (offer.fix.deed, offer.fix.turns)
            if shape_of(one.fix) == shape_of(offer.fix) and (one.code == offer.code or same):
                return
        proposal = f"p{len(self.history.proposals) + 1}"
        self._say(
            Proposed(proposal=proposal, code=offer.code, fix=offer.fix, how=offer.how, expected_cost_s=offer.cost_s)
        )

    # ------------------------------------------------------------ probes and trials

    def _probe(self, asked: AskProbe) -> list[Command]:
        self._say(ProbeAsked(code=asked.code, probe=asked.probe))
        self._probing = asked.probe
        name: ProbeName = asked.probe  # type: ignore[assignment]
        return [Probe(probe=name, from_start=asked.from_start)]

    def _note_probe(self, event: Event) -> None:
        match event:
            case Probed() if event.probe == self._probing:
                self._probing = ""
            case CommandRefused(command="probe"):
                self._probing = ""
            case TrainingEnded() | RunEnded():
                self._probing = ""
            case _:
                pass

    def _begin(self, chosen: Try) -> list[Command]:
        self._trial = trial = self._opened(self._new_name(), chosen)
        self._say(chosen.started(trial.setting.trial, trial.setting.old))
        return list(trial.begin())

    def _new_name(self) -> str:
        """Return a name that no trial of this run has, nor one that is done again from a plan."""
        planned = self.settings.plan.kept if self.settings.plan is not None else ()
        taken = {*self.history.attempts, *(one.trial for one in planned)}
        number = len(self.history.attempts) + 1
        while f"t{number}" in taken:
            number += 1
        return f"t{number}"

    def _opened(self, name: str, chosen: Try) -> Trial:
        setting = setting_of(name, chosen, self.signals, self.lockstep)
        return open_trial(chosen, setting, circumstances_of(chosen, self.signals, self.history, self.settings))

    def _tell_again(self) -> list[Command]:
        """Return what a trainer that has just started has to be told once more; nothing at the first start."""
        commands, given_up = self._deeds.lost(self.history.attempts.values())
        for attempt in given_up:
            self._say(Undone(trial=attempt.trial, why="the trainer died twice before it had turned"))
        return commands

    def _move(self, event: Event) -> list[Command]:
        if isinstance(event, CommandRefused) and event.command == "revert":
            attempt = self.history.attempts.get(event.trial)
            if attempt is not None and attempt.undone:
                return self._deeds.forgotten(attempt, self.signals.knobs)
        if self._trial is not None:
            return self._take(advance(self._trial, event))
        if isinstance(event, CommandRefused) and event.command == "turn":
            if event.trial.startswith(OF_A_PERSON):
                self._say(Noted(level="warning", text=f"the turn by hand was refused: {event.why}"))
            attempt = self.history.attempts.get(event.trial)
            if attempt is not None and attempt.stays:
                self._say(Undone(trial=event.trial, why=f"the trainer refused the turn: {event.why}"))
        return []

    def _take(self, moved: Moved) -> list[Command]:
        self._trial = moved.trial
        for entry in moved.entries:
            self._say(self._billed(entry) if isinstance(entry, Judged) else entry)
        if moved.trial is None and self.signals.ended is None:
            self.diagnosis.unripen()
        return list(moved.commands)

    def _billed(self, verdict: Judged) -> Judged:
        """Return a verdict with the bill of all trials so far, its own cost in it."""
        bill_s = self.history.spent_s + self.history.charge_s(verdict)
        budget = scene_of(self.signals, self.history, self.settings).budget
        whole_s = self.signals.elapsed_s + self.signals.eta_s
        share = budget.spent_steps / max(budget.steps_total, 1) if self.lockstep else bill_s / max(whole_s, 1e-9)
        return verdict.model_copy(update={"bill_s": bill_s, "bill_share": share})

    def _guard(self, event: Event) -> list[Command]:
        """Take a kept learning fix back when the run gets worse after it."""
        kept = self.history.last_kept_learning()
        if kept is None or not isinstance(event, Evaluated) or event.split != "val" or self._trial is not None:
            return []
        validation = self.signals.validation
        noise = self.history.metric_noise(validation.metric, kept)
        worse = regressed(validation.evaluations, kept.decided_step, validation.higher_is_better, noise)
        if not worse or self.settings.mode == "watch":
            return []
        return self._take_back(kept, f"worse after it was kept: {worse}", back=True)

    def _take_back(self, attempt: Attempt, why: str, *, back: bool = False) -> list[Command]:
        self._say(Undone(trial=attempt.trial, why=why))
        self.diagnosis.unripen()
        return [Revert(trial=attempt.trial, why=why, back=back)]

    # ------------------------------------------------------------ wishes

    def _accept(self, wish: Wished) -> list[Command]:
        """Try what a person accepts, if what it was proposed for still stands."""
        for proposal in self.history.proposals_of(wish.target):
            if self.signals.started is not None and not self.signals.over and self._trial is None:
                self._assess()
            if self.signals.over or self._finish_sent or not self.diagnosis.ripen(proposal.code):
                why = "the training is over" if self.signals.over or self._finish_sent else "it was assessed anew"
                self._say(Refused(code=proposal.code, fix=proposal.fix, why=f"{NO_LONGER}: {why}"))
        return self._decide()

    def _undo(self, wish: Wished) -> list[Command]:
        attempt = self.history.attempts.get(wish.target)
        if attempt is None:
            named = [one for one in self.history.attempts.values() if wish.target in one.codes and one.stays]
            attempt = named[-1] if named else None
        if attempt is None or not attempt.stays:
            return []
        return self._take_back(attempt, "a person took it back")

    def _say(self, entry: Entry) -> None:
        """Write an entry, with the time and step of what led to it, and remember it."""
        dated = entry.model_copy(update={"t": max(entry.t, self.signals.t), "step": self.signals.step})
        self.history.enter(dated)
        self._write(dated)


def unfinished(ended: TrainingEnded | None) -> bool:
    """Tell whether the training was broken off: then nobody waits for a smaller copy of the model."""
    return ended is not None and ended.why in ("stopped", "hopeless")
