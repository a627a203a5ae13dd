"""Causes: one primary cause and how sure it is, what contributes, and what is only a symptom."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import isfinite
from statistics import fmean

from advisor.ledger import Role
from rules.vocabulary import Evidence, Finding, Severity

STATED = 0.4
"""Confidence of a finding that stands, before anything is said for it: it was seen often enough to stand."""
BY_EVIDENCE = 0.4
"""Added where the evidence lies far beyond its limits (twice: half of it; exact facts, whose limit is 0: all of it)."""
BY_PROBES = 0.2
"""Added where a probe that was asked for its sake has answered, and it still stands."""
OPEN = 0.6
"""Times, while a probe that it asks for has not answered: the cause is not told apart yet."""
RIVAL = 0.8
"""Times, for every other finding of the same weight that nothing explains: it may be that one."""
SURE, LIKELY = 0.75, 0.5
"""From here on it is said to be sure, or likely; below, perhaps."""


@dataclass(frozen=True)
class Part:
    """The part that a finding plays."""

    role: Role
    explained_by: str = ""
    """Code of the finding that this one is a symptom of."""
    confidence: float = 0.0
    """Of the primary cause, 0 to 1; 0 for every other part."""


def parts(findings: Iterable[Finding], probed: Collection[str] = ()) -> dict[str, Part]:
    """Return the part of each finding, by code.

    A finding is a symptom when another one that stands explains it and is not itself explained by it. Of the others,
    the most severe one is the cause; what is only an opportunity (info) contributes and is never the cause. What a rule
    in the nursery finds explains nothing, and is never the cause.

    Args:
        findings: Those that stand.
        probed: Codes for whose sake a probe was made that has answered.
    """
    standing = {finding.code: finding for finding in findings}
    explained = {code: _explainer(finding, standing) for code, finding in standing.items()}
    for ring in _rings(explained):  # they explain each other: the most severe one is not explained
        explained[min((standing[code] for code in ring), key=_order).code] = ""
    roots = [finding for code, finding in standing.items() if not explained[code]]
    cause = min(
        (finding for finding in roots if finding.severity is not Severity.INFO and not finding.nursery),
        key=lambda finding: (-_reach(finding, standing), finding.code),
        default=None,
    )
    made: dict[str, Part] = {}
    for code in standing:
        if by := explained[code]:
            made[code] = Part("symptom", by)
        elif cause is not None and code == cause.code:
            made[code] = Part("cause", confidence=confidence(cause, roots, code in probed))
        else:
            made[code] = Part("contributing")
    return made


def confidence(cause: Finding, roots: Iterable[Finding], probed: bool) -> float:
    """Return how sure it is that this finding is the cause, 0 to 1.

    From how far its evidence lies beyond its limits, from probes that have answered or are still open, and from the other
    findings that nothing explains.
    """
    margins = [margin for one in cause.evidence if (margin := _margin(one)) is not None]
    sure = STATED + BY_EVIDENCE * (fmean(margins) if margins else 0.0)
    sure += BY_PROBES if probed and not cause.probes else 0.0
    rivals = sum(other.code != cause.code and other.severity.rank >= cause.severity.rank for other in roots)
    return round(sure * (OPEN if cause.probes else 1.0) * RIVAL**rivals, 2)


def said(confidence: float) -> str:
    """Return a confidence in a word; nothing for a finding that is no primary cause."""
    if not confidence > 0:
        return ""
    return "sure" if confidence >= SURE else "likely" if confidence >= LIKELY else "perhaps"


def _margin(evidence: Evidence) -> float | None:
    """Return how far a fact lies beyond its limit: 0 at it, 1 far away; nothing where the two cannot be held together."""
    value, limit = evidence.value, evidence.limit
    if isinstance(value, str) or isinstance(limit, str) or not isfinite(limit):
        return None
    if not isfinite(value) or limit == 0:
        return 1.0
    low, high = sorted((abs(value), abs(limit)))
    return 1 - low / high if (value >= 0) == (limit >= 0) else 1.0


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


def _rings(explained: dict[str, str]) -> list[list[str]]:
    """Return the codes that explain each other in a ring, ring by ring: each has one explainer, so that no two rings meet."""
    rings: list[list[str]] = []
    seen: set[str] = set()
    for code in explained:
        path: list[str] = []
        while code and code not in seen:
            seen.add(code)
            path.append(code)
            code = explained[code]
        if code in path:
            rings.append(path[path.index(code) :])
    return rings


def _order(finding: Finding) -> tuple[int, str]:
    return (-finding.severity.rank, finding.code)


def _reach(finding: Finding, standing: dict[str, Finding]) -> float:
    """Severity first; between equals, the one that explains more."""
    return finding.severity.rank + sum(code in standing for code in finding.explains) / (1 + len(standing))
