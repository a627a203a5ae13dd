"""The catalogue of rules: found by walking the package and by entry points, never registered by hand.

A rule lives in `rules/<family>/<code>_<name>.py`. A third party adds its own by an entry point of the group
`training_advisor.rules` that names a `Rule` or an iterable of them.
"""

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points

import rules
from rules.vocabulary import Rule

ENTRY_POINTS = "training_advisor.rules"
"""The group of entry points that other packages offer their rules under."""
_RULE_MODULE = re.compile(r"rules\.[a-z]+\.[a-z]{3}\d{3}_[a-z_]+")


class CatalogueError(Exception):
    """The catalogue cannot be read, or has no such rule; the text says what to do."""


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by its code.

    Raises:
        CatalogueError: when two rules have one code, or an entry point is no rule.
    """
    return gather(_own_rules(), entry_points(group=ENTRY_POINTS))


def find(code: str) -> Rule:
    """Return the rule with this code (`INP101`, in any case) or name (`input-stall`).

    Raises:
        CatalogueError: when there is none; it names the nearest one.
    """
    asked = code.strip().lower().replace("-", "_")
    for rule in all_rules():
        if asked in (rule.code.lower(), rule.name):
            return rule
    known = {word: rule.code for rule in all_rules() for word in (rule.code.lower(), rule.name)}
    near = difflib.get_close_matches(asked, known, n=1, cutoff=0.0)
    raise CatalogueError(f"no rule {code!r}: did you mean {known[near[0]]}? `advisor rules` lists them all")


def gather(own: Iterable[Rule], others: Iterable[EntryPoint]) -> tuple[Rule, ...]:
    """Return our rules and those of the entry points, by code; each code at most once.

    Raises:
        CatalogueError: when two rules have one code, or an entry point is no rule.
    """
    found: dict[str, Rule] = {}
    for rule in (*own, *(rule for entry in others for rule in _offered(entry))):
        if rule.code in found:
            raise CatalogueError(
                f"{rule.code} is the code of {found[rule.code].module} and of {rule.module}: give one of them another"
            )
        found[rule.code] = rule
    return tuple(found[code] for code in sorted(found))


def _own_rules() -> Iterator[Rule]:
    for place in pkgutil.walk_packages(rules.__path__, "rules."):
        if _RULE_MODULE.fullmatch(place.name):
            module = importlib.import_module(place.name)
            yield from (one for one in vars(module).values() if isinstance(one, Rule) and one.module == place.name)


def _offered(entry: EntryPoint) -> tuple[Rule, ...]:
    try:
        offered = entry.load()
    except Exception as broken:  # a stranger's package; whatever it raises is its fault
        raise CatalogueError(
            f"the rules of {entry.value} cannot be loaded ({broken}): mend or uninstall the package"
        ) from broken
    gathered = (offered,) if isinstance(offered, Rule) else tuple(offered) if isinstance(offered, Iterable) else ()
    if not gathered or not all(isinstance(one, Rule) for one in gathered):
        raise CatalogueError(f"{entry.value} is no rule, nor several: mend or uninstall the package")
    return gathered
