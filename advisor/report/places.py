"""Where things stand on the page, so that every claim links to what it rests on."""

from advisor.report.schema import Intervention, NotAssessed, Opportunity, Report

Section = tuple[str, list[str]]


def fix_place(report: Report, one: Intervention) -> str:
    """Return the anchor of an intervention."""
    return f"fix-{next(at for at, each in enumerate(report.interventions, start=1) if each is one)}"


def fixes_of(report: Report, code: str) -> list[tuple[str, Intervention]]:
    """Return what was tried or applied for a finding, with its anchor."""
    return [
        (fix_place(report, one), one) for one in report.interventions if one.rule == code and one.outcome != "refused"
    ]


def marked_fix(report: Report, text: str, step: int) -> str:
    """Return the anchor of the fix that a mark on the timeline tells of; empty where it tells of none."""
    named = [one for one in report.interventions if one.fix == text and one.outcome != "refused" and one.step <= step]
    return fix_place(report, named[-1]) if named else ""


def found(report: Report, code: str) -> bool:
    """Tell whether there is a finding to link to."""
    return any(one.code == code for one in report.findings)


def offers_of(report: Report, code: str) -> list[Opportunity]:
    """Return what could still be done about a finding."""
    return [one for one in report.opportunities if one.rule == code]


def has_page(report: Report, code: str) -> bool:
    """Tell whether the page of a rule is in the report."""
    return bool(report.rules[code].documentation) if code in report.rules else False


def headline(report: Report, code: str) -> str:
    """Return the first sentence of a rule; empty where the rule is not known here."""
    return report.rules[code].headline if code in report.rules else ""


def told_pages(report: Report) -> list[tuple[str, str, list[Section]]]:
    """Return (code, headline, sections) of the rules that found something."""
    return [
        (code, page.headline, sections(page.documentation))
        for code, page in sorted(report.rules.items())
        if page.documentation
    ]


def sections(documentation: str) -> list[Section]:
    """Return a rule's page as (title, paragraphs); its headline is left out."""
    told: list[Section] = []
    for part in documentation.split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        paragraphs = text.replace("\n- ", "\n\n- ").strip().split("\n\n")
        told.append((title.strip(), [" ".join(one.split()) for one in paragraphs if one.strip()]))
    return told


def not_applicable(report: Report) -> list[NotAssessed]:
    """Return the rules that have nothing to say on such a run."""
    return [one for one in report.not_assessed if not one.applicable]


def silent(report: Report) -> list[NotAssessed]:
    """Return the rules that could have spoken, and lacked something."""
    return [one for one in report.not_assessed if one.applicable]
