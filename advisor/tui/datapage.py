"""The data page: what the survey saw, the classes, the columns, and the examples whose labels are in doubt."""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from math import ceil

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from advisor.story.story import Story
from advisor.tui import words
from advisor.tui.pages import PULL_S, Page
from advisor.tui.thumbnail import thumbnail
from rules.data.dat101_class_imbalance import RATIO_LIMIT
from trainer.words import ColumnFacts, Survey

LABEL_CELLS = 16
NAME_CELLS = 20
"""Longer names of classes and columns are cut."""
BAR_CELLS = 30
BESIDE_BAR_CELLS = 45
"""What stands beside the bar of a class: its count, its recall and whether it is rare or ignored."""
CARD_CELLS = 25
"""Width of a suspect with its picture."""
CLASSES_SHOWN, COLUMNS_SHOWN = 40, 40
"""Of more classes the rarest are shown, of more columns those that tell most of the target."""


def data_page(story: Story, width: int, ascii_only: bool = False) -> Content:
    """Return what is known of the data, `width` cells wide; all names in it are the user's and are shown as plain text."""
    if story.started is None:
        return Content.assemble(("waiting for the trainer to load its data", "$muted"))
    lines = [
        *_splits(story),
        *_classes(story, width, ascii_only),
        *_columns(story.survey),
        *_suspects(story, width, ascii_only),
    ]
    return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)


def _head(text: str, about: str = "") -> list[Content]:
    return [Content(""), Content.assemble((text, "bold $primary"), (f"  {about}" if about else "", "$muted"))]


def _row(label: str, *parts: str | tuple[str, str]) -> Content:
    return Content.assemble((f"{label:<{LABEL_CELLS}}", "$muted"), *parts)


def _splits(story: Story) -> list[Content]:
    assert story.started is not None
    task = story.started.task
    shape = " × ".join(map(str, task.input_shape))
    test = f", {task.test_examples:,} to test" if task.test_examples else ", none to test"
    lines = [
        Content.assemble(
            (words.clean(task.source), "bold"),
            (f"  {task.inputs} of {shape}" if shape else f"  {task.inputs}", "$muted"),
        ),
        _row("examples", f"{task.train_examples:,} to train, {task.val_examples:,} to validate{test}"),
    ]
    survey = story.survey
    if survey is None:
        return [*lines, _row("survey", ("has not come yet", "$muted"))]
    seen = "all" if survey.sampled >= survey.examples else f"{survey.sampled:,} of {survey.examples:,}"
    lines.append(_row("looked at", f"{seen} in {words.seconds(survey.seconds)}"))
    return [*lines, *_faults(survey)]


def _faults(survey: Survey) -> list[Content]:
    """Return what should be nought, each with its share; what is nought is said in one line."""
    shares = (
        ("duplicates", survey.duplicate_share, "of the training examples equal an earlier one", "$warning"),
        ("conflicts", survey.conflicting_share, "equal another one with a different label", "$error"),
        ("leak", survey.val_overlap_share, "of the validation examples are in the training split too", "$error"),
        ("leak", survey.test_overlap_share, "of the test examples are in the training split too", "$error"),
        ("missing", survey.missing_share, "of the input values were missing and were filled", "$warning"),
        ("broken", survey.broken_share, "of the training examples hold a value that is no number", "$error"),
    )
    found = [
        _row(label, (words.share(share), f"bold {colour}"), f" {text}")
        for label, share, text, colour in shares
        if share > 0
    ]
    if survey.unreadable:
        found.append(_row("unreadable", (f"{survey.unreadable:,}", "bold $error"), " items were left out"))
    if survey.constant_features:
        found.append(
            _row(
                "constant",
                (f"{survey.constant_features:,}", "bold $warning"),
                f" of {survey.features:,} features never change",
            )
        )
    some = {label for label, share, *_ in shares if share > 0}
    if none := [label for label in dict.fromkeys(label for label, *_ in shares) if label not in some]:
        found.append(_row("none", (", ".join(none), "$success")))
    low, high = words.number(survey.input_std_low), words.number(survey.input_std_high)
    scale = f"mean up to {words.number(survey.input_mean)}, spread {low} to {high}, largest {words.number(survey.input_abs_max)}"
    return [*found, _row("scale", scale)]


def _classes(story: Story, width: int, ascii_only: bool) -> list[Content]:
    counts = story.survey.class_counts if story.survey else ()
    if not counts:
        return []
    names = _names(story, len(counts))
    recalls = next((one.recalls for one in reversed(story.evaluations) if len(one.recalls) == len(counts)), ())
    most = max(*counts, 1)
    order = sorted(range(len(counts)), key=lambda at: (counts[at], at))
    about = f"{len(counts)}, the largest {most / max(min(counts), 1):.3g} times the smallest"
    lines = _head("classes", about + ("; recall as last evaluated" if recalls else ""))
    full, name_cells = "#" if ascii_only else "━", min(NAME_CELLS, max(map(cell_len, names)))
    room = max(min(BAR_CELLS, width - name_cells - BESIDE_BAR_CELLS), 8)
    for at in order[:CLASSES_SHOWN]:
        rare = counts[at] * RATIO_LIMIT < most
        recall = recalls[at] if recalls else None
        ignored = recall is not None and recall == 0
        mark = (
            ("  ignored: none found", "bold $error") if ignored else ("  rare", "bold $warning") if rare else ("", "")
        )
        bar = full * max(round(counts[at] / most * room), 1 if counts[at] else 0)
        lines.append(
            Content.assemble(
                words.cell(names[at], name_cells),
                f"{counts[at]:>9,} ",
                (f"{bar:<{room}}", "$warning" if rare else "$primary"),
                (f" recall {words.share(recall):>5}" if recall is not None and recall == recall else "", "$muted"),
                mark,
            )
        )
    more = len(counts) - CLASSES_SHOWN
    return [*lines, Content.assemble((f"and {more} larger ones", "$muted"))] if more > 0 else lines


def _columns(survey: Survey | None) -> list[Content]:
    if survey is None or not survey.columns:
        return []
    told = sorted(survey.columns, key=lambda one: -_nought(one.correlation))
    lines = _head("columns", f"{len(told)}, by how closely each goes with the target")
    lines.append(
        Content.assemble(
            (f"{'':<{NAME_CELLS}}{'with target':>12}{'missing':>9}{'values':>9}{'mean':>11}{'spread':>11}", "$muted")
        )
    )
    lines += [_column(one) for one in told[:COLUMNS_SHOWN]]
    more = len(told) - COLUMNS_SHOWN
    return [*lines, Content.assemble((f"and {more} more", "$muted"))] if more > 0 else lines


def _column(one: ColumnFacts) -> Content:
    constant = one.unique <= 1
    return Content.assemble(
        words.cell(words.clean(one.name), NAME_CELLS - 1) + " ",
        f"{_number(one.correlation):>12}",
        (f"{words.share(one.missing_share):>9}", "$warning" if one.missing_share > 0 else "$muted"),
        (f"{one.unique:>9,}", "$warning" if constant else "$muted"),
        (f"{_number(one.mean):>11}", "$muted"),
        (f"{'constant':>11}", "bold $warning") if constant else (f"{_number(one.std):>11}", "$muted"),
    )


def _suspects(story: Story, width: int, ascii_only: bool) -> list[Content]:
    labels = story.labels
    if labels is None:
        kind = story.started.task.kind if story.started else ""
        why = "labels are not judged yet: a network has to have learned something first"
        return [*_head("labels"), Content.assemble((why, "$muted"))] if kind == "classification" else []
    share = f"about {words.share(labels.noise_share)} are wrong" if labels.noise_share > 0 else "none stands out"
    lines = _head("labels in doubt", f"{share}; {len(labels.suspects)} suspects, the worst first")
    names = story.started.task.classes if story.started else ()
    cards: list[list[Content]] = []
    for at, (index, given, believed, margin) in enumerate(labels.suspects):
        who = labels.identities[at] if at < len(labels.identities) else f"example {index}"
        arrow = "->" if ascii_only else "→"
        label = Content.assemble((_name(names, given), "bold"), f" {arrow} ", (_name(names, believed), "bold $accent"))
        about = Content.assemble((f"{_cut(who, CARD_CELLS - 9)} {margin:+.2f}", "$muted"))
        row = labels.rows[at] if at < len(labels.rows) else {}
        if at < len(labels.pictures):
            cards.append([*thumbnail(labels.pictures[at], ascii_only), label, about])
        else:
            held = "  ".join(
                f"{words.clean(key)} {words.value(value) if not isinstance(value, str) else words.clean(value)}"
                for key, value in row.items()
            )
            lines.append(
                Content.assemble(label.truncate(CARD_CELLS + 8), "  ", about, (f"  {held}" if held else "", ""))
            )
    if cards:
        note = Content.assemble(
            ("given", "bold"),
            " label ",
            "->" if ascii_only else "→",
            " ",
            ("believed", "bold $accent"),
            (" label, and the margin between them", "$muted"),
        )
        lines[2:2] = [note, Content(""), *_grid(cards, width)]
    return lines


def _grid(cards: Sequence[list[Content]], width: int) -> list[Content]:
    """Return cards side by side, as many as there is room for."""
    across = max(width // CARD_CELLS, 1)
    lines: list[Content] = []
    for row in range(ceil(len(cards) / across)):
        beside = cards[row * across : (row + 1) * across]
        lines += [
            Content.assemble(*(_fitted(piece, CARD_CELLS) for piece in pieces))
            for pieces in zip_longest(*beside, fillvalue=Content(""))
        ]
        lines.append(Content(""))
    return lines


def _fitted(piece: Content, cells: int) -> Content:
    cut = piece.truncate(cells - 2, ellipsis=True)
    return cut.pad_right(cells - cut.cell_length)


def _names(story: Story, count: int) -> list[str]:
    known = story.started.task.classes if story.started else ()
    return [_name(known, at) for at in range(count)]


def _name(names: Sequence[str], at: int) -> str:
    return _cut(names[at], NAME_CELLS) if at < len(names) else f"class {at}"


def _cut(text: str, cells: int) -> str:
    shown = words.clean(text)
    return words.short(shown, cells)


def _number(value: float) -> str:
    return words.number(value) if value == value else words.MISSING


def _nought(value: float) -> float:
    return value if value == value else -1.0


class DataPage(Page):
    """The page; it is made anew while it is open, for labels are judged only later."""

    DEFAULT_CSS = (
        "DataPage VerticalScroll { padding: 1 2; scrollbar-size-vertical: 1; }"
        "DataPage Static { height: auto; text-wrap: nowrap; }"
    )

    def __init__(self, said: Callable[[int], Content]) -> None:
        super().__init__("data")
        self._said = said
        self._shown: Content | None = None

    def body(self) -> ComposeResult:
        """Yield the text."""
        with VerticalScroll():
            yield Static("", id="data")

    def on_mount(self) -> None:
        """Show what is known and look again now and then."""
        self.query_one(VerticalScroll).focus()
        self.pull()
        self.set_interval(PULL_S, self.pull)

    def on_resize(self) -> None:
        """Use the new width."""
        self.pull()

    def pull(self) -> None:
        """Show what is known now, unless it is there already."""
        said = self._said(max(self.size.width - 5, CARD_CELLS))
        if self._shown is None or not said.is_same(self._shown):
            self._shown = said
            self.query_one("#data", Static).update(said)
