"""The update by fused kernels is the optimizer's own step, to the bit, whatever happens in between."""

import copy
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from trainer.stepping.optim import build_optimizer
from trainer.stepping.update import Update, _agrees

NAMES = ("sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop")


def made(name: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    return net, build_optimizer(name, net, lr=1e-2, momentum=0.9, beta2=0.99, weight_decay=0.1)


def backward(net: nn.Module, step: int) -> None:
    inputs = torch.randn(16, 6, generator=torch.Generator().manual_seed(step))
    net.zero_grad()
    net(inputs).square().mean().backward()


def assert_same(one: torch.optim.Optimizer, other: torch.optim.Optimizer) -> None:
    for mine, theirs in zip(one.param_groups, other.param_groups, strict=True):
        assert all(map(torch.equal, mine["params"], theirs["params"]))
    left, right = one.state_dict()["state"], other.state_dict()["state"]
    assert left.keys() == right.keys()
    for number, held in left.items():
        assert held.keys() == right[number].keys()
        assert all(torch.equal(value, right[number][name]) for name, value in held.items())


def without_a_gradient(_: torch.optim.Optimizer, net: Any) -> None:
    net[0].bias.grad = None


def loaded_anew(optimizer: torch.optim.Optimizer, _: nn.Module) -> None:
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))


def left_out_by_the_guard(optimizer: torch.optim.Optimizer, _: nn.Module) -> None:
    optimizer.found_inf = torch.tensor(1.0)  # type: ignore[attr-defined]


def turned(optimizer: torch.optim.Optimizer, _: nn.Module) -> None:
    for group in optimizer.param_groups:
        group["lr"], group["weight_decay"] = 3e-3, 0.01


def replaced_counters(optimizer: torch.optim.Optimizer, _: nn.Module) -> None:
    for held in optimizer.state.values():
        held.update({name: value.clone() for name, value in held.items() if isinstance(value, torch.Tensor)})


BETWEEN = (without_a_gradient, loaded_anew, left_out_by_the_guard, turned, replaced_counters)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("between", BETWEEN)
def test_an_update_is_the_optimizers_own_step_to_the_bit(
    name: str, between: Callable[[torch.optim.Optimizer, nn.Module], None]
) -> None:
    if between is left_out_by_the_guard and name == "rmsprop":
        pytest.skip("torch has no fused kernel for it: it cannot leave out a step")
    (net, optimizer), (other_net, other) = made(name), made(name)
    update = Update()
    for step in range(9):
        backward(net, step)
        backward(other_net, step)
        if step in (0, 4):
            between(optimizer, net)
            between(other, other_net)
        update(optimizer)
        other.step()
        if hasattr(other, "found_inf"):
            del optimizer.found_inf, other.found_inf
    assert_same(optimizer, other)


def test_a_hook_on_an_optimizers_steps_is_called() -> None:
    net, optimizer = made("adamw")
    update, called = Update(), []
    backward(net, 0)
    update(optimizer)
    optimizer.register_step_post_hook(lambda *_: called.append(1))
    backward(net, 1)
    update(optimizer)
    assert called == [1]


@pytest.mark.filterwarnings("error")
def test_a_scheduler_that_has_wrapped_the_steps_hears_of_them() -> None:
    net, optimizer = made("adamw")
    update = Update()
    backward(net, 0)
    update(optimizer)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    backward(net, 1)
    update(optimizer)
    schedule.step()  # warns where no step was heard of


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_the_kernels_of_this_torch_are_called_straight(name: str) -> None:
    net, optimizer = made(name)
    update = Update()
    for step in range(2):
        backward(net, step)
        update(optimizer)
    assert update._kernels(optimizer) is not None


def test_kernels_that_do_not_do_as_the_optimizer_does_are_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of torch may give them other arguments, or another meaning."""
    for kernel in (lambda *parts: lambda found_inf: None, lambda parameters: None):
        monkeypatch.setattr("trainer.stepping.update._kernel", kernel)
        _agrees.cache_clear()
        (net, optimizer), (other_net, other) = made("adamw"), made("adamw")
        update = Update()
        for step in range(3):
            backward(net, step)
            backward(other_net, step)
            update(optimizer)
            other.step()
        assert update._kernels(optimizer) is None
        assert_same(optimizer, other)
    _agrees.cache_clear()


def test_what_is_kept_of_an_optimizer_is_its_step_counters_alone() -> None:
    """A device that is full cannot hold the moments of an optimizer that has been left."""
    net, optimizer = made("adamw")
    update = Update()
    for step in range(2):
        backward(net, step)
        update(optimizer)
    moments = [weakref.ref(held[name]) for held in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")]
    optimizer.state.clear()
    assert [one() for one in moments] == [None] * len(moments)


def test_a_moment_that_somebody_has_reset_is_the_one_that_is_used() -> None:
    (net, optimizer), (other_net, other) = made("adamw"), made("adamw")
    update = Update()
    for step in range(4):
        backward(net, step)
        backward(other_net, step)
        for one in (optimizer, other) if step == 2 else ():
            first = one.param_groups[0]["params"][0]
            one.state[first] = {name: torch.zeros_like(held) for name, held in one.state[first].items()}
        update(optimizer)
        other.step()
    assert_same(optimizer, other)


def test_a_momentum_that_is_turned_on_while_training_gets_its_buffers() -> None:
    (net, optimizer), (other_net, other) = made("sgd"), made("sgd")
    update = Update()
    for step in range(4):
        backward(net, step)
        backward(other_net, step)
        if step == 2:
            optimizer.param_groups[0]["momentum"] = other.param_groups[0]["momentum"] = 0.9
        update(optimizer)
        other.step()
    assert_same(optimizer, other)
