"""Label noise: clean data read as clean, spoiled ones as spoiled, and the suspects are the wrong ones."""

from pathlib import Path

import pytest
import torch

from tests.bench.label_noise import HARD, Run, watch
from tests.trainer.running import config_of, training_of
from trainer.watching.labels import EXAMPLES_MIN, LabelWatch, noise_share

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(Run("digits", 8, 3e-3, 32), id="digits"),
        pytest.param(Run("digits", 8, 0.1, 64, "sgd"), id="digits-sgd"),
        pytest.param(Run("digits", 8, 1e-3, 512), id="hardly-learned"),
        pytest.param(Run("breast_cancer", 8, 1e-3, 32), id="breast-cancer"),
        pytest.param(Run("diabetes in two classes", 16, 1e-3, 32), id="classes-that-overlap"),
        pytest.param(HARD[0], id="a-net-too-simple"),
        pytest.param(HARD[9], id="a-net-held-back-by-decay"),
    ],
)
def test_clean_labels_read_as_clean(run: Run) -> None:
    watched, _, _ = watch(run, 0.0, "symmetric")
    report = watched.suspects()
    assert report is None or report.noise_share < 0.02


@pytest.mark.parametrize(
    ("share", "kind", "low", "high"),
    [
        pytest.param(0.1, "symmetric", 0.05, 0.14, id="ten-per-cent"),
        pytest.param(0.1, "pair", 0.05, 0.14, id="ten-per-cent-into-the-next-class"),
        pytest.param(0.3, "symmetric", 0.2, 0.4, id="thirty-per-cent"),
    ],
)
def test_wrong_labels_are_counted_and_the_suspects_are_wrong(share: float, kind: str, low: float, high: float) -> None:
    watched, given, true = watch(Run("digits", 8, 3e-3, 32), share, kind)
    report = watched.suspects()
    assert report is not None
    assert low < report.noise_share < high
    assert len(report.suspects) == 50
    wrong = [bool(given[index] != true[index]) for index, *_ in report.suspects]
    assert sum(wrong) >= 48
    right = [int(true[index]) == believed for index, _, believed, _ in report.suspects]
    assert sum(right) >= 46
    assert [margin for *_, margin in report.suspects] == sorted(margin for *_, margin in report.suspects)


def test_a_run_of_fewer_epochs_than_the_first_window_says_nothing() -> None:
    watched, _, _ = watch(Run("digits", 2, 3e-3, 32), 0.1, "symmetric")
    assert watched.suspects() is None


def test_too_few_examples_say_nothing() -> None:
    watched = LabelWatch(EXAMPLES_MIN - 1, 2, CPU)
    rows = torch.arange(EXAMPLES_MIN - 1)
    for _ in range(10):
        watched.observe(rows.numpy(), torch.randn(len(rows), 2), rows % 2)
    assert watched.suspects() is None


def test_a_restored_watch_goes_on_as_if_nothing_had_happened() -> None:
    torch.manual_seed(0)
    rows, targets = torch.arange(300), torch.arange(300) % 3
    batches = [torch.randn(300, 3) + 4 * torch.nn.functional.one_hot(targets, 3) for _ in range(12)]
    whole, first, second = (LabelWatch(300, 3, CPU) for _ in range(3))
    for outputs in batches:
        whole.observe(rows.numpy(), outputs, targets)
    for outputs in batches[:5]:
        first.observe(rows.numpy(), outputs, targets)
    second.restore(first.tensors())
    for outputs in batches[5:]:
        second.observe(rows.numpy(), outputs, targets)
    assert second.suspects() == whole.suspects()


def test_a_large_training_split_is_watched_in_part_and_names_its_examples_rightly() -> None:
    classes, examples = 1000, 40_000
    watched = LabelWatch(examples, classes, CPU)
    rows = torch.arange(examples)
    given = rows % classes
    wrong = rows % 20 == 0
    true = torch.where(wrong, (given + 1) % classes, given)
    for _ in range(4):
        for part in rows.split(8000):
            watched.observe(part.numpy(), 9.5 * torch.nn.functional.one_hot(true[part], classes), given[part])
    report = watched.suspects()
    assert report is not None
    assert all(bool(wrong[index]) for index, *_ in report.suspects)
    assert sum(tensor.nbytes for tensor in watched.tensors().values()) < 80 << 20


@pytest.mark.parametrize(
    ("examples", "classes"), [pytest.param(400, 10, id="ten classes"), pytest.param(400, 2, id="two classes")]
)
def test_a_net_that_is_stuck_at_a_constant_says_nothing(examples: int, classes: int) -> None:
    torch.manual_seed(1)
    beliefs = (0.2 * torch.randn(1, classes) + 0.01 * torch.randn(examples, classes)).softmax(1)
    share = noise_share(beliefs, torch.arange(examples) % classes)
    assert share != share


def test_a_net_too_simple_for_its_classes_says_nothing() -> None:
    """A straight line between two half moons, turned by a right angle: sure, and often wrong."""
    torch.manual_seed(2)
    x = torch.randn(1000)
    given = ((x > 0) ^ (torch.rand(1000) < 0.2)).long()  # a fifth is on the wrong side …
    hard = torch.rand(1000) < 0.3
    given[hard] = torch.randint(0, 2, (int(hard.sum()),))  # … and a part lies where nothing can be told
    x[hard] *= 0.1
    share = noise_share(torch.stack((-3 * x, 3 * x), 1).softmax(1), given)
    assert share != share


def test_news_come_once_and_as_soon_as_three_epochs_are_sound() -> None:
    watched = LabelWatch(300, 3, CPU)
    rows, targets = torch.arange(300), torch.arange(300) % 3
    news = []
    for _ in range(6):
        watched.observe(rows.numpy(), 9.0 * torch.nn.functional.one_hot(targets, 3), targets)
        news.append(watched.news())
    assert [report is not None for report in news] == [False, False, True, False, False, False]


@pytest.mark.parametrize("place", ["next", "anywhere"])
def test_contradictions_of_many_hard_classes_count_only_where_labels_stand_anywhere(place: str) -> None:
    """Two of five are sure, a fifth of these contradicted; the rest cannot be told from the next class."""
    torch.manual_seed(3)
    rows = torch.arange(2000)
    true, sure = rows % 10, rows < 800
    beliefs = torch.full((2000, 10), 0.02) + 0.01 * torch.rand(2000, 10)
    beliefs[rows, (true + 1) % 10] += torch.where(sure, 0.02, 0.35)
    beliefs[rows, true] += torch.where(sure, 0.75, 0.36)
    off = torch.ones(2000, dtype=torch.int64) if place == "next" else torch.randint(1, 10, (2000,))
    wrong = torch.rand(2000) < torch.where(sure, 0.2, 0.4)
    given = torch.where(wrong, (true + off) % 10, true)
    share = noise_share(beliefs / beliefs.sum(1, keepdim=True), given)
    assert (share != share) if place == "next" else share == pytest.approx(0.2, abs=0.06)


def test_a_net_that_leaves_no_room_for_wrong_labels_says_nothing() -> None:
    """Units that are saturated make a net sure of everything, right or not."""
    given = torch.arange(600) % 2
    doubted = torch.rand(600, generator=torch.Generator().manual_seed(4)) < 0.12
    believed = torch.nn.functional.one_hot(torch.where(doubted, 1 - given, given), 2)
    assert noise_share(0.88 * believed + 0.06, given) == pytest.approx(0.12, abs=0.05)
    share = noise_share(0.998 * believed + 0.001, given)
    assert share != share


def test_a_net_that_is_less_sure_than_it_is_right_says_nothing_yet() -> None:
    """What it contradicts is what it has not learned: it leaves open which of two classes it is, and is mostly right."""
    given = torch.arange(600) % 2
    doubted = torch.rand(600, generator=torch.Generator().manual_seed(4)) < 0.12
    believed = torch.nn.functional.one_hot(torch.where(doubted, 1 - given, given), 2)
    share = noise_share(0.2 * believed + 0.4, given)
    assert share != share


def test_outputs_that_are_not_finite_do_not_spoil_the_sums() -> None:
    watched = LabelWatch(300, 3, CPU)
    rows, targets = torch.arange(300), torch.arange(300) % 3
    watched.observe(rows.numpy(), torch.full((300, 3), float("nan")), targets)
    for _ in range(5):
        watched.observe(rows.numpy(), 9.0 * torch.nn.functional.one_hot(targets, 3), targets)
    report = watched.suspects()
    assert report is not None
    assert report.noise_share == 0.0


def test_a_run_of_a_regression_has_no_labels_to_watch(tmp_path: Path) -> None:
    training, _ = training_of(tmp_path, config_of("sklearn:diabetes"))
    assert training.labels is None
