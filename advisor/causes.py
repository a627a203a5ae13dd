"""Causes: one primary cause, what contributes, and what is only a symptom."""

from collections.abc import Iterable
from dataclasses import dataclass

from advisor.ledger import Role
from rules.vocabulary import Finding, Severity


@dataclass(frozen=True)
class Part:
    """The part that a finding plays."""

    role: Role
    explained_by: str = ""
    """Code of the finding that this one is a symptom of."""


def parts(findings: Iterable[Finding]) -> dict[str, Part]:
    """Return the part of each finding, by code.

    A finding is a symptom when another one that stands explains it and is not itself explained by it. Of the others,
    the most severe one is the cause; what is only an opportunity (info) contributes and is never the cause. What a rule
    in the nursery finds explains nothing, and is never the cause.
    """
    standing = {finding.code: finding for finding in findings}
    explained = {code: _explainer(finding, standing) for code, finding in standing.items()}
    if standing and all(explained.values()):  # they explain each other in a ring: the most severe one is not explained
        explained[min(standing.values(), key=_order).code] = ""
    roots = [finding for code, finding in standing.items() if not explained[code]]
    cause = min(
        (finding for finding in roots if finding.severity is not Severity.INFO and not finding.nursery),
        key=lambda finding: (-_reach(finding, standing), finding.code),
        default=None,
    )
    return {
        code: Part("symptom", by)
        if (by := explained[code])
        else Part("cause" if cause is not None and code == cause.code else "contributing")
        for code in standing
    }


def _explainer(finding: Finding, standing: dict[str, Finding]) -> str:
    """Return the code of the finding that explains this one, the most severe first; nothing where none does."""
    explainers = [
        other
        for other in standing.values()
        if other.code != finding.code
        and not other.nursery
        and finding.code in other.explains
        and not (other.code in finding.explains and _order(finding) < _order(other))
    ]
    return min(explainers, key=_order).code if explainers else ""


def _order(finding: Finding) -> tuple[int, str]:
    return (-finding.severity.rank, finding.code)


def _reach(finding: Finding, standing: dict[str, Finding]) -> float:
    """Severity first; between equals, the one that explains more."""
    return finding.severity.rank + sum(code in standing for code in finding.explains) / (1 + len(standing))
