"""The driver: the process that listens to a trainer, feeds the session, writes what it decides, and supervises.

It owns control, samples and ledger of a run for as long as it holds the lease. `python -P -m advisor.driving.driver RUN` is the
detached form; `advisor train --headless` runs the same loop in its own process.
"""

import argparse
import faulthandler
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from advisor.deciding.mind import Settings
from advisor.driving.interrupts import Interrupts
from advisor.driving.lease import Lease, LeaseHeld
from advisor.driving.onlooker import Nobody, Onlooker
from advisor.driving.orders import Orders, hold_knobs, read_orders
from advisor.driving.outcome import FAILED, MISTAKE, QUIET_CODES, Outcome, exit_code_of, try_report
from advisor.driving.plan import read_plan
from advisor.driving.session import Session
from advisor.driving.supervise import Exit, Trainer, describe, give_way, sentence, trainer_of
from advisor.driving.wishes import WishReader
from advisor.ledger import (
    DriverStarted,
    Entry,
    HardwareProfiled,
    Noted,
    RunClosed,
    TrainerExited,
    TrainerStarted,
    Wished,
)
from advisor.runs import Run, RunError, open_run
from advisor.sensors.sample import Sample
from advisor.sensors.sampler import Sampler
from advisor.sensors.stall import StallSensor
from trainer.commands import Command
from trainer.config import ConfigError
from trainer.journal import JournalReader, JournalWriter
from trainer.wire import RunEnded, write

POLL_LOCKSTEP_S = 0.002
"""The trainer stands still until it is answered."""
POLL_LEAST_S = 0.005
POLL_MOST_S = 0.050
"""While nothing comes, and while rounds are timed: twenty looks a second at 20 µs each."""
WISHES_EVERY_S = 0.1
"""A key should be felt at once; looking through the folder costs 50 µs."""
STOP_PATIENCE_S = 30.0
"""A trainer that was asked to stop ends at its next step; one that has not by then gets a signal."""
EXIT_GRACE_S = 20.0
"""A trainer that has said its last word and lives on after so long hangs in its own clean-up."""

How = Literal["fresh", "resume", "join"]


def drive(run: Run, how: How, onlooker: Onlooker | None = None, interrupts: Interrupts | None = None) -> Outcome:
    """Drive a run to its end, and write its report.

    Args:
        run: The run.
        how: fresh: start its trainer · resume: start it from its last checkpoint · join: look after the one there is.
        onlooker: Who is shown what goes on.
        interrupts: The signals of this process, if it listens to any.

    Raises:
        LeaseHeld: when the run has a driver.
    """
    orders = read_orders(run)
    lease = Lease(run)
    try:
        driver = Driver(run, orders, lease, onlooker or Nobody(), interrupts or Interrupts())
        try:
            return driver.drive(how)
        finally:
            driver.close()
    finally:
        lease.release()


class Driver:
    """One driver of one run."""

    def __init__(self, run: Run, orders: Orders, lease: Lease, onlooker: Onlooker, interrupts: Interrupts) -> None:
        self._run = run
        self._orders = orders
        self._lease = lease
        self._onlooker = onlooker
        self._interrupts = interrupts
        self._known = run.read_ledger()
        self._control = JournalWriter(run.control)
        self._samples = JournalWriter(run.samples)
        self._ledger = JournalWriter(run.ledger)
        self._events = JournalReader(run.events)
        self._wishes = WishReader(run, self._known)
        self._wishes_due = 0.0
        self._trainer = Trainer(run)
        self._sampler = Sampler()
        self._stalls = StallSensor(run.folder)
        self._exits: tuple[Exit, ...] = ()
        self._may_restart = True
        """Not for a driver that came too late: a run that died unwatched is taken up again when a person asks for it."""
        self._stop_asked_at = 0.0
        self._ended_at = 0.0
        self._poll_s = POLL_LEAST_S
        advice = orders.config.advisor
        settings = Settings(
            mode=orders.mode,
            budget=advice.budget,
            mute=advice.mute,
            compress=advice.compress,
            compress_loss=advice.compress_loss,
            lockstep=orders.lockstep,
            plan=read_plan(run),
        )
        self._session = Session(settings, self._write, listen=onlooker.hear)
        self._device_watched = False

    def close(self) -> None:
        """Let the files go."""
        for journal in (self._control, self._samples, self._ledger):
            journal.close()

    def drive(self, how: How) -> Outcome:
        """Drive until the trainer has ended for good."""
        self._note(DriverStarted(pid=os.getpid(), mode=self._orders.mode, budget=self._orders.config.advisor.budget))
        self._begin(how)
        while True:
            busy = self._listen()
            self._hear_wishes()
            if len(self._interrupts.heard) > 1:
                return self._end_at_once()
            if self._interrupts.heard and not self._stop_asked_at:
                self._stop(Wished(wish="stop", viewer="signal"))
            outcome = self._supervise()
            if outcome is not None:
                return outcome
            self._look_around()
            self._onlooker.tick()
            time.sleep(self._pause_s(busy))

    # ------------------------------------------------------------ beginning

    def _begin(self, how: How) -> None:
        if how == "fresh":
            self._start()
        else:
            self._take_over(how)
        give_way()
        self._note(HardwareProfiled(hardware=self._sampler.hardware()))

    def _take_over(self, how: How) -> None:
        alive = how == "join" and self._find_trainer()
        self._tell(self._session.restore(self._past_lines(), self._known, live=alive))
        if how == "resume":
            hold_knobs(self._run, self._orders, self._session.confirmed, asked_anew=True)
            self._session.expect_start()
            self._start(resume=True)
        elif not alive and not self._trainer_was_started():
            self._start()
        else:
            self._may_restart = alive

    def _past_lines(self) -> Iterator[str]:
        while lines := self._events.read():
            yield from lines

    def _find_trainer(self) -> bool:
        """Look for the trainer; one that a driver had started but had no time to write down is written down now."""
        found = trainer_of(self._run)
        if found is None or not self._trainer.adopt(found):
            return False
        self._sampler.watch(self._trainer.pid)
        starts = [entry for entry in self._known if isinstance(entry, TrainerStarted)]
        if not starts or starts[-1].pid != found.pid:
            self._note(TrainerStarted(pid=found.pid, pid_started=self._trainer.started_at, restart=len(starts)))
        return True

    def _trainer_was_started(self) -> bool:
        return any(isinstance(entry, TrainerStarted) for entry in self._known)

    def _start(self, *, resume: bool = False) -> None:
        self._trainer.start(resume=resume)
        self._sampler.watch(self._trainer.pid)
        self._ended_at = 0.0
        restarts = sum(1 for one in self._exits if one.why not in ("finished", "early_stop", "stopped"))
        self._note(TrainerStarted(pid=self._trainer.pid, pid_started=self._trainer.started_at, restart=restarts))

    # ------------------------------------------------------------ going on

    def _listen(self) -> bool:
        """Hear what the trainer has said since the last look; return whether there was anything."""
        lines = self._events.read()
        if lines:
            self._stalls.hear(time.monotonic())
            self._tell(self._session.hear_lines(lines))
        return bool(lines)

    def _hear_wishes(self) -> None:
        now = time.monotonic()
        if now < self._wishes_due or self._session.timing:
            return
        self._wishes_due = now + WISHES_EVERY_S
        for wish in self._wishes.read():
            if wish.wish == "stop":
                self._stop(wish)
            else:
                self._tell(self._session.wish(wish))

    def _stop(self, wish: Wished) -> None:
        """Ask the trainer to end: by a command, or by a signal while it cannot hear commands yet."""
        self._stop_asked_at = self._stop_asked_at or time.monotonic()
        commands = self._session.wish(wish)
        if self._session.started is None:
            self._trainer.ask_to_end()
        else:
            self._tell(commands)

    def _tell(self, commands: list[Command]) -> None:
        if commands:
            self._control.append(*map(write, commands))

    def _look_around(self) -> None:
        """Look whether the trainer stands still; beat and take a sample, unless rounds are being timed."""
        t = time.time()
        stall = self._stalls.look(time.monotonic(), self._trainer.pid, lambda: self._session.step_s)
        if stall is not None:
            self._sense(Sample(t=t, stall=stall))
        if self._session.timing:
            return
        self._lease.beat(t)
        started = self._session.started
        if started is not None and not self._device_watched:
            self._device_watched = True
            self._sampler.watch(self._trainer.pid, started.device.index if started.device.type == "cuda" else None)
        sample = self._sampler.take(time.monotonic(), t)
        if sample is not None:
            self._sense(sample)

    def _sense(self, sample: Sample) -> None:
        self._samples.append(sample.model_dump_json())
        self._session.sense(sample)

    def _pause_s(self, busy: bool) -> float:
        if self._session.timing:
            return POLL_MOST_S
        if self._session.awaited and self._session.started is not None:
            return POLL_LOCKSTEP_S
        self._poll_s = POLL_LEAST_S if busy else min(POLL_MOST_S, 2 * self._poll_s)
        return self._poll_s

    # ------------------------------------------------------------ supervision

    def _supervise(self) -> Outcome | None:
        """Look after the trainer; return the outcome once it has ended for good."""
        now = time.monotonic()
        if self._trainer.alive():
            self._hurry(now)
            return None
        while self._listen():
            pass
        self._trainer.sweep()
        exit_ = self._exit()
        self._exits += (exit_,)
        verdict = sentence(self._exits, checkpointed=self._session.checkpoints > 0)
        if self._stop_asked_at and exit_.code in QUIET_CODES and not exit_.why:
            return self._finish("stopped", self._interrupts.exit_code, "")
        if verdict.what == "done":
            return self._conclude(verdict.why, exit_)
        self._record(exit_, verdict.why)
        if not self._may_restart:
            text = f"{verdict.why}; `advisor resume {self._run.folder}` goes on from the last checkpoint"
            return self._finish("failed", FAILED, text)
        if verdict.what == "give_up" or self._stop_asked_at:
            return self._finish("failed", FAILED, verdict.why)
        hold_knobs(self._run, self._orders, self._session.confirmed)
        self._session.expect_start()
        self._start(resume=True)
        return None

    def _hurry(self, now: float) -> None:
        """Signal a trainer that does not stop, and end one that hangs after its last word."""
        session = self._session
        if session.ended is not None:
            self._ended_at = self._ended_at or now
            if now - self._ended_at > EXIT_GRACE_S:
                self._trainer.kill()
        elif self._stop_asked_at and now - self._stop_asked_at > STOP_PATIENCE_S and not session.training_ended:
            self._stop_asked_at = now
            self._trainer.ask_to_end()

    def _exit(self) -> Exit:
        ended: RunEnded | None = self._session.ended
        last = self._trainer.last_lines()
        said = (ended.text if ended is not None else "") or (last[-1] if last else "")
        return Exit(
            at=time.time(),
            code=self._trainer.code,
            why=ended.why if ended is not None else "",
            text=said,
            step=self._session.step,
        )

    def _record(self, exit_: Exit, why: str) -> None:
        exited = TrainerExited(
            code=FAILED if exit_.code is None else exit_.code,
            why=why,
            last_lines=self._trainer.last_lines(),
            suspect=self._session.suspect,
        )
        self._note(exited)
        self._session.learn(exited)

    # ------------------------------------------------------------ the end

    def _conclude(self, why: str, exit_: Exit) -> Outcome:
        code = exit_code_of(why, self._interrupts)
        if code in (MISTAKE, FAILED):
            self._record(exit_, exit_.text or describe(exit_))
        return self._finish(why, code, exit_.text)

    def _end_at_once(self) -> Outcome:
        self._trainer.kill()
        self._session.close()
        outcome = Outcome("stopped", self._interrupts.exit_code)
        self._note(RunClosed(why="stopped", exit_code=outcome.exit_code))
        return outcome

    def _finish(self, why: str, exit_code: int, text: str) -> Outcome:
        self._session.close()
        never_began = why == "mistake" and not self._session.began
        report, failure = (None, "") if never_began else try_report(self._run)
        if failure:
            self._note(Noted(level="error", text=failure))
        self._note(RunClosed(why=why, exit_code=exit_code))
        return Outcome(why, exit_code, text, report)

    def _note(self, entry: Entry) -> None:
        """Write an entry of the driver's own, with the time and the place."""
        self._write(entry.model_copy(update={"t": time.time(), "step": self._session.step}))

    def _write(self, entry: Entry) -> None:
        self._ledger.append(entry.model_dump_json())
        self._onlooker.enter(entry)


def main(arguments: list[str] | None = None) -> int:
    """Drive a run from a process of its own; return the exit code."""
    parser = argparse.ArgumentParser(prog="advisor.driving.driver", description="Drive a run.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--how", choices=("fresh", "resume", "join"), default="join")
    chosen = parser.parse_args(arguments)
    faulthandler.enable()
    interrupts = Interrupts()
    interrupts.listen()
    try:
        outcome = drive(open_run(chosen.run), chosen.how, interrupts=interrupts)
    except (ConfigError, LeaseHeld, RunError) as mistake:
        print(f"advisor: {mistake}", file=sys.stderr)
        return MISTAKE
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main())
