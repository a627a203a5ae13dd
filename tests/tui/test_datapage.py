"""The data page: classes with bars, what is wrong with the data, and the suspects as pictures or rows."""

from base64 import b64encode
from math import nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from advisor.story.story import Story
from advisor.tui.datapage import data_page
from advisor.tui.thumbnail import thumbnail
from tests.tui.recording import STEPS_PER_EPOCH, Recording
from trainer import wire
from trainer.words import ColumnFacts, Picture, Survey

HOSTILE = "\x1b[31m[bold]red[/bold]\x07"


def picture(height: int = 4, width: int = 4, channels: int = 1) -> Picture:
    pixels = bytes(range(height * width * channels))
    return Picture(width=width, height=height, channels=channels, pixels=b64encode(pixels).decode())


def survey(**fields: object) -> Survey:
    given = {
        "examples": 1000, "sampled": 1000, "seconds": 0.4, "class_counts": (600, 300, 20), "duplicate_share": 0.02,
        "conflicting_share": 0.0, "val_overlap_share": 0.05, "test_overlap_share": 0.0, "missing_share": 0.0,
        "input_mean": 0.1, "input_std_low": 0.9, "input_std_high": 1.1, "input_abs_max": 4.0, "constant_features": 2,
        "features": 64, "neighbour_label_match": 0.3,
    }  # fmt: skip
    return Survey(**{**given, **fields})


def story(tmp_path: Path, classes: tuple[str, ...] = ("cat", "dog", "owl"), **fields: object) -> Story:
    made = Recording.begin(tmp_path / "run")
    made.start()
    made.flush()
    told = Story()
    for line in made.run.events.read_text().splitlines():
        event = wire.read_event(line)
        assert event is not None
        if isinstance(event, wire.RunStarted):
            event = event.model_copy(update={"task": event.task.model_copy(update={"classes": classes})})
        told.hear(event)
    told.hear(wire.Surveyed(survey=survey(**fields)))
    return told


def evaluated(*recalls: float) -> wire.Evaluated:
    return wire.Evaluated(
        step=STEPS_PER_EPOCH, split="val", epoch=1.0, loss=0.5, metrics={"accuracy": 0.8}, standard_error=0.01,
        seconds=0.1, examples=100, train_loss=0.4, train_metrics={"accuracy": 0.8}, best=True, recalls=recalls,
    )  # fmt: skip


def suspected(**fields: object) -> wire.LabelsSuspected:
    suspects = ((3, 0, 1, -0.9), (8, 2, 0, -0.5))
    return wire.LabelsSuspected(noise_share=0.08, suspects=suspects, identities=("a.png", "b.png"), epochs=3, **fields)  # type: ignore[arg-type]


def test_classes_have_bars_and_rare_and_ignored_ones_are_marked(tmp_path: Path) -> None:
    told = story(tmp_path)
    told.hear(evaluated(0.9, 0.0, 0.4))
    lines = data_page(told, 100).plain.splitlines()
    owl, dog, cat = (next(line for line in lines if line.startswith(name)) for name in ("owl", "dog", "cat"))
    assert "rare" in owl
    assert "ignored" in dog
    assert "ignored" not in cat + owl
    assert cat.count("━") == 2 * dog.count("━") > owl.count("━") > 0
    assert "recall   90%" in cat


@pytest.mark.parametrize("name", ["cat", "a long name of a class", "猫猫猫猫猫猫猫猫猫猫猫猫"])
def test_on_the_narrowest_page_no_verdict_on_a_class_is_cut(tmp_path: Path, name: str) -> None:
    told = story(tmp_path, classes=(name, "dog", "owl"))
    told.hear(evaluated(0.0, 0.0, 0.4))
    lines = data_page(told, 75).plain.splitlines()
    assert not [line for line in lines if "recall" in line and line.endswith("…")]
    ignored = [Content(line) for line in lines if "none found" in line]
    assert len(ignored) == 2
    assert len({one.cell_length for one in ignored}) == 1


def test_what_is_wrong_with_the_data_is_said_and_so_is_what_is_not(tmp_path: Path) -> None:
    said = data_page(story(tmp_path), 100).plain
    assert "2.0% of the training examples equal an earlier one" in said
    assert "5.0% of the validation examples are in the training split too" in said
    assert "2 of 64 features never change" in said
    assert "none            conflicts, missing, broken" in said


def test_suspects_are_shown_as_pictures_with_both_labels(tmp_path: Path) -> None:
    told = story(tmp_path)
    told.hear(suspected(pictures=(picture(), picture())))
    said = data_page(told, 80).plain
    assert said.count("▀▀▀▀") == 4
    assert "cat → dog" in said
    assert "a.png -0.90" in said


def test_suspects_of_a_table_show_their_row(tmp_path: Path) -> None:
    told = story(tmp_path)
    told.hear(suspected(rows=({"age": 41.0, "town": "Ulm"}, {})))
    assert "cat → dog  a.png -0.90  age 41  town Ulm" in data_page(told, 100).plain


def test_columns_are_ordered_by_what_they_tell_of_the_target(tmp_path: Path) -> None:
    facts = {"missing_share": 0.1, "unique": 5, "mean": 1.0, "std": nan}
    columns = (
        ColumnFacts(name="noise", correlation=0.01, **facts),
        ColumnFacts(name="text", correlation=nan, **facts),
        ColumnFacts(name="leaky", correlation=0.99, **facts),
    )
    said = data_page(story(tmp_path, columns=columns), 100).plain
    assert said.index("leaky") < said.index("noise") < said.index("text")


@pytest.mark.parametrize("width", [30, 78, 198])
def test_nothing_is_wider_than_the_page_nor_steers_the_terminal(tmp_path: Path, width: int) -> None:
    told = story(tmp_path, classes=(HOSTILE, "x" * 300, "owl"))
    told.hear(suspected(pictures=(picture(),)))
    said = data_page(told, width)
    assert max(Content(line).cell_length for line in said.plain.splitlines()) <= width
    assert not {"\x1b", "\x07"} & set(said.plain)
    assert "[bold]" in data_page(told, 198).plain


def test_before_the_trainer_has_said_hello_the_page_says_what_it_waits_for() -> None:
    assert "waiting" in data_page(Story(), 80).plain


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]), st.booleans())
def test_a_picture_is_half_as_many_lines_as_pixels_high(height: int, width: int, channels: int, plain: bool) -> None:
    lines = thumbnail(picture(height, width, channels), plain)
    assert len(lines) == -(-height // 2)
    assert {line.cell_length for line in lines} == {width}


@given(st.text("aZ09=+/%é", max_size=40), st.integers(-3, 300), st.integers(-3, 300))
def test_a_picture_that_does_not_hold_what_it_says_is_left_out(pixels: str, height: int, width: int) -> None:
    assert thumbnail(Picture(width=width, height=height, channels=2, pixels=pixels)) == []
