"""What this machine and the data offer, before anything is trained."""

import json
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]


def doctor(as_json: Json = False) -> int:
    """Say what this machine offers, and what to install for more."""
    from advisor.doctor import examine, show

    found = examine()
    if as_json:
        print(json.dumps(found))
    else:
        show(found)
    return 0


def profile(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What would be trained.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a config key.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Show hardware and data of a training without training."""
    from advisor.profile import show, take
    from trainer.config import read

    taken = take(read(config, tuple(overrides or ())), config.stem)
    if as_json:
        print(json.dumps(taken))
    else:
        show(taken)
    return 0
