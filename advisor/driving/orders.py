"""What a run is asked to do: written to run.json when it is made, to resume.json when it is taken up again."""

import importlib.metadata
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.runs import Run, create_run, write_by_rename
from trainer.config import Config, Mode, parse
from trainer.knobs import KnobValue

GIT_PATIENCE_S = 1.0
"""The state of the user's code is worth a moment, not a wait on a network disk."""

RECORDED = ("training-advisor", "torch", "numpy", "scikit-learn", "torchvision", "torchao", "pydantic")
"""Distributions whose versions a run is recorded with."""


@dataclass(frozen=True)
class Orders:
    """What a run was started, or resumed, with."""

    config: Config
    mode: Mode
    lockstep: bool


def read_orders(run: Run) -> Orders:
    """Return what run.json, and resume.json where there is one, ask for.

    Raises:
        RunError: when the folder is no run.
        ConfigError: when its configuration cannot be read by this version.
    """
    about = run.read_about()
    if run.resume.exists():
        about |= json.loads(run.resume.read_text(encoding="utf-8"))
    return Orders(
        config=parse(about["config"], str(run.about)),
        mode=about.get("mode") or "auto",
        lockstep=bool(about.get("lockstep")),
    )


def make_run(folder: Path | None, name: str, orders: Orders) -> Run:
    """Make the directory of a new run and write down who, what and where.

    Raises:
        RunError: when the folder is there and not empty, or cannot be made.
    """
    return create_run(
        folder,
        name,
        {
            "name": name,
            "created": time.time(),
            "config": orders.config.model_dump(mode="json"),
            "mode": orders.mode,
            "lockstep": orders.lockstep,
            "seed": orders.config.train.seed,
            "argv": ["advisor", *sys.argv[1:]],
            "cwd": str(Path.cwd()),
            "versions": versions(),
            "git": git_state(),
        },
    )


def write_resume(run: Run, orders: Orders, changed: dict[str, Any]) -> None:
    """Write what a resumed trainer is to do, whole or not at all.

    Args:
        run: The run that is taken up again.
        orders: What it is to do from now on.
        changed: `section.key` → value that the user set by hand: it goes before what the checkpoint remembers.
    """
    text = json.dumps(
        {
            "config": orders.config.model_dump(mode="json"),
            "mode": orders.mode,
            "lockstep": orders.lockstep,
            "set": changed,
        },
        indent=1,
    )
    write_by_rename(run.resume, text)


def hold_knobs(run: Run, orders: Orders, knobs: dict[str, KnobValue], *, asked_anew: bool = False) -> None:
    """Write the knobs that a trainer which is started again has to begin with, whole or not at all.

    Args:
        run: The run whose trainer died.
        orders: What it is to do.
        knobs: Knob → value that was confirmed; it goes before what the checkpoint remembers.
        asked_anew: What the user has set was asked for after these knobs were turned, and goes before them.
    """
    by_hand = json.loads(run.resume.read_text(encoding="utf-8"))["set"] if run.resume.exists() else {}
    held = {f"train.{name}": value for name, value in knobs.items()}
    write_resume(run, orders, held | by_hand if asked_anew else by_hand | held)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the distributions that matter, without importing them."""
    found = {"python": sys.version.split()[0]}
    for name in RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_state() -> dict[str, Any]:
    """Return commit and cleanness of the working directory's repository; empty where there is none."""
    try:
        told = subprocess.run(
            ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"],
            capture_output=True,
            text=True,
            timeout=GIT_PATIENCE_S,
            check=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return {}
    heads = dict(line[2:].split(" ", 1) for line in told if line.startswith("# branch."))
    return {"commit": heads.get("branch.oid", ""), "changed": any(not line.startswith("#") for line in told)}
