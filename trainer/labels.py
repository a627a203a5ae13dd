"""Wrong labels are found from the training's own forward passes, at no cost but an accumulation on the device.

A net learns what the many agree on before it learns single wrong labels by heart, so its outputs on its own training
examples, averaged over some epochs, tell labels that it never believed (compare AUM, Pleiss et al. 2020, arXiv
2001.10528; confident learning, Northcutt et al. 2021, arXiv 1911.00068).

**Suspects** are ranked by the margin p(given) - p(best other), averaged over all visits.

**The share of wrong labels** is read off the examples that the net is surest about: wherever classes overlap, a good net
contradicts clean labels too, but not where it is sure. Among the surest 40 % it contradicts a share f, with a mean
confidence c. Early on a net is unsure although it is right (c + f < 1); once settled it is calibrated (c + f ≈ 1); later it
knows wrong labels by heart and contradicts them no more. So epochs are averaged in windows that double (2 to 4, 5 to 8,
9 to 16, …), and the first window with c + f ≥ 0.93 counts. Hard classes still leak into f: a part of the contradictions
among the less sure is taken off, which is the baseline of clean data.

Measured (`python -m tests.bench.label_noise`; MLPs on digits, Fashion-MNIST, breast cancer, and diabetes as two classes,
15 ways to train): clean labels read 0.000 in 12 runs, were not judged in 2 that had hardly learned, and read 0.022 in the
one whose classes overlap most, where plain disagreement read 0.00-0.28; 10 % wrong labels read 0.05-0.14. The table is in
that file.

Limits: noise that follows the inputs (an annotator's habit) looks like a hard class; of wrong labels learned by heart
within a few epochs (hundreds of examples, high rate) a part is missed; under 200 examples nothing is said.
"""

from collections.abc import Callable
from math import ceil, nan
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.wire import LabelsSuspected

EXAMPLES_MIN = 200
"""Among the surest 80 of fewer examples, 5 % of wrong labels are 4: too few to tell from chance."""

HELD_MOST_BYTES = 64 << 20
"""The sums stay below this on the device; of a larger training split every second, third, … example is watched."""

FIRST_WINDOW = (1, 4)
"""Epochs, counted from 0: what the net says on its very first pass is about its initialisation."""

SUREST_SHARE = 0.4
"""Tried 0.4 to 0.7: at more, hard classes (Fashion-MNIST's shirts) read as noise; at less, chance decides."""

SETTLED = 0.93
"""c + f of a net that is as sure as it is right; tried 0.90 to 0.97. Below, the next window is awaited."""

SPOKEN_FROM = 0.5
"""c + f under a half: the net has hardly begun to learn, and its contradictions say nothing about the labels."""

CLEAN_SHARE = 0.15
"""Of the contradictions among all examples beyond those among the surest: the part that hard classes put into f."""

UNSETTLED_SHARE = 0.05
"""Of what is missing to `SETTLED`: what a net that still learns contradicts of clean labels."""

MEMORISED = 1.25
"""Of 10 % wrong labels 0.08 are seen on average: the rest was learned by heart within the window."""

SUSPECTS_MOST = 50
"""As many as a person looks through; the wire carries no more."""


class LabelWatch:
    """Watches what a run thinks of its own labels.

    Args:
        examples: of the training split.
        classes: how many.
        device: where the outputs are.
        identities: what the user knows an example by, from its index.
    """

    def __init__(
        self, examples: int, classes: int, device: torch.device, identities: Callable[[int], str] | None = None
    ) -> None:
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

    @classmethod
    def for_setup(cls, setup: Any, device: torch.device) -> "LabelWatch | None":
        """Return a watch for a classification with one class number an example; nothing for other tasks."""
        if setup.info.kind != "classification" or not setup.class_counts:
            return None
        return cls(setup.info.train_examples, len(setup.info.classes), device, setup.source.train.identities)

    @property
    def epochs(self) -> int:
        """Whole passes over the training split that were watched."""
        return self._seen // self.examples

    def observe(self, indices: npt.NDArray[np.int64], outputs: Tensor, targets: Tensor) -> None:
        """Add one batch of the training's own outputs. Nothing is read back from the device, but at a window's end.

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
        slots = torch.from_numpy(indices).to(self._device, non_blocking=True)
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
        """Return what is suspected by now, without step and samples; nothing before the first window ends."""
        if not self._settled and self.epochs >= self._span[1]:
            self._close_window()
            self._span = (self._span[1], 2 * self._span[1])
        if self._share != self._share:
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
        return LabelsSuspected(
            noise_share=self._share,
            suspects=suspects,
            identities=tuple(map(self._identities, (index for index, *_ in suspects))) if self._identities else (),
            epochs=self.epochs,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return the whole state as tensors, for a checkpoint."""
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
        for name in ("margin", "visits", "given", "window", "in_window", "believed"):
            getattr(self, f"_{name}").copy_(tensors[name])
        first, last, seen, settled, share = tensors["numbers"].tolist()
        self._span, self._seen, self._settled, self._share = (int(first), int(last)), int(seen), bool(settled), share

    def _close_window(self) -> None:
        """Judge the window that ends here, and begin an empty one."""
        there = self._in_window > 0
        beliefs = self._window[there] / self._in_window[there, None]
        confidence, believed = beliefs.max(1)
        self._believed[there] = believed
        if len(beliefs) >= EXAMPLES_MIN:
            self._share, self._settled = noise_share(confidence, believed != self._given[there])
        if not self._settled:
            self._window.zero_()
            self._in_window.zero_()


def noise_share(confidence: Tensor, contradicted: Tensor) -> tuple[float, bool]:
    """Return the estimated share of wrong labels, and whether the net was settled enough for it to be final.

    Args:
        confidence: of the believed class, averaged over a window of epochs, [N].
        contradicted: whether that is another class than the given one, [N].

    Returns:
        The share, NaN where the net is not sure enough of anything to tell.
    """
    surest = confidence.topk(max(1, round(SUREST_SHARE * len(confidence)))).indices
    doubt = contradicted.double()
    sure, floor, overall = (
        float(value) for value in torch.stack((confidence[surest].double().mean(), doubt[surest].mean(), doubt.mean()))
    )
    balance = sure + floor
    if balance < SPOKEN_FROM:
        return nan, False
    share = floor - CLEAN_SHARE * max(overall - floor, 0.0) - UNSETTLED_SHARE * max(SETTLED - balance, 0.0)
    return min(max(MEMORISED * share, 0.0), 1.0), balance >= SETTLED
