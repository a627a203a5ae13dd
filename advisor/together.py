"""Trainer and driver in one process, over an in-memory link: for tests, the fault bench and tiny runs.

The same trainer, the same judgement and the same files as with two processes; only the pipe between them is a function
call. This is the one file that imports both upper and lower floor, and the one exemption from the import contracts.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.deciding.mind import Settings
from advisor.driving.orders import Orders, make_run
from advisor.driving.plan import FullPlan, make_plan, write_plan
from advisor.driving.session import Session
from advisor.ledger import Entry, RunClosed
from advisor.report.build import write_report
from advisor.report.schema import Report
from advisor.runs import Run
from advisor.sensors.sampler import Sampler
from rules.vocabulary import Rule
from trainer.commands import Answer, Command
from trainer.config import Config
from trainer.journal import JournalWriter
from trainer.link import MemoryLink
from trainer.run import run as run_trainer
from trainer.wire import Event, RunEnded, write


@dataclass(frozen=True)
class Told:
    """What a run in one process has left."""

    run: Run
    words: RunEnded
    events: tuple[Event, ...]
    entries: tuple[Entry, ...]

    def report(self) -> Report:
        """Write the report into the run directory, and return it."""
        return write_report(self.run)


def run_together(
    config: Config,
    folder: Path,
    *,
    lockstep: bool = True,
    plan: Run | None = None,
    listen: Callable[[Event], None] | None = None,
    rules: Sequence[Rule] | None = None,
) -> Told:
    """Train in this process, advised.

    Args:
        config: What to train; `advisor.mode` is `auto` where it is left out.
        folder: The run's own folder; made if it is not there.
        lockstep: No decision depends on wall time, so the run repeats; else steps are timed and the host is sensed.
        plan: A former run whose kept fixes are applied again, in watch mode.
        listen: Called with every event, for a bench that wants to see them.
        rules: What is assessed; left out: the catalogue.

    Raises:
        RunError: when the folder cannot be used.
        Mistake: when the plan does not fit.
    """
    mode = config.advisor.mode or "auto"
    following: FullPlan | None = None
    if plan is not None:
        (following, config), mode = make_plan(plan, config), "watch"
    run = make_run(folder, folder.name, Orders(config=config, mode=mode, lockstep=lockstep))
    if following is not None:
        write_plan(run, following)
    events: list[Event] = []
    entries: list[Entry] = []
    journal, ledger, samples = JournalWriter(run.events), JournalWriter(run.ledger), JournalWriter(run.samples)
    sampler = None if lockstep else Sampler()
    if sampler is not None:
        sampler.watch(os.getpid())

    def enter(entry: Entry) -> None:
        timed = entry.model_copy(update={"t": time.time()})
        entries.append(timed)
        ledger.append(write(timed))

    session = Session(
        Settings(
            mode=mode,
            budget=config.advisor.budget,
            mute=config.advisor.mute,
            compress=config.advisor.compress,
            compress_loss=config.advisor.compress_loss,
            lockstep=lockstep,
            plan=following,
        ),
        enter,
        strict=True,
        rules=rules,
    )

    def sense() -> None:
        if sampler is None or session.timing:
            return
        if (sample := sampler.take(time.monotonic(), time.time())) is not None:
            samples.append(write(sample))
            session.sense(sample)

    def hear(event: Event) -> list[Command]:
        events.append(event)
        journal.append(write(event))
        if listen is not None:
            listen(event)
        sense()
        return [command for command in session.hear(event) if not isinstance(command, Answer)]

    try:
        words = run_trainer(run.folder, MemoryLink(hear))
        session.close()
        enter(RunClosed(step=words.step, why=words.why, exit_code={"mistake": 2, "failed": 3}.get(words.why, 0)))
    finally:
        for writer in (journal, ledger, samples):
            writer.close()
    return Told(run, words, tuple(events), tuple(entries))
