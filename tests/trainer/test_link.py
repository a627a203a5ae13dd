"""The link: what is said is in the file, what is told is heard once, and nobody waits for nobody."""

import fcntl
import time
from pathlib import Path

from trainer.commands import Answer, Confirm, Stop
from trainer.journal import JournalReader, JournalWriter
from trainer.link import POLL_S, FileLink
from trainer.wire import Told, read_event, write


def test_commands_from_before_the_start_are_not_obeyed_again(tmp_path: Path) -> None:
    control = JournalWriter(tmp_path / "control.jsonl")
    control.append(write(Stop()))
    link = FileLink(tmp_path)
    assert link.heard() == []
    control.append(write(Confirm(trial="t")))
    time.sleep(2 * POLL_S)
    assert link.heard() == [Confirm(trial="t")]
    time.sleep(2 * POLL_S)
    assert link.heard() == []


def test_an_event_is_a_line_with_the_time(tmp_path: Path) -> None:
    FileLink(tmp_path).say(Told(text="hello", step=7))
    event = read_event(JournalReader(tmp_path / "events.jsonl").read()[0])
    assert isinstance(event, Told)
    assert (event.text, event.step) == ("hello", 7)
    assert abs(event.t - time.time()) < 5


def test_without_a_driver_nothing_is_waited_for(tmp_path: Path) -> None:
    link = FileLink(tmp_path)
    link.say(Told(text="is anybody there?"))
    begun = time.perf_counter()
    link.wait_until_heard(10)
    assert time.perf_counter() - begun < 1


def test_with_a_driver_an_answer_is_waited_for(tmp_path: Path) -> None:
    lease = (tmp_path / "driver.lease").open("w")
    fcntl.flock(lease, fcntl.LOCK_EX)
    control = JournalWriter(tmp_path / "control.jsonl")
    link = FileLink(tmp_path)
    link.say(Told(text="one"))
    begun = time.perf_counter()
    link.wait_until_heard(0.2)
    assert time.perf_counter() - begun >= 0.2, "nobody has answered"
    control.append(write(Confirm(trial="t")), write(Answer(heard=1)))
    link.wait_until_heard(10)
    assert link.heard() == [Confirm(trial="t")], "what came with the answer is obeyed at once"


def test_a_line_that_is_no_command_is_told_and_left_out(tmp_path: Path) -> None:
    control = JournalWriter(tmp_path / "control.jsonl")
    link = FileLink(tmp_path)
    control.append('{"kind": "explode"}', '{"kind": "stop", "whatever": 1}', "not json", write(Stop()))
    time.sleep(2 * POLL_S)
    assert link.heard() == [Stop()]
    told = [read_event(line) for line in JournalReader(tmp_path / "events.jsonl").read()]
    assert len(told) == 3
