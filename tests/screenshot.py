"""The picture of the dashboard in the README: `python -m tests.screenshot [FILE]`.

It shows the synthetic help desk with its planted drift, as the tests of the page do, in Chromium. The default
FILE is the committed picture.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import ViewportSize, expect, sync_playwright

from stream.dashboard.access import Guard
from stream.dashboard.web import application
from stream.kafka import GroupState
from stream.monitoring import Vitals
from stream.telemetry.serving import serving
from tests.stream.monitoring.streams import fed, planted

PICTURE = Path(__file__).parents[1] / "deploy" / "dashboard.png"
WINDOW: ViewportSize = {"width": 1400, "height": 1060}


def take(file: Path, binary: str) -> None:
    """Write a picture of the overview, in the size of a window."""
    state = fed("helpdesk", planted())
    state.coverage = 0.9
    done, now = state.partitions[0].latest + 1, time.time()
    state.see(Vitals(now, GroupState(1, {0: done}, {0: done}), None, {0: now}, None, {0: now - 40}))
    page_of = application([state], Guard("127.0.0.1"))
    with serving(page_of, "127.0.0.1", 0, "dashboard") as url, sync_playwright() as playwright:
        # The sandbox needs privileges that containers lack; only our own page is opened.
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW, color_scheme="light")
        page.goto(f"{url}/#/overview")
        expect(page.locator("main [data-view=overview]")).to_be_visible(timeout=30_000)
        page.screenshot(path=file)
        browser.close()


def main() -> None:
    """Take the picture."""
    binary = shutil.which("chromium")
    if binary is None:
        raise SystemExit("python -m tests.screenshot needs chromium: apt-get install chromium")
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    take(file, binary)
    print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
