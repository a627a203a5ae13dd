"""`advisor diagnose`: what it tells, in which form, what a user may say to it, and how it follows a log."""

import json
from math import exp
from pathlib import Path

import pytest

from advisor.cli import run
from advisor.logs.advice import framework_of, plain
from advisor.logs.compare import rows
from advisor.logs.diagnose import Asked, Diagnosed
from advisor.logs.follow import follow
from advisor.logs.telling import Said
from tests.logs.reading import DATA, diagnosis, standing
from tests.runs.recording import HERE as RECORDED
from tests.runs.setups import HEALTHY
from trainer.wire import BeatTaken, Evaluated, RunStarted, read_event


def table(path: Path, content: list[tuple[float, ...]], names: str = "step,loss,val_loss") -> Path:
    path.write_text("\n".join([names, *(",".join(f"{value:.6g}" for value in row) for row in content)]) + "\n")
    return path


def falling(steps: int) -> list[tuple[float, ...]]:
    return [(step, 0.1 + 2.2 * exp(-step / 30), 0.2 + 2.1 * exp(-step / 30)) for step in range(1, steps + 1)]


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["diagnose", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    return told.err


def test_text_answers_first_and_gives_the_frameworks_own_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diagnose", str(DATA / "huggingface" / "overfitting")]) == 0
    told = capsys.readouterr().out
    assert told.index("learns its training examples by heart") < told.index("What to change")
    assert "TrainingArguments(weight_decay=" in told
    assert "nan" not in told


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("lightning", "Trainer(gradient_clip_val="),
        ("keras", "clipnorm="),
        ("tensorboard", "torch.nn.utils.clip_grad_norm_("),
    ],
)
def test_each_framework_is_advised_in_its_own_words(kind: str, line: str) -> None:
    offers = diagnosis(DATA / kind / "diverging").opportunities
    assert any(line in one.config for one in offers)


def test_a_net_that_no_step_moves_is_told_by_the_curve_that_shows_it() -> None:
    (found,) = [one for one in diagnosis(DATA / "keras" / "lr_zero").findings if one.code == "OPT108"]
    assert found.message == "no step moves a weight: loss and metric are the same at every evaluation"


def test_json_is_the_form_of_our_own_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diagnose", str(DATA / "lightning"), "--format", "json"]) == 0
    told = Diagnosed.model_validate_json(capsys.readouterr().out)
    assert [report.run["name"] for report in told.runs][:2] == ["diverging", "healthy"]
    assert told.level == "error"
    assert all(report.not_assessed for report in told.runs)


@pytest.mark.parametrize("form", ["html", "md", "text"])
def test_what_a_log_calls_its_columns_does_no_harm(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = table(tmp_path / "<b>log.csv", falling(60), "step,loss,<script>alert(1)</script>")
    column = "val_loss=<script>alert(1)</script>"
    assert run(["diagnose", str(log), "--map", column, "--format", form]) == 0
    told = capsys.readouterr().out
    if form != "text":
        assert "<script>" not in told
        assert "<b>log" not in told


def test_html_is_one_file_that_loads_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "told.html"
    assert run(["diagnose", str(DATA / "keras"), "--format", "html", "--out", str(out)]) == 0
    told = out.read_text()
    assert told.count("<svg") == 7
    assert "src=" not in told
    assert "://" not in told
    assert capsys.readouterr().out.strip() == str(out)


def test_several_runs_are_listed_and_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diagnose", str(DATA / "wandb")]) == 0
    told = capsys.readouterr().out
    assert "against the best" in told
    assert "Settings that differ: lr" in told
    reports = (diagnosis(DATA / "wandb" / case) for case in ("healthy", "healthy_fast", "lr_zero"))
    against = [row.against_best for row in rows(Diagnosed(path="three", runs=tuple(reports)))]
    assert sorted(against[:2]) == ["best", "no detectable difference"]
    assert against[2].startswith("worse by 0.")


@pytest.mark.parametrize(
    ("case", "level", "code"),
    [("healthy", "warning", 0), ("overfitting", "warning", 1), ("overfitting", "error", 0), ("nan", "error", 1)],
)
def test_fail_on_gives_the_exit_code(case: str, level: str, code: int) -> None:
    assert run(["diagnose", str(DATA / "csv" / case), "--fail-on", level]) == code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["{log}", "--map", "loss"], "say ROLE=COLUMN", id="no pair"),
        pytest.param(["{log}", "--map", "los=loss"], "'los' is no role", id="no role"),
        pytest.param(["{log}", "--map", "loss=train"], "has no column 'train' to take for loss", id="no column"),
        pytest.param(["{log}", "--idle", "1"], "--idle belongs to --follow", id="idle alone"),
        pytest.param(["{log}x"], "there is no such file or folder", id="not there"),
        pytest.param(["{log}", "--format", "html", "--out", "/nowhere/x.html"], "cannot be written", id="cannot write"),
        pytest.param([str(RECORDED / "healthy_adam")], "is a run of ours", id="ours"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = table(tmp_path / "log.csv", falling(40))
    assert words in fails([one.replace("{log}", str(log)) for one in arguments], capsys)


def test_a_map_says_what_no_name_tells(tmp_path: Path) -> None:
    log = table(tmp_path / "log.csv", falling(200), "t,a,b")
    assert diagnosis(log).run["columns"] == {}
    told = diagnosis(log, {"step": "t", "loss": "a", "val_loss": "b"})
    assert told.run["columns"] == {"loss": ["a"], "val_loss": ["b"]}
    assert "GEN101" in told.passed


def test_what_the_log_cannot_tell_is_not_assessed_with_the_reason(tmp_path: Path) -> None:
    report = diagnosis(table(tmp_path / "log.csv", [row[:2] for row in falling(200)], "step,loss"))
    lacking = {one.code: one.missing for one in report.not_assessed}
    assert lacking["GEN101"] == ("evaluations on a validation split", "validation loss")
    assert lacking["ARC103"] == ("norms and activity of the layers",)
    assert lacking["NUM103"] == ("every step's loss and gradient",)


def test_the_number_of_classes_makes_guessing_known(tmp_path: Path) -> None:
    log = table(tmp_path / "log.csv", [(step, 2.3026, 2.3026) for step in range(1, 200)])
    assert "OPT103" not in [one.code for one in standing(diagnosis(log))]
    assert "OPT103" in [one.code for one in standing(diagnosis(log, said=Said(classes=10)))]


@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_of_ours_gives_no_alarm_as_a_plain_log(name: str, every: int, tmp_path: Path) -> None:
    logged: list[dict[str, float]] = []
    metric = ""
    for line in (RECORDED / name / "events.jsonl").read_text().splitlines():
        match read_event(line):
            case RunStarted() as started:
                metric = started.task.metric
            case BeatTaken() as beat if not beat.trial:
                first = beat.step - beat.steps
                steps = [first + round(beat.steps * (at + 1) / len(beat.loss)) for at in range(len(beat.loss))]
                told = zip(steps, beat.loss, strict=True)
                logged += [{"step": step, "loss": loss, "lr": beat.lr} for step, loss in told if step % every == 0]
            case Evaluated(split="val") as seen:
                logged.append({"step": seen.step, "val_loss": seen.loss, f"val_{metric}": seen.metrics[metric]})
            case _:
                pass
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in logged))
    assert diagnosis(log).level in ("none", "info")


def test_following_tells_what_is_new_and_ends_when_nothing_comes(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    said: list[str] = []
    parts = [falling(80), [*falling(80), *((step, float("nan"), float("nan")) for step in range(81, 120))]]

    def rest(_seconds: float) -> None:
        if parts:
            table(log, parts.pop(0))

    told = follow(log, Asked({}, Said()), said.append, idle_s=5.0, rest=rest)
    assert said[0] == f"waiting for {log}: nothing to read yet"
    assert said[1].startswith("step 80  loss ")
    assert said[2].startswith("step 119  loss ")
    assert said[3] == "  found   error NUM101: 39 steps since step 81 had a loss or gradient that is not a number"
    assert told.level == "error"


def test_a_log_that_is_written_anew_as_a_whole_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    log = tmp_path / "results.csv"
    said: list[str] = []
    parts = [falling(80), falling(30), falling(81), falling(12), falling(14)]

    def rest(_seconds: float) -> None:
        if parts:
            table(log, parts.pop(0))

    follow(log, Asked({}, Said()), said.append, idle_s=5.0, rest=rest)
    steps = [line.partition("  ")[0] for line in said if line.startswith(("step ", "the log"))]
    assert steps == ["step 80", "step 81", "the log begins anew", "step 14"]


def test_a_hint_that_went_by_while_an_error_stood_is_not_told() -> None:
    report = diagnosis(DATA / "lightning" / "diverging")
    assert [one.code for one in report.findings if one.cleared_step is not None] == []


def test_the_newest_loss_is_told_as_it_is() -> None:
    report = diagnosis(DATA / "csv" / "nan")
    assert report.timeline["steps"][-1] == 450
    assert report.timeline["loss"][-1] != report.timeline["loss"][-1]


@pytest.mark.parametrize(
    ("columns", "framework"),
    [
        (["train/loss", "train/global_step", "eval/loss"], "huggingface"),
        (["train_loss", "trainer/global_step"], "lightning"),
        (["metrics/mAP50-95(B)", "train/box_loss"], "ultralytics"),
        (["train/loss", "val/loss"], "pytorch"),
    ],
)
def test_a_trackers_log_is_advised_in_the_words_of_whoever_wrote_it(columns: list[str], framework: str) -> None:
    assert framework_of("pytorch", columns) == framework
    assert framework_of("keras", columns) == "keras"


def test_a_rescue_is_told_as_what_its_user_can_do() -> None:
    assert plain("roll back to before step 180 with clip 1", 0) == (
        "go on from a checkpoint before step 180, with gradients clipped at 1"
    )


def test_a_suspicion_that_went_by_is_not_told() -> None:
    report = diagnosis(DATA / "keras" / "healthy")
    assert [one.code for one in report.findings] == []


def test_no_name_in_a_log_steers_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = table(tmp_path / "a\x1b[31m[bold]b.csv", falling(60), "step,loss,val_\x1b]0;owned\x07_loss")
    for arguments in ([str(log)], [str(log), "--follow", "--headless", "--idle", "0"]):
        assert run(["diagnose", *arguments]) == 0
        told = capsys.readouterr().out
        assert "\x1b" not in told
        assert "\x07" not in told
        assert "[bold]b.csv" in told
    assert "\x1b" not in fails([str(tmp_path / "gone\x1b[31m.csv")], capsys)
