"""The cases: enough of them, of every kind, with answers that exist, and flaws that do what they say."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rules.catalogue import all_rules
from tests.faults import folders, mistakes
from tests.faults.case import Case, Side
from tests.faults.cases import ALL_FAMILIES, all_cases, find, held_out_cases, main_cases, second_cases
from tests.faults.data import FASHION, SETS, load
from tests.faults.nets import NETS
from tests.faults.spoil import SPOILS, spoil
from tests.faults.task import task_of
from trainer.setup import build

FAULTY = [case for case in main_cases() if not case.healthy]
HEALTHY = [case for case in main_cases() if case.healthy]
KNOWN_FLAWS = {*folders.FLAWS, *SPOILS, *mistakes.MODELS, *mistakes.LOSSES, *mistakes.OPTIMIZERS, *mistakes.LOADERS}
CLOTHES = ("fashion", "shirts", "shoes", "covered", "upright")
"""Data sets that are made of Fashion-MNIST."""
SIDES: tuple[Side, ...] = ("faulty", "reference")


def test_the_bench_is_as_wide_as_it_has_to_be() -> None:
    assert len(FAULTY) >= 80
    assert len(HEALTHY) >= 40
    for cases in (FAULTY, HEALTHY):
        assert len({case.faulty.data for case in cases}) >= 6
        assert len({case.faulty.net for case in cases}) >= 4
    assert any(case.begins for case in FAULTY)
    assert any(not case.severe for case in FAULTY)


def test_the_hold_out_is_wide_and_shares_no_data_and_no_deep_net_with_the_main_cases() -> None:
    faulty = [case for case in held_out_cases() if not case.healthy]
    assert len(faulty) >= 30
    assert len(held_out_cases()) - len(faulty) >= 15
    assert sum(bool(case.knobs) for case in faulty) > len(faulty) / 2
    seen = {side.data for case in main_cases() for side in (case.faulty, case.reference)}
    assert seen.isdisjoint(side.data for case in held_out_cases() for side in (case.faulty, case.reference))
    kinds = {case.faulty.net for case in main_cases()} - {"mlp", "linear"}
    assert kinds.isdisjoint(case.faulty.net for case in held_out_cases())


def test_the_second_hold_out_is_wider_and_shares_no_data_and_no_deep_net_with_any_other_case() -> None:
    faulty = [case for case in second_cases() if not case.healthy]
    assert len(faulty) >= 50
    assert len(second_cases()) - len(faulty) >= 30
    assert sum(bool(case.knobs) for case in faulty) > len(faulty) / 2
    others = main_cases() + held_out_cases()
    seen = {side.data for case in others for side in (case.faulty, case.reference)}
    assert seen.isdisjoint(side.data for case in second_cases() for side in (case.faulty, case.reference))
    kinds = {case.faulty.net for case in others} - {"mlp", "linear"}
    assert kinds.isdisjoint(case.faulty.net for case in second_cases())


def test_a_case_is_marked_as_held_out_where_it_belongs_to_such_a_family() -> None:
    assert all(case.held_out for case in held_out_cases() + second_cases())
    assert not any(case.held_out for case in main_cases())


def test_every_data_set_and_net_of_a_case_exists() -> None:
    for case in all_cases():
        for setting in (case.faulty, case.reference):
            assert setting.data in SETS, case.name
            assert setting.net in NETS, case.name


def test_each_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in all_cases()}) == len(all_cases())
    assert all(f"{case.name}__faulty".isidentifier() for case in all_cases())


def test_every_right_answer_is_a_rule_and_every_missing_one_is_not() -> None:
    codes, names = {rule.code for rule in all_rules()}, {rule.name.replace("_", "-") for rule in all_rules()}
    for case in all_cases():
        assert codes >= {*case.causes, *case.allowed, *case.remarks}, case.name
        assert names.isdisjoint(case.missing), f"{case.name}: the rule is there now: write its code into causes"


def test_every_flaw_is_known() -> None:
    for case in all_cases():
        assert {*case.faulty.flaws, *case.reference.flaws} <= KNOWN_FLAWS, case.name


def test_a_faulty_case_differs_from_its_reference_and_a_healthy_one_does_not() -> None:
    assert all((case.faulty == case.reference) == case.healthy for case in all_cases())


@pytest.mark.parametrize("family", ALL_FAMILIES)
def test_a_case_of_each_family_can_be_trained_on_both_sides(family: str) -> None:
    _can_be_trained(next(case for case in ALL_FAMILIES[family] if case.faulty.data not in CLOTHES))


@pytest.mark.slow
@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_every_case_can_be_trained_on_both_sides(case: Case) -> None:
    if case.faulty.data in CLOTHES and not FASHION.is_dir():
        pytest.skip(f"{FASHION} is not there: apt install dataset-fashion-mnist")
    _can_be_trained(case)


def _can_be_trained(case: Case) -> None:
    for side in SIDES:
        setup = build(case.config(side, seed=0, mode="watch"))
        assert setup.source.test is not None


@pytest.mark.parametrize("name", ["digits", "breast", "wine", "diabetes", "friedman", "tangle", "text", "circles"])
def test_the_splits_of_a_data_set_share_no_example(name: str) -> None:
    data = load(name)
    rows = [{row.tobytes() for row in part.inputs} for part in (data.train, data.val, data.test)]
    assert rows[0].isdisjoint(rows[1])
    assert rows[2].isdisjoint(rows[0] | rows[1])


@pytest.mark.parametrize(
    "flaw", ["labels_shuffled", "label_noise", "rare", "leak", "duplicates", "conflicts", "broken"]
)
def test_a_flaw_of_the_training_data_leaves_the_test_split_true(flaw: str) -> None:
    data, spoilt = load("digits"), spoil(load("digits"), {flaw: 0.5 if flaw != "rare" else 10})
    assert np.array_equal(data.test.inputs, spoilt.test.inputs)
    assert np.array_equal(data.test.targets, spoilt.test.targets)
    assert not (
        np.array_equal(data.train.inputs, spoilt.train.inputs)
        and np.array_equal(data.train.targets, spoilt.train.targets)
    )


def test_label_noise_has_the_share_that_is_asked_for() -> None:
    data, spoilt = load("digits"), spoil(load("digits"), {"label_noise": 0.2})
    assert np.mean(data.train.targets != spoilt.train.targets) == pytest.approx(0.2, abs=0.04)


def test_rare_classes_are_rare_to_train_on_alone() -> None:
    data, spoilt = load("digits"), spoil(load("digits"), {"rare": 25})
    counts = np.bincount(spoilt.train.targets, minlength=10)
    assert counts[5:].max() < counts[:5].min() / 8
    assert np.array_equal(data.val.targets, spoilt.val.targets)


def _net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def test_gradients_pile_up_when_they_are_never_zeroed() -> None:
    net, inputs = mistakes.MODELS["gradients_pile_up"](_net(), 1), torch.ones(5, 3)
    net(inputs).sum().backward()
    first = [parameter.grad.clone() for parameter in net.parameters() if parameter.grad is not None]
    net.zero_grad(set_to_none=True)
    net(inputs).sum().backward()
    assert all(
        torch.allclose(parameter.grad, 2 * one)
        for parameter, one in zip(net.parameters(), first, strict=True)
        if parameter.grad is not None
    )


def test_a_net_that_never_evaluates_stays_in_training() -> None:
    assert mistakes.MODELS["never_evaluates"](nn.Dropout(0.5), 1).eval().training


def test_what_arises_midway_begins_with_its_batch_and_leaves_evaluation_alone() -> None:
    net: Any = mistakes.MODELS["inputs_large_from"](nn.Identity(), 2)
    inputs = torch.ones(2, 3)
    assert [float(net(inputs).mean()) for _ in range(4)] == [1, 1, 100, 100]
    assert float(net.eval()(inputs).mean()) == 1
    restored: Any = mistakes.MODELS["inputs_large_from"](nn.Identity(), 2)
    restored.load_state_dict(net.state_dict())
    assert float(restored(inputs).mean()) == 100


def test_a_schedule_explodes_at_its_step_and_a_saved_state_remembers_how_far_it_was() -> None:
    net = nn.Linear(1, 1)
    optimizer = mistakes.OPTIMIZERS["schedule_explodes_at"](net, 2)
    rates = []
    for _ in range(4):
        optimizer.param_groups[0]["lr"] = 0.1
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.1, 10, 10])
    assert optimizer.state_dict()["param_groups"][0]["taken"] == 4


def test_a_sorted_loader_deals_by_label_whatever_is_asked() -> None:
    train = task_of(find("order_sorted").faulty).train
    dealt = [int(train[index][1]) for index in np.random.default_rng(0).permutation(len(train))]
    assert dealt == sorted(dealt)


def test_torn_files_of_a_folder_are_left_out_of_the_training_split_alone() -> None:
    whole = build(find("files_torn").config("reference", seed=0, mode="watch")).source
    torn = build(find("files_torn").config("faulty", seed=0, mode="watch")).source
    assert torn.raw.unreadable == whole.train.examples - torn.train.examples > 0
    assert torn.val.examples == whole.val.examples


def test_every_rule_of_data_and_learning_has_a_case() -> None:
    """The rules on the machine, the loader and the end of a run are held by tests of their own."""
    told = {code for case in main_cases() for code in (*case.causes, *case.remarks)}
    assert {rule.code for rule in all_rules() if rule.family in ("DAT", "NUM", "OPT", "GEN", "ARC")} <= told
