"""The screens in a browser."""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated

import typer

PORT = 8000


def web(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="The run's folder. Default: the list of all runs here.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it is served.")] = PORT,
    host: Annotated[
        str, typer.Option(help="Another address than this machine's own: whoever reaches it sees every run.")
    ] = "127.0.0.1",
    control: Annotated[bool, typer.Option("--control", help="Allow keys that change a run.")] = False,
) -> int:
    """Serve the screens to a browser, on this machine alone and read-only unless told otherwise."""
    from advisor.mistakes import Mistake
    from advisor.runs import open_run

    folder = open_run(run).folder if run is not None else None
    if importlib.util.find_spec("textual_serve") is None:
        raise Mistake("the browser needs textual-serve: pip install 'training-advisor[web]'")
    from advisor.web.server import LOOPBACK, Served, serve

    if host not in LOOPBACK:
        doing = "see every run here and press keys that change it" if control else "see every run here"
        print(f"advisor: {host} is not this machine alone: without a password, others can {doing}", file=sys.stderr)
    return serve(Served(Path.cwd(), folder, host, port, control))
