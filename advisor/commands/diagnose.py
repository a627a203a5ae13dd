"""`advisor diagnose`: what the log of a training that is not ours tells."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from advisor.commands.output import put, rendered
from advisor.mistakes import Mistake

if TYPE_CHECKING:
    from advisor.logs.diagnose import Diagnosed

Format = Literal["text", "json", "md", "html"]
FailOn = Literal["info", "warning", "error", "never"]
LEVELS = ("none", "info", "warning", "error")
FOUND = 1
PLAIN_COLUMNS = 110
"""Width of the text where no terminal tells one."""


def diagnose(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A log file, or a folder of them; the format is found.")],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="Which column is what: loss, val_loss, metric, train_metric, lr, grad_norm, step or epoch.",
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is told.")] = "text",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there instead.")] = None,
    classes: Annotated[int, typer.Option(min=0, help="Number of classes: then the loss of guessing is known.")] = 0,
    val_examples: Annotated[int, typer.Option(min=0, help="Validation examples: then the noise is known.")] = 0,
    batch_size: Annotated[int, typer.Option(min=0, help="Examples of a batch.")] = 0,
    steps_total: Annotated[int, typer.Option(min=0, help="Steps that the training was to take.")] = 0,
    lower_is_better: Annotated[
        bool | None, typer.Option("--lower-is-better/--higher-is-better", help="Of the metric; else by its name.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Watch a log that is still being written, on the screen.")
    ] = False,
    headless: Annotated[
        bool, typer.Option("--headless", help="With --follow: lines instead of the screen, as where there is none.")
    ] = False,
    idle: Annotated[
        float | None, typer.Option(min=0.0, metavar="SECONDS", help="End --follow after so long without a new row.")
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Exit code 1 for findings at or above this level.")
    ] = "never",
) -> int:
    """Read the log of a training that is not ours: what went wrong, why, and what to change in its own configuration.

    Nothing is tried and nothing is written to it. Hugging Face, Lightning, Keras, Ultralytics, TensorBoard, MLflow,
    W&B offline, trackio, CSV, JSON lines.
    """
    from advisor.logs.diagnose import Asked
    from advisor.logs.find import look_at
    from advisor.logs.follow import follow as follow_log
    from advisor.logs.several import diagnose_all
    from advisor.logs.telling import Said

    for name, given in (("--idle", idle is not None), ("--headless", headless)):
        if given and not follow:
            raise Mistake(f"{name} belongs to --follow: add --follow, or leave it out")
    asked = Asked(_columns(mapping or []), Said(classes, val_examples, batch_size, steps_total), lower_is_better)
    if follow and not headless and sys.stdin.isatty() and sys.stdout.isatty():
        from advisor.logs.screen import watch_log

        told = watch_log(path, asked, idle)
    elif follow:
        from advisor.showing.harmless import harmless

        told = follow_log(path, asked, lambda line: print(harmless(line), flush=True), idle)
    else:
        told = diagnose_all(path, look_at(path), asked)
    put(_text(told, form, plain=out is not None), out)
    reached = fail_on != "never" and LEVELS.index(told.level) >= LEVELS.index(fail_on)
    return FOUND if reached else 0


def _columns(mapping: list[str]) -> dict[str, str]:
    """Return role → column.

    Raises:
        Mistake: when a pair is none, or its role is unknown.
    """
    from advisor.logs.names import AXES, ROLES

    columns: dict[str, str] = {}
    for pair in mapping:
        role, equals, column = pair.partition("=")
        if not equals or not column:
            raise Mistake(f"--map {pair}: say ROLE=COLUMN, for instance --map loss=train_ce")
        if role not in (*ROLES, *AXES):
            raise Mistake(f"--map {pair}: {role!r} is no role; the roles are {', '.join((*ROLES, *AXES))}")
        columns[role] = column
    return columns


def _text(told: "Diagnosed", form: Format, *, plain: bool) -> str:
    match form:
        case "json":
            return told.model_dump_json(indent=1)
        case "md" | "html":
            from advisor.logs import render

            return render.markdown(told) if form == "md" else render.html(told)
        case "text":
            from advisor.logs.page import page

            return rendered(page(told), plain=plain)
