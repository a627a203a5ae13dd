"""What model surgery puts into a network: layers that normalise or bend their own output, and stacks with shortcuts.

Each is a subclass of what it replaces, so that an object can become one and keep its parameters under their names.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional


class BatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation over the second dimension; a batch of one example is normalised as in evaluation.

    An epoch may end with one example left over, which has no variance.
    """

    def _check_input_dim(self, inputs: Tensor) -> None:
        pass

    def forward(self, inputs: Tensor) -> Tensor:
        """Map [B, C, …] to the same shape."""
        if self.training and inputs.numel() == inputs.shape[1]:
            return functional.batch_norm(
                inputs, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        return super().forward(inputs)


BEHIND = ("norm", "bend")
"""What such a layer may hold, in the order in which its output passes."""


def _followed(layer: nn.Module, output: Tensor) -> Tensor:
    for name in BEHIND:
        behind = layer._modules.get(name)
        if behind is not None:
            output = behind(output)
    return output


class FollowedLinear(nn.Linear):
    """A linear layer with something behind it."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the output, normalised and bent by what the layer holds for that."""
        return _followed(self, super().forward(inputs))


class FollowedConv1d(nn.Conv1d):
    """A convolution with something behind it."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the output, normalised and bent by what the layer holds for that."""
        return _followed(self, super().forward(inputs))


class FollowedConv2d(nn.Conv2d):
    """A convolution with something behind it."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the output, normalised and bent by what the layer holds for that."""
        return _followed(self, super().forward(inputs))


class FollowedConv3d(nn.Conv3d):
    """A convolution with something behind it."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the output, normalised and bent by what the layer holds for that."""
        return _followed(self, super().forward(inputs))


FOLLOWED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: FollowedLinear,
    nn.Conv1d: FollowedConv1d,
    nn.Conv2d: FollowedConv2d,
    nn.Conv3d: FollowedConv3d,
}


class Shortcuts(nn.Sequential):
    """A stack with shortcuts around some of its stretches."""

    around: dict[str, str]
    """First module of each stretch → its last one."""

    def forward(self, inputs: Any) -> Any:
        """Pass the modules in their order, adding what entered a stretch to what leaves it."""
        entered: dict[str, Any] = {}
        for name, module in self._modules.items():
            if name in self.around:
                entered[self.around[name]] = inputs
            assert module is not None
            inputs = module(inputs)
            if name in entered:
                inputs = inputs + entered.pop(name)
        return inputs
