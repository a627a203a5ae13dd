"""A log that is still being written, on the screen of our own runs: what it tells arrives there, and nothing steers."""

import asyncio
from math import exp, nan, sin
from pathlib import Path

import pytest

from advisor.cli import run as command
from advisor.logs.curve import Curve, Point
from advisor.logs.diagnose import Asked, Gone, hear
from advisor.logs.find import find_runs
from advisor.logs.follow import looks
from advisor.logs.mirror import Mirror, is_other
from advisor.logs.screen import Watcher
from advisor.logs.telling import Said
from advisor.mistakes import Mistake
from advisor.tui.app import AdvisorApp
from advisor.tui.scene import Scene
from advisor.tui.sources import Stream
from trainer.journal import is_held

ASKED = Asked({}, Said())


def write(path: Path, last: int, first: int = 1, *, lost_from: int = 10**9, names: str = "step,loss,val_loss") -> None:
    """Add rows from step `first` to `last`."""
    rows = "" if path.exists() else names + "\n"
    for step in range(first, last + 1):
        loss = "nan" if step >= lost_from else f"{0.1 + 2.2 * exp(-step / 30):.4f}"
        rows += f"{step},{loss},{0.2 + 2.1 * exp(-step / 30):.4f}\n"
    with path.open("a") as file:
        file.write(rows)


class Shown:
    """A mirror of one log, and the scene that the screens fold of it."""

    def __init__(self, log: Path, scratch: Path) -> None:
        self.log, self.t = log, 1000.0
        self.mirror = Mirror(scratch / "log.csv", lambda: self.t)
        self.scene = Scene()
        self._stream = Stream(self.mirror.run)

    def look(self, asked: Asked = ASKED) -> Scene:
        self.t += 2.0
        (source,) = find_runs(self.log)
        self.mirror.show(hear(source, asked))
        self._stream.wake()
        while (record := self._stream.next()) is not None:
            self.scene.take(record)
        return self.scene


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path / "train.csv", tmp_path / "scratch")


def test_what_was_logged_since_the_last_look_is_added_and_nothing_twice(shown: Shown) -> None:
    write(shown.log, 60)
    shown.look()
    write(shown.log, 90, first=61)
    scene = shown.look()
    assert scene.story.step == 90
    curve = scene.curves.loss.all()
    assert list(curve.x) == list(range(1, 91))
    assert curve.mean[-1] == pytest.approx(0.1 + 2.2 * exp(-3), abs=1e-3)
    assert len(scene.story.evaluations) == 90


def test_a_finding_comes_and_goes_with_the_log(shown: Shown) -> None:
    write(shown.log, 100, lost_from=60)
    (found,) = shown.look().story.standing
    assert (found.finding.code, found.role) == ("NUM101", "cause")
    assert 60 <= found.step <= 65
    assert "checkpoint" in found.finding.fixes[0].name
    shown.log.unlink()
    write(shown.log, 120)
    scene = shown.look()
    assert scene.story.standing == []
    assert scene.story.step == 120


def test_a_log_that_goes_back_turns_the_curves_back(shown: Shown) -> None:
    write(shown.log, 80)
    shown.look()
    write(shown.log, 70, first=51)
    scene = shown.look()
    assert scene.story.step == 70
    assert scene.story.abandoned[0].from_step == 80
    assert list(scene.curves.loss.all().x) == list(range(1, 71))


def test_a_loss_that_is_no_number_reaches_the_screen_as_one(shown: Shown) -> None:
    write(shown.log, 100, lost_from=90)
    assert shown.look().curves.loss.all().holes[-1]


def test_the_end_is_told_only_where_the_log_tells_how_long_it_was_to_be(shown: Shown) -> None:
    write(shown.log, 100)
    assert shown.look().story.word == "training"
    scene = shown.look(Asked({}, Said(steps_total=100)))
    assert scene.story.word == "finished"


def test_a_log_that_rests_is_told_to_rest_until_it_goes_on(shown: Shown) -> None:
    write(shown.log, 60)
    shown.look()
    shown.mirror.quiet()
    shown.mirror.quiet()
    assert shown.look().story.word == "training"
    told = [entry.wish for entry in shown.mirror.run.read_ledger() if entry.kind == "wished"]
    assert told == ["pause", "resume"]


def test_what_the_log_lacks_is_not_assessed_on_the_screen_either(shown: Shown) -> None:
    write(shown.log, 100)
    story = shown.look().story
    assert {"ARC106", "DAT104", "INP101", "OPT112", "OPT114"} <= set(story.not_assessed)


def test_epochs_of_a_log_are_its_steps(tmp_path: Path) -> None:
    shown = Shown(tmp_path / "history.csv", tmp_path / "scratch")
    write(shown.log, 30, names="epoch,loss,val_loss")
    assert shown.look().story.step == 30


def rewrite(path: Path, last: int, start: float) -> None:
    """Write a log anew, of another training."""
    rows = [f"{step},{start * exp(-step / 30):.4f},{start:.4f}" for step in range(1, last + 1)]
    path.write_text("\n".join(["step,loss,val_loss", *rows]) + "\n")


def test_a_log_written_anew_that_is_longer_already_begins_at_its_start(shown: Shown) -> None:
    rewrite(shown.log, 40, 2.0)
    shown.look()
    rewrite(shown.log, 60, 5.0)
    scene = shown.look()
    assert scene.story.abandoned[0].from_step == 40
    curve = scene.curves.loss.all()
    assert list(curve.x) == list(range(1, 61))
    assert curve.mean[0] == pytest.approx(5.0 * exp(-1 / 30), abs=1e-3)


def test_a_curve_that_only_grows_is_never_taken_for_another_while_its_rows_are_merged() -> None:
    losses = [nan if step % 97 == 0 else 2.0 + sin(step) for step in range(30_000)]

    def points(rows: int, more: float = 0.0) -> list[Point]:
        curve = Curve(most=256)
        curve.extend(range(rows), [loss + more for loss in losses[:rows]])
        return curve.points

    before = points(1)
    for rows in (2, 200, 255, 256, 257, 300, 513, 600, 8191, 8193, 16_385, 20_000, 30_000):
        now = points(rows)
        assert not is_other(before[:-1], now)
        assert is_other(points(rows, more=0.01), now)
        before = now


def test_a_newest_row_that_is_amended_does_not_turn_the_screen_back(shown: Shown) -> None:
    write(shown.log, 40)
    shown.look()
    rows = shown.log.read_text().splitlines()
    shown.log.write_text("\n".join([*rows[:-1], "40,0.5,0.5", "41,0.4,0.4"]) + "\n")
    assert not shown.look().story.abandoned


def test_the_looks_begin_with_the_first_frame(tmp_path: Path) -> None:
    log = tmp_path / "train.csv"
    write(log, 60)
    mirror = Mirror(tmp_path / "scratch" / "train.csv")
    watcher = Watcher(log, Asked({"loss": "nope"}, Said()), mirror, idle_s=None)
    app = AdvisorApp(mirror.run, readonly=True)
    settled: list[bool] = []
    app.settle = lambda: settled.append(watcher.is_alive())
    watcher.begin_with(app)
    assert watcher.ident is None
    app.settle()
    watcher.join()
    assert settled == [False]
    assert isinstance(watcher.failure, Mistake)
    mirror.close()


@pytest.mark.slow
def test_a_mistake_in_the_first_look_ends_the_screen(tmp_path: Path) -> None:
    log = tmp_path / "train.csv"
    write(log, 60)
    mirror = Mirror(tmp_path / "scratch" / "train.csv")
    watcher = Watcher(log, Asked({"loss": "nope"}, Said()), mirror, idle_s=None)
    app = AdvisorApp(mirror.run, readonly=True)
    watcher.begin_with(app)
    assert asyncio.run(asyncio.wait_for(app.run_async(headless=True), 60)) == 0
    watcher.join()
    assert "nope" in str(watcher.failure)
    mirror.close()


def test_a_log_that_goes_away_keeps_its_last_reading_until_it_is_back(tmp_path: Path) -> None:
    log = tmp_path / "train.csv"
    write(log, 60)
    seen = looks(log, ASKED, None, lambda _: None)
    assert next(seen).fresh
    log.unlink()
    away = next(seen)
    assert (away.fresh, len(away.runs)) == (False, 1)
    write(log, 80)
    back = next(seen)
    assert (back.fresh, back.runs[0].replay.step) == (True, 80)


@pytest.mark.parametrize("name", ["train.csv", "train.jsonl"])
def test_a_log_that_vanishes_between_look_and_read_is_gone_and_not_empty(name: str, tmp_path: Path) -> None:
    log = tmp_path / name
    log.write_text('{"step": 1, "loss": 2.0}\n' if name.endswith("jsonl") else "step,loss\n1,2.0\n")
    (source,) = find_runs(log)
    log.unlink()
    with pytest.raises(Gone):
        hear(source, ASKED)


@pytest.mark.slow
def test_the_screen_opens_over_a_log_read_only_and_ends_when_nothing_comes(tmp_path: Path) -> None:
    log = tmp_path / "train.csv"
    write(log, 100, lost_from=60)
    mirror = Mirror(tmp_path / "scratch" / "train.csv")
    watcher = Watcher(log, ASKED, mirror, idle_s=0.5)

    async def look() -> str:
        app = AdvisorApp(mirror.run, readonly=True)
        async with app.run_test(size=(100, 30)) as pilot:
            watcher.app = app
            watcher.start()
            while watcher.is_alive():
                await pilot.pause(0.05)
            assert app.voice.why_silent
            return app.export_screenshot()

    seen = asyncio.run(look())
    assert "NUM101" in seen
    assert watcher.failure is None
    assert watcher.told.level == "error"
    assert not list(mirror.run.wishes.glob("*"))
    assert is_held(mirror.run.events)
    mirror.close()
    assert not is_held(mirror.run.events)


def test_following_without_a_terminal_prints_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "train.csv"
    write(log, 60)
    assert command(["diagnose", str(log), "--follow", "--idle", "0.01"]) == 0
    assert capsys.readouterr().out.startswith("step 60  loss ")


def test_headless_belongs_to_follow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["diagnose", str(tmp_path), "--headless"]) == 2
    assert "--headless belongs to --follow" in capsys.readouterr().err
