"""The tasks of the bench as a user's own file: `CASE__faulty` and `CASE__reference` are made when they are asked for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tests.faults import mistakes, nets
from tests.faults.case import Setting, Side
from tests.faults.cases import find
from tests.faults.data import load
from tests.faults.spoil import spoil
from trainer import Task


def __getattr__(name: str) -> Callable[[int], Task]:
    case, _, side = name.rpartition("__")
    if side not in ("faulty", "reference"):
        raise AttributeError(name)
    return lambda seed: make_task(case, "faulty" if side == "faulty" else "reference")


def make_task(case: str, side: Side) -> Task:
    """Return the task of one side of a case; the caller has seeded torch."""
    return task_of(find(case).setting(side))


def task_of(setting: Setting) -> Task:
    """Return the task of a setting."""
    flaws = dict(setting.flaws)
    data = load(setting.data)
    if setting.limit:
        data = replace(data, train=data.train.take(np.arange(setting.limit)))
    data = spoil(data, flaws)
    model: torch.nn.Module = nets.build(setting.net, data, setting.shape)
    train: Any = (data.train.inputs, data.train.targets)
    loss = optimizer = None
    for name, amount in flaws.items():
        if name in mistakes.MODELS:
            model = mistakes.MODELS[name](model, amount)
        elif name in mistakes.LOSSES:
            loss = mistakes.LOSSES[name]
        elif name in mistakes.OPTIMIZERS:
            optimizer = mistakes.OPTIMIZERS[name](model, amount)
        elif name in mistakes.LOADERS:
            train = mistakes.LOADERS[name](data.train, amount)
    return Task(
        model=model,
        train=train,
        val=(data.val.inputs, data.val.targets),
        test=(data.test.inputs, data.test.targets),
        loss=loss,
        optimizer=optimizer,
        classes=[] if data.regression else [str(number) for number in range(data.outputs)],
    )
