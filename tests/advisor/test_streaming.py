"""The machine twin: the ledger as lines of JSON, for whoever reads it for as long as they do."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from advisor.cli import run
from advisor.driving.lease import Lease, is_driven
from advisor.ledger import Noted
from advisor.runs import Run
from advisor.showing.progress import BarProgress, PlainProgress, open_progress
from advisor.showing.streaming import LineStream
from tests.advisor.test_cli import resting_run
from tests.tui.recording import Recording
from trainer.journal import JournalWriter


def piped() -> tuple[LineStream, int]:
    """Return a stream into a pipe, and the end that is read."""
    reading, writing = os.pipe()
    return LineStream(os.fdopen(writing, "w", encoding="ascii")), reading


def test_a_line_is_there_as_soon_as_it_is_written_and_is_utf_8() -> None:
    stream, reading = piped()
    stream.write('{"text":"µ – ×"}')
    assert os.read(reading, 1000).decode() == '{"text":"µ – ×"}\n'
    os.close(reading)


def test_a_stream_whose_reader_is_gone_says_so_before_it_is_written_to() -> None:
    stream, reading = piped()
    assert stream.has_reader
    os.close(reading)
    assert not stream.has_reader
    stream.write("nobody reads this")


def test_a_stream_that_is_no_file_is_read() -> None:
    stream = LineStream(io.TextIOWrapper(io.BytesIO()))
    stream.write("{}")
    assert stream.has_reader


def test_watching_an_ended_run_streams_its_ledger_and_then_the_paths(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    resting = resting_run(tmp_path / "run")
    writer = JournalWriter(resting.ledger)
    writer.append(Noted(text="µ").model_dump_json(), resting.ledger.read_text().strip())
    writer.close()
    assert run(["watch", str(resting.folder), "--json"]) == 0
    out = capfdbinary.readouterr().out
    assert out.startswith(resting.ledger.read_bytes())
    assert json.loads(out.splitlines()[-1]) == {"run": str(resting.folder), "report": str(resting.report)}


def test_progress_beside_a_stream_is_plain_where_standard_error_is_no_terminal() -> None:
    told = io.StringIO()
    progress = open_progress(out=told)
    progress.enter(Noted(text="something"))
    assert told.getvalue() == " 0:00  note    something\n"


@pytest.mark.parametrize(
    ("terminal", "environment", "progress"),
    [
        pytest.param(False, {"FORCE_COLOR": "1"}, PlainProgress, id="colour forced into a pipe"),
        pytest.param(True, {"TERM": "dumb"}, PlainProgress, id="a terminal that cannot redraw"),
        pytest.param(True, {"TERM": "xterm"}, BarProgress, id="a terminal"),
    ],
)
def test_a_bar_is_drawn_only_where_it_can_be_redrawn(
    terminal: bool, environment: dict[str, str], progress: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    reading, writing = os.openpty() if terminal else os.pipe()
    with os.fdopen(writing, "w") as out:
        shown = open_progress(out=out)
        shown.close()
    os.close(reading)
    assert type(shown) is progress


def live_run(folder: Path) -> Run:
    """Return a run that seems to be going on: whoever holds its lease drives it."""
    made = Recording.begin(folder)
    made.start()
    made.train(100)
    return made.flush()


@pytest.mark.slow
def test_a_watcher_whose_reader_goes_away_ends_quietly_and_leaves_the_run(tmp_path: Path) -> None:
    live = live_run(tmp_path / "run")
    lease = Lease(live)
    before = {path.name: path.read_bytes() for path in live.folder.iterdir() if path.suffix in (".json", ".jsonl")}
    watching = subprocess.run(
        f"{sys.executable} -P -m advisor.cli watch {live.folder} --json | head -1",
        shell=True, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert json.loads(watching.stdout)["kind"] == "driver_started"
    assert "Traceback" not in watching.stderr
    assert is_driven(live)
    assert {path.name: path.read_bytes() for path in live.folder.iterdir() if path.name in before} == before
    lease.release()


@pytest.mark.slow
def test_a_training_whose_reader_goes_away_goes_on_to_its_end(tmp_path: Path) -> None:
    config = tmp_path / "short.toml"
    config.write_text('[data]\nsource = "sklearn:digits"\n[model]\nname = "mlp"\n[train]\nepochs = 2\n')
    command = [sys.executable, "-P", "-m", "advisor.cli", "train", str(config), "--json", "--mode", "watch"]
    command += ["--run-dir", str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as training:
        assert training.stdout is not None
        assert training.stderr is not None
        training.stdout.readline()
        training.stdout.close()
        told = training.stderr.read().decode()
        assert training.wait(60) == 0, told
    assert "Traceback" not in told
    assert Run(tmp_path / "run").report.exists()


@pytest.mark.slow
def test_an_interrupted_watcher_still_ends_with_the_paths(tmp_path: Path) -> None:
    live = live_run(tmp_path / "run")
    lease = Lease(live)
    command = [sys.executable, "-P", "-m", "advisor.cli", "watch", str(live.folder), "--json"]
    hearing = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell lets what it starts behind it ignore this
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=hearing
    ) as watching:
        assert watching.stdout is not None
        lines = [watching.stdout.readline() for _ in live.ledger.read_text().splitlines()]
        time.sleep(0.5)
        psutil.Process(watching.pid).send_signal(signal.SIGINT)
        last = watching.stdout.read().splitlines()[-1]
        assert watching.wait(20) == 0
    assert "".join(lines) == live.ledger.read_text()
    assert json.loads(last)["run"] == str(live.folder)
    lease.release()
