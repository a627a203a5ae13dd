"""A driving session: the trainer's lines go in, commands come out, and every line is counted and answered.

It has no process, file or clock of its own: the driver and the in-process runner both feed it. Should the advisor's
judgement fail, that is recorded and the run goes on unadvised; an onlooker's mistake is never the run's.
"""

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence

from advisor.deciding.mind import Mind, Settings
from advisor.ledger import Entry, Judged, Noted, TrialStarted, Wished
from advisor.sensors.sample import Sample
from advisor.story.knob_board import KnobBoard
from rules.vocabulary import Rule
from trainer.commands import Answer, Command, Compress, Decide, Finish, Stop
from trainer.knobs import KnobValue
from trainer.wire import (
    ArmScored,
    BeatTaken,
    CheckpointWritten,
    Compressed,
    Evaluated,
    Event,
    KnobsConfirmed,
    KnobsReverted,
    KnobsTurned,
    MemoryRanOut,
    RunEnded,
    RunStarted,
    Surveyed,
    TrainingEnded,
    TrialBegan,
    TrialEnded,
    read_event,
)

PACED = (RunStarted, Surveyed, Evaluated, TrialEnded, TrainingEnded)
"""Events after which the trainer may stand still until it is answered, outside lockstep too."""


class Session:
    """The driver's core: hears the trainer for the mind, counts, answers, and remembers what supervision must know."""

    def __init__(
        self,
        settings: Settings,
        write: Callable[[Entry], None],
        *,
        listen: Callable[[Event], None] | None = None,
        strict: bool = False,
        rules: Sequence[Rule] | None = None,
    ) -> None:
        self._write = write
        self._listen = listen
        self._strict = strict
        self._mind = Mind(settings, self._enter, rules)
        self._mindless = False
        self._lockstep = settings.lockstep
        self._paced = False
        self._trials: dict[str, TrialStarted] = {}
        self._board = KnobBoard()
        self.heard = 0
        """Lines of events.jsonl that were read, whoever wrote them."""
        self.step = 0
        self.started: RunStarted | None = None
        """The newest start of a trainer; nothing while one is being started."""
        self.began = False
        """A trainer of this run has once been ready to take a step."""
        self.training_ended = False
        self.ended: RunEnded | None = None
        self.checkpoints = 0
        self.timing = False
        """Rounds are being timed: onlookers keep still."""

    @property
    def awaited(self) -> bool:
        """Tell whether the trainer stands still until all that it says is answered."""
        return self._lockstep or self._paced

    @property
    def step_s(self) -> float:
        """Median wall seconds of a step lately; 0 before the first beat, and once the training has ended."""
        return 0.0 if self.training_ended or self.started is None else self._mind.signals.step_s

    @property
    def suspect(self) -> str:
        """Return the knobs on trial now: what a trainer that has just died may have died of."""
        return ", ".join(turn.knob for trial in self._trials.values() for turn in trial.fix.turns)

    @property
    def confirmed(self) -> dict[str, KnobValue]:
        """Return the knobs that were turned, for good or back: what a trainer that is started again has to begin with.

        Its checkpoint may be older than the turn. Knobs that turn at a restart are not among them: their checkpoint was
        written when they turned.
        """
        board = self._board
        return {
            name: value
            for name, value in board.confirmed.items()
            if name in board.moved or value != board.initial.get(name)
            if board.catalogue[name].turns != "restart"
        }

    def restore(self, lines: Iterable[str], entries: Sequence[Entry], *, live: bool) -> list[Command]:
        """Rebuild everything from what the files hold; return what is to be done about it.

        Args:
            lines: All lines of events.jsonl so far; taken in one by one, for there may be very many.
            entries: All entries of the ledger so far.
            live: A trainer of this run is alive and listens.
        """
        for entry in entries:
            self._remember(entry)
        events = self._catch_up(lines)
        commands = self._ask(lambda: self._mind.restore(events, entries, live))
        for _ in events:  # whatever the mind has left
            pass
        return [*commands, Answer(heard=self.heard)] if live else []

    def _catch_up(self, lines: Iterable[str]) -> Iterator[Event]:
        for line in lines:
            self.heard += 1
            event = read_event(line)
            if event is not None:
                self._notice(event)
                yield event

    def expect_start(self) -> None:
        """Forget the trainer that was: a new one is being started."""
        self.started = self.ended = None
        self.training_ended = self.timing = False

    def hear_lines(self, lines: Sequence[str]) -> list[Command]:
        """Take in lines of the trainer; return what it is to be told, the answer last."""
        commands: list[Command] = []
        answer = False
        for line in lines:
            self.heard += 1
            event = read_event(line)
            if event is None:
                continue
            commands += self.hear(event)
            answer = answer or self.awaited or isinstance(event, PACED)
        return [*commands, Answer(heard=self.heard)] if answer else commands

    def hear(self, event: Event) -> list[Command]:
        """Take in one event; return what is to be done about it."""
        self._notice(event)
        if self._listen is not None:
            self._listen(event)
        return self._ask(lambda: self._mind.hear(event)) or self._without_mind(event)

    def sense(self, sample: Sample) -> None:
        """Take in what the sensors saw."""

        def feel() -> list[Command]:
            self._mind.sense(sample)
            return []

        self._ask(feel)

    def wish(self, wish: Wished) -> list[Command]:
        """Take in a person's wish. A wish to stop is obeyed whatever the judgement says."""
        if self._mindless:
            self._write(wish)
        commands = self._ask(lambda: self._mind.wish(wish))
        if wish.wish != "stop":
            return commands
        if self.training_ended:
            return self._let_go(commands)
        return commands if any(isinstance(command, Stop) for command in commands) else [*commands, Stop(why="stopped")]

    def learn(self, entry: Entry) -> None:
        """Take in an entry that the driver itself has written."""

        def remember() -> list[Command]:
            self._mind.history.enter(entry)
            return []

        self._ask(remember)

    def close(self) -> None:
        """Let the mind say its last words."""

        def last_words() -> list[Command]:
            self._mind.close()
            return []

        self._ask(last_words)

    def _let_go(self, commands: list[Command]) -> list[Command]:
        """Return commands that end a run which a person stops after its training: nothing is compressed any more."""
        left_out = [Decide(trial=trial, arm="control") for trial in self._trials]
        return [*(one for one in commands if not isinstance(one, Compress | Stop)), *left_out, Finish()]

    def _ask(self, question: Callable[[], list[Command]]) -> list[Command]:
        if self._mindless:
            return []
        if self._strict:
            return question()
        try:
            return question()
        except Exception as failed:  # the border between judgement and process: recorded, and the run goes on
            self._mindless = True
            place = traceback.extract_tb(failed.__traceback__)[-1]
            text = f"{type(failed).__name__}: {failed} ({place.name}, line {place.lineno} of {place.filename})"
            self._write(
                Noted(step=self.step, level="error", text=f"the advisor's judgement failed, the run goes on: {text}")
            )
            traceback.print_exception(failed)
            return []

    def _without_mind(self, event: Event) -> list[Command]:
        """Return what keeps a trainer from waiting for a mind that is no more."""
        if not self._mindless:
            return []
        match event:
            case ArmScored() | Compressed():
                return [Decide(trial=event.trial, arm="control")]
            case TrainingEnded():
                return [Finish()]
            case _:
                return []

    def _enter(self, entry: Entry) -> None:
        self._remember(entry)
        self._write(entry)

    def _remember(self, entry: Entry) -> None:
        match entry:
            case TrialStarted():
                self._trials[entry.trial] = entry
            case Judged():
                self._trials.pop(entry.trial, None)

    def _notice(self, event: Event) -> None:
        self.step = event.step
        match event:
            case RunStarted():
                self.expect_start()
                self.started = event
                self.began = True
                self._lockstep, self._paced = event.lockstep, True  # until its first beat tells how long it will take
                self._board.start(event.knobs)
            case KnobsTurned() | KnobsConfirmed() | KnobsReverted():
                self._board.hear(event)
            case MemoryRanOut():
                self._board.in_pieces(event)
            case TrialBegan(how="rounds"):
                self.timing = True
            case TrialEnded():
                self.timing = False
            case BeatTaken():
                self._paced = event.paced
            case TrainingEnded():
                self.training_ended = True
            case CheckpointWritten():
                self.checkpoints += 1
            case RunEnded():
                self.timing = False
                self.ended = event
