"""What the trainer says of its steps: what they were like, what stands inside the layers, what watching them costs."""

from typing import Literal

from trainer.words import EventWord, Fetching, Held, Layer, Outputs, SlowSteps, Stream, WatchTier


class BeatTaken(EventWord):
    """A beat: what happened since the last one. `step` is the last step in it."""

    kind: Literal["beat_taken"] = "beat_taken"
    steps: int
    seconds: float
    epoch: float
    lr: float
    """The highest rate that the optimizer's groups held after the last step."""
    loss: tuple[float, ...]
    """Loss of each step (of bins, when there were more than 64)."""
    grad_norm: tuple[float, ...]
    """Norm of the gradient likewise; of some steps only where a step is short and nothing is done by it (`trainer.stepping.norms`)."""
    phases: dict[str, float]
    """Seconds by part: input_wait, to_device, forward, backward, optimizer, advisor, other."""
    step_s: tuple[float, ...] = ()
    """Wall seconds of each step, the input wait in it (of bins likewise)."""
    loader_cpu_s: float = 0.0
    """Seconds that fetching one batch takes, in the process that does it; 0 where nobody measured."""
    fetching: Fetching | None = None
    """What that time goes into; nothing where batches are sliced from memory."""
    skipped: int = 0
    """Steps that the guard skipped: non-finite, or an outlier."""
    clipped: int = 0
    peak_bytes: int = 0
    """Device memory at its peak since the last beat (host: resident size of the trainer)."""
    reserved_bytes: int = 0
    eta_s: float = 0.0
    trial: str = ""
    """The trial whose rounds these steps were part of: their timing says nothing about the steady state."""
    lr_set: float = 0.0
    """The rate that knob, schedule and warm-up gave the last step; 0 = not told. Another one than `lr` where the user's
    own code sets it, too."""
    label_runs: float = -1.0
    """Share of neighbours in the drawn batches with the same label; -1 where there are no classes."""
    target_runs: float | None = None
    """How alike neighbours in the drawn batches are where numbers are predicted: ≈ 0 shuffled, 1 sorted; else nothing."""
    run_pairs: int = 0
    """Pairs of neighbours behind either; 0 = not told. The last batch of an epoch may hold but one."""
    paced: bool = False
    """The run is a short one, and stands still until the driver has answered what it says."""
    waited_s: float = 0.0
    """Wall seconds that it stood still since the last beat; they are in no phase."""
    held: Held | None = None  # told a few times a second
    slow: SlowSteps | None = None  # told where there were any


class WatchingMeasured(EventWord):
    """What being watched costs was measured by stretches of steps with and without it."""

    kind: Literal["watching_measured"] = "watching_measured"
    share: float
    """Of a step's wall time: what watching adds to it; below zero by chance."""
    error: float
    """Two standard errors of that share."""
    pairs: int
    """Pairs of stretches behind it."""
    shed: tuple[WatchTier, ...] = ()
    """What is watched less from here on, for watching has cost over 1 %."""


class LayersMeasured(EventWord):
    """Per-layer norms and activity at one step."""

    kind: Literal["layers_measured"] = "layers_measured"
    layers: tuple[Layer, ...]
    first_rows_identical: bool = False
    """All units of the first layer have the same weights: they can never learn different things."""
    unchanged: tuple[str, ...] = ()
    """Trainable tensors with a gradient that a step left as they were."""
    left_out: tuple[str, ...] = ()
    """Trainable tensors that the optimizer does not hold."""
    idle: tuple[str, ...] = ()
    """Trainable tensors in a group of the optimizer whose rate is 0 while another group's is not."""
    gradients_left: int = 0
    """Tensors that still held a gradient when the step began, before its backward pass."""
    tensors: int = 0
    """Trainable tensors."""
    stream: Stream | None = None
    """What went into the net."""


class OutputsMeasured(EventWord):
    """Outputs, targets and loss were held against each other, on a batch that was about to be trained on."""

    kind: Literal["outputs_measured"] = "outputs_measured"
    outputs: Outputs
