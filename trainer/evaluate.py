"""Evaluation: one pass over a split, in evaluation mode, by the plain loss and the task's metrics."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from math import nan
from time import perf_counter
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from trainer.data.batch import Feed, Ticket
from trainer.data.feed import open_feed
from trainer.data.source import Split
from trainer.metrics import Measured
from trainer.stepping.recovery import forward
from trainer.training import Training
from trainer.user_metrics import MetricError
from trainer.wire import Evaluated
from trainer.wire import Split as SplitName
from trainer.words import SCORED_AT_ONCE

PROBE_MOST = 2000
"""Held-out examples that the arms of a fork are scored on (trials.md): the same in all arms and in every fork."""

_SPLIT_OF = {"probe": "val"}
"""Where the examples of a part that is no split of its own come from."""

WRONG_MOST = 5000
"""Examples that a test names as taken for another class: two runs are then compared example by example. A list of more would
be a log of its own."""

HELD_MOST_BYTES = 256 << 20
"""A sample of decoded examples up to this size stays in memory, so that it is decoded only once."""


Way = Callable[[], AbstractContextManager[None]]
"""Lets a model hold the weights that it is to be scored with."""


@dataclass
class Scored:
    """What a model made of a split."""

    loss: float
    """The mean plain loss."""
    scores: Measured
    examples: int
    balanced_loss: float = nan
    """The mean over the classes of their mean loss; NaN where classes cannot be weighed."""

    def figures(self) -> dict[str, float]:
        """Return the loss and every metric; the main one also under the name `metric`."""
        balanced = {"balanced_loss": self.balanced_loss} if self.balanced_loss == self.balanced_loss else {}
        return {"loss": self.loss, "metric": self.scores.main, **self.scores.values, **balanced}


class Examiner:
    """Evaluates a run's model on its splits; keeps the feeds and what was decoded for them."""

    def __init__(self, training: Training) -> None:
        self._training = training
        source = training.setup.source
        self._feeds: dict[str, Feed] = {}
        self._held: dict[str, list[tuple[Any, torch.Tensor]]] = {}
        self._indices = {
            "train": sample_of(source.train.examples, min(SCORED_AT_ONCE, source.val.examples)),
            "val": np.arange(source.val.examples),
            "probe": sample_of(source.val.examples, PROBE_MOST),
        }
        if source.test is not None:
            self._indices["test"] = np.arange(source.test.examples)

    def evaluate(self, *, final: bool = False) -> Evaluated:
        """Return how the model of now does on the validation split and on a sample of the training split.

        With averaged weights these are judged, and the weights as trained scored besides, on the same pass.
        """
        training = self._training
        begun = perf_counter()
        judged, *raw = self._score(
            training.model, "val", (training.judged, *([nullcontext] if training.averaged else []))
        )
        train = self.judge("train")
        event = self._event("val", judged, begun, final, train)
        if raw:
            event = event.model_copy(update={"raw_loss": raw[0].loss, "raw_metrics": raw[0].scores.values})
        return event

    def judge(self, split: SplitName | Literal["probe"]) -> Scored:
        """Return loss and metrics of the run's model on a split, by the averaged weights where there are any."""
        return self._score(self._training.model, split, (self._training.judged,))[0]

    def test(self, model: nn.Module) -> Evaluated | None:
        """Return how a model does on the test split, which no trial has seen; nothing where there is none."""
        if "test" not in self._indices:
            return None
        begun = perf_counter()
        scored = self.score(model, "test")
        return self._event("test", scored, begun, final=True).model_copy(update={"wrong": _wrong(scored.scores)})

    def score(self, model: nn.Module, split: SplitName | Literal["probe"]) -> Scored:
        """Return loss and metrics of a model on a split. Neither the model nor a generator is changed."""
        return self._score(model, split, (nullcontext,))[0]

    def _score(self, model: nn.Module, split: SplitName | Literal["probe"], ways: tuple[Way, ...]) -> list[Scored]:
        """Return loss and metrics of a model with each of several sets of weights, on one pass over a split."""
        training = self._training
        outputs: list[list[torch.Tensor]] = [[] for _ in ways]
        losses, targets = torch.zeros(len(ways), device=training.device), []
        with evaluating(model), torch.no_grad():
            for inputs, given in self._batches(split):
                y = given.to(training.device, non_blocking=True)
                for number, way in enumerate(ways):
                    with way():
                        out = forward(training, model, inputs, len(y))
                    losses[number] += training.objective.plain(out, y) * len(y)
                    outputs[number].append(out)
                targets.append(y)
        wanted = torch.cat(targets)
        examples = len(wanted)
        return [
            self._scored(torch.cat(said), wanted, loss / max(examples, 1))
            for said, loss in zip(outputs, losses.tolist(), strict=True)
        ]

    def probe(self, model: nn.Module | None = None) -> Scored:
        """Return loss and metrics on the fixed probe set: held-out examples, all of a small split.

        Args:
            model: What is scored; without it the run's own, by the averaged weights where there are any.
        """
        name: Literal["val", "probe"] = "val" if self._training.setup.source.val.examples <= PROBE_MOST else "probe"
        return self.judge(name) if model is None else self.score(model, name)

    def close(self) -> None:
        """Let go of the feeds."""
        for feed in self._feeds.values():
            feed.close()

    def _scored(self, outputs: torch.Tensor, targets: torch.Tensor, loss: float) -> Scored:
        metrics = self._training.setup.metrics
        try:
            measured = metrics.measure(outputs, targets)
        except MetricError:
            if bool(torch.isfinite(outputs).all()):
                raise
            measured = Measured({metrics.main: nan}, {metrics.main: nan})  # no metric of a net that has gone wrong
        return Scored(loss, measured, len(targets), self._training.objective.balanced(outputs, targets))

    def _event(
        self, split: SplitName, scored: Scored, begun: float, final: bool, train: Scored | None = None
    ) -> Evaluated:
        progress = self._training.progress
        return Evaluated(
            **progress.where(),
            split=split,
            epoch=self._training.epoch,
            loss=scored.loss,
            metrics=scored.scores.values,
            standard_error=scored.scores.standard_error,
            recalls=scored.scores.recalls,
            seconds=perf_counter() - begun,
            examples=scored.examples,
            train_loss=train.loss if train else float("nan"),
            train_metrics=train.scores.values if train else {},
            final=final,
            confusion=scored.scores.confusion if final else (),
        )

    def _batches(self, split: str) -> Iterator[tuple[Any, torch.Tensor]]:
        held = self._held.get(split)
        if held is not None:
            yield from held
            return
        part: Split = getattr(self._training.setup.source, _SPLIT_OF.get(split, split))
        batches, room = [], HELD_MOST_BYTES if part.tensors is None else -1
        for batch in self._feed(split).batches(in_order(self._indices[split])):
            room -= _bytes_of(batch.inputs)
            batches.append((batch.inputs, batch.targets))
            yield batch.inputs, batch.targets
            if room < 0:
                batches.clear()
        if room >= 0:
            self._held[split] = batches

    def _feed(self, split: str) -> Feed:
        if split not in self._feeds:
            training, source = self._training, self._training.setup.source
            part: Split | None = getattr(source, _SPLIT_OF.get(split, split))
            assert part is not None
            self._feeds[split] = open_feed(
                part,
                source.collate,
                device=training.device,
                seed=training.config.train.seed,
                workers=0 if part.tensors is not None else int(training.knobs["workers"]),
                prefetch=int(training.knobs["prefetch"]),
                cache=False,
            )
        return self._feeds[split]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and every module of it back as it was."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def in_order(indices: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[Ticket]:
    """Yield tickets over the given examples, in their order. Epoch 0: per-item randomness is the same every time."""
    for start in range(0, len(indices), SCORED_AT_ONCE):
        yield Ticket(epoch=0, offset=start, indices=indices[start : start + SCORED_AT_ONCE])


def sample_of(examples: int, most: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return a fixed sample of a split, the same in every run."""
    if examples <= most:
        return np.arange(examples)
    return np.sort(np.random.default_rng(0).choice(examples, most, replace=False))


def _bytes_of(value: Any) -> int:
    if isinstance(value, torch.Tensor):
        return value.nbytes
    if isinstance(value, dict):
        return sum(map(_bytes_of, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_bytes_of, value))
    return 0


def _wrong(measured: Measured) -> tuple[int, ...] | None:
    """Return the numbers of the examples that are taken for another class; nothing where that is no answer, or too long."""
    if measured.wrong is None:
        return None
    numbers = measured.wrong.nonzero().flatten().tolist()
    return tuple(numbers) if len(numbers) <= WRONG_MOST else None
