from collections.abc import Callable
from pathlib import Path

from advisor.ledger import Noted
from advisor.runs import Run
from advisor.story.story import fold
from advisor.tui.feeder import Feeder
from advisor.tui.sources import Stream, Tail, last_t
from tests.tui.recording import EPOCH_T, Recording, record
from trainer.wire import Told


def drained(run: Run) -> list[float]:
    stream, times = Stream(run), []
    while (record := stream.next()) is not None:
        times.append(record.t)
    return times


def read(feeder: Feeder) -> None:
    while feeder.read_chunk(0.1):
        pass


def test_records_of_all_files_come_in_the_order_of_time(recorded: Callable[[str], Run]) -> None:
    times = drained(recorded("nan"))
    assert len(times) > 200
    assert times == sorted(times)


def test_a_line_of_a_later_version_is_passed_over(tmp_path: Path) -> None:
    made = Recording.begin(tmp_path / "run")
    made.say(Told(text="before"))
    run = made.flush()
    with run.events.open("a") as file:
        file.write('{"kind": "of_the_future"}\n')
    made.say(Told(text="after"))
    made.flush()
    assert len(drained(run)) == 2


def test_what_is_added_later_is_heard_and_a_torn_line_waits(tmp_path: Path) -> None:
    made = Recording.begin(tmp_path / "run")
    made.start()
    run = made.flush()
    feeder = Feeder(run)
    read(feeder)
    line = Noted(t=EPOCH_T + 9, text="late").model_dump_json()
    with run.ledger.open("a") as file:
        file.write(line[:20])
        file.flush()
        read(feeder)
        with feeder.scene() as scene:
            assert not any(note.text == "late" for note in scene.story.notes)
        file.write(line[20:] + "\n")
    read(feeder)
    with feeder.scene() as scene:
        assert any(note.text == "late" for note in scene.story.notes)


def test_joining_late_tells_the_same_story_as_folding_the_files(recorded: Callable[[str], Run]) -> None:
    run = recorded("nan")
    feeder = Feeder(run)
    read(feeder)
    told = fold(run.read_events(), run.read_ledger())
    with feeder.scene() as scene:
        assert scene.story.findings == told.findings
        assert scene.story.knobs == told.knobs
        assert [one.outcome for one in scene.story.interventions] == [one.outcome for one in told.interventions]
        assert scene.story.step == told.step


def test_a_rollback_turns_every_curve_back(recorded: Callable[[str], Run]) -> None:
    feeder = Feeder(recorded("nan"))
    read(feeder)
    with feeder.scene() as scene:
        assert scene.curves.loss.all().x[-1] == scene.story.step
        assert len(scene.curves.loss.abandoned) == 1
        assert (scene.curves.metric.all().x <= 1540).all()


def test_a_replay_shows_only_what_had_happened_by_then(recorded: Callable[[str], Run]) -> None:
    run = recorded("healthy")
    feeder = Feeder(run, replay=0.0)
    assert feeder.playback is not None
    feeder.playback.turn(paused=True)
    feeder.seek(0.5)
    read(feeder)
    with feeder.scene() as scene:
        half = scene.story.step
    feeder.seek(1.0)
    read(feeder)
    with feeder.scene() as scene:
        assert 0 < half < scene.story.step == 2900
    feeder.seek(0.5)
    read(feeder)
    with feeder.scene() as scene:
        assert scene.story.step == half


def test_a_log_is_read_from_its_tail(tmp_path: Path) -> None:
    path = tmp_path / "trainer.log"
    path.write_text("".join(f"line {n}\n" for n in range(200_000)))
    tail = Tail(path)
    tail.read()
    assert tail.lines[-1] == "line 199999"
    assert len(tail.lines) <= 5000
    assert tail.lines[0].startswith("line ")
    with path.open("a") as file:
        file.write("one more\n")
    tail.read()
    assert tail.lines[-1] == "one more"


def test_the_last_moment_of_a_recording_is_found_at_its_end(tmp_path: Path) -> None:
    run = record(tmp_path / "run", "warming")
    assert last_t(run.events) == max(event.t for event in run.read_events())
