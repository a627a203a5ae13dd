"""Start a training, or take one up again."""

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from advisor.driving.driver import How
    from advisor.runs import Run

Mode = Literal["watch", "advise", "auto"]
FailOn = Literal["info", "warning", "error", "never"]

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a config key, e.g. train.lr=0.1; may be repeated."),
]
Headless = Annotated[bool, typer.Option("--headless", help="No screen: progress lines, or a bar on a terminal.")]
ModeOption = Annotated[
    Mode | None,
    typer.Option(
        help="watch: only look · advise: propose fixes · auto: try and keep them. Default: advise, headless auto."
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="No screen: the ledger as lines of JSON on standard output, last a line with run and report; "
        "progress on standard error.",
    ),
]
FailOnOption = Annotated[
    FailOn, typer.Option("--fail-on", help="Exit with 1 when a finding of this severity still stands at the end.")
]


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to train; see `advisor config`.")],
    headless: Headless = False,
    mode: ModeOption = None,
    overrides: Set = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="The run's own folder; new or empty. Default: runs/<time>_<name>.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same as --set train.seed=N.")] = None,
    lockstep: Annotated[
        bool, typer.Option("--lockstep", help="The trainer waits for the advisor's answers: repeatable to the bit.")
    ] = False,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="RUN", help="Apply what this former run kept, at the same samples; try nothing."
        ),
    ] = None,
    as_json: Json = False,
    fail_on: FailOnOption = "never",
) -> int:
    """Train, watched: opens the live screen, or prints progress with --headless."""
    from advisor.driving.orders import Orders, make_run
    from trainer.config import read

    changes = (*(overrides or ()), *([f"train.seed={seed}"] if seed is not None else ()))
    asked = read(config, changes)
    screen = has_screen() and not headless and not as_json
    chosen: Mode = mode or asked.advisor.mode or ("advise" if screen else "auto")
    folder = run_dir or (Path(asked.run.dir) if asked.run.dir else None)
    following = None
    if plan is not None:
        from advisor.driving.plan import make_plan
        from advisor.mistakes import Mistake
        from advisor.runs import open_run

        if mode in ("advise", "auto"):
            raise Mistake(f"--plan tries nothing and proposes nothing: leave --mode {mode} out")
        (following, asked), chosen = make_plan(open_run(plan), asked), "watch"
    run = make_run(folder, config.stem, Orders(asked, chosen, lockstep))
    if following is not None:
        from advisor.driving.plan import write_plan

        write_plan(run, following)
    return _go(run, "fresh", screen=screen, as_json=as_json, fail_on=fail_on)


def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")],
    overrides: Set = None,
    headless: Headless = False,
    mode: ModeOption = None,
    as_json: Json = False,
    fail_on: FailOnOption = "never",
) -> int:
    """Take a run up again from its last checkpoint, in the same folder."""
    from advisor.driving.resuming import prepare_resume
    from advisor.runs import open_run

    taken = open_run(run)
    screen = has_screen() and not headless and not as_json
    prepare_resume(taken, tuple(overrides or ()), mode)
    return _go(taken, "resume", screen=screen, as_json=as_json, fail_on=fail_on)


def has_screen() -> bool:
    """Tell whether a person sits before a terminal that shows and hears."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _go(run: "Run", how: "How", *, screen: bool, as_json: bool, fail_on: FailOn) -> int:
    from advisor.mistakes import Mistake

    try:
        if screen:
            from advisor.driving.attach import await_driver, launch_driver
            from advisor.showing.viewing import view

            driver = launch_driver(run, how)
            import_module("advisor.tui.app")  # the screen gets ready while the driver starts
            await_driver(run, driver, how)
            return view(run, fail_on=fail_on)
        from advisor.showing.headless import drive_headless

        return drive_headless(run, how, as_json=as_json, fail_on=fail_on)
    except Mistake:
        if how == "fresh":
            run.discard_unbegun()
        raise
