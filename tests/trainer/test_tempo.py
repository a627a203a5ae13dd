"""Tempo: a short run stands still until its driver has heard it, and no longer than it may; a longer one goes on."""

import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from trainer.commands import Answer
from trainer.journal import JournalWriter
from trainer.link import FileLink
from trainer.watching.tempo import SHORT_S, WAITED_MOST_S, Tempo
from trainer.wire import Told, write


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Path]:
    """A run's folder, with a driver that holds the lease."""
    with (tmp_path / "driver.lease").open("w") as lease:
        fcntl.flock(lease, fcntl.LOCK_EX)
        yield tmp_path


def answer_after(folder: Path, seconds: float) -> Thread:
    def answer() -> None:
        time.sleep(seconds)
        JournalWriter(folder / "control.jsonl").append(write(Answer(heard=1)))

    thread = Thread(target=answer)
    thread.start()
    return thread


def test_a_run_that_may_be_short_waits_for_the_answer(driven: Path) -> None:
    link = FileLink(driven)
    tempo = Tempo(link, lockstep=False)
    link.say(Told(text="one"))
    answering = answer_after(driven, 0.1)
    assert tempo.wait()
    answering.join()
    assert tempo.paced
    assert 0.05 < tempo.take_waited_s() < WAITED_MOST_S
    assert tempo.take_waited_s() == 0
    assert not tempo.wait(), "all was heard"


def test_a_long_run_does_not_wait(driven: Path) -> None:
    link = FileLink(driven)
    tempo = Tempo(link, lockstep=False)
    tempo.beat(2 * SHORT_S)
    link.say(Told(text="one"))
    assert not tempo.paced
    assert not tempo.wait()
    assert tempo.take_waited_s() == 0


def test_a_run_that_turns_out_short_waits_again(driven: Path) -> None:
    tempo = Tempo(FileLink(driven), lockstep=False)
    tempo.beat(2 * SHORT_S)
    tempo.beat(SHORT_S / 2)
    assert tempo.paced


def test_without_a_driver_a_short_run_asks_once_a_beat(tmp_path: Path) -> None:
    link = FileLink(tmp_path)
    tempo = Tempo(link, lockstep=False)
    link.say(Told(text="is anybody there?"))
    tempo.wait()
    assert not tempo.paced
    tempo.beat(SHORT_S / 2)
    assert tempo.paced


def test_a_driver_that_never_answers_is_waited_for_no_longer_than_may_be(
    driven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.watching.tempo.WAITED_MOST_S", 0.1)
    link = FileLink(driven)
    tempo = Tempo(link, lockstep=False)
    link.say(Told(text="one"))
    assert tempo.wait()
    assert 0.1 <= tempo.take_waited_s() < 5
    tempo.beat(SHORT_S / 2)
    assert not tempo.paced, "what may be waited is spent"
