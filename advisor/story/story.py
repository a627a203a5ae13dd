"""The story of a run: one fold of events and ledger entries that the screen, the progress lines and the report share.

It holds no truth of its own: hearing the same files again gives the same story. Its memory is bounded, however long the
run. It has no clock: what depends on the time now takes it as an argument.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace
from statistics import median
from typing import Any

from advisor import ledger
from advisor.story.interventions import Interventions
from advisor.story.knob_board import KnobBoard
from advisor.story.layer_history import LayerHistory
from advisor.story.scores import best_of, thinned
from advisor.story.seconds import Seconds
from advisor.story.state_word import patience_s, state_word
from advisor.story.thinned import Series
from advisor.story.told import Branch, FindingState, InterventionState, Mark, MarkKind, Note, ProposalState, Word
from trainer import wire
from trainer.words import Survey

RECOVERY_STEPS = 20
"""After a rollback the run is called recovering for so many steps: what a smoothed loss needs to be one."""
KEPT = 500
"""Evaluations, marks, notes and interventions kept of each; older ones go first."""
BRANCHES_KEPT = 6
"""Abandoned branches kept for the plots; a run that turns back oftener is not read by its curves."""
TIMED_TRIALS = ("fork", "rounds", "compression")
"""Trials whose time is their own: what a rescue costs is lost steps, and a free one shares an evaluation."""


class Story:
    """What is known of a run, after each event and entry."""

    def __init__(self) -> None:
        self.started: wire.RunStarted | None = None
        """The newest start (a resume or restart starts again)."""
        self.starts = 0
        self.began_t = 0.0
        """Unix time of the first start."""
        self.last_t = 0.0
        """Unix time of the newest event."""
        self.survey: Survey | None = None
        self.evaluations: list[wire.Evaluated] = []
        """On the validation split, in the branch that counts, oldest first."""
        self.test: wire.Evaluated | None = None
        self.final: wire.Evaluated | None = None
        """The evaluation on the validation split that the trainer called final."""
        self.findings: dict[str, FindingState] = {}
        self.series = Series()
        self.abandoned: deque[Branch] = deque(maxlen=BRANCHES_KEPT)
        self.marks: deque[Mark] = deque(maxlen=KEPT)
        self.notes: deque[Note] = deque(maxlen=KEPT)
        self.step = 0
        self.epoch = 0.0
        self.samples = 0
        self.loss: float | None = None
        """Of the newest step; NaN is a value, None is none yet."""
        self.lr: float | None = None
        self.eta_s: float | None = None
        self.peak_bytes = self.reserved_bytes = 0
        self.lost_steps = self.skipped_steps = self.clipped_steps = 0
        self.guards: Counter[str] = Counter()
        """Deeds of the trainer's own guard, by what it saw."""
        self.out_of_memory = 0
        self.rollbacks = 0
        self.layers: wire.LayersMeasured | None = None
        self.layer_history = LayerHistory()
        self.labels: wire.LabelsSuspected | None = None
        self.watching: wire.WatchingMeasured | None = None
        self.probes: dict[str, wire.Probed] = {}
        self.compressed: list[wire.Compressed] = []
        self.checkpoint: wire.CheckpointWritten | None = None
        self.training_ended: wire.TrainingEnded | None = None
        self.ended: wire.RunEnded | None = None
        self.closed: ledger.RunClosed | None = None
        self.exits: list[ledger.TrainerExited] = []
        self.restarts = 0
        self.mode = ""
        self.budget = 0.0
        self.frozen = False
        self.hardware: dict[str, Any] = {}
        self.passed: tuple[str, ...] = ()
        self.not_assessed: dict[str, tuple[str, ...]] = {}
        self.rule_errors: dict[str, str] = {}
        self._fixes = Interventions()
        self.interventions = self._fixes.all
        """Every fix that was tried, applied or refused, oldest first."""
        self.proposals = self._fixes.proposals
        """Fixes that wait, or waited, for a person."""
        self._board = KnobBoard()
        self.catalogue = self._board.catalogue
        self.initial = self._board.initial
        """What the knobs held at the first start."""
        self.knobs = self._board.now
        """What each knob holds now, a turn on probation included."""
        self.confirmed = self._board.confirmed
        """What each knob holds without the turns on probation."""
        self.knob_history = self._board.history
        self._seconds = Seconds()
        self._ended_s = 0.0
        self._paces: deque[tuple[int, int, float]] = deque(maxlen=16)
        self._paused = False
        self._dead = False
        self._recovering_until = -1
        self._longest_evaluation_s = 0.0

    @property
    def steps_total(self) -> int:
        """Steps that the run is to take; 0 before it has started."""
        return self.started.steps_total if self.started else 0

    @property
    def samples_per_s(self) -> float | None:
        """Examples a second over the last beats, the input wait in it."""
        seconds = sum(pace[2] for pace in self._paces)
        return sum(pace[1] for pace in self._paces) / seconds if seconds > 0 else None

    @property
    def step_s(self) -> float | None:
        """Median seconds of a step over the last beats."""
        return median(pace[2] / pace[0] for pace in self._paces) if self._paces else None

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by part: the phases of the steps that count, evaluation, checkpoint, trials, lost."""
        tried = sum(one.trial_s or one.cost_s for one in self.interventions if one.how in TIMED_TRIALS)
        parts = dict(self._seconds.by_part)
        return parts | {"trials": parts.get("trials", 0.0) + tried} if tried else parts

    @property
    def elapsed_s(self) -> float:
        """Wall seconds of all trainers of this run so far."""
        running = self.last_t - self.started.t if self.started and self.ended is None else 0.0
        return self._ended_s + max(running, 0.0)

    @property
    def best(self) -> wire.Evaluated | None:
        """The evaluation with the best main metric on the validation split; the older one of two equals."""
        return best_of(self.evaluations, self.started.task) if self.started else None

    @property
    def trial(self) -> InterventionState | None:
        """The fix that is being tried now."""
        return next((one for one in reversed(self.interventions) if one.running), None)

    @property
    def standing(self) -> list[FindingState]:
        """Findings that stand: causes first, then by severity, then by step."""
        order = ("cause", "contributing", "symptom")
        found = [one for one in self.findings.values() if one.standing]
        return sorted(found, key=lambda one: (order.index(one.role), -one.finding.severity.rank, one.step))

    @property
    def waiting(self) -> list[ProposalState]:
        """Proposals that wait for a person."""
        return [one for one in self.proposals.values() if one.state == "waiting"]

    @property
    def word(self) -> Word:
        """The state of the run as a word."""
        return state_word(
            started=self.started,
            ended=self.ended,
            step=self.step,
            trial=self.trial,
            dead=self._dead,
            paused=self._paused,
            recovering=self.step < self._recovering_until,
            training_over=self.training_ended is not None,
        )

    def word_at(self, now_t: float) -> Word:
        """Return the word at Unix time `now_t`: a run that trains and has been silent for too long is stalled."""
        silent = self._paces and now_t - self.last_t > patience_s(self.step_s, self._longest_evaluation_s)
        return "stalled" if silent and self.word in ("training", "warming up") else self.word

    def hear(self, event: wire.Event) -> None:
        """Take in one event of the trainer."""
        if isinstance(event, wire.RunStarted):
            self._close_session()
        self.last_t = max(self.last_t, event.t)
        match event:
            case wire.RunStarted():
                self._start(event)
            case wire.BeatTaken():
                self._beat(event)
            case wire.Surveyed():
                self.survey = event.survey
            case wire.Evaluated():
                self._evaluate(event)
            case wire.LayersMeasured():
                self.layers = event
                self.layer_history.add(event.step, event.layers)
            case wire.LabelsSuspected():
                self.labels = event
            case wire.WatchingMeasured():
                self.watching = event
            case wire.KnobsTurned() | wire.KnobsConfirmed() | wire.KnobsReverted():
                self._board.hear(event)
                if isinstance(event, wire.KnobsConfirmed):
                    self._fixes.hear(event)
                elif isinstance(event, wire.KnobsTurned) and event.by == "user":
                    self.marks.append(Mark.by_hand(event))
            case wire.TrialBegan() | wire.StretchTaken() | wire.ArmScored() | wire.TrialEnded():
                self._fixes.hear(event)
            case wire.SnapshotTaken():
                self._seconds.add("advisor", event.seconds)
            case wire.RolledBack():
                self.rollbacks += 1
                self._fixes.answered.clear()
                self._turn_back(event.from_step, event.step)
                self._mark(event.step, "turned_back", f"back from step {event.from_step}")
                self._recovering_until = event.step + RECOVERY_STEPS
            case wire.Probed():
                self.probes[event.probe] = event
                self._seconds.add("trials", event.seconds)
            case wire.GuardActed():
                self.guards[event.why] += 1
            case wire.MemoryRanOut():
                self.out_of_memory += 1
                self._board.in_pieces(event)
                text = f"out of memory: {event.micro_batch_before} → {event.micro_batch_after} examples at once"
                self._mark(event.step, "out_of_memory", text)
            case wire.MemoryRegained():
                self._board.in_pieces(event)
            case wire.CheckpointWritten():
                self.checkpoint = event
                self._seconds.add("checkpoint", event.seconds)
            case wire.TrainingEnded():
                self.training_ended = event
            case wire.Compressed():
                self.compressed.append(event)
            case wire.Told():
                self.notes.append(Note(event.step, event.t, event.level, event.text))
            case wire.RunEnded():
                self.ended = event
                self._ended_s += event.seconds

    def lose(self) -> None:
        """Take in that nobody trains any more and the trainer has said no last word: it was killed, or the machine stopped."""
        self._dead = self._dead or (self.started is not None and self.ended is None)

    def _close_session(self) -> None:
        """Count the time of a trainer that has died without a last word."""
        if self.started is not None and self.ended is None:
            self._ended_s += max(self.last_t - self.started.t, 0.0)

    def _start(self, event: wire.RunStarted) -> None:
        if self.started is None:
            self.began_t = event.t
        if self.starts and event.step < self.step:
            self._turn_back(self.step, event.step)
        if self.starts:
            why = f" for trial {event.trial}" if event.trial else ""
            self._mark(event.step, "restarted", f"started again at step {event.step}{why}")
        self.starts += 1
        self._seconds.ready(event.t)
        self.started = event
        self.ended = self.training_ended = self.closed = self.final = self.test = None
        self._dead = self._paused = False
        self._paces.clear()
        self.step, self.samples = event.step, event.samples
        if not (event.trial and self.starts > 1):  # what a candidate holds is on trial until it is said to have turned
            self._board.start(event.knobs)

    def _beat(self, event: wire.BeatTaken) -> None:
        examples = event.samples - self.samples
        if examples > 0 and event.steps > 0 and not event.trial:
            self._paces.append((event.steps, examples, event.seconds))
        self.step, self.samples, self.epoch = event.step, event.samples, event.epoch
        self.lr, self.eta_s = event.lr, event.eta_s
        self.loss = event.loss[-1] if event.loss else self.loss
        self.peak_bytes, self.reserved_bytes = event.peak_bytes, event.reserved_bytes
        self.skipped_steps += event.skipped
        self.clipped_steps += event.clipped
        self._seconds.step(event.steps, event.phases)
        self._seconds.add("pacing", event.waited_s)
        self.series.loss.spread(event.step, event.steps, event.loss)
        self.series.grad_norm.spread(event.step, event.steps, event.grad_norm)
        if not event.trial:
            step_s = event.step_s or (event.seconds / max(event.steps, 1),)
            self.series.step_s.spread(event.step, event.steps, step_s)
        self.series.lr.add(event.step, event.lr)
        self.series.memory_bytes.add(event.step, float(event.peak_bytes))

    def _evaluate(self, event: wire.Evaluated) -> None:
        self._seconds.add("evaluation", event.seconds)
        self._longest_evaluation_s = max(self._longest_evaluation_s, event.seconds)
        if event.split == "test":
            self.test = event
            return
        if event.split != "val":
            return
        if event.final:
            self.final = event
        if not (event.final and self.evaluations and self.evaluations[-1].step == event.step):
            self.evaluations.append(event)
            if len(self.evaluations) > KEPT:
                self.evaluations = thinned(self.evaluations, self.best)

    def _turn_back(self, from_step: int, to_step: int) -> None:
        """Take the steps after `to_step` out of what counts; their time becomes `lost`."""
        lost = max(from_step - to_step, 0)
        self.lost_steps += lost
        self._seconds.lose(lost)
        self.layer_history.cut(to_step)
        gone = {name: series.cut(to_step) for name, series in self.series.all().items()}
        self.abandoned.append(Branch(from_step, to_step, tuple(gone["loss"])))
        self.evaluations = [one for one in self.evaluations if one.step <= to_step]
        self.step = to_step
        self._paces.clear()

    def enter(self, entry: ledger.Entry) -> None:
        """Take in one entry of the ledger."""
        match entry:
            case ledger.DriverStarted():
                self.mode, self.budget = entry.mode, entry.budget
            case ledger.HardwareProfiled():
                self.hardware = entry.hardware
            case ledger.Found():
                self._find(entry)
            case ledger.Restated():
                if known := self.findings.get(entry.finding.code):
                    self.findings[entry.finding.code] = replace(known, finding=entry.finding)
            case ledger.RoleChanged():
                if known := self.findings.get(entry.code):
                    self.findings[entry.code] = known.in_part(entry)
            case ledger.Cleared():
                if known := self.findings.get(entry.code):
                    answered = entry.code in self._fixes.answered
                    self.findings[entry.code] = known.gone(entry, self.rollbacks, answered=answered)
            case ledger.Proposed():
                self._fixes.propose(entry)
            case ledger.Wished():
                self._wish(entry)
            case ledger.Refused():
                self._fixes.refuse(entry, self.confirmed)
            case ledger.TrialStarted():
                self._fixes.start(entry)
            case ledger.TrialHeard():
                self._fixes.note(entry)
            case ledger.Judged():
                if judged := self._fixes.judge(entry):
                    self._mark(entry.step, judged.verdict_mark, judged.fix.name)
                    for code in judged.codes if judged.in_force else ():
                        if known := self.findings.get(code):
                            self.findings[code] = known.answered()
            case ledger.Undone():
                self._fixes.undo(entry.trial, entry.why)
                self._mark(entry.step, "undone", entry.why)
            case ledger.Assessed():
                self.passed, self.not_assessed = entry.passed, entry.not_assessed
                self.rule_errors = entry.errors
            case ledger.TrainerStarted():
                if entry.restart > self.restarts:
                    self._seconds.restart(entry.t)
                self.restarts = max(self.restarts, entry.restart)
                self._dead = False
            case ledger.TrainerExited():
                self.exits.append(entry)
                self._dead = entry.code != 0
            case ledger.Noted():
                self.notes.append(Note(entry.step, entry.t, entry.level, entry.text))
            case ledger.RunClosed():
                self.closed = entry

    def _find(self, entry: ledger.Found) -> None:
        code = entry.finding.code
        times = self.findings[code].times + 1 if code in self.findings else 1
        self.findings[code] = FindingState.of(entry, times, self.rollbacks)
        self._mark(entry.step, "found", f"{code} {entry.finding.message}")

    def _wish(self, entry: ledger.Wished) -> None:
        match entry.wish:
            case "accept" | "veto":
                self._fixes.answer(entry.target, "accepted" if entry.wish == "accept" else "vetoed")
            case "freeze" | "thaw":
                self.frozen = entry.wish == "freeze"
            case "pause" | "resume":
                self._paused = entry.wish == "pause"

    def _mark(self, step: int, kind: MarkKind, text: str) -> None:
        self.marks.append(Mark(step, kind, text))


def fold(events: Iterable[wire.Event], entries: Iterable[ledger.Entry]) -> Story:
    """Return the story of a run's files; events and entries are taken in by their time, an event before its entry."""
    story = Story()
    waiting = deque(entries)
    for event in events:
        while waiting and waiting[0].t < event.t:
            story.enter(waiting.popleft())
        story.hear(event)
    for entry in waiting:
        story.enter(entry)
    return story
