"""What changes of the network, its loss and its inputs come to in the user's own code: one line each, to write down there."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trainer.data.order import POWERS
from trainer.wire import KnobsConfirmed, KnobsTurned
from trainer.words import Change

if TYPE_CHECKING:
    from trainer.training import Training

STANDARD_LOSS = {"classification": "nn.CrossEntropyLoss()", "regression": "nn.MSELoss()"}
"""By kind of task; of labels that are no single class, binary cross-entropy."""

OF_DATA = {
    "standardise": "in your data set, take from each input feature its mean over the training split and divide by its spread",
    "scale_targets": "in your data set, take from the target its mean over the training split and divide by its spread; undo it "
    "where the prediction is used",
    "shuffle": "give your training DataLoader shuffle=True",
}
"""By knob that is on."""


def in_code(training: "Training", changes: Iterable[Change]) -> tuple[str, ...]:
    """Return what a person would write in a task of their own to have these changes without us; nothing for a named model."""
    if not training.config.task.factory:
        return ()
    turned = {change.knob: change.new for change in changes}
    said = [f"in your model, {one.said()}" for one in training.setup.operated if turned.get(one.knob) == one.to]
    said += [text for knob, text in OF_DATA.items() if turned.get(knob) is True]
    said += [
        f"draw your training examples by a WeightedRandomSampler, each with weight n^-{power:g}, n the examples of its class"
        for sampler, power in POWERS.items()
        if turned.get("sampler") == sampler
    ]
    if tau := turned.get("logit_adjustment"):
        said.append(
            f"in your loss, add {tau:g} * log(n / N) of each class to its output, n its training examples of N in all; not where "
            "the prediction is used"
        )
    if gamma := turned.get("focal"):
        said.append(
            f"in your loss, multiply each example's cross entropy by (1 - p) ** {gamma:g}, p the probability of its class"
        )
    if turned.get("loss") == "standard":
        kind = STANDARD_LOSS.get(training.setup.info.kind, "nn.BCEWithLogitsLoss()")
        said.append(f"in your task, train on {kind} of the raw outputs in place of your own loss")
    return tuple(said)


def stay(training: "Training", trial: str, changes: tuple[Change, ...], by: str = "advisor") -> None:
    """Say that knobs have turned for good."""
    where = training.progress.where()
    training.link.say(KnobsTurned(**where, changes=changes, trial=trial, probation=False, by=by))
    confirm(training, trial, changes)


def confirm(training: "Training", trial: str, changes: tuple[Change, ...]) -> None:
    """Say that changes stay, and what they come to in the user's own code."""
    training.link.say(
        KnobsConfirmed(**training.progress.where(), changes=changes, trial=trial, in_code=in_code(training, changes))
    )
