"""Wrong labels are found from the training's own forward passes, at no cost but an accumulation on the device.

A net learns what the many agree on before it learns single wrong labels by heart, so its outputs on its own training
examples, averaged over some epochs, tell labels that it never believed (compare AUM, Pleiss et al. 2020, arXiv
2001.10528; confident learning, Northcutt et al. 2021, arXiv 1911.00068).

**Suspects** are ranked by the margin p(given) - p(best other), averaged over all visits.

**The share of wrong labels** is read off the examples that the net is surest about. Labels that are wrong by chance are as
frequent there as anywhere else; what is merely hard lies where the net is unsure. So the share e is that of contradicted
labels among the surest 30 %, less a part of what the next 30 % have more.

**Whether it may be said** at all is another question: a net that is too simple for its task contradicts right labels even
where it is sure, and one that has learned nothing is «right» about its own ignorance. A reading counts only when the surest
agree with their labels far more often than chance, the net leaves room for the labels that it contradicts and is else as sure
as it is right, and

- *the rest is fitted*: all in all the net contradicts hardly more than e (at most 12 points); or,
- of five classes and more, *the given label looks drawn by chance*: among the classes that the net does not believe, a wrong
  label stands anywhere, while the label of a hard example is nearly always the next one (compare the threshold samples of
  AUM). Here the net has to be calibrated, too.

Else nothing is said, and the next window is awaited: epochs 2 to 3, 4 to 6, 7 to 12, …; the first reading that counts is
final, for later a net knows its labels by heart.

Measured (`python -m tests.bench.label_noise`, its table is in that file).

Limits: noise that follows the inputs (an annotator's habit), and one class taken for the next where classes are hard, look
like hard classes: nothing is said. Neither is it of two to four classes that overlap, nor under 200 examples.
"""

from collections.abc import Callable
from math import ceil, nan
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.data.source import Source
from trainer.watching import suspects as shown
from trainer.wire import LabelsSuspected

EXAMPLES_MIN = 200
"""Among the surest 80 of fewer examples, 5 % of wrong labels are 4: too few to tell from chance."""

HELD_MOST_BYTES = 64 << 20
"""The sums stay below this on the device; of a larger training split every second, third, … example is watched."""

FIRST_WINDOW = (1, 3)
"""Epochs, counted from 0: what the net says on its very first pass is about its initialisation."""

SUREST_SHARE = 0.3
"""Of the examples: with more, hard classes (Fashion-MNIST's shirts) leak in; with less, chance decides."""

LEAK_SHARE = 0.15
"""Of what the next surest are contradicted more often: the part of hard examples that is among the surest."""

LIFT_LEAST = 0.55
"""Of the way from chance to always right, for the surest: a net stuck at a constant stays under .1 (18 bad runs)."""

REST_MOST = 0.12
"""Points that a net may contradict beyond e: nets too simple for their task are at .16 and more (10 of them)."""

CHANCE_CLASSES = 5
"""With four, chance and «the next best» are too close: .50 and .33 of the way from the best to the worst, measured."""

CHANCE_RANK = 0.32
"""Mean rank of the given label among those not believed, best 0, worst 1: clean .00-.09, wrong .31-.40 (Fashion-MNIST)."""

BALANCE = (0.85, 1.06)
"""Mean belief of the surest and their share contradicted sum to 1 where the net is calibrated."""

SETTLED_LEAST = 0.8
"""The same sum: a net that is less sure than its labels bear out, even where it is surest, is still learning what they have in
common. True readings of the fault bench stood at .85 to .95 (9 runs), readings of clean labels at .69, .73 and .83."""

DOUBT_SHARE = 0.25
"""Of e: what a net whose labels are wrong must leave open even where it is surest. One with saturated units leaves nothing."""

MEMORISED = 1.1
"""Times what is seen: a tenth was learned by heart within the window (median of 120 runs of known noise)."""

SPOKEN_LEAST = 0.03
"""Of the labels: from here on they are said to look wrong (DAT102). That there are none, a net may say before it is settled."""

COUNTED_LEAST = 6
"""Labels contradicted among the surest: of fewer no share can be told."""

DENSE_EPOCHS = 12
"""All of the first epochs are watched: four windows …"""

LATER_EVERY = 4
"""… and then each fourth: three epochs of the next window are as many as the first two windows had."""

TOGETHER_MOST = 128
"""Batches that are added at once: a step of a millisecond would feel a dozen small operations of its own."""

TOGETHER_VALUES_MOST = 1_000_000
"""Outputs that are held until then: 4 MB."""

SUSPECTS_MOST = 50
"""As many as a person looks through; the wire carries no more."""


class LabelWatch:
    """Watches what a run thinks of its own labels.

    Args:
        examples: of the training split.
        classes: how many.
        device: where the outputs are.
        identities: what the user knows an example by, from its index.
        source: the data, from which suspects are shown.
    """

    def __init__(
        self,
        examples: int,
        classes: int,
        device: torch.device,
        identities: Callable[[int], str] | None = None,
        source: Source | None = None,
    ) -> None:
        self._source = source
        self.examples = examples
        self.classes = classes
        self._identities = identities
        self._stride = max(1, ceil(examples * (classes + 4) * 4 / HELD_MOST_BYTES))
        watched = ceil(examples / self._stride)
        self._device = device
        self._margin = torch.zeros(watched, device=device)
        self._visits = torch.zeros(watched, device=device)
        self._given = torch.full((watched,), -1, dtype=torch.int64, device=device)
        self._window = torch.zeros(watched, classes, device=device)
        self._in_window = torch.zeros(watched, device=device)
        self._believed = torch.full((watched,), -1, dtype=torch.int64, device=device)
        self._span = FIRST_WINDOW
        self._seen = 0
        self._settled = False
        self._share = nan
        self._told = False
        self._waiting: list[tuple[npt.NDArray[np.int64], Tensor, Tensor]] = []
        """Slots, outputs and given classes of batches that count for one window, still to be added."""
        self._values = 0
        """Outputs that wait."""

    @classmethod
    def for_setup(cls, setup: Any, device: torch.device) -> "LabelWatch | None":
        """Return a watch for a classification with one class number an example; nothing for other tasks."""
        if setup.info.kind != "classification" or not setup.class_counts:
            return None
        examples, classes, source = setup.info.train_examples, len(setup.info.classes), setup.source
        return cls(examples, classes, device, source.train.identities, source)

    @property
    def epochs(self) -> int:
        """Whole passes over the training split that were watched."""
        return self._seen // self.examples

    @property
    def rests(self) -> bool:
        """Whether the epoch at hand is one of those that are left out."""
        return (epoch := self.epochs) >= DENSE_EPOCHS and epoch % LATER_EVERY != 0

    def observe(self, indices: npt.NDArray[np.int64], outputs: Tensor, targets: Tensor) -> None:
        """Add one batch of the training's own outputs. Nothing is read back from the device, but at a window's end.

        Batches that count for one window are added some at a time; whatever is asked meanwhile adds them first.

        Args:
            indices: of the examples in the training split, [B].
            outputs: logits, [B, C], detached.
            targets: the given classes, [B].
        """
        if outputs.ndim != 2 or outputs.shape[1] != self.classes:
            return
        epoch = self.epochs
        self._seen += len(indices)
        if self._stride > 1:
            kept = np.flatnonzero(indices % self._stride == 0)
            indices = indices[kept] // self._stride
            chosen = torch.from_numpy(kept).to(self._device, non_blocking=True)
            outputs, targets = outputs[chosen], targets[chosen]
        self._waiting.append((indices, outputs, targets))
        self._values += outputs.numel()
        full = len(self._waiting) >= TOGETHER_MOST or self._values >= TOGETHER_VALUES_MOST
        if full or self._parted(epoch):
            self._add(epoch)

    def pass_by(self, examples: int) -> None:
        """Count examples that were trained on and not looked at."""
        epoch = self.epochs
        self._seen += examples
        if self._parted(epoch):
            self._add(epoch)

    def _parted(self, epoch: int) -> bool:
        """Tell whether the batches to come count for another window than those of this epoch."""
        now = self.epochs
        return now > epoch and not self._settled and any(epoch < edge <= now for edge in self._span)

    def _add(self, epoch: int) -> None:
        """Add the batches that wait; they count for the window of this epoch."""
        if not self._waiting:
            return
        indices, *tensors = zip(*self._waiting, strict=True)
        slots = torch.from_numpy(np.concatenate(indices)).to(self._device, non_blocking=True)
        outputs, targets = (torch.cat(parts) for parts in tensors)
        self._waiting.clear()
        self._values = 0
        beliefs = outputs.float().softmax(1).nan_to_num(0.0)
        given = beliefs.gather(1, targets[:, None])
        best_other = beliefs.scatter(1, targets[:, None], -1.0).amax(1)
        self._margin.index_add_(0, slots, given[:, 0] - best_other)
        self._visits.index_add_(0, slots, torch.ones_like(best_other))
        self._given[slots] = targets
        if self._settled:
            return
        if epoch >= self._span[1]:
            self._close_window()
            self._span = (self._span[1], 2 * self._span[1])
        if epoch >= self._span[0] and not self._settled:
            self._window.index_add_(0, slots, beliefs)
            self._in_window.index_add_(0, slots, torch.ones_like(best_other))

    def suspects(self) -> LabelsSuspected | None:
        """Return what is suspected by now, without step and samples; nothing before a reading counts."""
        self._add(self.epochs)
        if not self._settled and self.epochs >= self._span[1]:
            self._close_window()
            self._span = (self._span[1], 2 * self._span[1])
        if not self._settled:
            return None
        margin = self._margin / self._visits.clamp(min=1)
        believed = self._believed
        doubted = (margin < 0) & (believed != self._given) & (believed >= 0) & (self._given >= 0)
        worst = min(int(doubted.sum()), ceil(self._share * len(margin)), SUSPECTS_MOST)
        order = torch.where(doubted, margin, torch.inf).argsort()[:worst]
        rows = zip(
            (order * self._stride).tolist(),
            self._given[order].tolist(),
            believed[order].tolist(),
            margin[order].tolist(),
            strict=True,
        )
        suspects = tuple(rows)
        indices = [index for index, *_ in suspects]
        return LabelsSuspected(
            noise_share=self._share,
            suspects=suspects,
            identities=tuple(map(self._identities, indices)) if self._identities else (),
            epochs=self.epochs,
            pictures=shown.pictures(self._source, indices) if self._source else (),
            rows=shown.rows(self._source.raw.columns, indices) if self._source else (),
        )

    def news(self) -> LabelsSuspected | None:
        """Return what is suspected when there is a first reading that counts, once in this process; else nothing."""
        if self._told or (found := self.suspects()) is None:
            return None
        self._told = True
        return found

    def tensors(self) -> dict[str, Tensor]:
        """Return the whole state as tensors, for a checkpoint."""
        self._add(self.epochs)
        numbers = [*map(float, self._span), float(self._seen), float(self._settled), self._share]
        return {
            "margin": self._margin,
            "visits": self._visits,
            "given": self._given,
            "window": self._window,
            "in_window": self._in_window,
            "believed": self._believed,
            "numbers": torch.tensor(numbers, dtype=torch.float64),
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over a state that `tensors` gave."""
        self._waiting.clear()
        self._values = 0
        for name in ("margin", "visits", "given", "window", "in_window", "believed"):
            getattr(self, f"_{name}").copy_(tensors[name])
        first, last, seen, settled, share = tensors["numbers"].tolist()
        self._span, self._seen, self._settled, self._share = (int(first), int(last)), int(seen), bool(settled), share

    def _close_window(self) -> None:
        """Judge the window that ends here, and begin an empty one."""
        there = self._in_window > 0
        beliefs = self._window[there] / self._in_window[there, None]
        self._believed[there] = beliefs.argmax(1)
        if len(beliefs) >= EXAMPLES_MIN:
            self._share = noise_share(beliefs, self._given[there])
            self._settled = self._share == self._share
        if not self._settled:
            self._window.zero_()
            self._in_window.zero_()


def noise_share(beliefs: Tensor, given: Tensor) -> float:
    """Return the estimated share of wrong labels, 0 to 1; NaN where the net is no witness.

    Args:
        beliefs: probabilities, averaged over a window of epochs, [N, C].
        given: classes, [N].
    """
    count, classes = beliefs.shape
    confidence, believed = beliefs.max(1)
    doubt = (believed != given).double()
    order = confidence.argsort(descending=True, stable=True)
    size = max(1, round(SUREST_SHARE * count))
    surest, next_ones = order[:size], order[size : 2 * size]
    of_belief = torch.bincount(believed[surest], minlength=classes).double() / size
    chance = (of_belief * torch.bincount(given, minlength=classes).double() / count).sum()
    rank = _rank_of_given(beliefs[surest], given[surest], believed[surest])
    told = torch.stack((doubt[surest].mean(), doubt[next_ones].mean(), doubt.mean(), chance, rank))
    floor, beyond, overall, by_chance, rank_mean = told.tolist()
    sure = float(confidence[surest].double().mean())
    share = max(floor - LEAK_SHARE * max(beyond - floor, 0.0), 0.0)
    if 1 - floor - by_chance < LIFT_LEAST * (1 - by_chance):
        return nan
    if 1 - sure < DOUBT_SHARE * share or (share >= SPOKEN_LEAST and sure + floor < SETTLED_LEAST):
        return nan
    drawn = classes >= CHANCE_CLASSES and rank_mean >= CHANCE_RANK and BALANCE[0] <= sure + floor <= BALANCE[1]
    if overall - share > REST_MOST and not drawn:
        return nan
    return min(MEMORISED * share, 1.0) if floor * size >= COUNTED_LEAST else 0.0


def _rank_of_given(beliefs: Tensor, given: Tensor, believed: Tensor) -> Tensor:
    """Return where contradicted labels stand among the classes that are not believed: 0 best to 1 worst, their mean."""
    own = beliefs.gather(1, given[:, None])
    above = (beliefs > own).sum(1).double() - 1  # the believed class is not among them
    equal = (beliefs == own).sum(1).double() - 1
    contradicted = believed != given
    return ((above + equal / 2) / max(beliefs.shape[1] - 2, 1))[contradicted].mean()
