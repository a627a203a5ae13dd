"""The screens on a real finished run: what the trainer and the advisor wrote, not what a test made up."""

import pytest
from textual.widgets import Static

from advisor.runs import Run
from advisor.together import run_together
from advisor.tui.app import AdvisorApp
from advisor.tui.endpage import ReportPage, first_page, read_report
from tests.tui.conftest import read_all
from trainer.config import read

CONFIG = """
[data]
source = "sklearn:digits"
[model]
name = "mlp"
[train]
epochs = 3
lr = 3.0
[advisor]
mode = "auto"
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("finished")
    config = folder / "digits.toml"
    config.write_text(CONFIG)
    told = run_together(read(config), folder / "run")
    told.report()
    return told.run


@pytest.mark.parametrize("width", [74, 114, 194])
def test_a_real_report_fits_its_page(finished: Run, width: int) -> None:
    report = read_report(finished)
    assert report is not None
    page = first_page(report, str(finished.folder), width)
    assert max(len(line) for line in page.plain.splitlines() if "report.html" not in line) <= width
    for said in (report.verdict, report.why, report.next):
        assert "".join(said.split()) in "".join(page.plain.split())
    assert all(one.code in page.plain for one in report.findings[:8])


async def test_a_finished_run_opens_on_its_report_and_no_key_changes_it(finished: Run) -> None:
    app = AdvisorApp(finished)
    async with app.run_test(size=(120, 40)) as pilot:
        await read_all(app, pilot)
        assert isinstance(app.screen, ReportPage)
        await pilot.pause()
        report = read_report(finished)
        assert report is not None
        assert report.verdict in str(app.screen.query_one("#page", Static).render())
        await pilot.press("q", "s")
        await pilot.pause()
        assert len(app.screen_stack) == 1
        assert not any(row.proposal or row.trial for row in app.overview.feed.rows.values())
