"""Logs in other spellings, encodings and orders than the usual: each is read as what its writer meant."""

import gzip
import json
import random
from math import exp, inf, isnan
from pathlib import Path

import pytest

from advisor.logs.diagnose import read
from advisor.logs.find import find_runs
from advisor.logs.frame import Frame, decimal_number, number
from advisor.logs.names import roles_of
from advisor.mistakes import Mistake
from tests.logs.reading import diagnosis

ROWS = [(step, round(0.1 + 2.2 * exp(-step / 30), 4), round(0.2 + 2.1 * exp(-step / 30), 4)) for step in range(1, 101)]
NAMES = ("step", "loss", "val_loss")


def table(delimiter: str = ",", end: str = "\n", rows: list[tuple[float, ...]] | None = None) -> str:
    lines = [NAMES, *(rows or ROWS)]
    return end.join(delimiter.join(map(str, line)) for line in lines) + end


def quoted() -> str:
    return "".join('"' + line.replace(",", '","') + '"\n' for line in table().splitlines())


def frame_of(path: Path) -> Frame:
    (source,) = find_runs(path)
    return read(source, {})


def same(frame: Frame) -> bool:
    held = [[(point.at, point.value) for point in frame.columns[name].points] for name in NAMES[1:]]
    return held == [[(row[0], row[at]) for row in ROWS] for at in (1, 2)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("log.csv", table().encode("utf-8-sig"), id="byte order mark"),
        pytest.param("log.csv", table().encode("utf-16"), id="UTF-16"),
        pytest.param("log.csv", table(end="\r\n").encode(), id="CRLF"),
        pytest.param("log.csv", table(end="\r").encode(), id="CR"),
        pytest.param("log.tsv", table("\t").encode(), id="tabs"),
        pytest.param("log.csv", table("|").encode(), id="pipes"),
        pytest.param("log.txt", table("   ").encode(), id="blanks"),
        pytest.param("log.csv", table(";").replace(".", ",").encode(), id="decimal commas"),
        pytest.param("log.csv", ("# my run\n# lr = 0.1\n" + table()).encode(), id="comments"),
        pytest.param("log.csv", ("# " + table()).encode(), id="commented header"),
        pytest.param("log.csv", quoted().replace(".", ",").encode(), id="quoted decimal commas"),
        pytest.param("log.csv.gz", gzip.compress(table().encode()), id="gzip"),
    ],
)
def test_a_table_is_read_in_whatever_form_it_was_saved(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert same(frame_of(path))


def objects() -> list[dict[str, float]]:
    return [dict(zip(NAMES, row, strict=True)) for row in ROWS]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("log.json", json.dumps(objects()).encode(), id="a list"),
        pytest.param("log.json", json.dumps({"run": "a", "rows": objects()}).encode(), id="a list inside"),
        pytest.param("log.jsonl", "\n".join(json.dumps(row, indent=1) for row in objects()).encode(), id="spread out"),
        pytest.param("log.log", "\n".join(map(str, objects())).encode() + b"\n", id="as Python prints it"),
        pytest.param("state.json", json.dumps({"log_history": objects()}, indent=1).encode(), id="a renamed state"),
        pytest.param(
            "log.jsonl.gz", gzip.compress("\n".join(map(json.dumps, objects())).encode() + b"\n"), id="gzipped lines"
        ),
    ],
)
def test_rows_of_json_are_read_in_whatever_form_they_were_saved(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert same(frame_of(path))


def test_a_packed_log_that_was_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    rng = random.Random(0)
    rows = [(step, rng.random(), rng.random()) for step in range(2000)]
    packed = gzip.compress(table(rows=rows).encode())
    path.write_bytes(packed[: len(packed) // 2])
    frame = frame_of(path)
    assert 100 < frame.rows < 2000
    assert "log.csv.gz is cut off or damaged: it was read up to there." in frame.notes


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "-nan(ind)", "nan(snan)", "1.#QNAN", "-1.#IND", "tensor(nan)"])
def test_a_value_that_is_no_number_is_known_in_every_spelling(text: str) -> None:
    told = number(text)
    assert told is not None
    assert isnan(told)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("inf", inf),
        ("-1.#INF", -inf),
        ("tensor(0.25, device='cuda:0')", 0.25),
        ("np.float32(0.5)", 0.5),
        ("97.5%", 97.5),
        ("1,234", 1234.0),
        ("12,345,678.5", 12345678.5),
        ("null", None),
        ("N/A", None),
        ("1,23", None),
        ("", None),
    ],
)
def test_numbers_are_known_in_other_spellings(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(("text", "value"), [("0,5", 0.5), ("1.234,5", 1234.5), ("-3e-4", -3e-4), ("2", 2.0)])
def test_a_comma_before_decimals_is_read_where_it_parts_no_cells(text: str, value: float) -> None:
    assert decimal_number(text) == value


def test_rows_in_no_order_are_sorted_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(table(rows=random.Random(0).sample(ROWS, len(ROWS))))
    frame = frame_of(path)
    assert same(frame)
    assert "The rows are not in the order of their places, and were sorted." in frame.notes


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("lines", [False, True])
def test_steps_that_begin_anew_in_each_epoch_are_added_up(first: int, lines: bool, tmp_path: Path) -> None:
    rows = [{"epoch": at // 10, "batch": at % 10 + first, "loss": 3 - at / 50} for at in range(100)]
    path = tmp_path / ("log.jsonl" if lines else "log.csv")
    cells = [",".join(map(str, row.values())) for row in rows]
    path.write_text(
        "".join(json.dumps(row) + "\n" for row in rows) if lines else "epoch,batch,loss\n" + "\n".join(cells) + "\n"
    )
    frame = frame_of(path)
    assert [point.at for point in frame.columns["loss"].points] == [at + first for at in range(100)]
    assert frame.columns["loss"].restarts == 0


def test_a_training_that_was_taken_up_again_is_not_taken_for_a_disorder(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(table(rows=[*ROWS[:60], *ROWS[40:]]))
    assert frame_of(path).columns["loss"].restarts == 1


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        ("epoch,train_loss,valid_loss,accuracy,time", ("train_loss", "valid_loss", "accuracy")),
        ("epoch,train/loss,metrics/accuracy_top5,metrics/accuracy_top1,val/loss", ("train/loss", "val/loss", "metrics/accuracy_top1")),
        ("Epoch,Training Loss,Validation Loss,Accuracy", ("Training Loss", "Validation Loss", "Accuracy")),
        ("Step,Loss/train,Loss/val,Accuracy/val", ("Loss/train", "Loss/val", "Accuracy/val")),
        ("epoch,train_loss_epoch,val_loss_epoch,val_acc_epoch", ("train_loss_epoch", "val_loss_epoch", "val_acc_epoch")),
        ("epoch,train_loss,eval_loss,eval_top1,eval_top5,lr", ("train_loss", "eval_loss", "eval_top1")),
    ],
)  # fmt: skip
def test_columns_are_known_by_the_names_of_many_writers(names: str, roles: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [",".join(["1.5"] * len(names.split(",")))] * 3
    path.write_text("\n".join([names, *rows]) + "\n")
    found = roles_of(frame_of(path), {}).columns
    assert tuple(found[role][0] for role in ("loss", "val_loss", "metric")) == roles


def test_null_in_place_of_a_loss_is_told_and_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps({"step": at, "loss": None if at > 60 else 1.0}) + "\n" for at in range(1, 101)))
    report = diagnosis(path)
    assert "40 lines of log.jsonl hold null and no number: some writers put it for NaN." in report.unsure
    assert "NUM101" in report.passed


def test_a_table_without_a_header_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("1,2.0,3.0\n2,1.5,2.5\n")
    with pytest.raises(Mistake, match="has no header: give it a first line that names its columns"):
        find_runs(path)


def test_a_net_that_never_left_chance_is_told_so_though_its_first_row_was_thrown_up(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = ["step,loss,val_loss,val_accuracy,lr", "10,25.1,,,1"]
    rows += [f"{step},{rng.uniform(2.31, 2.45):.3f},,,1" for step in range(20, 400, 10)]
    rows += [f"{step},,{rng.uniform(2.31, 2.4):.3f},{rng.uniform(0.09, 0.11):.3f},1" for step in range(40, 400, 40)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(rows) + "\n")
    codes = {one.code for one in diagnosis(path).findings if one.cleared_step is None}
    assert codes & {"OPT101", "OPT103"}
    assert "OPT102" not in codes, "a loss that only comes down to guessing is no slow learning"


def test_a_rate_of_zero_is_named(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = [f"{step},{rng.uniform(2.2, 2.4):.3f},0,2.3,0.1" for step in range(1, 201)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["step,loss,lr,val_loss,val_accuracy", *rows]) + "\n")
    report = diagnosis(path)
    assert "OPT108" in [one.code for one in report.findings if one.cleared_step is None]


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_rows_that_all_have_one_step_are_counted(name: str, tmp_path: Path) -> None:
    lines = [json.dumps({"step": 0, "loss": row[1]}) if name == "log.jsonl" else f"0,{row[1]}" for row in ROWS]
    (tmp_path / name).write_text("\n".join(["step,loss", *lines] if name == "log.csv" else lines) + "\n")
    frame = frame_of(tmp_path / name)
    assert [point.at for point in frame.columns["loss"].points] == [row[0] for row in ROWS]
    assert [point.value for point in frame.columns["loss"].points] == [row[1] for row in ROWS]
    assert "were counted instead" in frame.notes[0]


def test_of_two_columns_of_one_name_the_first_is_read(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,loss,acc,loss,acc\n1,2.0,0.1,3.0,0.2\n2,1.0,0.3,2.5,0.4\n")
    frame = frame_of(tmp_path / "log.csv")
    assert [point.value for point in frame.columns["loss"].points] == [2.0, 1.0]
    assert frame.notes == ["More than one column is called acc, loss: the first one is read."]


def test_of_a_last_line_without_an_end_only_the_last_cell_is_in_doubt(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,loss,val_loss\n1,2.0,2.1\n2,1.5,1.0")
    frame = frame_of(tmp_path / "log.csv")
    assert [point.value for point in frame.columns["loss"].points] == [2.0, 1.5]
    assert [point.value for point in frame.columns["val_loss"].points] == [2.1]
    assert "its last cell was left out" in frame.notes[0]
