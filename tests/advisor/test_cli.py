"""The command line: help, lists, and one clear line for each mistake of the user's."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.cli import run
from advisor.driving.lease import Lease
from advisor.ledger import RunClosed
from advisor.runs import Run, create_run
from advisor.showing.headless import reaches
from trainer.config import Config, keys, read
from trainer.journal import JournalWriter
from trainer.wire import RunEnded, write

CONFIG = '[data]\nsource = "sklearn:digits"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "some.toml"
    path.write_text(CONFIG)
    return path


def resting_run(folder: Path, why: str = "finished") -> Run:
    config = Config.model_validate({"data": {"source": "sklearn:digits"}})
    run = create_run(folder, "some", {"name": "some", "created": 5.0, "config": config.model_dump(mode="json")})
    for path, line in ((run.events, write(RunEnded(why=why, seconds=1.0))), (run.ledger, closed(why))):  # type: ignore[arg-type]
        writer = JournalWriter(path)
        writer.append(line)
        writer.close()
    return run


def closed(why: str) -> str:
    return RunClosed(why=why, exit_code=0).model_dump_json()


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail with exit code 2; return its one line on standard error."""
    assert run(arguments) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("advisor: ")
    return told[0].removeprefix("advisor: ")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "--help"], ["config", "--help"]])
def test_help_is_no_mistake(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert "Usage: advisor" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["trian"], "No such command 'trian'. Did you mean 'train'?", id="unknown command"),
        pytest.param(["train"], "Missing argument 'CONFIG.toml' (see `advisor train --help`)", id="nothing to train"),
        pytest.param(["train", "x.toml", "--moed", "auto"], "No such option: --moed", id="unknown option"),
        pytest.param(["train", "x.toml", "--mode", "bold"], "'bold' is not one of", id="unknown mode"),
        pytest.param(["train", "x.toml", "--seed", "many"], "--seed", id="a seed that is no number"),
        pytest.param(["train", "none.toml"], "none.toml: no such file", id="no such file"),
        pytest.param(["watch", "none"], "none: no such run directory", id="no such run"),
        pytest.param(["report", "."], "is no run", id="a folder that is no run"),
        pytest.param(["resume", "."], "is no run", id="nothing to resume"),
        pytest.param(["stop", "."], "is no run", id="nothing to stop"),
        pytest.param(["replay", "."], "is no run", id="nothing to replay"),
        pytest.param(["predict", ".", "x.csv"], "is no run", id="nothing to predict with"),
        pytest.param(["rule", "OPT999"], "did you mean OPT10", id="unknown rule"),
        pytest.param(["profile", "none.toml"], "none.toml: no such file", id="nothing to profile"),
        pytest.param(["config", "none.toml"], "none.toml: no such file", id="nothing to check"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in fails(arguments, capsys)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("[train]\nlearning_rate = 1\n", "unknown key 'train.learning_rate'", id="unknown key"),
        pytest.param("[train]\nepoch = 1\n", "did you mean 'train.epochs'?", id="nearly a key"),
        pytest.param("[trian]\n", "did you mean 'train'?", id="nearly a section"),
        pytest.param("[train]\nlr = 'fast'\n", "train.lr", id="wrong type"),
        pytest.param("[train]\nlr = -1\n", "train.lr", id="out of bounds"),
        pytest.param("[train\n", "not valid TOML", id="not TOML"),
        pytest.param("", "nothing to train on: set data.source", id="empty"),
        pytest.param("\x00", "not valid TOML", id="binary"),
    ],
)
@pytest.mark.parametrize("command", ["train", "profile", "config"])
def test_a_wrong_configuration_names_the_key(
    command: str, text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    assert words in fails([command, str(path)], capsys)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        pytest.param("train.lr", "write it as section.key=value", id="no value"),
        pytest.param("lr=1", "write it as section.key=value", id="no section"),
        pytest.param("train.rl=1", "unknown key 'train.rl'", id="unknown key"),
        pytest.param("train.lr=fast", "train.lr", id="wrong type"),
    ],
)
def test_a_wrong_override_is_named(override: str, words: str, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in fails(["train", str(config), "--set", override], capsys)


def test_a_run_directory_that_is_not_empty_is_refused(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").write_text("x")
    assert "is not empty" in fails(["train", str(config), "--run-dir", str(tmp_path / "full")], capsys)
    assert (tmp_path / "full" / "precious").read_text() == "x"


def test_a_run_directory_that_cannot_be_made_is_named(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    told = fails(["train", str(config), "--run-dir", str(tmp_path / "file" / "run")], capsys)
    assert "cannot be made" in told


def test_a_damaged_run_is_one_line_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for text in ("{", "[]", '{"format": 99}'):
        (folder / "run.json").write_text(text)
        assert str(folder) in fails(["watch", str(folder)], capsys)


def test_a_run_that_is_driven_is_not_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resting = resting_run(tmp_path / "run", "stopped")
    lease = Lease(resting)
    assert "is being trained" in fails(["resume", str(resting.folder)], capsys)
    lease.release()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        pytest.param([], "has finished its 10 epochs: go on with --set train.epochs=20", id="finished"),
        pytest.param(["--set", "data.limit=10"], "keeps its data", id="other data"),
        pytest.param(["--set", "model.name=cnn"], "keeps its model", id="another model"),
        pytest.param(["--set", "train.epoch=20"], "did you mean 'train.epochs'?", id="unknown key"),
    ],
)
def test_a_run_that_cannot_go_on_says_why(
    override: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resting = resting_run(tmp_path / "run")
    assert words in fails(["resume", str(resting.folder), *override], capsys)
    assert not resting.resume.exists()


def test_stopping_a_run_that_rests_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resting = resting_run(tmp_path / "run")
    assert run(["stop", str(resting.folder)]) == 0
    assert "is not being trained (it ended: finished)" in capsys.readouterr().out
    assert list(resting.wishes.iterdir()) == []


def test_runs_are_listed_with_what_became_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resting_run(tmp_path / "a")
    (tmp_path / "no_run").mkdir()
    assert run(["runs", str(tmp_path), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["state"]) == ("some", "not finished")
    assert run(["runs", str(tmp_path / "none")]) == 0
    assert "no runs in" in capsys.readouterr().out


def test_a_run_is_listed_by_the_name_that_its_folder_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resting_run(tmp_path / "a[bold]b")
    assert run(["runs", str(tmp_path)]) == 0
    assert "a[bold]b" in capsys.readouterr().out


def test_every_key_is_explained_with_type_default_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "--explain", "--json"]) == 0
    told = {one["key"]: one for one in json.loads(capsys.readouterr().out)}
    assert set(told) == {f"{section}.{name}" for section, model in keys().items() for name in model.model_fields}
    assert all(one["meaning"] and one["type"] for one in told.values())
    assert told["train.lr"]["default"] == 3e-4
    assert told["train.schedule"]["type"] == '"constant" | "step" | "cosine" | "one-cycle"'
    assert run(["config", "--explain"]) == 0
    assert "lr = 0.0003    (number)" in capsys.readouterr().out


def test_a_checked_configuration_is_printed_whole_and_can_be_read_again(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", str(config), "--set", "train.lr=0.5"]) == 0
    again = tmp_path / "again.toml"
    again.write_text(capsys.readouterr().out)
    assert read(again) == read(config, ("train.lr=0.5",))


def test_rules_are_listed_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) >= 20
    assert run(["rule", listed[0]["code"].lower(), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["code"] == listed[0]["code"]
    assert "## What it does" in told["documentation"]


@pytest.mark.parametrize(
    ("level", "fail_on", "fails_"),
    [
        ("none", "info", False),
        ("info", "info", True),
        ("info", "warning", False),
        ("error", "warning", True),
        ("error", "never", False),
    ],
)
def test_findings_fail_a_run_only_at_or_above_the_level_asked_for(level: str, fail_on: str, fails_: bool) -> None:
    assert reaches(level, fail_on) is fails_  # type: ignore[arg-type]


def test_a_reader_that_goes_away_is_no_failure() -> None:
    shown = subprocess.run(
        f"{sys.executable} -P -m advisor.cli config --explain | head -1", shell=True, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert re.match(r"\[data\]", shown.stdout)
    assert shown.stderr == ""
