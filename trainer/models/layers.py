"""What the built-in models share: activations, initialisation, and the dropout rate as one number."""

from collections import OrderedDict
from typing import TypeGuard

from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
}

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
"""Modules whose rate is an attribute; `functional.dropout` inside a model cannot be turned from outside."""

DROP_WITHIN = (nn.MultiheadAttention, nn.RNNBase)
"""Modules that drop something themselves: attention weights, what goes from one recurrent layer to the next."""

TURNS_ALONG = "dropout_turns_along"
"""Attribute of such a module: whether its rate was that of the dropout layers when the first turn came. Later the rate itself
no longer tells, for it may be 0, or that of the others by chance."""

HE_GAIN = {"relu": "relu", "leaky_relu": "leaky_relu", "elu": "relu", "gelu": "relu"}
"""He initialisation doubles the variance for units that are off half the time; GELU and ELU are near enough to ReLU."""


def activation(name: str) -> nn.Module:
    """Return a fresh activation module by its name in the configuration."""
    return ACTIVATIONS[name]()


def initialise(model: nn.Module, init: str, activation_name: str) -> None:
    """Draw the weights anew by He (2015) or Glorot (2010), biases zero; `default` leaves torch's own."""
    if init == "default":
        return
    for module in model.modules():
        if not isinstance(module, nn.Linear | nn.Conv2d):
            continue
        if init == "he":
            gain = HE_GAIN.get(activation_name, "linear")
            nn.init.kaiming_normal_(module.weight, nonlinearity=gain)  # type: ignore[arg-type]
        else:
            nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def dropout_rates(model: nn.Module) -> tuple[float, ...]:
    """Return the rate of each dropout layer, in the order of the modules; empty where there is none.

    Of a model without one, the rates of the modules that drop something themselves.
    """
    layers = tuple(module.p for module in model.modules() if isinstance(module, DROPOUTS))
    return layers or tuple(
        module.dropout
        for module in model.modules()
        if _drops_within(module) and getattr(module, TURNS_ALONG, module.dropout > 0)
    )


def set_dropout(model: nn.Module, rate: float) -> None:
    """Give every dropout layer the same rate, 0 to 1, and the modules that drop something themselves at the rate of those."""
    before = next(iter(dropout_rates(model)), 0.0)
    for module in model.modules():
        if isinstance(module, DROPOUTS):
            module.p = rate
        elif _drops_within(module):
            if not hasattr(module, TURNS_ALONG):
                setattr(module, TURNS_ALONG, 0 < module.dropout == before)
            if getattr(module, TURNS_ALONG):
                module.dropout = rate


def _drops_within(module: nn.Module) -> TypeGuard[nn.MultiheadAttention | nn.RNNBase]:
    """Tell whether a module drops something itself; a recurrent one does so between its layers, if there are several."""
    return isinstance(module, DROP_WITHIN) and not (isinstance(module, nn.RNNBase) and module.num_layers < 2)


class TargetScale(nn.Module):
    """The last layer of a regression: what the net says in spreads about the mean comes out in the target's own units.

    A net starts with outputs about 0 ± 1; without this, a target like 152 ± 77 costs it most of the run to reach.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)

    def forward(self, outputs: Tensor) -> Tensor:
        """Map [B, K] to the target's units."""
        return outputs * self.spread + self.mean


def in_target_units(model: nn.Module, mean: Tensor, spread: Tensor) -> nn.Module:
    """Return the model with a `TargetScale` behind it; mean and spread are those of the training targets, [K]."""
    layers = dict(model.named_children()) if isinstance(model, nn.Sequential) else {"net": model}
    return nn.Sequential(OrderedDict(layers | {"target_scale": TargetScale(mean, spread)}))
