"""The gradient of a batch, summed over its pieces: one after the other, or dealt out to several processes.

However it is cut, the loss of every piece is divided by the examples of the whole batch, so the sum is the gradient of the
whole. Where a follower is lost on the way, its pieces are run here and the run goes on alone: no batch is lost or seen twice.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import zip_longest
from time import perf_counter
from typing import Any

import torch

from trainer.data.batch import Batch
from trainer.replicas.replicas import COMPILING_S, PATIENCE_TIMES, Follower, FollowersLost, Team, dealt
from trainer.replicas.wire import (
    broadcast,
    gradients_of,
    mask_of,
    pack,
    reduce,
    room_for,
    set_gradients,
    spec_of,
    state_of,
    taken_apart,
    unpack,
)
from trainer.stepping.compiling import OFF
from trainer.stepping.pieces import Passes, Seen, piece_size
from trainer.stepping.precision import multiplies_in_tf32
from trainer.surgery import mixing
from trainer.training import Training
from trainer.wire import KnobsTurned, Told
from trainer.words import Change

Share = tuple[int, int]


def accumulate(
    training: Training, inputs: Any, targets: torch.Tensor, batch: Batch, *, hooked: bool = False
) -> tuple[torch.Tensor, list[Seen]]:
    """Leave the gradient of the mean loss over the whole batch in the parameters.

    Args:
        training: The run.
        inputs: Of the batch, on the device.
        targets: Of the batch, on the device.
        batch: What was fetched.
        hooked: Hooks look at the modules, which a compiled pass does not call.

    Returns:
        That loss, a scalar on the device, and what the net made of each piece where the labels are watched.
    """
    passes = Passes(training, inputs, targets, batch, hooked=hooked)
    processes = training.replicas.count(int(training.knobs["replicas"]))
    if processes < int(training.knobs["replicas"]):
        _fewer(training, processes)
    size = piece_size(training, passes.examples)
    shares = [(0, size)] if size == passes.examples else dealt(passes.examples, size, processes)
    if processes == 1:
        training.replicas.rest()
    elif passes.examples >= 2 * processes:
        try:
            _together(training, passes, shares, processes)
        except FollowersLost as lost:
            training.replicas.give_up(str(lost))
            _fewer(training, 1)
    for start, stop in shares:
        if (start, stop) not in passes.done:
            passes.run(start, stop)
    return passes.total, passes.seen


def tell_fewer(training: Training) -> None:
    """Tell that fewer processes train than the knob has asked for, and why."""
    replicas, where = training.replicas, training.progress.where()
    change = Change(knob="replicas", old=replicas.untold, new=training.knobs["replicas"])
    why = replicas.lost or f"this machine has room for {replicas.most}"
    how = "one process" if change.new == 1 else f"{change.new} processes"
    training.link.say(KnobsTurned(**where, changes=(change,), probation=False, by="trainer"))
    training.link.say(Told(**where, level="warning", text=f"{why}: the run goes on in {how}; nothing is lost"))
    replicas.untold = 0


def _fewer(training: Training, processes: int) -> None:
    before = int(training.knobs["replicas"])
    training.knobs["replicas"] = processes
    if training.replicas.lost:
        training.unavailable["replicas"] = training.replicas.lost
    training.share_threads()
    if training.watching and not training.replicas.untold:
        training.replicas.untold = before


def _together(training: Training, passes: Passes, shares: list[Share], processes: int) -> None:
    """Run the shares in turns: the first of each round here, the others by followers.

    Raises:
        FollowersLost: when one of them cannot; what was run here is done, and all else is not.
        torch.OutOfMemoryError: when a device is full; the batch has to begin anew.
    """
    team = training.replicas.team(processes, training.setup, partial(_blueprint, training))
    compiles = training.knobs["compile"] != OFF
    least_s = max(training.replicas.patience_s, COMPILING_S if compiles else 0.0)
    team.settle(least_s)
    masks = {0: ""}
    specs: dict[int, list[Any]] = {follower.rank: [] for follower in team.followers}
    taken: dict[int, list[Share]] = {follower.rank: [] for follower in team.followers}
    patience_s = least_s
    for first in range(0, len(shares), processes):
        own, *others = shares[first : first + processes]
        _deal(training, passes, team, others, first=first == 0)
        begun = perf_counter()
        passes.run(*own)
        patience_s = max(least_s, PATIENCE_TIMES * (perf_counter() - begun))
        answers = team.all_answer(patience_s)
        for work in team.under_way:
            _carried(work.wait)
        for rank, answer in answers.items():
            masks[rank] = answer["mask"]
            if answer["outputs"] is not None:
                specs[rank].append(answer["outputs"])
        for follower, share in zip(team.followers, others, strict=False):
            taken[follower.rank].append(share)
    masks[0] = _known(lambda: mask_of(training.model))
    _sum_up(training, passes, team, masks, specs, taken, timedelta(seconds=patience_s))


def _deal(training: Training, passes: Passes, team: Team, shares: list[Share], *, first: bool) -> None:
    """Give each follower its share, and the weights before the first one.

    All that takes memory here is made before the first word is said: from then on a follower waits for what it announces.
    """
    settings = settings_of(training) if first else team.settings
    words: list[tuple[Follower, dict[str, Any]]] = []
    parts: list[tuple[int, torch.Tensor]] = []
    for follower, share in zip_longest(team.followers, shares):
        if share is None and not first:
            continue
        word: dict[str, Any] = {"do": "run", "first": first, "share": None}
        if first:
            word["settings"] = settings if settings != team.settings else None
        if share is not None:
            tensors: list[torch.Tensor] = []
            word |= _described(training, passes, share, tensors)
            parts.append((follower.rank, pack(tensors)))
        words.append((follower, word))
    weights = _weights(training) if first else None
    for follower, word in words:
        follower.say(word)
    team.settings, team.under_way = settings, []
    if weights is not None:
        team.under_way.append(_carried(partial(broadcast, team.group, weights)))
    for rank, part in parts:
        team.under_way.append(_carried(partial(team.group.send, [part], rank, 0)))


def _described(training: Training, passes: Passes, share: Share, tensors: list[torch.Tensor]) -> dict[str, Any]:
    """Return what a follower has to know of its share; the tensors in it are appended to `tensors`."""
    ticket = passes.batch.ticket
    return {
        "share": _known(partial(taken_apart, list(passes.piece(*share)), tensors)),
        "examples": passes.examples,
        "usual": passes.examples == training.batch_size,
        "outputs": passes.watched,
        "seed": [training.config.train.seed, ticket.epoch, ticket.offset, training.progress.step, share[0]],
    }


def _weights(training: Training) -> torch.Tensor:
    """Return everything that the network and its loss hold, and the loss scale, in one buffer."""
    scale = training.precision.scaler.scale(torch.ones(1, device=training.device))
    return pack([*state_of(training.model, training.objective.user_loss).values(), scale])


def _sum_up(
    training: Training,
    passes: Passes,
    team: Team,
    masks: dict[int, str],
    specs: dict[int, list[Any]],
    taken: dict[int, list[Share]],
    patience: timedelta,
) -> None:
    """Add the followers' gradients and losses to those here, and take in what their networks made of their shares."""
    rooms = {rank: room_for(known, training.device) for rank, known in specs.items() if known}
    buffers = gradients_of(training.model, passes.total)
    for follower in team.followers:
        follower.say({"do": "give"}, answers=False)  # nothing that takes memory comes between this and the last sum
    seen: list[tuple[Share, torch.Tensor]] = []
    for rank, room in rooms.items():
        _carried(_carried(partial(team.group.recv, [room], rank, 0)).wait)
        seen += zip(taken[rank], unpack(room, specs[rank]), strict=True)
    for buffer in buffers:
        _carried(partial(_carried(partial(reduce, team.group, buffer)).wait, patience))
    passes.total = set_gradients(training.model, buffers, masks.values())
    for shares in taken.values():
        passes.done.update(shares)
    for share, outputs in seen:
        passes.see(*share, outputs)
    training.clocks.mark("backward")


def _carried(deed: Callable[[], Any]) -> Any:
    """Return what a deed of the group gives; its failure is that of a follower."""
    try:
        return deed()
    except RuntimeError as failed:
        if isinstance(failed, torch.OutOfMemoryError):
            raise
        raise FollowersLost(f"a follower cannot be reached: {str(failed).partition(chr(10))[0]}") from None


def _known(deed: Callable[[], Any]) -> Any:
    """Return what a deed gives; what it cannot describe cannot be dealt out."""
    try:
        return deed()
    except TypeError as unknown:
        raise FollowersLost(f"the batch cannot be dealt out: {unknown}") from None


def settings_of(training: Training) -> dict[str, Any]:
    """Return what changes how network and loss work, as JSON types."""
    model, objective = training.model, training.objective
    return {
        "activation_checkpointing": training.knobs["activation_checkpointing"],
        "amp": training.precision.name,
        "channels_last": bool(training.knobs["channels_last"]) and training.setup.model_info.has_conv,
        "class_weights": objective.class_weights,
        "compile": OFF if training.compiled.given_up else training.knobs["compile"],
        "dropout": None if "dropout" in training.unavailable else training.knobs["dropout"],
        "focal": objective.focal,
        "label_smoothing": objective.label_smoothing,
        "logit_adjustment": objective.logit_adjustment,
        "modes": "".join("01"[module.training] for module in model.modules()),
        "standard": objective.standard,
        "scaled_targets": _shapes(mixing.own_tensors(model, mixing.InTargetUnits)),
        "standardised": _shapes(mixing.own_tensors(model, mixing.Standardised)),
        "tf32": multiplies_in_tf32(),
        "threads": torch.get_num_threads(),
    }


def _shapes(tensors: dict[str, torch.Tensor]) -> list[list[int]] | None:
    return [list(tensor.shape) for tensor in tensors.values()] or None


def _blueprint(training: Training) -> dict[str, Any]:
    """Return how network and loss are built, as JSON types, and what they should come to."""
    setup, objective = training.setup, training.objective
    own = {f"model.{name}" for name in mixing.own_tensors(training.model)}
    state = state_of(training.model, objective.user_loss)
    variance = objective.target_variance
    return {
        "do": "build",
        "build": setup.build,
        "kind": setup.info.kind,
        "counts": list(setup.class_counts),
        "variance": None if variance is None else variance.tolist(),
        "state": [[name, *spec_of(tensor)] for name, tensor in state.items() if name not in own],
        "deterministic": training.config.train.deterministic,
    }
