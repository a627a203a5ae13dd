"""What model surgery puts into a network: layers that normalise their own output, and stacks with shortcuts.

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


class NormedLinear(nn.Linear):
    """A linear layer with a norm behind it."""

    norm: nn.Module

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised output."""
        out: Tensor = self.norm(super().forward(inputs))
        return out


class NormedConv1d(nn.Conv1d):
    """A convolution with a norm behind it."""

    norm: nn.Module

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised output."""
        out: Tensor = self.norm(super().forward(inputs))
        return out


class NormedConv2d(nn.Conv2d):
    """A convolution with a norm behind it."""

    norm: nn.Module

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised output."""
        out: Tensor = self.norm(super().forward(inputs))
        return out


class NormedConv3d(nn.Conv3d):
    """A convolution with a norm behind it."""

    norm: nn.Module

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised output."""
        out: Tensor = self.norm(super().forward(inputs))
        return out


NORMED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: NormedLinear,
    nn.Conv1d: NormedConv1d,
    nn.Conv2d: NormedConv2d,
    nn.Conv3d: NormedConv3d,
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
