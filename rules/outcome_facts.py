"""The group of facts about outputs, targets and loss: whether the three fit together."""

from dataclasses import dataclass

SUM_LOW = 1.9
"""Loss of a batch over the mean of its halves: 1 for a mean, 2 for a sum."""
SUM_HIGH = 2.1
"""More than a sum (of all pairs, say) is another loss."""


def adds_up(sum_factor: float) -> bool:
    """Tell whether a loss adds up the examples of a batch, by its loss over the mean of its halves."""
    return SUM_LOW <= sum_factor <= SUM_HIGH


@dataclass(frozen=True)
class OutputFacts:
    """What the model returns, the targets it is to meet, and what the loss makes of the two, on one training batch.

    NaN where a question could not be asked of the loss.
    """

    step: int
    """At which the batch was looked at."""
    examples: int
    shape: tuple[int, ...]
    """Of one example's outputs."""
    target_shape: tuple[int, ...]
    behind: tuple[str, ...]
    """Activations behind the last layer with weights, as torch names them: relu, softmax."""
    rms: float
    """Root mean square of the outputs."""
    first_rms: float
    """The same before anything was learned."""
    spread: float
    """Standard deviation of the outputs between examples; 0 = they do not depend on the inputs."""
    zero_share: float
    """Outputs that are 0 to the bit."""
    sums_to_one: bool
    """Every row lies in [0, 1] and sums to 1: probabilities."""
    reach_low: float
    reach_high: float
    """What the outputs cannot leave whatever the weights; infinite where nothing holds them."""
    target_mean: float
    target_std: float
    """Of a number to predict; NaN for classes."""
    target_low: float
    target_high: float
    loss: float
    loss_kind: str
    """The standard loss that the task's is a multiple of (trainer.words.LossKind); empty where it is none that is known."""
    loss_factor: float
    """The task's loss over that one: -1 = its sign is wrong."""
    floor_share: float
    """Loss of the best outputs within reach over that of a constant: 0 = nothing stands in the way."""
    sum_factor: float
    """Loss of the batch over the mean loss of its halves: 1 = a mean, 2 = a sum."""
    pairing_share: float
    """Change of the loss of perfect outputs when the targets are dealt out anew: 0 = it compares all with all."""
    target_use_share: float
    """Change of it when all examples are given one target: 0 = the targets are not used."""
    order_share: float
    """Change of the loss when outputs and targets change places together: 0 in a sound loss."""

    @property
    def activation(self) -> str:
        """The last activation behind the last layer, in words."""
        return self.behind[-1].rstrip("_") if self.behind else "activation"
