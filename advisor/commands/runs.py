"""Runs and what came of them: list, stop, report."""

import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from advisor.report.schema import Report
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
    from advisor.driving.attach import closing
    from advisor.driving.lease import is_driven
    from advisor.driving.supervise import trainer_of
    from advisor.driving.wishes import send_wish
    from advisor.ledger import Wished
    from advisor.runs import open_run

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
        print(f"it has stopped; `advisor resume {shlex.quote(str(run))}` takes it up again")
    return 0


def report(
    run: RunFolder,
    form: Annotated[
        Literal["text", "html", "md", "json"] | None,
        typer.Option("--format", help="Print the whole report in this form; text is its first page."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there instead.")] = None,
    opened: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    fail_on: Annotated[
        Literal["info", "warning", "error", "never"],
        typer.Option(
            "--fail-on", help="Exit code 1 when a finding of this severity still stands; 3 when the run failed."
        ),
    ] = "never",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print where run and report lie, as one line of JSON.")
    ] = False,
) -> int:
    """Write a run's report anew, and print its first page."""
    from advisor.driving.lease import is_driven
    from advisor.driving.outcome import DONE, FAILED
    from advisor.mistakes import Mistake
    from advisor.runs import open_run
    from advisor.showing.headless import FOUND, paths, reaches, show_report

    if as_json and (form or out):
        raise Mistake("--json prints where the report lies: leave it out beside --format and --out")

    told = open_run(run)
    if is_driven(told):
        raise Mistake(
            f"{told.folder} is being trained; its report comes at the end: `advisor watch {shlex.quote(str(run))}` shows it live"
        )
    from advisor.report.build import write_report

    written = write_report(told)
    if as_json:
        print(paths(told))
    elif form or out:
        _put(written, form or _form_of(out), out)
    else:
        show_report(told, written)
    if opened:
        _open(told.report.with_suffix(".html"))
    if fail_on == "never":
        return DONE
    if written.run.get("state") == "failed":
        return FAILED
    return FOUND if reaches(written.level, fail_on) else DONE


def _form_of(out: Path | None) -> str:
    """Return the form that a file's name asks for."""
    return {".html": "html", ".htm": "html", ".md": "md", ".json": "json"}.get(
        out.suffix.lower() if out else "", "text"
    )


def _put(written: "Report", form: str, out: Path | None) -> None:
    from advisor.commands.output import put, rendered

    match form:
        case "json":
            text = written.model_dump_json(indent=1)
        case "html":
            from advisor.report.html import html

            text = html(written)
        case "md":
            from advisor.report.markdown import markdown

            text = markdown(written)
        case _:
            from advisor.report.page import first_page

            text = rendered(first_page(written), plain=out is not None)
    put(text.rstrip("\n"), out)


def _open(page: Path) -> None:
    """Show a page in the browser; where there is none, say where it lies."""
    import webbrowser

    if not webbrowser.open(page.as_uri()):
        print(f"advisor: no browser could be opened: the page is {page}", file=sys.stderr)


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
    from advisor.driving.lease import is_driven
    from advisor.driving.supervise import trainer_of

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
    from rich.text import Text

    from advisor.showing.harmless import harmless
    from advisor.tui.words import number

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("run", "state", "metric", "best", "test", "fixes kept", "worst finding"):
        table.add_column(title, overflow="fold")
    for row in rows:
        best, test = row.get("best"), row.get("test")
        cells = (
            Path(str(row["run"])).name,
            str(row["state"]),
            str(row.get("metric") or ""),
            number(best) if isinstance(best, float) else "",
            number(test) if isinstance(test, float) else "",
            str(row.get("kept", "")),
            str(row.get("level") or ""),
        )
        table.add_row(*(Text(harmless(cell)) for cell in cells))
    Console(file=sys.stdout).print(table)
