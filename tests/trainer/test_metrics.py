"""Metrics: right against scikit-learn, with standard errors that repeated draws confirm."""

from math import isnan, log

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from torch import Tensor, nn

from trainer.metrics import Metrics, jackknife
from trainer.stepping.objective import Objective
from trainer.user_metrics import MetricError


def guesses(examples: int = 400, classes: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Outputs that are right about two times in three."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, classes, (examples,), generator=generator)
    outputs = torch.randn(examples, classes, generator=generator)
    outputs[torch.arange(examples), targets] += 1.5
    return outputs, targets


def test_classification_agrees_with_scikit_learn() -> None:
    outputs, targets = guesses()
    measured = Metrics("classification", 4, (100, 100, 100, 100)).measure(outputs, targets)
    believed = outputs.argmax(1)
    assert measured.main == pytest.approx(reference.accuracy_score(targets, believed))
    assert measured.values["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(targets, believed))
    assert measured.recalls == pytest.approx(reference.recall_score(targets, believed, average=None))
    assert np.array_equal(np.array(measured.confusion), reference.confusion_matrix(targets, believed))
    assert measured.values["rare_recall"] == pytest.approx(min(measured.recalls))
    assert measured.wrong is not None
    assert measured.wrong.tolist() == (believed != targets).tolist()


def test_rare_recall_is_that_of_the_classes_below_a_third_of_the_median() -> None:
    outputs, targets = guesses()
    metrics = Metrics("classification", 4, (500, 30, 480, 20))
    assert metrics.rare_classes() == (1, 3)
    measured = metrics.measure(outputs, targets)
    assert measured.values["rare_recall"] == pytest.approx((measured.recalls[1] + measured.recalls[3]) / 2)


def test_one_example_is_worth_what_leaving_it_wrong_takes_from_a_count() -> None:
    outputs, targets = torch.eye(4)[[0] * 10 + [1] * 2 + [2] * 8] * 9, torch.tensor([0] * 10 + [1] * 2 + [2] * 8)
    metrics = Metrics("classification", 4, (500, 30, 480, 20))
    all_right = metrics.measure(outputs, targets)
    wrong = outputs.clone()
    wrong[10] = outputs[0]
    lost = metrics.measure(wrong, targets)
    for name, worth in all_right.one_example.items():
        assert all_right.values[name] - lost.values[name] == pytest.approx(worth), name
    assert set(all_right.one_example) == {"accuracy", "balanced_accuracy", "rare_recall"}


def test_a_class_that_the_split_lacks_has_no_recall_and_counts_for_nothing() -> None:
    outputs, targets = guesses()
    kept = targets != 2
    measured = Metrics("classification", 4).measure(outputs[kept], targets[kept])
    assert isnan(measured.recalls[2])
    assert not isnan(measured.values["balanced_accuracy"])


def test_regression_agrees_with_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(300, generator=generator)
    outputs = targets + 0.4 * torch.randn(300, generator=generator)
    measured = Metrics("regression").measure(outputs.reshape(300, 1), targets)
    assert measured.main == pytest.approx(reference.r2_score(targets, outputs), abs=1e-6)
    assert measured.values["rmse"] == pytest.approx(reference.root_mean_squared_error(targets, outputs), rel=1e-5)
    assert measured.values["mae"] == pytest.approx(reference.mean_absolute_error(targets, outputs), rel=1e-5)


def test_a_column_that_does_not_vary_in_the_split_says_nothing_of_what_is_explained() -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.rand(300, 3, generator=generator)
    targets[:, 1] = 0.1
    outputs = targets + 0.1 * torch.randn(300, 3, generator=generator)
    measured = Metrics("regression").measure(outputs, targets)
    assert measured.main == pytest.approx(reference.r2_score(targets[:, ::2], outputs[:, ::2]), abs=1e-6)
    assert 0 < measured.standard_error < 0.1
    assert isnan(Metrics("regression").measure(outputs[:, 1:2], targets[:, 1:2]).main)


def test_multilabel_agrees_with_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    targets = (torch.rand(200, 5, generator=generator) > 0.6).float()
    outputs = 2 * targets - 1 + torch.randn(200, 5, generator=generator)
    measured = Metrics("multilabel", 5).measure(outputs, targets)
    assert measured.main == pytest.approx(reference.f1_score(targets, outputs > 0, average="macro"))
    assert measured.values["accuracy"] == pytest.approx(float(((outputs > 0) == (targets > 0.5)).float().mean()))


def _draw(kind: str, seed: int) -> tuple[Tensor, Tensor]:
    if kind == "classification":
        return guesses(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    if kind == "regression":
        targets = torch.randn(400, generator=generator)
        return targets + 0.5 * torch.randn(400, generator=generator), targets
    targets = (torch.rand(400, 3, generator=generator) > 0.6).float()
    return 2 * targets - 1 + torch.randn(400, 3, generator=generator), targets


@pytest.mark.parametrize("kind", ["classification", "regression", "multilabel"])
def test_standard_errors_are_the_spread_over_fresh_draws(kind: str) -> None:
    metrics = Metrics(kind, 4 if kind == "classification" else 0, (1, 9, 9, 9))  # type: ignore[arg-type]
    drawn = [metrics.measure(*_draw(kind, seed)) for seed in range(200)]
    for name in drawn[0].values:
        spread = np.std([one.values[name] for one in drawn])
        stated = np.mean([one.standard_errors[name] for one in drawn])
        assert stated == pytest.approx(spread, rel=0.25), name


def test_the_jackknife_knows_the_error_of_a_mean() -> None:
    values = torch.randn(500, generator=torch.Generator().manual_seed(1))
    errors = [jackknife(lambda o, _: float(o.mean()), values[torch.randperm(500)], values) for _ in range(40)]
    assert np.mean(errors) == pytest.approx(float(values.std()) / 500**0.5, rel=0.15)


def test_the_first_metric_of_the_users_is_the_main_one() -> None:
    def worst_error(outputs: Tensor, targets: Tensor) -> float:
        return float((outputs.flatten() - targets).abs().max())

    worst_error.higher_is_better = False  # type: ignore[attr-defined]
    metrics = Metrics("regression", user=[worst_error])
    assert (metrics.main, metrics.higher_is_better) == ("worst_error", False)
    measured = metrics.measure(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 5.0]))
    assert measured.main == 3.0
    assert list(measured.values) == ["worst_error", "r2", "rmse", "mae"]


class RunningTotal(nn.Module):
    """A metric object of torchmetrics' form."""

    higher_is_better = True

    def reset(self) -> None:
        self.total = torch.zeros(())

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        self.total += (outputs.argmax(1) == targets).sum()

    def compute(self) -> Tensor:
        return self.total


def test_metric_objects_are_reset_before_each_split() -> None:
    metrics = Metrics("classification", 4, user=[RunningTotal()])
    outputs, targets = guesses()
    first = metrics.measure(outputs, targets)
    assert metrics.main == "running_total"
    assert first.values == metrics.measure(outputs, targets).values


def test_two_metrics_of_one_name_are_told_apart() -> None:
    metrics = Metrics("classification", 4, user=[lambda o, t: 1.0, lambda o, t: 2.0, lambda o, t: 3.0])
    values = metrics.measure(*guesses()).values
    assert [values[name] for name in ("metric", "metric_2", "metric_3")] == [1.0, 2.0, 3.0]


def test_a_metric_that_raises_is_one_clear_line() -> None:
    metrics = Metrics("classification", 4, user=[lambda o, t: 1 / 0])
    with pytest.raises(MetricError, match="the metric metric raises ZeroDivisionError: division by zero"):
        metrics.measure(*guesses())


def test_the_baseline_of_classes_is_the_majority_and_the_entropy() -> None:
    train = torch.tensor([0] * 600 + [1] * 300 + [2] * 100)
    metric, loss = Metrics("classification", 3, (600, 300, 100)).baseline(
        Objective("classification"), train, train, output_shape=(3,)
    )
    assert metric == pytest.approx(0.6)
    assert loss == pytest.approx(-sum(p * log(p) for p in (0.6, 0.3, 0.1)), abs=1e-3)


def test_the_baseline_of_a_regression_is_the_mean_and_of_an_absolute_loss_the_median() -> None:
    targets = torch.cat([torch.zeros(60), torch.full((40,), 10.0)])
    squared = Metrics("regression").baseline(Objective("regression"), targets, targets, output_shape=(1,))
    assert squared == (pytest.approx(0.0, abs=1e-6), pytest.approx(24.0))
    absolute = Metrics("regression").baseline(
        Objective("regression", lambda o, t: (o.flatten() - t).abs().mean()), targets, targets, output_shape=(1,)
    )
    assert absolute[1] == pytest.approx(4.0)


def test_no_constant_fits_outputs_of_another_form() -> None:
    targets = torch.randn(50)
    metric, loss = Metrics("regression").baseline(Objective("regression"), targets, targets, output_shape=(2,))
    assert isnan(metric)
    assert isnan(loss)


def test_of_f1_the_best_constant_claims_every_label_where_most_are_rare() -> None:
    targets = (torch.arange(400).reshape(100, 4) % 3 == 0).float()
    metrics = Metrics("multilabel", 4)
    claimed = metrics.measure(torch.ones(100, 4), targets).main
    assert metrics.best_constant(targets, targets, (4,)) == pytest.approx(claimed)
    assert claimed > 0.4


def test_of_accuracy_the_best_constant_is_the_most_frequent_class() -> None:
    targets = torch.tensor([0] * 60 + [1] * 40)
    assert Metrics("classification", 2).best_constant(targets, targets, (2,)) == pytest.approx(0.6)
