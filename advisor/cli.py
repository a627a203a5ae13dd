"""The command line: `advisor` and its commands. A user's mistake is one line on standard error and exit code 2."""

import os
import sys
import traceback
from pathlib import Path

import typer

from advisor.commands import catalogue, compare, diagnose, machine, model, runs, train, watch, web
from advisor.floors import StrangerFound, check_floors
from advisor.showing.harmless import harmless

DONE, MISTAKE, FAILED, INTERRUPTED = 0, 2, 3, 130

app = typer.Typer(
    name="advisor",
    help="Train with PyTorch, find what is wrong while the run goes on, and keep only fixes that were measured to help.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

START, LOOK, MODEL, KNOW = "Train", "Look at a run", "The finished model", "What the advisor knows"

app.command("train", rich_help_panel=START)(train.train)
app.command("resume", rich_help_panel=START)(train.resume)
app.command("stop", rich_help_panel=START)(runs.stop)
app.command("watch", rich_help_panel=LOOK)(watch.watch)
app.command("web", rich_help_panel=LOOK)(web.web)
app.command("replay", rich_help_panel=LOOK)(watch.replay)
app.command("report", rich_help_panel=LOOK)(runs.report)
app.command("compare", rich_help_panel=LOOK)(compare.compare)
app.command("runs", rich_help_panel=LOOK)(runs.runs)
app.command("diagnose", rich_help_panel=LOOK)(diagnose.diagnose)
app.command("predict", rich_help_panel=MODEL)(model.predict)
app.command("profile", rich_help_panel=KNOW)(machine.profile)
app.command("doctor", rich_help_panel=KNOW)(machine.doctor)
app.command("rules", rich_help_panel=KNOW)(catalogue.rules)
app.command("rule", rich_help_panel=KNOW)(catalogue.rule)
app.command("config", rich_help_panel=KNOW)(catalogue.config)


@app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> int:
    if context.invoked_subcommand is not None:
        return DONE
    if train.has_screen():
        from advisor.tui.run_list_open import browse

        return browse(Path.cwd())
    print(context.get_help())
    return DONE


def main() -> None:
    """Run the command line and leave with its exit code."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:  # whoever read our output is gone; Python would say so again when it leaves
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    try:
        check_floors()
    except StrangerFound as stranger:
        print(f"advisor: {stranger}", file=sys.stderr)
        return MISTAKE
    try:
        result = app(args=arguments, prog_name="advisor", standalone_mode=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as failed:
        if not _is_mistake(failed):
            traceback.print_exc()
            print("advisor: this is our own mistake, not yours: the lines above say where it is", file=sys.stderr)
            return FAILED
        print(f"advisor: {_line(failed)}", file=sys.stderr)
        return MISTAKE
    return result if isinstance(result, int) else DONE


def _is_mistake(failed: Exception) -> bool:
    from advisor.driving.lease import LeaseHeld
    from advisor.mistakes import Mistake
    from advisor.runs import RunError
    from trainer.config import ConfigError
    from trainer.journal import JournalHeld

    usage = hasattr(failed, "format_message")
    return usage or isinstance(failed, ConfigError | JournalHeld | LeaseHeld | Mistake | RunError)


def _line(failed: Exception) -> str:
    told = failed.format_message() if hasattr(failed, "format_message") else str(failed)
    text = " ".join(told.split())
    context = getattr(failed, "ctx", None)
    hint = f" (see `{context.command_path} --help`)" if context is not None else ""
    return harmless(text.rstrip(".")) + hint


if __name__ == "__main__":
    main()
