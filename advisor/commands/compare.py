"""`advisor compare`: which run is better, by more than its noise."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from advisor.commands.output import put, rendered

if TYPE_CHECKING:
    from advisor.compare.schema import Compared

Format = Literal["text", "json", "md"]
DONE, WORSE, MISTAKE, FAILED = 0, 1, 2, 3
"""Exit codes: a metric is worse, or a run has failed, where that was asked for; something could not be compared."""


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="BASE OTHER…", help="Run folders (or kept report.json files); the base first."),
    ],
    form: Annotated[Format, typer.Option("--format", help="How it is told.")] = "text",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there instead.")] = None,
    fail_on: Annotated[
        Literal["worse", "never"],
        typer.Option(
            "--fail-on",
            help="Exit code 1 when a metric is worse than the base's by more than its noise; 3 when a run has failed.",
        ),
    ] = "never",
) -> int:
    """Compare runs with a base: better, worse or no detectable difference in metric, time and memory.

    Runs that differ by their seed alone are taken together, and their spread is the noise. What is still training, or
    failed, is compared as far as it came.
    """
    from advisor.compare.build import compare as compared_runs
    from advisor.compare.read import read

    found = read(runs)
    told = compared_runs(found.sides, found.paths, found.problems)
    put(_text(told, form, plain=out is not None), out)
    for problem in told.problems:
        print(f"advisor: {problem}", file=sys.stderr)
    if told.problems:
        return MISTAKE
    if fail_on == "never":
        return DONE
    return WORSE if told.worse else FAILED if told.failed else DONE


def _text(told: "Compared", form: Format, *, plain: bool) -> str:
    match form:
        case "json":
            return told.model_dump_json(indent=1)
        case "md":
            from advisor.compare.markdown import markdown

            return markdown(told).rstrip("\n")
        case "text":
            from advisor.compare.page import page

            return rendered(page(told), plain=plain)
