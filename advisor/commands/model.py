"""The finished model at work."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="What it was trained on, without answers: file or folder.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The CSV file to write.")] = Path("predictions.csv"),
    which: Annotated[str, typer.Option(help="best, last, or a compressed form: pruned, int8.")] = "best",
) -> int:
    """Write predictions of a run's model for new data."""
    from advisor.mistakes import Mistake
    from advisor.runs import open_run

    trained = open_run(run)
    if not data.exists():
        raise Mistake(f"{data}: no such file or folder")
    command = [sys.executable, "-P", "-m", "trainer.export", str(trained.folder), str(data), str(out), "--which", which]
    code = subprocess.run(command, check=False).returncode
    return code if code >= 0 else 128 - code
