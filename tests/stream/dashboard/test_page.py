"""The page in a real browser: every view, with planted drift, with thousands of labels, and with nothing.

Screenshots are kept where `ITHACA_SCREENSHOTS` points, or in a temporary folder.
"""

from __future__ import annotations

import datetime
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from learners import Persistence
from stream.dashboard.access import Guard, NoTokenError
from stream.dashboard.stream_state import StreamState
from stream.dashboard.web import application
from stream.telemetry.serving import serving
from tests.stream.dashboard.streams import as_read, fed, outputs, planted, thousands

VIEWS = ("overview", "drift", "labels", "clusters", "messages", "compare")
PLANTED, REPLAY, THOUSANDS, NOTHING = range(4)
TOKEN = "a token long enough"


@pytest.fixture(scope="module")
def streams() -> list[StreamState]:
    """Return what the page shows: the help desk, a replay of it, 10,000 labels, nothing."""
    nothing = StreamState("nothing")
    nothing.ready = True
    replayed = as_read(outputs(1_500, Persistence(), run="repeats"))
    return [fed("support", planted()), fed("replay", replayed), thousands(10_000), nothing]


@pytest.fixture(scope="module")
def url(streams: list[StreamState]) -> Iterator[str]:
    """Where the page is."""
    with serving(application(streams, Guard("127.0.0.1")), "127.0.0.1", 0, "dashboard") as base:
        yield base


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    binary = shutil.which("chromium")
    if binary is None:
        pytest.skip("NO BROWSER: the dashboard's page is not looked at; apt-get install chromium")
    with sync_playwright() as playwright:
        # The sandbox wants privileges that containers do not give; only our own page is opened.
        launched = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield launched
        launched.close()


class Watched:
    """A page, what its console complained of, and every request that left this machine."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.abroad: list[str] = []
        page.set_default_timeout(30_000)
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def _asked(self, asked: str) -> None:
        if urlsplit(asked).hostname != "127.0.0.1" and not asked.startswith("data:"):
            self.abroad.append(asked)

    def open(self, url: str, place: str, source: int = 0) -> None:
        """Open a view of a source and wait until it is drawn."""
        self.page.goto(f"{url}/#/{place}")
        view = place.partition("?")[0]
        expect(self.page.locator(f"main [data-view={view}]")).to_be_visible(timeout=30_000)
        if source:
            self.page.select_option("#source", str(source))
            expect(self.page.locator("#state")).to_have_text("live")

    def keep(self, folder: Path, name: str) -> None:
        """Keep a picture of the whole page."""
        self.page.screenshot(path=folder / f"{name}.png", full_page=True)


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """Open a fresh page that must complain of nothing and ask nobody elsewhere."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    seen = Watched(context.new_page())
    yield seen
    context.close()
    assert seen.complaints == []
    assert seen.abroad == []


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go."""
    folder = Path(os.environ.get("ITHACA_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_the_planted_stream(watched: Watched, url: str, pictures: Path, view: str) -> None:
    """Drawn, inside the window, without a complaint."""
    watched.open(url, view)
    expect(watched.page.locator("main h1")).to_have_text(view.capitalize())
    expect(watched.page.locator("main .empty strong")).to_have_count(0)
    wide = watched.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    watched.keep(pictures, view)
    assert wide


@pytest.mark.parametrize("view", VIEWS[:-1])
def test_every_view_says_what_is_missing_when_there_is_nothing(
    watched: Watched, url: str, pictures: Path, view: str
) -> None:
    """And what to do."""
    watched.open(url, view, NOTHING)
    expect(watched.page.locator("main .empty strong")).to_have_text(f"No {_things(view)}")
    watched.keep(pictures, f"{view}-nothing")


def _things(view: str) -> str:
    return {"overview": "predictions yet", "messages": "predictions yet", "drift": "drift seen"}.get(
        view, f"{view} yet"
    )


def test_drift_is_filtered_and_leads_to_the_messages_before_and_after(
    watched: Watched, url: str, pictures: Path, streams: list[StreamState]
) -> None:
    """The swap of meanings at 60 % is found, and the messages around it are shown with their truth."""
    watched.open(url, "drift?scope=error")
    rows = watched.page.locator("section[aria-label=Events] tbody tr")
    errors = [each for each in streams[PLANTED].drift if each.record.scope == "error"]
    expect(rows).to_have_count(len(errors))
    assert any(3_600 <= each.offset < 4_200 for each in errors)
    rows.first.get_by_role("link", name="messages").click()
    before_and_after = watched.page.locator("section[aria-label='Messages before and after']")
    expect(before_and_after.locator("tbody tr")).to_have_count(25)
    expect(before_and_after.locator("tr.here")).to_have_count(1)
    watched.keep(pictures, "drift-messages")


def test_a_prediction_says_why(watched: Watched, url: str, pictures: Path) -> None:
    """Scores with clusters, experts, and past messages by their id."""
    watched.open(url, "messages?at=0/5000")
    why = watched.page.locator("section[aria-label='Why these labels']")
    expect(why.get_by_text("stacked", exact=True)).to_be_visible()
    expect(why.get_by_text("cluster").first).to_be_visible()
    expect(why.locator("ul.list a.mono")).to_have_count(3)
    record = watched.page.locator("section[aria-label='Record']")
    expect(record.get_by_text("Not excluded")).to_be_visible()
    expect(record.get_by_text("Reliable")).to_be_visible()
    watched.keep(pictures, "message")


def test_ten_thousand_labels_are_paged_and_found(watched: Watched, url: str, pictures: Path) -> None:
    """Fifty rows at a time, whatever there is; those that changed come first."""
    watched.open(url, "labels", THOUSANDS)
    expect(watched.page.get_by_text("10,000 labels, page 1 of 200")).to_be_visible()
    expect(watched.page.locator("section[aria-label='Top changing labels'] tbody tr")).to_have_count(50)
    watched.keep(pictures, "labels-thousands")
    watched.page.keyboard.press("/")
    watched.page.keyboard.type("topic-9999")
    expect(watched.page.get_by_text("1 label, page 1 of 1")).to_be_visible()
    assert watched.page.evaluate("document.activeElement.type") == "search"
    watched.open(url, "clusters", THOUSANDS)
    expect(watched.page.locator("g.row")).to_have_count(80)
    watched.keep(pictures, "clusters-thousands")


def test_two_runs_are_laid_beside_each_other(watched: Watched, url: str) -> None:
    """On the events that both predicted."""
    watched.open(url, "compare?a=0:first&b=1:repeats")
    expect(watched.page.locator("section[aria-label='Who was right'] .bars > span").first).to_be_visible()
    expect(watched.page.get_by_text("events were predicted by both")).to_be_visible()


def test_the_keyboard_goes_everywhere(watched: Watched, url: str) -> None:
    """Views, rows, a chart's values, theme, and the list of keys."""
    watched.open(url, "overview")
    keyboard = watched.page.keyboard
    watched.page.locator("#rolling").focus()
    keyboard.press("ArrowLeft")
    expect(watched.page.locator("#tip")).to_contain_text("this service")
    expect(watched.page.locator("#spoken")).to_contain_text("persistence")
    for number, view in enumerate(VIEWS, 1):
        keyboard.press(str(number))
        expect(watched.page.locator(f"main [data-view={view}]")).to_be_visible()
    keyboard.press("3")
    expect(watched.page.locator("main [data-view=labels]")).to_be_visible()
    keyboard.press("j")
    keyboard.press("j")
    label = watched.page.evaluate("document.activeElement.textContent")
    keyboard.press("Enter")
    expect(watched.page.locator("main h1")).to_have_text(label)
    keyboard.press("?")
    expect(watched.page.locator("dialog")).to_be_visible()
    keyboard.press("Escape")
    expect(watched.page.locator("dialog")).to_be_hidden()


def test_dark_is_chosen_by_the_system_or_by_hand(browser: Browser, url: str, pictures: Path) -> None:
    """And kept."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    page = context.new_page()
    page.goto(url)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("main [data-view=overview]")).to_be_visible(timeout=30_000)
    page.screenshot(path=pictures / "overview-dark.png", full_page=True)
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    context.close()


def test_new_records_appear_by_themselves_and_focus_stays(
    watched: Watched, url: str, streams: list[StreamState]
) -> None:
    """Without a reload."""
    watched.open(url, "overview")
    link = watched.page.locator("section[aria-label='Latest drift'] a").first
    link.focus()
    state = streams[PLANTED]
    with state.lock:
        state.lag = {0: 1_234_567}
        state.version += 1
    expect(watched.page.get_by_text("1.2M")).to_be_visible()
    assert watched.page.evaluate("document.activeElement.tagName") == "A"


def test_a_stream_that_stands_still_has_no_throughput(watched: Watched, url: str) -> None:
    """Its last rate is no rate now; nor is it silent on which labels the scores are about."""
    watched.page.clock.set_fixed_time(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1))
    watched.open(url, "overview")
    tile = watched.page.locator(".tile", has_text="Throughput")
    expect(tile.locator(".value")).to_have_text("0a second")
    expect(tile.locator(".sub")).to_contain_text("nothing since")
    expect(watched.page.get_by_text("Labels that come later count")).to_be_visible()


def test_trouble_is_said_and_goes_away(
    watched: Watched, url: str, streams: list[StreamState], pictures: Path
) -> None:
    """What the broker's trouble is, while the last figures stay."""
    watched.open(url, "overview")
    streams[PLANTED].problem = "No Kafka broker answers at nowhere:9."
    expect(watched.page.get_by_role("alert")).to_contain_text("No Kafka broker answers at nowhere:9.")
    watched.keep(pictures, "overview-trouble")
    streams[PLANTED].problem = ""
    expect(watched.page.get_by_role("alert")).to_be_hidden()
    expect(watched.page.locator(".tile").first).to_be_visible()


def test_a_name_is_text_whatever_is_in_it(browser: Browser) -> None:
    """Labels come from outside."""
    from tests.stream.dashboard.streams import prediction

    name = "<img src=x onerror=alert(1)>"
    state = fed("m", [prediction(n, [name], [name], at=float(n)) for n in range(5)])
    with serving(application([state], Guard("127.0.0.1")), "127.0.0.1", 0, "dashboard") as base:
        seen = Watched(browser.new_page())
        seen.open(base, "messages")
        expect(seen.page.locator("td .chip").first).to_have_text(name)
        assert seen.complaints == []
        seen.page.close()


def status(url: str, **headers: str) -> int:
    """Return the status of an answer; redirects are followed."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_on_loopback_only_requests_that_name_this_machine_are_answered(url: str) -> None:
    """A page elsewhere whose name leads here gets nothing."""
    assert status(f"{url}/api/overview") == 200
    assert status(f"{url}/api/overview", Host="evil.example") == 403
    assert status(f"{url}/api/label?name=nobody") == 404
    assert status(f"{url}/api/around?partition=x&offset=-3&count=99999999999999999999999") == 200
    assert status(f"{url}/assets/../web.py") == 404


def test_anywhere_else_takes_a_token(streams: list[StreamState], browser: Browser) -> None:
    """In a header for programs, by a form for people; a wrong one opens nothing."""
    with pytest.raises(NoTokenError, match=r"needs dashboard\.token"):
        Guard("0.0.0.0")
    with ExitStack() as stack:
        guarded = application(streams[NOTHING:], Guard("0.0.0.0", TOKEN))
        base = stack.enter_context(serving(guarded, "127.0.0.1", 0, "dashboard"))
        assert status(f"{base}/api/overview") == 401
        assert status(f"{base}/api/overview", Authorization="Bearer wrong") == 401
        assert status(f"{base}/api/overview", Authorization=f"Bearer {TOKEN}") == 200
        page = browser.new_page()
        page.goto(base)
        page.get_by_label("Token").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_label("Token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.get_by_text("No predictions yet")).to_be_visible(timeout=30_000)
        page.close()
