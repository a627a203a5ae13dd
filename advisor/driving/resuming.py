"""Taking a run up again: what may change, and when it may not be done."""

from typing import Any

from advisor.driving.lease import is_driven
from advisor.driving.orders import Orders, read_orders, write_resume
from advisor.driving.supervise import trainer_of
from advisor.mistakes import Mistake
from advisor.runs import Run
from trainer.config import Mode, amend
from trainer.journal import is_held
from trainer.wire import RunEnded

CHANGEABLE = ("train", "advisor")
"""Sections of the configuration that a resumed run may change; other data or another model make another run."""


def prepare_resume(run: Run, overrides: tuple[str, ...], mode: Mode | None) -> None:
    """Write resume.json for a run that rests.

    Raises:
        Mistake: when the run is being trained, or nothing is left to do.
        ConfigError: when an override cannot be used.
    """
    if is_driven(run) or is_held(run.events) or trainer_of(run) is not None:
        raise Mistake(f"{run.folder} is being trained: join it with `advisor watch {run.folder}`")
    before = read_orders(run)
    config = amend(before.config, overrides)
    changed: dict[str, Any] = {}
    for override in overrides:
        key = override.partition("=")[0].strip()
        section, _, name = key.partition(".")
        if section not in CHANGEABLE:
            raise Mistake(f"--set {override}: a resumed run keeps its {section}: start a new one with `advisor train`")
        changed[key] = config.model_dump(mode="json")[section][name]
    if _finished(run) and config.train.epochs <= before.config.train.epochs:
        more = 2 * before.config.train.epochs
        raise Mistake(
            f"{run.folder} has finished its {before.config.train.epochs:g} epochs: go on with --set train.epochs={more:g}"
        )
    chosen = mode or (config.advisor.mode if "advisor.mode" in changed else None) or before.mode
    write_resume(run, Orders(config, chosen, before.lockstep), changed)


def _finished(run: Run) -> bool:
    last = next((event for event in reversed(run.read_events()) if event.kind in ("run_ended", "run_started")), None)
    return isinstance(last, RunEnded) and last.why == "finished"
