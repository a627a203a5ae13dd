"""A folder of logs: the good ones are told of, whatever lies beside them; a log that tells nothing says what it lacks."""

import json
from pathlib import Path

import pytest

from advisor.cli import run
from advisor.logs.diagnose import Asked, Diagnosed
from advisor.logs.find import look_at
from advisor.logs.render import html, markdown
from advisor.logs.several import diagnose_all
from advisor.logs.telling import Said

GOOD = "step,loss,val_loss\n" + "".join(f"{step},{2 / step:.4f},{2.2 / step:.4f}\n" for step in range(1, 60))


def told_of(path: Path, columns: dict[str, str] | None = None) -> Diagnosed:
    return diagnose_all(path, look_at(path), Asked(columns or {}, Said()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two good logs among much that is none."""
    for name in ("first.csv", "second.csv"):
        (tmp_path / name).write_text(GOOD)
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "noise.csv").write_bytes(b"step,loss\n" + bytes(range(1, 256)) * 8)
    (tmp_path / "iris.csv").write_text("sepal,petal\n1.0,2.0\n3.0,4.0\n")
    (tmp_path / "torn.wandb").write_bytes(b":W&B not quite")
    (tmp_path / "begun.csv").write_text("step,loss\n")
    return tmp_path


def test_what_cannot_be_read_in_a_folder_is_said_and_the_rest_is_told(folder: Path) -> None:
    told = told_of(folder)
    assert [one.run["name"] for one in told.runs] == ["first.csv", "second.csv"]
    why = {one.path: one.why for one in told.left_out}
    assert why.keys() == {"loop.csv", "empty.csv", "noise.csv", "iris.csv", "torn.wandb", "begun.csv"}
    assert why["loop.csv"].startswith("cannot be read: ")
    assert why["empty.csv"] == "is empty: nothing was logged yet"
    assert "it has: petal, sepal. Say which is what: --map loss=COLUMN" in why["iris.csv"]
    assert why["begun.csv"].startswith("holds no numbers yet")


@pytest.mark.parametrize("form", ["text", "md", "html", "json"])
def test_every_form_names_what_was_left_out(form: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diagnose", str(folder), "--format", form]) == 0
    shown = capsys.readouterr().out
    assert "loop.csv" in shown
    assert "iris.csv" in shown
    if form == "json":
        assert {one["path"] for one in json.loads(shown)["left_out"]} >= {"loop.csv", "iris.csv"}


def test_markup_in_the_name_of_a_file_that_is_left_out_is_harmless(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "<img src=x onerror=alert(1)>.csv").write_text("a,<b>c</b>\n1,2\n")
    told = told_of(tmp_path)
    assert len(told.left_out) == 1
    assert "<img" not in html(told)
    assert "<b>c" not in html(told)
    assert markdown(told).count("<img") == markdown(told).count("\\<img") == 1


def test_an_option_is_not_broken_at_its_hyphens_and_markup_beside_it_stays_harmless(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(GOOD)
    told = told_of(log)
    (run,) = told.runs
    hostile = run.model_copy(update={"unsure": ("<img src=x> --classes N would tell",), "next": "Say --map loss=<b>."})
    page = html(told.model_copy(update={"runs": (hostile,)}))
    assert '&lt;img src=x&gt; <span class="whole">--classes</span> N would tell' in page
    assert '<span class="whole">--map</span> loss=&lt;b&gt;.' in page


def test_a_log_of_unknown_columns_is_a_mistake_that_lists_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.csv"
    log.write_text("it,aim,q\n1,2.0,3\n2,1.5,3\n")
    assert run(["diagnose", str(log), "--fail-on", "warning"]) == 2
    said = capsys.readouterr().err
    assert "it has: aim, it, q. Say which is what: --map loss=COLUMN --map val_loss=COLUMN" in said
    assert run(["diagnose", str(log), "--map", "loss=aim", "--map", "step=it"]) == 0


def test_an_axis_that_is_not_there_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.csv"
    log.write_text("it,aim\n1,2.0\n2,1.5\n")
    assert run(["diagnose", str(log), "--map", "loss=aim", "--map", "step=iteration"]) == 2
    assert "has no column 'iteration' to take for step; it has: aim, it" in capsys.readouterr().err


def test_a_map_counts_for_those_runs_of_a_folder_that_have_the_column(tmp_path: Path) -> None:
    (tmp_path / "named.csv").write_text(GOOD)
    (tmp_path / "other.csv").write_text(GOOD.replace("step,loss", "step,aim"))
    told = told_of(tmp_path, {"loss": "aim"})
    assert [one.run["name"] for one in told.runs] == ["other.csv"]
    assert "has no column 'aim' to take for loss" in told.left_out[0].why


def test_a_loss_of_few_rows_is_not_called_absent(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("step,loss\n1,2.0\n2,1.5\n")
    (report,) = told_of(log).runs
    lacking = {one.code: one.missing for one in report.not_assessed}
    assert lacking["NUM101"] == ("enough rows of the training loss",)


def test_a_folder_gives_tables_of_training_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "training.log").write_text("epoch,loss,val_loss\n0,2.0,2.1\n1,1.5,1.6\n")
    (tmp_path / "debug.log").write_text("INFO, begun\nINFO, ended\n")
    (tmp_path / "notes.txt").write_text("epoch,notes\n1,good\n")
    assert [one.path.name for one in look_at(tmp_path).runs] == ["training.log"]


def test_runs_are_listed_by_names_that_look_like_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a[/b].csv", "a[/c].csv", "a[bold]c.csv", "d.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD)
    assert run(["diagnose", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "a[bold]c.csv" in told
    assert "a[/b].csv" in told
