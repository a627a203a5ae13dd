"""Runs and what came of them: list, stop, report."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from advisor.runs import Run

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]

STOP_LOOK_S = 0.2
"""How often `stop` looks whether the run has ended."""


def stop(
    run: RunFolder,
    wait: Annotated[bool, typer.Option(help="Wait until the run has ended and its report is written.")] = True,
) -> int:
    """Stop a run: it writes a checkpoint and its report, and `advisor resume` can take it up again."""
    from advisor.attach import closing
    from advisor.lease import is_driven
    from advisor.ledger import Wished
    from advisor.runs import open_run
    from advisor.supervise import trainer_of
    from advisor.wishes import send_wish

    stopped = open_run(run)
    trainer = trainer_of(stopped)
    if is_driven(stopped):
        send_wish(stopped, Wished(t=time.time(), wish="stop", viewer=f"stop-{os.getpid()}"))
    elif trainer is not None:
        trainer.send_signal(signal.SIGTERM)
    else:
        closed = closing(stopped)
        print(f"{stopped.folder} is not being trained" + (f" (it ended: {closed.why})" if closed else ""))
        return 0
    print(f"{stopped.folder} was asked to stop")
    while wait and (is_driven(stopped) or trainer_of(stopped) is not None):
        time.sleep(STOP_LOOK_S)
    if wait:
        print(f"it has stopped; `advisor resume {run}` takes it up again")
    return 0


def report(run: RunFolder, as_json: Json = False) -> int:
    """Print the first page of a run's report, and write the whole of it anew."""
    from advisor.headless import paths, show_report
    from advisor.lease import is_driven
    from advisor.mistakes import Mistake
    from advisor.runs import open_run

    told = open_run(run)
    if is_driven(told):
        raise Mistake(
            f"{told.folder} is being trained; its report comes at the end: `advisor watch {run}` shows it live"
        )
    from advisor.report.build import write_report

    written = write_report(told)
    if as_json:
        print(paths(told))
    else:
        show_report(told, written)
    return 0


def runs(
    folder: Annotated[Path, typer.Argument(help="Where the runs are.")] = Path("runs"),
    as_json: Json = False,
) -> int:
    """List the runs of a folder, newest last."""
    from advisor.runs import RunError, open_run

    rows = []
    for place in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not place.is_dir():
            continue
        try:
            rows.append(_row(open_run(place)))
        except RunError:
            continue
    rows.sort(key=lambda row: row["created"])
    if as_json:
        print(json.dumps(rows))
        return 0
    if not rows:
        print(f"no runs in {folder}: `advisor train CONFIG.toml` starts one")
        return 0
    _show(rows)
    return 0


def _row(run: "Run") -> dict[str, Any]:
    """Return what a list says of a run, from its small files alone."""
    from advisor.lease import is_driven
    from advisor.supervise import trainer_of

    about = run.read_about()
    row: dict[str, Any] = {
        "run": str(run.folder),
        "name": about.get("name", ""),
        "created": about.get("created", 0.0),
        "mode": about.get("mode", ""),
        "state": "training" if is_driven(run) else "training, nobody watches" if trainer_of(run) else "not finished",
    }
    if row["state"] != "not finished":
        return row
    try:
        written = json.loads(run.report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return row
    metrics = written.get("metrics", {})
    outcomes = [one.get("outcome") for one in written.get("interventions", [])]
    return row | {
        "state": written.get("run", {}).get("ended", "") or "not finished",
        "metric": metrics.get("name"),
        "best": metrics.get("best"),
        "test": metrics.get("test"),
        "kept": outcomes.count("kept") + outcomes.count("applied_untried"),
        "level": written.get("level"),
    }


def _show(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from advisor.tui.words import number

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("run", "state", "metric", "best", "test", "fixes kept", "worst finding"):
        table.add_column(title, overflow="fold")
    for row in rows:
        best, test = row.get("best"), row.get("test")
        table.add_row(
            Path(str(row["run"])).name,
            str(row["state"]),
            str(row.get("metric") or ""),
            number(best) if isinstance(best, float) else "",
            number(test) if isinstance(test, float) else "",
            str(row.get("kept", "")),
            str(row.get("level") or ""),
        )
    Console(file=sys.stdout).print(table)
