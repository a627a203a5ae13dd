"""Logs that are cut off, garbled or full of NaN: whatever they hold is read, and nothing ever crashes."""

import gzip
import json
from math import exp
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.logs.diagnose import Asked, diagnose
from advisor.logs.find import find_runs
from advisor.logs.frame import Frame
from advisor.logs.readers.opened import LONGEST_LINE
from advisor.logs.telling import Said
from advisor.mistakes import Mistake
from tests.logs.reading import DATA, diagnosis

FILES = {
    kind: next(
        path
        for path in sorted((DATA / kind / "healthy_fast").rglob("*"))
        if path.is_file() and "params" not in path.parts
    )
    for kind in (
        "csv",
        "huggingface",
        "jsonl",
        "keras",
        "keras_history",
        "lightning",
        "tensorboard",
        "trackio",
        "wandb",
    )
}
FAST = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_all(path: Path) -> list[Frame]:
    """Read and diagnose whatever is there; a file that is no log any more is the user's to know."""
    try:
        sources = find_runs(path)
    except Mistake:
        return []
    frames = []
    for source in sources:
        frame = Frame()
        source.read(frame, {})
        report = diagnose(source, Asked({}, Said()))
        assert not any("failed and said nothing" in sentence for sentence in report.unsure)
        report.model_dump_json()
        frames.append(frame)
    return frames


@pytest.mark.parametrize("kind", FILES)
@FAST
@given(share=st.floats(0, 1))
def test_a_log_that_is_cut_off_anywhere_gives_what_is_whole(kind: str, share: float, tmp_path: Path) -> None:
    content = FILES[kind].read_bytes()
    path = tmp_path / FILES[kind].name
    path.write_bytes(content[: int(share * len(content))])
    for frame in read_all(path):
        for curve in frame.columns.values():
            assert all(point.non_finite == 0 for point in curve.points), "a torn number is no NaN"


@pytest.mark.parametrize("kind", FILES)
@FAST
@given(data=st.data())
def test_a_garbled_log_never_crashes(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray(FILES[kind].read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / FILES[kind].name
    path.write_bytes(bytes(content))
    read_all(path)


NUMBERS = st.floats() | st.integers() | st.none() | st.text(max_size=4) | st.booleans()
KEYS = st.sampled_from(["step", "epoch", "loss", "val_loss", "val_accuracy", "lr", "grad_norm", "x"])


@FAST
@given(rows=st.lists(st.dictionaries(KEYS, NUMBERS | st.dictionaries(KEYS, NUMBERS, max_size=2)), max_size=40))
def test_any_rows_of_json_give_a_diagnosis(rows: list[dict[str, object]], tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    read_all(path)


@FAST
@given(cells=st.lists(st.lists(NUMBERS, min_size=4, max_size=4), max_size=30))
def test_any_cells_of_a_table_give_a_diagnosis(cells: list[list[object]], tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [",".join("" if cell is None else str(cell) for cell in row) for row in cells]
    path.write_text("\n".join(["step,loss,val_loss,val_acc", *rows]) + "\n")
    read_all(path)


def test_a_loss_that_is_lost_late_in_a_long_log_is_not_averaged_away(tmp_path: Path) -> None:
    rows = [f"{step},{2.0 - step / 40_000 if step < 29_990 else 'nan'}" for step in range(30_000)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["step,loss", *rows]) + "\n")
    report = diagnosis(path)
    assert report.findings[0].code == "NUM101"
    assert report.findings[0].message == "10 steps since step 29990 had a loss or gradient that is not a number"


def test_what_is_lost_of_a_table_is_said(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,2\nrubbish\n2,1,0,9\n3,0.5\n")
    assert "2 lines of log.csv could not be read and were left out." in diagnosis(path).unsure


def test_a_folder_with_a_link_to_nothing_is_read_without_it(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("step,loss\n1,2.0\n2,1.5\n")
    (tmp_path / "old.csv").symlink_to(tmp_path / "nowhere.csv")
    assert [source.path.name for source in find_runs(tmp_path)] == ["log.csv"]


@pytest.mark.parametrize("name", ["log.csv.gz", "log.json.gz", "log.jsonl.gz", "log"])
@pytest.mark.parametrize("left", [2, 9, 12, 25])
def test_a_packed_log_that_is_cut_off_near_its_start_is_no_crash(name: str, left: int, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b'{"step": 1, "loss": 2.0}\n' * 50)[:left])
    read_all(path)
    read_all(tmp_path)


def test_a_packed_json_that_is_cut_off_late_gives_the_rows_before(tmp_path: Path) -> None:
    rows = [{"step": step, "loss": exp(-step / 1000)} for step in range(5000)]
    path = tmp_path / "trainer_state.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"log_history": rows}).encode())[:-400])
    [frame] = read_all(path)
    assert frame.rows > 4000


@pytest.mark.parametrize("name", ["log.csv.gz", "log.jsonl.gz"])
def test_a_line_without_an_end_is_left_out_and_said(name: str, tmp_path: Path) -> None:
    first, row = ("step,loss\n", "{0},{1}\n") if "csv" in name else ("", '{{"step": {0}, "loss": {1}}}\n')
    path = tmp_path / name
    text = first + row.format(1, 2.0) + "1" * (LONGEST_LINE + 10) + "\n" + row.format(2, 1.5)
    path.write_bytes(gzip.compress(text.encode(), 1))
    [frame] = read_all(path)
    assert [point.value for point in frame.columns["loss"].points] == [2.0, 1.5]
    assert frame.notes == [f"{name} has a line of more than 16 MiB, which was left out."]
