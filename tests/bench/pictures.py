"""Makes the pictures of the README from a real run of the demo: the live screen, and the top of its report.

    .venv/bin/python -m tests.bench.pictures .assets

Needs Chromium, which turns SVG and HTML into PNG. The run is the one of `make demo`, in a folder of its own.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from advisor.runs import Run
from advisor.story.story import Story
from advisor.tui.app import AdvisorApp

EXAMPLES = Path(__file__).parents[2] / "examples"
SCREEN_CELLS = (120, 40)
SCREEN_PIXELS = (1488, 1044)
REPORT_PIXELS = (1200, 1100)
COLOURS = 160
"""Enough for a screen of few colours; a palette makes the file a third of its size."""
PATIENCE_S = 300.0
LOOK_S = 0.25


def begin(folder: Path) -> tuple[Run, "subprocess.Popen[bytes]"]:
    """Start the demo's run in auto mode."""
    shutil.copytree(EXAMPLES, folder / "examples", ignore=shutil.ignore_patterns("data"))
    config = folder / "examples" / "digits_troubled.toml"
    subprocess.run(
        [sys.executable, EXAMPLES / "digits_images.py", config.parent / "data" / "digits"], check=True, stdout=subprocess.DEVNULL
    )  # fmt: skip
    run = Run(folder / "digits_troubled")
    command = [sys.executable, "-m", "advisor.cli", "train", str(config), "--headless", "--mode", "auto"]
    process = subprocess.Popen([*command, "--run-dir", str(run.folder)], stdout=subprocess.DEVNULL)
    while not run.events.exists() and process.poll() is None:
        time.sleep(LOOK_S)
    return run, process


def shows_it_at_work(story: Story) -> bool:
    """Tell whether the screen shows what the advisor is: two fixes in force, another one being tried and under way."""
    trial = story.trial
    return trial is not None and len(trial.heard) >= 2 and sum(one.in_force for one in story.interventions) >= 2


async def photograph(run: Run, process: "subprocess.Popen[bytes]") -> str:
    """Follow the run until the screen is worth a picture, and return it as SVG; at the latest, its last live one."""
    app = AdvisorApp(run, readonly=True)
    app._note = lambda: ""  # type: ignore[method-assign]
    picture = ""
    async with app.run_test(size=SCREEN_CELLS) as pilot:
        while process.poll() is None:
            await pilot.pause(LOOK_S)
            with app.feeder.scene() as scene:
                story = scene.story
                ready, running = shows_it_at_work(story), story.training_ended is None
            if not running:
                break
            app._quiet_left = 0
            app.pull()
            await pilot.pause()
            if story.trial is not None or not picture:
                picture = app.export_screenshot(title="advisor train examples/digits_troubled.toml")
            if ready:
                break
    return picture


def draw(page: str, to: Path, pixels: tuple[int, int]) -> None:
    """Turn a page into a PNG of few colours."""
    with tempfile.TemporaryDirectory() as place:
        raw = Path(place) / "raw.png"
        size = f"--window-size={pixels[0]},{pixels[1]}"
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size]
        subprocess.run([*command, f"--screenshot={raw}", page], check=True, capture_output=True, timeout=120)
        Image.open(raw).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(to, optimize=True)


def main() -> None:
    """Make both pictures in the folder that is named."""
    assets = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        run, process = begin(Path(place))
        try:
            svg = Path(place) / "screen.svg"
            svg.write_text(asyncio.run(photograph(run, process)))
            draw(svg.as_uri(), assets / "ui.png", SCREEN_PIXELS)
            process.wait(PATIENCE_S)
        finally:
            process.terminate()
            process.wait()
        draw((run.folder / "report.html").as_uri(), assets / "report.png", REPORT_PIXELS)
    for name in ("ui.png", "report.png"):
        print(f"{assets / name}  {(assets / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
