"""The picture of the dashboard in the README: `python -m tests.screenshot [FILE]`.

It shows the synthetic help desk with its planted drift, as the tests of the page do, in Chromium. The default
FILE is the committed picture.
"""

from __future__ import annotations

import datetime
import shutil
import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, expect, sync_playwright

from stream.dashboard.access import Guard
from stream.dashboard.web import application
from stream.telemetry.serving import serving
from tests.stream.dashboard.streams import fed, planted

PICTURE = Path(__file__).parents[1] / "deploy" / "dashboard.png"
WINDOW: ViewportSize = {"width": 1400, "height": 724}


def take(file: Path, binary: str) -> None:
    """Write a picture of the overview, in the size of a window."""
    model, written = fed("helpdesk", planted()), planted()
    model.lag = {0: 0}
    page_of = application([model], Guard("127.0.0.1"))
    with serving(page_of, "127.0.0.1", 0, "dashboard") as url, sync_playwright() as playwright:
        # The sandbox needs privileges that containers lack; only our own page is opened.
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW, color_scheme="light")
        # The stream ends before the picture is taken; the page should show it as of then.
        page.clock.set_fixed_time(datetime.datetime.fromtimestamp(written[-1].time or 0.0, datetime.UTC))
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
