"""Groups of facts: all that a rule may know.

A group is small and frozen. A field is never None: a group that nobody gathered is absent, and the rules that need it
are then listed as not assessed. Groups are fine enough that a foreign log can fill some of them.
Shares run from 0 to 1; seconds, bytes and examples say so in their names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan

from rules.growth_facts import AllocatorFacts, Growth, GrowthFacts, Holder
from rules.order_facts import OrderFacts
from rules.outcome_facts import OutputFacts
from rules.pace_facts import PaceFacts, StallFacts
from rules.surroundings import (
    ClassFacts,
    ColumnFact,
    CoolingFacts,
    DeviceFacts,
    FetcherFacts,
    FetchFacts,
    HeldBackFacts,
    HostFacts,
    InputFacts,
    KnobFacts,
    LabelFacts,
    LoaderFacts,
    MemoryFacts,
    ModelFacts,
    NeighbourFacts,
    PhaseFacts,
    SplitFacts,
    StreamCheck,
    StreamFacts,
    TableFacts,
    UtilisationFacts,
)
from rules.vocabulary import Value

__all__ = [
    "GROUPS",
    "AllocatorFacts",
    "BranchFacts",
    "ClassFacts",
    "ColumnFact",
    "CoolingFacts",
    "DeviceFacts",
    "Evaluation",
    "Facts",
    "FetchFacts",
    "FetcherFacts",
    "GradientFacts",
    "Growth",
    "GrowthFacts",
    "HeldBackFacts",
    "Holder",
    "HostFacts",
    "InputFacts",
    "KnobFacts",
    "LabelFacts",
    "LayerFact",
    "LayerFacts",
    "LoaderFacts",
    "LossFacts",
    "MemoryFacts",
    "ModelFacts",
    "NeighbourFacts",
    "OrderFacts",
    "OutputFacts",
    "PaceFacts",
    "PhaseFacts",
    "ProbeFacts",
    "RateFacts",
    "RunFacts",
    "SplitFacts",
    "StallFacts",
    "StreamCheck",
    "StreamFacts",
    "TableFacts",
    "TaskFacts",
    "UtilisationFacts",
    "ValidationFacts",
]
"""All groups, those of `rules.surroundings` and of the other files of facts too: whoever writes a rule looks here."""


@dataclass(frozen=True)
class RunFacts:
    """Where the run stands."""

    step: int
    steps_total: int
    epoch: float
    steps_per_epoch: int
    batch_size: int
    seed: int = 0
    finished: bool = False
    """The last step is done; what is left is the finished model."""
    last_turn_step: int = 0
    """Step of the last confirmed change of what is learned; 0 = none yet."""
    walked: float = nan
    """Way of the weights so far, in lengths of theirs, in the middle layer; NaN where nobody looked."""

    @property
    def progress(self) -> float:
        """Share of the steps that are done."""
        return self.step / max(self.steps_total, 1)

    @property
    def steps_left(self) -> int:
        """Steps to go."""
        return max(self.steps_total - self.step, 0)

    @property
    def warm(self) -> bool:
        """Rules stay silent for the first max(20 steps, 5 % of the budget)."""
        return self.step >= max(20, 0.05 * self.steps_total)


@dataclass(frozen=True)
class TaskFacts:
    """What is learned."""

    kind: str
    """classification, regression or multilabel."""
    inputs: str
    """image, table or other."""
    classes: tuple[str, ...]
    train_examples: int
    val_examples: int
    metric: str
    higher_is_better: bool
    baseline_metric: float
    baseline_loss: float
    """Of the best constant predictor: ≈ ln C, or the variance of the target."""
    smallest_class: int = 0
    """Training examples of the smallest class that has any; 0 = not a classification, or nobody has counted."""


@dataclass(frozen=True)
class LossFacts:
    """The training loss, as steps go by. Smoothed = median of the last max(20 steps, 1 % of the run)."""

    at_start: float
    """Of the first step, before anything was learned."""
    now: float
    """Smoothed."""
    best: float
    """Least smoothed value so far."""
    best_step: int
    fall_share: float
    """Relative fall of the smoothed loss over the last tenth of the run (or what there is): 0.1 = 10 % lower."""
    noise_share: float
    """Spread (1.4826·MAD) of the loss around its smoothed value, relative to it."""
    above_best_steps: int
    """Consecutive steps, up to now, in which the smoothed loss was over 1.5 × its least."""
    non_finite_steps: int
    """So far, in the branch that counts."""
    non_finite_in_a_row: int = 0
    """Up to now: with a guard that leaves such steps out, single ones cost nothing; weights that are lost never end."""
    non_finite_in_50: int = 0
    """Among the last 50 steps."""
    non_finite_in_500: int = 0
    """Among the last 500 steps."""
    non_finite_onset: int = 0
    """Step of the first non-finite loss or gradient of the present trouble."""
    outliers_in_50: int = 0
    """Loss or gradient outliers (median + 8·MAD over 128) in the last 50 steps."""
    curve: tuple[tuple[int, float], ...] = ()
    """(step, smoothed loss), at most 100 points over the whole run."""
    highest_early: float = nan
    """Highest finite loss of a single step in the first max(20 steps, 10 % of the run): a throw that smoothing hides."""
    non_finite_last: int = 0
    """Step of the last non-finite loss or gradient; 0 = there was none."""


@dataclass(frozen=True)
class GradientFacts:
    """The norm of the whole gradient, before clipping."""

    at_start: float
    """Median of the first 20."""
    now: float
    """Median of the last 50."""
    p90: float
    """Of the last 500."""
    largest: float
    """Of the last 50."""
    clipped_share: float = 0.0
    """Of the last 50 steps."""


@dataclass(frozen=True)
class RateFacts:
    """The learning rate of the steps, beside the one that the trainer set; told since the last beat."""

    set: float
    """What knob, schedule and warm-up made of it, before the step."""
    held: float
    """What the optimizer held after the step: another one where the user's own code sets it, too."""
    apart_since: int = 0
    """Step from which the two have differed as they do now; 0 = they do not."""
    jump: float = 1.0
    """Largest factor by which the second hand has raised the rate from one beat to the next; a schedule creeps."""

    @property
    def factor(self) -> float:
        """What the user's own code multiplies the rate by."""
        return self.held / self.set if self.set > 0 else 1.0


@dataclass(frozen=True)
class Evaluation:
    """One evaluation on the validation split, and the same loss and metric on a sample of the training split."""

    step: int
    loss: float
    metric: float
    standard_error: float
    train_loss: float = nan
    train_metric: float = nan


@dataclass(frozen=True)
class ValidationFacts:
    """All evaluations of the branch that counts, oldest first."""

    evaluations: tuple[Evaluation, ...]
    higher_is_better: bool

    @property
    def last(self) -> Evaluation:
        """The newest evaluation."""
        return self.evaluations[-1]

    @property
    def best(self) -> Evaluation:
        """The evaluation with the best metric; the older one of two equals."""
        sign = 1 if self.higher_is_better else -1
        return max(self.evaluations, key=lambda one: (sign * one.metric, -one.step))

    @property
    def least_loss(self) -> float:
        """Least validation loss so far."""
        return min(one.loss for one in self.evaluations)


@dataclass(frozen=True)
class LayerFact:
    """One layer with weights: medians over the last three checks."""

    name: str
    kind: str
    grad_norm: float
    weight_norm: float
    update_ratio: float
    dead_share: float = nan
    """NaN where the layer has no ReLU-like activation behind it."""
    saturated_share: float = nan
    weight_std: float = nan
    """Spread of the weights."""
    fan_in: int = 0
    """Inputs of one unit; 0 where that means nothing."""
    fan_out: int = 0
    units: int = 0
    twin_share: float = nan
    """Share of the units that are the same as another one (within a per cent); NaN where that means nothing."""
    input_share: float = nan
    """Embeddings and a linear first layer: share of its inputs that one step's gradient comes down to, 1 = all alike."""


@dataclass(frozen=True)
class LayerFacts:
    """The layers, from input to output."""

    layers: tuple[LayerFact, ...]
    checks: int
    """How many measurements the medians rest on (rules want 3)."""
    first_rows_identical: bool = False
    unchanged: tuple[str, ...] = ()
    tensors: int = 0
    """Trainable tensors."""
    left_out: tuple[str, ...] = ()
    """Trainable tensors that the optimizer does not hold."""
    idle: tuple[str, ...] = ()
    """Trainable tensors in a group of the optimizer whose rate is 0, in all checks, while another group's is not."""
    gradients_left: int = 0
    """Tensors that still held a gradient when a step began, in the newest check."""
    at_start: tuple[LayerFact, ...] = ()
    """The layers in the first step, before its update; empty where nobody looked."""


@dataclass(frozen=True)
class ProbeFacts:
    """Answers of the probes of this run. The group is always there; an answer counts when its name is in `done`."""

    done: frozenset[str] = frozenset()
    lr_pick: float = nan
    """lr_sweep: the rate it picks; NaN when it could not tell."""
    lr_spread: float = nan
    """lr_sweep: largest over smallest of its three picks."""
    lr_finite_to: float = nan
    """lr_sweep: the rate up to which its loss was a number; NaN where nobody told."""
    lr_moved_share: float = nan
    """lr_sweep: how far it moved the weights in all, over their size; NaN where nobody told."""
    adaptive_pick: float = nan
    """adaptive_sweep: the rate that a sweep under AdamW picks; NaN when it could not tell."""
    fit_first_loss: float = nan
    fit_last_loss: float = nan
    """single_batch_fit: training loss on 16 examples, before and after."""
    cached_step_s: float = nan
    """cached_batch: seconds of a step that does not wait for input."""
    fetch_alone_s: float = nan
    """fetched_batch: seconds of a batch fetched in one process alone."""
    fetch_asleep_share: float = nan
    """fetched_batch: share of it in which that process slept."""
    fetch_transform_share: float = nan
    """fetched_batch: share of it in the data set's transforms; NaN where it does not have them apart."""
    fetch_collate_share: float = nan
    """fetched_batch: share of it in making a batch of items."""
    zeroed_loss_share: float = nan
    """zeroed_input: loss with zeroed inputs over loss with real ones; ≈ 1 = the inputs are not used."""
    zeroed_output_share: float = nan
    """zeroed_input: how far the outputs without inputs lie from those with them, relative; 0 = exactly the same."""
    initial_loss: float = nan
    mode_difference_share: float = nan
    """mode_switch: |train − eval| loss of one batch, relative."""
    screened: frozenset[str] = frozenset()
    """throughput_screen: knobs that were timed on one batch."""
    screen_turns: Mapping[str, Value] = field(default_factory=dict)
    """throughput_screen: the settings that were fastest together, the batch as it is."""
    screen_gain: float = 0.0
    """Relative time an example that they save, without the wait for data."""
    screen_batches: Mapping[int, float] = field(default_factory=dict)
    """Larger batch → relative time an example that it saves beside those settings."""


@dataclass(frozen=True)
class BranchFacts:
    """What has been rescued so far, so that a ladder knows its rung."""

    rollbacks: int = 0
    last_rollback_step: int = 0
    snapshots: tuple[int, ...] = ()
    """Steps of the states that the run can be turned back to, oldest first; 0 is always there."""
    rung_lr: float = nan
    """The rate at the last rollback."""
    clip_norm: float = nan
    """90th percentile of the gradient norms before the onset of the present trouble; NaN where there are none."""


GROUPS: dict[str, type] = {
    "run": RunFacts,
    "task": TaskFacts,
    "loss": LossFacts,
    "gradients": GradientFacts,
    "rate": RateFacts,
    "validation": ValidationFacts,
    "layers": LayerFacts,
    "outputs": OutputFacts,
    "phases": PhaseFacts,
    "loader": LoaderFacts,
    "fetch": FetchFacts,
    "fetcher": FetcherFacts,
    "host": HostFacts,
    "device": DeviceFacts,
    "utilisation": UtilisationFacts,
    "cooling": CoolingFacts,
    "held_back": HeldBackFacts,
    "pace": PaceFacts,
    "stall": StallFacts,
    "neighbours": NeighbourFacts,
    "memory": MemoryFacts,
    "growth": GrowthFacts,
    "allocator": AllocatorFacts,
    "classes": ClassFacts,
    "order": OrderFacts,
    "labels": LabelFacts,
    "inputs": InputFacts,
    "table": TableFacts,
    "splits": SplitFacts,
    "stream": StreamFacts,
    "model": ModelFacts,
    "knobs": KnobFacts,
    "probes": ProbeFacts,
    "branch": BranchFacts,
}
"""Every group by the name that a rule's parameter has."""


@dataclass(frozen=True)
class Facts:
    """The groups that were gathered."""

    groups: Mapping[str, object] = field(default_factory=dict)

    def missing(self, needs: tuple[str, ...]) -> tuple[str, ...]:
        """Return the groups among `needs` that nobody gathered."""
        return tuple(name for name in needs if name not in self.groups)
