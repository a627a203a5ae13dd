"""A picture on the page: laid out by matplotlib, coloured by the page's style sheet.

An artist that is to be seen has a role; its group in the SVG gets the role's CSS classes in place of matplotlib's colours.
So a picture follows light, dark and print like the text around it, and its text is text in the page's font. The way
there is the one of matplotlib's own examples: an id for an artist, then the tree of the SVG.

Loading matplotlib costs more than the rest of a report: only what is about to draw imports this file.
"""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

UNITS_PER_INCH = 72
"""Of matplotlib's SVG. At as many dots per inch a unit of the picture is a point and a pixel."""
TEXT_UNITS = 11
"""The size of text in the style sheet: its lines are placed by it."""
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # what a layer is called is no formula
    "font.size": TEXT_UNITS,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.xmargin": 0,
}
LEFT_OUT = ("metadata", "style")
"""Elements of matplotlib's SVG that would say what the page says, or change it."""
ANCHOR = re.compile(r"text-anchor: *(middle|end)")
FRACTION = re.compile(r"-?\d+\.\d+")


@contextmanager
def drawing() -> Iterator[None]:
    """Within it matplotlib has our settings, whatever a user's own file of settings says; afterwards it has the old ones.

    The page's font draws the text: a glyph that matplotlib's own lacks is no reason to warn.
    """
    defaults: dict[Any, Any] = {
        key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith("backend")
    }
    with mpl.rc_context(defaults | SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        yield


class Picture:
    """A figure in the making, and what its artists are on the page. Places are in units from the top left."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH), dpi=UNITS_PER_INCH)
        self.figure.patch.set_visible(False)
        self._roles: dict[str, tuple[str, Sequence[str]]] = {}

    def axes(self, left: float, top: float, width: float, height: float, sharex: Axes | None = None) -> Axes:
        """Return new axes without a frame at this place."""
        place = (
            left / self.width,
            1 - (top + height) / self.height,
            width / self.width,
            height / self.height,
        )
        return self.figure.add_axes(place, sharex=sharex, frameon=False)

    def role(self, classes: str, titles: Sequence[str] = ()) -> str:
        """Return the gid of an artist that is drawn in these CSS classes.

        Args:
            classes: For its group.
            titles: What its markers say under the pointer, one each.
        """
        gid = f"role{len(self._roles)}"
        self._roles[gid] = (classes, [printable(title) for title in titles])
        return gid

    def svg(self, classes: str, label: str, name: str) -> str:
        """Return the picture as an element of a page.

        Args:
            classes: Of the whole picture.
            label: What a person who cannot see it is told.
            name: Tells its inner references apart from those of the page's other pictures.
        """
        file = io.StringIO()
        with mpl.rc_context({"svg.hashsalt": name}):
            self.figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
        root = ElementTree.fromstring(file.getvalue())
        for element in root.iter():
            element.tag = _local(element.tag)
            for child in [one for one in element if _local(one.tag) in LEFT_OUT]:
                element.remove(child)
        for element in list(root.iter()):
            self._translate(element)
        root.attrib = {"viewBox": root.attrib["viewBox"], "class": classes, "role": "img", "aria-label": label}
        return ElementTree.tostring(root, encoding="unicode")

    def _translate(self, element: ElementTree.Element) -> None:
        """Give an element the classes and titles of its role in place of matplotlib's style; coordinates lose what no eye sees."""
        given = {_local(name): value for name, value in element.attrib.items()}
        style = given.pop("style", "")
        for name in {"d", "x", "y"} & given.keys():
            given[name] = FRACTION.sub(lambda found: f"{float(found[0]):.1f}", given[name])
        if element.tag == "text":
            given.pop("transform", None)  # a turn by nothing
            if anchor := ANCHOR.search(style):
                given["text-anchor"] = anchor[1]
        if element.tag == "g" and (gid := given.pop("id", "")) in self._roles:
            given["class"], titles = self._roles[gid]
            for mark, title in zip(element.iter("use"), titles, strict=False):
                ElementTree.SubElement(mark, "title").text = title
        element.attrib = given


def printable(text: str) -> str:
    """Return text in one line without what an SVG cannot hold."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _local(name: str) -> str:
    """Return a name of the SVG without its namespace: within a page it has none."""
    return name.rpartition("}")[2]
