"""Readers: what each format's own peculiarities are read as."""

import json
import sqlite3
import struct
from contextlib import closing
from math import isnan
from pathlib import Path

import pytest

from advisor.logs.find import find_runs
from advisor.logs.frame import Frame
from advisor.logs.names import roles_of
from advisor.logs.readers.tensorboard import masked_crc
from advisor.mistakes import Mistake
from tests.logs.reading import DATA, diagnosis, standing


def frame_of(path: Path, columns: dict[str, str] | None = None) -> Frame:
    (source,) = find_runs(path)
    frame = Frame()
    source.read(frame, columns or {})
    return frame


def values(frame: Frame, name: str) -> list[tuple[float, float]]:
    return [(point.at, point.value) for point in frame.columns[name].points]


def scalar_record(step: int, tag: str, value: float, *, as_tensor: bool = False) -> bytes:
    """Return one record of an event file, by the format's own description."""
    if as_tensor:
        tensor = bytes([0x08, 1, 0x22, 4]) + struct.pack("<f", value)
        body = bytes([0x42, len(tensor)]) + tensor
    else:
        body = bytes([0x15]) + struct.pack("<f", value)
    named = bytes([0x0A, len(tag)]) + tag.encode() + body
    summary = bytes([0x0A, len(named)]) + named
    event = bytes([0x09]) + struct.pack("<d", 0.0) + bytes([0x10, step]) + bytes([0x2A, len(summary)]) + summary
    length = struct.pack("<Q", len(event))
    checked = [struct.pack("<I", masked_crc(part)) for part in (length, event)]
    return length + checked[0] + event + checked[1]


def test_the_newest_checkpoint_of_a_hugging_face_folder_is_read() -> None:
    frame = frame_of(DATA / "huggingface" / "healthy")
    assert frame.steps_total == frame.columns["loss"].last_at
    assert frame.settings["batch_size"] == 32


def test_a_loss_of_zero_beside_a_lost_gradient_is_a_lost_loss() -> None:
    written = (DATA / "huggingface" / "nan").glob("checkpoint-*/trainer_state.json")
    rows = json.loads(next(written).read_text())["log_history"]
    assert any(row.get("loss") == 0 for row in rows)
    assert [one.code for one in standing(diagnosis(DATA / "huggingface" / "nan"))] == ["NUM101"]


def test_keras_keeps_its_splits_in_two_folders(tmp_path: Path) -> None:
    for split, tag, value in (("train", "epoch_loss", 0.5), ("validation", "epoch_loss", 0.75)):
        (tmp_path / split).mkdir()
        file = tmp_path / split / "events.out.tfevents.1.host"
        file.write_bytes(b"".join(scalar_record(step, tag, value, as_tensor=True) for step in range(3)))
    frame = frame_of(tmp_path)
    assert values(frame, "train/epoch_loss") == [(0, 0.5), (1, 0.5), (2, 0.5)]
    roles = roles_of(frame, {})
    assert roles.columns == {"loss": ("train/epoch_loss",), "val_loss": ("val/epoch_loss",)}


def test_curves_that_pytorch_draws_together_belong_to_one_run(tmp_path: Path) -> None:
    for folder, tag, value in (
        (".", "lr", 0.5),
        ("loss_all_train", "loss/all", 0.25),
        ("loss_all_val", "loss/all", 2.0),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        file = tmp_path / folder / "events.out.tfevents.1.host"
        file.write_bytes(b"".join(scalar_record(step, tag, value) for step in range(3)))
    frame = frame_of(tmp_path)
    assert {name: values(frame, name)[-1] for name in frame.columns} == {
        "lr": (2, 0.5),
        "loss/all/train": (2, 0.25),
        "loss/all/val": (2, 2.0),
    }
    (tmp_path / "loss_all_val").rename(tmp_path / "other_val")
    assert len(find_runs(tmp_path)) == 2


def test_runs_of_mlflow_have_the_names_that_their_user_gave(tmp_path: Path) -> None:
    for run, name in (("a" * 32, "wide net"), ("b" * 32, "wide net"), ("c" * 32, "deep net")):
        folder = tmp_path / "1" / run
        (folder / "metrics").mkdir(parents=True)
        (folder / "tags").mkdir()
        (folder / "metrics" / "loss").write_text("1 0.5 0\n")
        (folder / "tags" / "mlflow.runName").write_text(name)
        (folder / "meta.yaml").write_text(f"run_id: {run}\n")
    (tmp_path / "1" / "meta.yaml").write_text("experiment_id: 1\nname: digits\n")
    names = [one.name for one in find_runs(tmp_path)]
    assert names == ["digits/wide net (aaaaaaaa)", "digits/wide net (bbbbbbbb)", "digits/deep net"]


def test_an_event_file_is_read_up_to_its_damage(tmp_path: Path) -> None:
    sound = b"".join(scalar_record(step, "loss", 1.0) for step in range(5))
    (tmp_path / "events.out.tfevents.1.host").write_bytes(sound + b"\x00" * 40)
    frame = frame_of(tmp_path)
    assert len(values(frame, "loss")) == 5
    assert "damaged" in frame.notes[0]


def test_the_parts_of_a_detectors_loss_are_added_up(tmp_path: Path) -> None:
    header = "                  epoch,         train/box_loss,         train/cls_loss,       metrics/mAP50-95(B),"
    header += "           val/box_loss,           val/cls_loss,                 lr/pg0"
    rows = [
        f"{epoch},{2 / epoch},{1 / epoch},{0.5 - 0.4 / epoch},{2.5 / epoch},{1.25 / epoch},0.01"
        for epoch in range(1, 31)
    ]
    (tmp_path / "results.csv").write_text("\n".join([header, *rows]) + "\n")
    report = diagnosis(tmp_path)
    assert report.run["format"] == "Ultralytics results.csv"
    assert report.run["columns"]["loss"] == ["train/box_loss", "train/cls_loss"]
    assert report.timeline["loss"][0] == 3
    assert report.metrics.name == "map50_95"
    assert report.level in ("none", "info")


def test_a_database_of_mlflow_holds_several_runs(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("CREATE TABLE runs (run_uuid TEXT, name TEXT)")
        database.execute("CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT)")
        database.execute(
            "CREATE TABLE metrics (key TEXT, value REAL, timestamp INT, run_uuid TEXT, step INT, is_nan INT)"
        )
        database.executemany("INSERT INTO runs VALUES (?, ?)", [("a", "calm"), ("b", "lost")])
        database.execute("INSERT INTO params VALUES ('lr', '0.1', 'a')")
        rows = [("loss", 1.0, 0, run, step, int(run == "b" and step > 4)) for run in "ab" for step in range(10)]
        database.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
        database.commit()
    calm, lost = find_runs(tmp_path)
    assert [calm.name, lost.name] == ["mlflow.db: calm", "mlflow.db: lost"]
    frames = Frame(), Frame()
    calm.read(frames[0], {})
    lost.read(frames[1], {})
    assert frames[0].settings == {"lr": 0.1}
    assert sum(isnan(value) for _, value in values(frames[1], "loss")) == 5


def test_a_folder_of_many_runs_is_listed() -> None:
    names = [source.name for source in find_runs(DATA / "lightning")]
    assert names == ["diverging", "healthy", "healthy_fast", "lr_zero", "nan", "overfitting", "plateau"]


def test_a_line_that_is_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    table = tmp_path / "log.csv"
    table.write_text("step,loss\n1,2.0\n2,1.5\n3,0.")
    assert values(frame_of(table), "loss") == [(1, 2.0), (2, 1.5)]
    lines = tmp_path / "log.jsonl"
    lines.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo')
    assert values(frame_of(lines), "loss") == [(1, 2.0)]


def test_a_training_that_was_taken_up_again_counts_as_logged_last(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("step,loss\n1,9\n2,8\n3,7\n2,1\n3,0.5\n")
    report = diagnosis(log)
    assert report.timeline["loss"] == [9, 8, 1, 0.5]
    assert any("goes back 1 time" in sentence for sentence in report.unsure)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param("", "", "no such file", id="nothing there"),
        pytest.param("empty.csv", "", "is empty", id="empty"),
        pytest.param("note.txt", "hello world\n", "holds no training log", id="no log"),
        pytest.param("image.png", "\x89PNG\n", "holds no training log", id="a picture"),
    ],
)
def test_what_is_no_log_is_one_clear_line(name: str, content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / (name or "missing.csv")
    if name:
        path.write_text(content)
    with pytest.raises(Mistake, match=words):
        find_runs(path)


@pytest.mark.parametrize(
    ("name", "log", "framework"),
    [("hparams.yaml", "metrics.csv", "lightning"), ("args.yaml", "results.csv", "ultralytics")],
)
def test_settings_are_read_that_a_framework_writes_beside_its_log(
    name: str, log: str, framework: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(
        "lr: 0.001\nepochs: 30\noptimizer: 'AdamW'\nname: null\nnested:\n  inner: 3\nlist: [1, 2]\n"
    )
    axis = "step" if framework == "lightning" else "epoch"
    (tmp_path / log).write_text(f"{axis},train/loss,val/loss\n" + "".join(f"{at},1.0,1.0\n" for at in range(1, 11)))
    report = diagnosis(tmp_path)
    assert report.run["settings"] == {"lr": 0.001, "epochs": 30.0, "optimizer": "AdamW"}
    assert report.run["framework"] == framework
    assert report.run["steps_total"] == (10 if framework == "lightning" else 30)
