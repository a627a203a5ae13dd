"""Trainings of other kinds than some dozen epochs of a classifier: what their logs cannot tell is not told."""

from collections.abc import Sequence
from math import exp, nan, sin
from pathlib import Path

import pytest

from advisor.report.schema import Report
from rules.vocabulary import Severity
from tests.logs.reading import diagnosis, standing


def told(tmp_path: Path, names: str, rows: Sequence[Sequence[float]]) -> Report:
    path = tmp_path / "log.csv"
    path.write_text("\n".join([names, *(",".join(f"{value:.6g}" for value in row) for row in rows)]) + "\n")
    return diagnosis(path)


def codes(report: Report) -> list[str]:
    return [one.code for one in standing(report)]


def alarms(report: Report) -> list[str]:
    return [one.code for one in report.findings if one.severity is not Severity.INFO]


def missing(report: Report, code: str) -> str:
    return " ".join(next(one.missing for one in report.not_assessed if one.code == code))


def test_a_short_tuning_of_a_net_that_is_good_already_does_not_guess(tmp_path: Path) -> None:
    rows = [(1, 0.200, 0.94, 0.201, 0.947), (2, 0.190, 0.95, 0.194, 0.950), (3, 0.182, 0.952, 0.188, 0.955)]
    report = told(tmp_path, "epoch,train_loss,train_acc,val_loss,val_acc", rows)
    assert codes(report) == []


def test_a_few_rows_are_no_fall_that_is_too_slow(tmp_path: Path) -> None:
    report = told(tmp_path, "epoch,loss,val_loss", [(1, 2.3, 2.2), (2, 1.9, 1.8)])
    assert codes(report) == []
    assert "enough rows of the training loss" in missing(report, "OPT102")


@pytest.mark.parametrize("reward", ["rollout/ep_rew_mean", "charts/episodic_return", "reward", "eval/mean_reward"])
def test_where_a_reward_is_to_rise_no_loss_has_to_fall(reward: str, tmp_path: Path) -> None:
    rows = [(step, 0.03 * exp(-step / 20) - 0.03 * exp(-step / 90), 1 - exp(-step / 100)) for step in range(1, 400)]
    assert alarms(told(tmp_path, "step,train/loss,speed", rows))
    report = told(tmp_path, f"step,train/loss,{reward}", rows)
    assert codes(report) == alarms(report) == []
    assert "the reward" in missing(report, "NUM102")
    assert report.metrics.best == pytest.approx(1 - exp(-3.99), rel=1e-3)
    assert any("need not fall" in sentence for sentence in report.unsure)


@pytest.mark.parametrize("names", ["train_accuracy,mean_reward", "val_loss,val_return"])
def test_where_a_loss_is_evaluated_beside_a_reward_it_is_judged(names: str, tmp_path: Path) -> None:
    rows = [(step, 0.2 + (step > 150) * 0.02 * (step - 150), 0.8 + step / 200, 0.4) for step in range(1, 300)]
    assert "NUM102" in codes(told(tmp_path, f"step,loss,{names}", rows))


@pytest.mark.parametrize("names", ["loss_D,loss_G", "g_loss,d_loss", "generator_loss,discriminator_loss"])
def test_two_nets_against_each_other_may_lose_more_and_more(names: str, tmp_path: Path) -> None:
    rows = [(step, 1.4 + step / 200 + 0.3 * sin(step / 9), 0.7 + step / 300) for step in range(1, 1000, 10)]
    report = told(tmp_path, f"step,{names}", rows)
    assert codes(report) == alarms(report) == []


@pytest.mark.parametrize("lost", [0, 1])
def test_a_loss_of_two_nets_of_which_one_is_no_number_is_told(lost: int, tmp_path: Path) -> None:
    rows = [(step, *(nan if at == lost and step >= 60 else 0.7 for at in (0, 1))) for step in range(1, 100)]
    report = told(tmp_path, "step,loss_D,loss_G", rows)
    assert codes(report) == ["NUM101"]
    assert "since step 60" in report.findings[0].message


def test_losses_of_several_validation_sets_are_not_added_up(tmp_path: Path) -> None:
    rows = [(epoch, 2.3 * exp(-epoch / 5), 2.3 * exp(-epoch / 5), 2.9 * exp(-epoch / 5)) for epoch in range(1, 20)]
    report = told(tmp_path, "epoch,train_loss,val_clean_loss,val_noisy_loss", rows)
    assert report.run["columns"]["val_loss"] == ["val_clean_loss"]
    report = told(
        tmp_path, "epoch,train/box_loss,train/cls_loss,val/box_loss,val/cls_loss", [(*row, 1) for row in rows]
    )
    assert report.run["columns"]["val_loss"] == ["val/box_loss", "val/cls_loss"]


@pytest.mark.parametrize("names", ["train/ce,valid/ce", "train_bce,val_bce", "train/cross_entropy,val/cross_entropy"])
def test_a_cross_entropy_is_a_loss_by_any_name(names: str, tmp_path: Path) -> None:
    report = told(tmp_path, f"epoch,{names}", [(epoch, 2 / epoch, 2.1 / epoch) for epoch in range(1, 20)])
    assert set(report.run["columns"]) == {"loss", "val_loss"}


def evaluated(losses: Sequence[float]) -> list[tuple[float, ...]]:
    rows = enumerate(losses, 1)
    return [(epoch, 2.2 * exp(-epoch / 5), loss, 1 - 0.9 * exp(-epoch / 5)) for epoch, loss in rows]


def test_a_validation_loss_that_is_lost_on_the_way_is_told(tmp_path: Path) -> None:
    falls = [2.2 * exp(-epoch / 6) for epoch in range(1, 16)]
    report = told(tmp_path, "epoch,loss,val_loss,val_acc", evaluated([*falls[:10], *[nan] * 5]))
    assert codes(report)[0] == "NUM101"
    assert "validation loss is not a number since epoch 11" in report.findings[0].message
    between = [loss if epoch % 5 == 0 else nan for epoch, loss in enumerate(falls)]
    assert codes(told(tmp_path, "epoch,loss,val_loss,val_acc", evaluated(between))) == []


def test_a_validation_loss_that_never_was_a_number_is_left_out_and_said(tmp_path: Path) -> None:
    report = told(tmp_path, "epoch,loss,val_loss,val_acc", evaluated([nan] * 15))
    assert codes(report) == []
    assert "validation loss" in missing(report, "GEN101")
    assert any("not a number at any evaluation" in sentence for sentence in report.unsure)


def test_a_validation_loss_that_is_a_constant_beside_an_accuracy_that_rises_says_nothing(tmp_path: Path) -> None:
    assert codes(told(tmp_path, "epoch,loss,val_loss,val_acc", evaluated([0.0] * 15))) == []


def test_what_is_next_is_the_curve_that_is_lacking(tmp_path: Path) -> None:
    judged = [(epoch, 2.2 * exp(-epoch / 6)) for epoch in range(1, 16)]
    assert "training loss" in told(tmp_path, "epoch,val_loss", judged).next
    assert "validation split" in told(tmp_path, "epoch,train_loss", judged).next


@pytest.mark.parametrize(("rise", "found"), [(0.0, []), (1.0, ["NUM102"])])
def test_training_examples_that_grow_harder_are_no_divergence(rise: float, found: list[str], tmp_path: Path) -> None:
    late = [(step, max(step - 200, 0) / 150) for step in range(10, 400, 10)]
    rows = [(step, 2.3 * exp(-step / 60) + more, 2.3 * exp(-min(step, 200) / 90) + rise * more) for step, more in late]
    assert alarms(told(tmp_path, "step,loss,val_loss", rows)) == found


def test_a_loss_below_zero_has_not_risen_to_a_multiple_of_itself(tmp_path: Path) -> None:
    rows = [(epoch, 0.001, -9.8 + 6 * exp(-epoch / 4), -9.9 + 6 * exp(-epoch / 4)) for epoch in range(1, 26)]
    assert codes(told(tmp_path, "epoch,lr,loss,val_loss", rows)) == []


def test_what_stands_is_told_with_the_newest_numbers(tmp_path: Path) -> None:
    losses = [(epoch, 25 + 40 * exp(-epoch / 2) - 0.02 * epoch) for epoch in range(1, 41)]
    report = told(tmp_path, "epoch,loss,val_loss", [(epoch, loss, loss + 0.1) for epoch, loss in losses])
    (found,) = [one for one in standing(report) if one.code == "OPT104"]
    assert found.message.endswith(f"at {sum(loss + 0.1 for _, loss in losses[-5:]) / 5:.3g}")
