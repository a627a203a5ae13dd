"""Logs that hold more than rows of one training: several runs, two kinds of rows, a header that changes on the way."""

import json
from pathlib import Path

import pytest

from advisor.logs.diagnose import Asked, hear
from advisor.logs.find import find_runs
from advisor.logs.telling import Said
from tests.logs.reading import diagnosis

EPOCHS = range(12)
NAMES = "epoch,accuracy,loss,val_accuracy,val_loss\n"


def losses(name: str, path: Path) -> list[float]:
    (source,) = find_runs(path)
    return [point.value for point in hear(source, Asked({}, Said())).frame.columns[name].points]


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_runs_that_a_column_names_are_told_apart(name: str, tmp_path: Path) -> None:
    log = tmp_path / name
    rows = [{"seed": seed, "epoch": epoch, "loss": seed + 1 / (epoch + 1)} for epoch in EPOCHS for seed in (0, 1, 2)]
    lines = [",".join(map(str, row.values())) if name == "log.csv" else json.dumps(row) for row in rows]
    log.write_text("\n".join([*(["seed,epoch,loss"] if name == "log.csv" else []), *lines, ""]))
    found = find_runs(log)
    assert [one.name for one in found] == [f"{name}: seed 0", f"{name}: seed 1", f"{name}: seed 2"]
    heard = [hear(one, Asked({}, Said())).frame for one in found]
    assert [[point.value for point in one.columns["loss"].points][-1] for one in heard] == [
        pytest.approx(seed + 1 / 12) for seed in (0, 1, 2)
    ]
    assert {one.rows for one in heard} == {len(EPOCHS)}


@pytest.mark.parametrize("column", ["trial", "seed"])
def test_a_column_that_counts_on_or_stays_names_no_runs(column: str, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    value = {"trial": lambda epoch: epoch // 4, "seed": lambda epoch: 7}[column]
    log.write_text(f"{column},epoch,loss\n" + "".join(f"{value(epoch)},{epoch},1.0\n" for epoch in EPOCHS))
    assert [one.name for one in find_runs(log)] == ["log.csv"]


def test_runs_that_were_exported_side_by_side_are_told_apart(tmp_path: Path) -> None:
    log = tmp_path / "export.csv"
    names = ("Step", "a - train/loss", "a - train/loss__MIN", "b - train/loss", "b - train/loss__MAX")
    rows = [f"{step},{1 + step},{0.5 + step},{2 + step},{9 + step}\n" for step in EPOCHS]
    log.write_text(",".join(names) + "\n" + "".join(rows))
    runs = find_runs(log)
    assert [one.name for one in runs] == ["export.csv: a", "export.csv: b"]
    assert [hear(one, Asked({}, Said())).roles.columns["loss"] for one in runs] == [(names[1],), (names[3],)]


def test_validation_rows_among_training_rows_are_kept_apart(tmp_path: Path) -> None:
    pairs = [(epoch, split, 1.0 + (split == "val")) for epoch in EPOCHS for split in ("train", "val")]
    (tmp_path / "log.csv").write_text("epoch,split,loss\n" + "".join(f"{a},{b},{c}\n" for a, b, c in pairs))
    lines = [json.dumps({"epoch": a, "phase": b, "loss": c}) + "\n" for a, b, c in pairs]
    (tmp_path / "log.jsonl").write_text("".join(lines))
    for name in ("log.csv", "log.jsonl"):
        assert set(losses("loss", tmp_path / name)) == {1.0}
        assert set(losses("val/loss", tmp_path / name)) == {2.0}
        assert diagnosis(tmp_path / name).run["columns"] == {"loss": ["loss"], "val_loss": ["val/loss"]}


def test_a_table_with_a_value_a_row_is_read_by_name(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("step,key,value\n" + "".join(f"{step},train/loss,1\n{step},val/loss,2\n" for step in EPOCHS))
    assert losses("train/loss", log) == [1.0] * len(EPOCHS)
    assert losses("val/loss", log) == [2.0] * len(EPOCHS)


@pytest.mark.parametrize("again", [NAMES, "epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n"])
def test_no_row_is_lost_where_a_training_went_on_with_another_header(again: str, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    more = "0.001," * (again != NAMES)
    before = [f"{epoch},0.5,{epoch},0.5,1\n" for epoch in EPOCHS]
    after = [f"{12 + epoch},0.5,{more}{12 + epoch},0.5,1\n" for epoch in EPOCHS]
    log.write_text(NAMES + "".join(before) + again + "".join(after))
    assert losses("loss", log) == [float(place) for place in range(24)]
    told = [sentence for sentence in diagnosis(log).unsure if "header changes" in sentence]
    assert len(told) == (again != NAMES)


HISTORY = {"loss": [2.0, 1.0, 0.5], "val_loss": [2.0, 1.5, 1.0]}


@pytest.mark.parametrize(
    "saved",
    [
        pytest.param({name: {str(at): one for at, one in enumerate(HISTORY[name])} for name in HISTORY}, id="columns"),
        pytest.param({str(at): {name: HISTORY[name][at] for name in HISTORY} for at in range(3)}, id="index"),
        pytest.param({"columns": [*HISTORY], "index": [0, 1, 2], "data": [*zip(*HISTORY.values(), strict=True)]}, id="split"),
    ],
)  # fmt: skip
def test_a_history_that_went_through_pandas_is_read_in_each_of_its_forms(saved: object, tmp_path: Path) -> None:
    log = tmp_path / "history.json"
    log.write_text(json.dumps(saved))
    assert losses("loss", log) == HISTORY["loss"]
    assert losses("val_loss", log) == HISTORY["val_loss"]


def test_a_history_of_each_split_is_read(tmp_path: Path) -> None:
    log = tmp_path / "history.json"
    log.write_text(json.dumps({"train": {"loss": HISTORY["loss"]}, "val": {"loss": HISTORY["val_loss"]}}))
    assert losses("train/loss", log) == HISTORY["loss"]
    assert losses("val/loss", log) == HISTORY["val_loss"]


@pytest.mark.parametrize("name", ["Epoch #", "EPOCH", "train/epoch", "global step", "trainer/global_step", "timesteps"])
def test_an_axis_is_known_however_its_name_is_set(name: str, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(f"{name},loss\n" + "".join(f"{10 * epoch},1.0\n" for epoch in EPOCHS))
    (source,) = find_runs(log)
    points = hear(source, Asked({}, Said())).frame.columns["loss"].points
    assert [point.at for point in points] == [10.0 * epoch for epoch in EPOCHS]


def test_json_in_utf_16_is_read(tmp_path: Path) -> None:
    rows = [{"step": step, "loss": 1.0 + step} for step in EPOCHS]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-16")
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": rows}), encoding="utf-16")
    for name in ("log.jsonl", "trainer_state.json"):
        assert losses("loss", tmp_path / name) == [1.0 + step for step in EPOCHS]
