"""Tasks as users write them, sound and faulty: what is said of outputs, targets and loss before the first step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor.deciding.assess import assess
from advisor.gathering.gather import gather
from advisor.signals.signals import Signals
from rules.catalogue import all_rules
from rules.vocabulary import Severity
from tests.trainer.running import training_of
from trainer.config import parse
from trainer.start import announce
from trainer.stepping.step import take_step
from trainer.watching.beat import Beats
from trainer.watching.outputs import OutputLooks

OF_THE_FIT = frozenset({"ARC106", "ARC107", "ARC108", "ARC109", "NUM105", "NUM106"})
"""Rules that speak from the first look on."""

HEAD = """
import torch
from torch import nn
from torch.nn import functional
from trainer import Task

X = torch.randn(240, 12, generator=torch.Generator().manual_seed(0))
CLASSES = (2 * X[:, 0] > X[:, 1]).long() + (X[:, 2] > 0.3).long()
YES = CLASSES.clamp(max=1)
NUMBER = X[:, 0] - X[:, 1]
LABELS = (X[:, :4] > 0).float()
ROWS = X.reshape(-1, 1, 3, 4)
MAPS = (ROWS[:, 0] > 0).long()

def body(outputs):
    return [nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, outputs)]

def net(outputs, *behind):
    return nn.Sequential(*body(outputs), *behind)

def right(outputs, targets):
    return float(((outputs.reshape(-1) > 0.5) == (targets.reshape(-1) > 0.5)).float().mean())

class Calls(nn.Module):
    def __init__(self, outputs, function):
        super().__init__()
        self.body, self.function = net(outputs), function

    def forward(self, inputs):
        return self.function(self.body(inputs))

def task(seed):
"""

SOUND = {
    "cross entropy": "return Task(net(3), (X, CLASSES))",
    "cross entropy by hand": "return Task(net(3), (X, CLASSES), loss=lambda z, y: -z.log_softmax(1)[torch.arange(len(y)), y].mean())",
    "log-softmax and NLLLoss": "return Task(net(3, nn.LogSoftmax(1)), (X, CLASSES), loss=nn.NLLLoss())",
    "log-softmax and cross entropy": "return Task(net(3, nn.LogSoftmax(1)), (X, CLASSES))",
    "softmax and the log of it": "return Task(net(3, nn.Softmax(1)), (X, CLASSES), loss=lambda p, y: functional.nll_loss(p.clamp(1e-8).log(), y))",
    "weighted classes": "return Task(net(3), (X, CLASSES), loss=nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0])))",
    "smoothed labels": "return Task(net(3), (X, CLASSES), loss=nn.CrossEntropyLoss(label_smoothing=0.2))",
    "focal": "return Task(net(3), (X, CLASSES), loss=lambda z, y: ((1 - z.softmax(1)[torch.arange(len(y)), y]) ** 2 * functional.cross_entropy(z, y, reduction='none')).mean())",
    "margins": "return Task(net(3), (X, CLASSES), loss=nn.MultiMarginLoss())",
    "a head that begins at zero": "n = net(3); n[2].weight.data.zero_(); n[2].bias.data.zero_(); return Task(n, (X, CLASSES), loss=nn.CrossEntropyLoss())",
    "a head and loss that begin at zero": "n = net(3); n[2].weight.data.zero_(); n[2].bias.data.zero_(); return Task(n, (X, CLASSES), loss=lambda z, y: functional.cross_entropy(z, y))",
    "yes or no, one logit": "return Task(net(1), (X, YES.float()), loss=lambda z, y: functional.binary_cross_entropy_with_logits(z.squeeze(1), y), metrics=[right])",
    "yes or no, one sigmoid": "return Task(net(1, nn.Sigmoid()), (X, YES.float()), loss=lambda p, y: functional.binary_cross_entropy(p.squeeze(1), y), metrics=[right])",
    "yes or no, a squared sigmoid": "return Task(net(1, nn.Sigmoid()), (X, YES.float()), loss=lambda p, y: functional.mse_loss(p.squeeze(1), y), metrics=[right])",
    "several labels": "return Task(net(4), (X, LABELS))",
    "several labels, sigmoids": "return Task(net(4, nn.Sigmoid()), (X, LABELS), loss=nn.BCELoss())",
    "a number": "return Task(net(1), (X, NUMBER))",
    "a number, absolute": "return Task(net(1), (X, NUMBER), loss=lambda z, y: functional.l1_loss(z.squeeze(1), y))",
    "a number, smooth": "return Task(net(1), (X, NUMBER), loss=lambda z, y: functional.smooth_l1_loss(z.squeeze(1), y))",
    "a count behind a ReLU": "return Task(net(1, nn.ReLU()), (X, NUMBER.abs().round()))",
    "a count by a Poisson likelihood": "return Task(net(1), (X, NUMBER.abs().round()), loss=lambda z, y: functional.poisson_nll_loss(z.squeeze(1), y))",
    "a share behind a sigmoid": "return Task(net(1, nn.Sigmoid()), (X, NUMBER.sigmoid()))",
    "a share by cross entropy": "return Task(net(1, nn.Sigmoid()), (X, NUMBER.sigmoid()), loss=lambda p, y: functional.binary_cross_entropy(p.squeeze(1), y))",
    "a share by its logit": "return Task(net(1), (X, NUMBER.sigmoid()), loss=lambda z, y: functional.binary_cross_entropy_with_logits(z.squeeze(1), y))",
    "shares that sum to 1": "return Task(net(4, nn.Softmax(1)), (X, X[:, :4].softmax(1)), loss=lambda p, y: -(y * p.log()).sum(1).mean())",
    "shares that sum to 1, some of them none": "y = (X[:, :4] * 4).softmax(1).round(decimals=1); return Task(net(4, nn.Softmax(1)), (X, y), loss=lambda p, y: -(y * p.clamp(1e-6).log()).sum(1).mean())",
    "a cosine behind a tanh": "return Task(net(1, nn.Tanh()), (X, NUMBER.cos()))",
    "a mean and a spread": "return Task(net(2), (X, NUMBER), loss=lambda z, y: functional.gaussian_nll_loss(z[:, 0], y, z[:, 1].exp()), metrics=[lambda z, y: float(-functional.mse_loss(z[:, 0], y))])",
    "several numbers": "return Task(net(4), (X, X[:, 4:8]))",
    "an autoencoder": "return Task(net(12), (X, X))",
    "a map of classes": "return Task(nn.Conv2d(1, 2, 3, padding=1), (ROWS, MAPS), loss=nn.CrossEntropyLoss(), metrics=[lambda z, y: float((z.argmax(1) == y).float().mean())])",
    "a quantile": "return Task(net(1), (X, NUMBER), loss=lambda z, y: torch.maximum(0.9 * (y - z[:, 0]), 0.1 * (z[:, 0] - y)).mean())",
    "a ranking of all pairs": "return Task(net(1), (X, NUMBER), loss=lambda z, y: functional.softplus(-(z - z.T) * (y[:, None] - y[None]).sign()).mean())",
    "a correlation": "return Task(net(1), (X, NUMBER), loss=lambda z, y: 1 - torch.corrcoef(torch.stack([z[:, 0], y]))[0, 1])",
    "embeddings told apart": "return Task(net(4), (X, X[:, :4]), loss=lambda z, y: functional.cross_entropy(z @ y.T, torch.arange(len(y))))",
    "a penalty besides": "n = net(3); return Task(n, (X, CLASSES), loss=lambda z, y: functional.cross_entropy(z, y) + 1e-3 * sum(p.square().sum() for p in n.parameters()))",
    "a linear model": "return Task(nn.Linear(12, 3), (X, CLASSES), loss=nn.CrossEntropyLoss())",
    "batch norm behind the last layer": "return Task(net(3, nn.BatchNorm1d(3)), (X, CLASSES), loss=nn.CrossEntropyLoss())",
    "a gate behind the last layer": "return Task(Calls(3, lambda z: z * torch.sigmoid(z)), (X, CLASSES), loss=nn.CrossEntropyLoss())",
    "a scaled tanh": "return Task(Calls(1, lambda z: 5 * torch.tanh(z)), (X, NUMBER))",
    "logits held within 30": "return Task(Calls(3, lambda z: 30 * torch.tanh(z / 30)), (X, CLASSES), loss=nn.CrossEntropyLoss())",
    "cosines to classes": "return Task(Calls(3, lambda z: 16 * functional.normalize(z)), (X, CLASSES), loss=nn.CrossEntropyLoss())",
    "dropout in the loss": "return Task(net(3), (X, CLASSES), loss=lambda z, y: functional.cross_entropy(functional.dropout(z, 0.3), y))",
}  # fmt: skip

FAULTY = {
    "softmax": ("ARC106", "return Task(net(3, nn.Softmax(1)), (X, CLASSES))"),
    "softmax, weighted": ("ARC106", "return Task(net(3, nn.Softmax(1)), (X, CLASSES), loss=nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0])))"),
    "softmax in its own forward": ("ARC106", "return Task(Calls(3, lambda z: z.softmax(1)), (X, CLASSES))"),
    "softmax by hand": ("ARC106", "return Task(Calls(3, lambda z: z.exp() / z.exp().sum(1, keepdim=True)), (X, CLASSES))"),
    "softmax of two classes": ("ARC106", "return Task(net(2, nn.Softmax(1)), (X, YES))"),
    "softmax in the loss": ("ARC106", "return Task(net(3), (X, CLASSES), loss=lambda z, y: functional.cross_entropy(z.softmax(1), y))"),
    "absolute error on classes": ("ARC107", "return Task(net(3), (X, CLASSES), loss=lambda z, y: functional.l1_loss(z.softmax(1), functional.one_hot(y, 3).float()))"),
    "softmax and NLLLoss": ("ARC107", "return Task(net(3, nn.Softmax(1)), (X, CLASSES), loss=nn.NLLLoss())"),
    "softmax over one unit": ("ARC107", "return Task(net(1, nn.Softmax(1)), (X, YES.float()), loss=lambda p, y: functional.binary_cross_entropy(p.squeeze(1), y), metrics=[right])"),
    "sigmoid before cross entropy": ("ARC108", "return Task(net(3, nn.Sigmoid()), (X, CLASSES))"),
    "tanh before cross entropy": ("ARC108", "return Task(net(3, nn.Tanh()), (X, CLASSES))"),
    "relu before cross entropy": ("ARC108", "return Task(net(3, nn.ReLU()), (X, CLASSES))"),
    "relu in its own forward": ("ARC108", "return Task(Calls(3, torch.relu), (X, CLASSES))"),
    "clamp in its own forward": ("ARC108", "return Task(Calls(3, lambda z: z.clamp(0)), (X, CLASSES))"),
    "sigmoid twice": ("ARC108", "return Task(net(1, nn.Sigmoid()), (X, YES.float()), loss=lambda z, y: functional.binary_cross_entropy_with_logits(z.squeeze(1), y), metrics=[right])"),
    "sigmoid twice, several labels": ("ARC108", "return Task(net(4, nn.Sigmoid()), (X, LABELS))"),
    "relu before a number": ("ARC108", "return Task(net(1, nn.ReLU()), (X, NUMBER))"),
    "sigmoid before a number": ("ARC108", "return Task(net(1, nn.Sigmoid()), (X, NUMBER))"),
    "softplus before a number": ("ARC108", "return Task(net(1, nn.Softplus()), (X, NUMBER))"),
    "[B, 1] against [B]": ("ARC109", "return Task(net(1), (X, NUMBER), loss=nn.MSELoss())"),
    "[B, 1] against [B], absolute": ("ARC109", "return Task(net(1), (X, NUMBER), loss=nn.L1Loss())"),
    "[B] against [B, 1]": ("ARC109", "return Task(net(1, nn.Flatten(0)), (X, NUMBER[:, None]), loss=nn.MSELoss())"),
    "the target of another": ("ARC109", "return Task(net(1), (X, NUMBER), loss=lambda z, y: functional.mse_loss(z.squeeze(1), y.roll(1)))"),
    "no target": ("ARC109", "return Task(net(1), (X, NUMBER), loss=lambda z, y: z.square().mean())"),
    "a minus sign": ("NUM105", "return Task(net(3), (X, CLASSES), loss=lambda z, y: -functional.cross_entropy(z, y))"),
    "NLLLoss on logits": ("NUM105", "return Task(net(3), (X, CLASSES), loss=nn.NLLLoss())"),
    "binary cross entropy of numbers": ("NUM105", "return Task(net(1), (X, NUMBER), loss=lambda z, y: functional.binary_cross_entropy_with_logits(z.squeeze(1), y))"),
}  # fmt: skip

SUMMED = {
    "a sum": ("NUM106", "return Task(net(3), (X, CLASSES), loss=nn.CrossEntropyLoss(reduction='sum'))"),
    "a sum of squares": ("NUM106", "return Task(net(1), (X, NUMBER), loss=lambda z, y: (z.squeeze(1) - y).square().sum())"),
}  # fmt: skip


@pytest.fixture
def said(tmp_path: Path) -> Callable[..., dict[str, Severity]]:
    """Return what is said of a task after its first look and so many steps, by code."""

    def say(text: str, steps: int = 0) -> dict[str, Severity]:
        (tmp_path / "tasks.py").write_text(HEAD + f"    {text}\n")
        asked: dict[str, Any] = {"epochs": 4, "batch_size": 24, "optimizer": "sgd", "lr": 0.1, "warmup": 0.0}
        config = parse({"task": {"factory": f"{tmp_path / 'tasks.py'}:task"}, "train": asked}, "test")
        training, heard = training_of(tmp_path, config)
        announce(training, resumed=False)
        OutputLooks(training).take(training.supply.take())
        beats = Beats(training)
        for _ in range(steps):
            batch = training.supply.take()
            beats.step(take_step(training, batch, None), batch)
            beats.take(batch)
        assert not [event for event in heard if event.kind == "told"]
        signals = Signals()
        for event in heard:
            signals.hear(event)
        found = assess(all_rules(), gather(signals, lockstep=True)).findings
        return {finding.code: finding.severity for finding in found if finding.code in OF_THE_FIT}

    return say


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_task_is_left_in_peace(name: str, said: Callable[..., dict[str, Severity]]) -> None:
    assert said(SOUND[name]) == {}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_task_is_named_before_its_first_step(name: str, said: Callable[..., dict[str, Severity]]) -> None:
    code, text = FAULTY[name]
    found = said(text)
    assert list(found) == [code]
    assert found[code] is not Severity.INFO


@pytest.mark.parametrize("name", SUMMED)
def test_a_sum_is_named_when_it_is_seen_what_it_does(name: str, said: Callable[..., dict[str, Severity]]) -> None:
    code, text = SUMMED[name]
    assert said(text, steps=12) == {code: Severity.WARNING}
