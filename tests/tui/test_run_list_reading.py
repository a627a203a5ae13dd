"""What the run list says of a run, read from its files: small ones whole, logs at their ends."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import ledger
from advisor.driving.lease import Lease
from advisor.report.build import write_report
from advisor.runs import Run
from advisor.tui.run_list_folds import TAIL_BYTES, EventsFold
from advisor.tui.run_list_reading import RunReader
from advisor.tui.run_list_rows import RunRow, arranged, condensed, find_runs, matches
from advisor.tui.run_list_table import Columns, codes, line, spark, when
from tests.tui.recording import EPOCH_T, Recording, record

NOW_T = EPOCH_T + 5000.0


def look(run: Run, now_t: float = NOW_T, trainers: frozenset[str] = frozenset()) -> RunRow:
    row = RunReader(run.folder, run.folder.parent).look(now_t, lambda: trainers)
    assert row is not None
    return row


@contextmanager
def driven(run: Run) -> Iterator[None]:
    lease = Lease(run)
    yield
    lease.release()


def write(run: Run, *entries: ledger.Entry) -> None:
    with run.ledger.open("a") as file:
        file.writelines(entry.model_dump_json() + "\n" for entry in entries)


@pytest.mark.parametrize(
    ("why", "state"),
    [
        ("finished", "finished"),
        ("early_stop", "finished"),
        ("stopped", "stopped"),
        ("hopeless", "failed"),
        ("mistake", "failed"),
    ],
)
def test_a_closed_run_is_called_by_how_it_ended(recorded: Callable[[str], Run], why: str, state: str) -> None:
    run = recorded("warming")
    write(run, ledger.RunClosed(t=NOW_T, why=why, exit_code=0))
    assert look(run).state == state


def test_a_run_is_called_by_who_still_lives(recorded: Callable[[str], Run]) -> None:
    run = recorded("warming")
    at = EPOCH_T + 4.0
    assert look(run, at).state == "died unwatched"
    assert look(run, at, frozenset({str(run.folder)})).state == "unwatched"
    with driven(run):
        assert look(run, at).state == "training"
        assert look(run).state == "stalled"
        write(run, ledger.Wished(t=at, wish="pause"))
        assert look(run).state == "paused"
        write(run, ledger.Wished(t=at, wish="resume"))
        assert look(run, at).state == "training"


def test_a_run_that_was_just_made_is_starting_and_one_that_never_did_has_died(recorded: Callable[[str], Run]) -> None:
    run = recorded("empty")
    made = run.about.stat().st_mtime
    assert look(run, made + 5).state == "starting"
    assert look(run, made + 500).state == "died unwatched"


def test_a_run_that_was_taken_up_again_is_not_called_by_its_former_end(recorded: Callable[[str], Run]) -> None:
    run = recorded("warming")
    closed = ledger.RunClosed(t=NOW_T, why="stopped", exit_code=143)
    write(run, closed, ledger.DriverStarted(pid=1, mode="auto", budget=0.1))
    assert look(run).state == "died unwatched"


def test_a_live_run_tells_step_metric_trials_and_what_stands(recorded: Callable[[str], Run]) -> None:
    run = recorded("healthy")
    with driven(run):
        row = look(run)
    assert (row.step, row.steps_total, row.metric) == (2900, 4200, "accuracy")
    assert (row.kept, row.taken_back) == (1, 1)
    assert row.causes == ("INP101", "DAT104", "DEV301")
    assert row.best == pytest.approx(0.95, abs=0.02)
    assert row.curve[0] is not None
    assert row.curve[-1] is None


def test_an_ended_run_is_told_by_its_report(recorded: Callable[[str], Run]) -> None:
    run = recorded("healthy")
    report = write_report(run)
    write(run, ledger.RunClosed(t=NOW_T, why="finished", exit_code=0))
    row = look(run)
    assert row.verdict == report.verdict
    assert (row.best, row.seconds) == (report.metrics.best, report.run["seconds"])
    assert {one.code for one in row.stands} == {"INP101", "DAT104", "DEV301"}
    assert (row.kept, row.taken_back) == (1, 1)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"run": 3}', '{"run": {}, "metrics": {}}'])
def test_a_report_that_cannot_be_read_leaves_what_the_logs_say(recorded: Callable[[str], Run], text: str) -> None:
    run = recorded("warming")
    write(run, ledger.RunClosed(t=NOW_T, why="stopped", exit_code=143))
    run.report.write_text(text)
    row = look(run)
    assert (row.state, row.step, row.verdict) == ("stopped", 100, "")


def test_a_log_of_gigabytes_is_read_at_its_ends(recorded: Callable[[str], Run]) -> None:
    run = recorded("warming")
    start = run.events.stat().st_size
    os.truncate(run.events, 4 << 30)
    later = Recording.go_on(run, 3000)
    later.t = EPOCH_T + 3000
    later.train(420)
    with run.events.open("ab") as file:
        file.write(b"\n")
    later.flush()
    assert run.events.stat().st_size > start + (3 << 30)
    row = look(run)
    assert (row.step, row.steps_total) == (3420, 4200)
    assert row.best is not None


@given(st.lists(st.floats(0, 1), max_size=4))
@settings(max_examples=15, deadline=None)
def test_a_log_that_is_followed_says_the_same_as_one_that_is_read_at_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[float]
) -> None:
    place = tmp_path_factory.mktemp("followed")
    data = record(place / "run", "warming").events.read_bytes()
    assert len(data) < TAIL_BYTES
    at_once, growing = place / "once.jsonl", place / "growing.jsonl"
    at_once.write_bytes(data)
    followed, whole = EventsFold(growing), EventsFold(at_once)
    for cut in [*sorted(cuts), 1.0]:
        growing.write_bytes(data[: round(cut * len(data))])
        followed.read()
    whole.read()
    ours, theirs = vars(followed), vars(whole)
    assert {key: ours[key] for key in ours if key[0] != "_"} == {key: theirs[key] for key in theirs if key[0] != "_"}


def test_runs_are_found_here_and_in_runs_and_each_once(tmp_path: Path) -> None:
    for place in ("here", "runs/one", "two", "deep/er/three"):
        record(tmp_path / place, "empty")
    (tmp_path / "runs" / "again").symlink_to(tmp_path / "runs" / "one")
    (tmp_path / "runs" / "no run").mkdir()
    found = find_runs(tmp_path)
    assert sorted(place.resolve().name for place in found) == ["here", "one", "two"]
    assert [place.name for place in find_runs(tmp_path / "here")] == ["here"]


def row(name: str, **told: object) -> RunRow:
    return RunRow(folder=Path(name), place=name, name=name, created_t=NOW_T, **told)  # type: ignore[arg-type]


def test_a_filter_wants_every_word_in_name_state_or_code(recorded: Callable[[str], Run]) -> None:
    run = look(recorded("healthy"))
    assert all(matches(run, wanted) for wanted in ("", "troubled", "DIED", "inp101 digits", "accuracy"))
    assert not any(matches(run, wanted) for wanted in ("finished", "inp101 wine"))


def test_the_best_run_comes_first_by_its_metrics_own_direction_and_unknown_ones_last() -> None:
    rows = [
        row("a", metric="accuracy", best=0.5),
        row("none", metric="accuracy"),
        row("b", metric="accuracy", best=0.9),
        row("c", metric="rmse", best=3.0, higher_is_better=False),
        row("d", metric="rmse", best=1.0, higher_is_better=False),
    ]
    assert [one.name for one in arranged(rows, "", "best", False)] == ["b", "a", "d", "c", "none"]
    assert [one.name for one in arranged(rows, "", "best", True)] == ["c", "d", "a", "b", "none"]


def test_a_curve_shows_what_is_not_there_yet_and_what_was_not_finite() -> None:
    curve = (2.0, 1.9, 1.0, float("nan"), 1.2, 1.0, None, None)
    assert spark(curve, 4) == "█×▁ "
    assert condensed((4.0, 2.0), 1) == [3.0]
    assert spark((None,) * 8, 4) == ""
    assert spark(curve, 4, ascii_only=True) == ""


@pytest.mark.parametrize(
    ("age_s", "cells", "said"),
    [(0, 6, "0m"), (7000, 6, "2h"), (7000, 12, "2 h ago"), (200, 12, "3 min ago"), (400 * 86400, 6, "2025")],
)
def test_the_age_of_a_run_fits_its_column(age_s: float, cells: int, said: str) -> None:
    assert when(NOW_T - age_s, NOW_T, cells) == said
    assert len(said) <= cells


@pytest.mark.parametrize(
    ("cells", "said"), [(20, "INP101 DAT104 NUM101"), (16, "INP101 DAT104 +1"), (13, "INP101 +2"), (3, "INP101 +2")]
)
def test_codes_are_told_whole_with_how_many_more_there_are(cells: int, said: str) -> None:
    assert codes(("INP101", "DAT104", "NUM101"), cells) == said


@given(
    name=st.text("aZ_- é漢字🙂", max_size=40),
    width=st.integers(40, 220),
    best=st.none() | st.floats(),
    step=st.integers(0, 10**9),
    kept=st.integers(0, 500),
)
@settings(max_examples=30, deadline=None)
def test_columns_stand_in_line_whatever_a_run_is_called(
    name: str, width: int, best: float | None, step: int, kept: int
) -> None:
    columns = Columns.of(width)
    told = row("x", metric="accuracy", best=best, step=step, steps_total=step, kept=kept, curve=(1.0,) * 24)
    told = RunRow(**{**vars(told), "name": name})
    plain = line(told, columns, NOW_T, marked=False)
    usual = line(row("x"), columns, NOW_T, marked=False)
    assert plain.cell_length == usual.cell_length
