"""What changes of the network, its loss and its inputs come to in the user's own code: one line each, to write down there."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trainer.wire import KnobsConfirmed
from trainer.words import Change

if TYPE_CHECKING:
    from trainer.training import Training

STANDARD_LOSS = {"classification": "nn.CrossEntropyLoss()", "regression": "nn.MSELoss()"}
"""By kind of task; of labels that are no single class, binary cross-entropy."""


def in_code(training: "Training", changes: Iterable[Change]) -> tuple[str, ...]:
    """Return what a person would write in a task of their own to have these changes without us; nothing for a named model."""
    if not training.config.task.factory:
        return ()
    turned = {change.knob: change.new for change in changes}
    said = [f"in your model, {one.said()}" for one in training.setup.operated if turned.get(one.knob) == one.to]
    if turned.get("standardise"):
        said.append(
            "in your data set, take from each input feature its mean over the training split and divide by its spread"
        )
    if turned.get("loss") == "standard":
        kind = STANDARD_LOSS.get(training.setup.info.kind, "nn.BCEWithLogitsLoss()")
        said.append(f"in your task, train on {kind} of the raw outputs in place of your own loss")
    return tuple(said)


def confirm(training: "Training", trial: str, changes: tuple[Change, ...]) -> None:
    """Say that changes stay, and what they come to in the user's own code."""
    training.link.say(
        KnobsConfirmed(**training.progress.where(), changes=changes, trial=trial, in_code=in_code(training, changes))
    )
