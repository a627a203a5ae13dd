"""torchvision's models by name, with the first convolution and the head fitted to the data.

Needs the `vision` extra. Published weights are downloaded only on request; a download that fails ends at once.
"""

import difflib
import importlib.util
import socket
from typing import Any

import torch
from torch import nn

from trainer.config import ModelConfig
from trainer.models.errors import ModelError
from trainer.models.layers import set_dropout

PREFIX = "torchvision:"

CONNECT_LIMIT_S = 10.0
"""A hub that has not answered by then will not; waiting for the system's two minutes tells nobody anything."""


def vision_model(config: ModelConfig, dropout: float, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build `torchvision:NAME` for images [C, H, W] and `outputs` classes.

    A dropout rate of 0 leaves the rates that the model was published with.

    Raises:
        ModelError: when torchvision is absent or too different, the name is unknown, or a download fails.
    """
    name = config.name.removeprefix(PREFIX)
    models = _models()
    if name not in models.list_models(module=models):
        near = difflib.get_close_matches(name, models.list_models(module=models), n=1, cutoff=0.0)
        raise ModelError(f"model.name: torchvision has no model {name!r}: did you mean '{PREFIX}{near[0]}'?")
    if len(input_shape) != 3:
        raise ModelError(f"model.name: {config.name} needs images [channels, height, width], not {list(input_shape)}")
    if config.pretrained:
        model = _published(models, name)
        _replace_head(model, name, outputs)
    else:
        model = models.get_model(name, weights=None, num_classes=outputs)
    if "aux_logits" in vars(model):
        model.aux_logits = False
    _fit_channels(model, input_shape[0], keep_weights=config.pretrained)
    if dropout:
        set_dropout(model, dropout)
    built: nn.Module = model
    return built


def _models() -> Any:
    if importlib.util.find_spec("torchvision") is None:
        raise ModelError(
            "model.name: torchvision is not installed: pip install 'training-advisor[vision]', or take cnn or resnet"
        )
    try:
        from torchvision import models
    except (ImportError, RuntimeError, AttributeError) as broken:
        raise ModelError(
            f"model.name: the installed torchvision does not fit torch {torch.__version__} ({broken}): "
            "install the torchvision that belongs to it"
        ) from None
    return models


def _published(models: Any, name: str) -> Any:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_LIMIT_S)
    try:
        return models.get_model(name, weights="DEFAULT")
    except (OSError, RuntimeError) as failed:
        raise ModelError(
            f"model.pretrained: the weights of {name} could not be downloaded ({failed}): "
            "put the file into torch's hub cache, or set model.pretrained = false"
        ) from None
    finally:
        socket.setdefaulttimeout(before)


def _replace(model: nn.Module, place: str, module: nn.Module) -> None:
    parent, _, child = place.rpartition(".")
    setattr(model.get_submodule(parent), child, module)


def _replace_head(model: nn.Module, name: str, outputs: int) -> None:
    places = [place for place, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not places:
        raise ModelError(f"model.pretrained: {name} has no linear head to replace: set model.pretrained = false")
    head = model.get_submodule(places[-1])
    assert isinstance(head, nn.Linear)
    _replace(model, places[-1], nn.Linear(head.in_features, outputs, bias=head.bias is not None))


def _fit_channels(model: nn.Module, channels: int, keep_weights: bool) -> None:
    """Give the first convolution the images' channels; published weights are shared out so that grey = equal RGB."""
    place, first = next((place, m) for place, m in model.named_modules() if isinstance(m, nn.Conv2d))
    if first.in_channels == channels:
        return
    fitted = nn.Conv2d(
        channels,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        stride=first.stride,  # type: ignore[arg-type]
        padding=first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    if keep_weights:
        with torch.no_grad():
            shared = first.weight.sum(dim=1, keepdim=True) / channels
            fitted.weight.copy_(shared.expand_as(fitted.weight))
            if first.bias is not None and fitted.bias is not None:
                fitted.bias.copy_(first.bias)
    _replace(model, place, fitted)
