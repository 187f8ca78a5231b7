"""The page in a real browser: every view, with planted drift, with thousands of labels, and with nothing.

Screenshots are kept where `ITHACA_SCREENSHOTS` points, or in a temporary folder.
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.types import ASGIApp, Receive, Scope, Send

from learners import Persistence
from stream.dashboard.access import Guard, NoTokenError
from stream.dashboard.web import application
from stream.kafka import GroupState
from stream.monitoring.incident_reports import reports
from stream.monitoring.stream_state import StreamState
from stream.monitoring.vitals import Vitals
from stream.telemetry.serving import serving
from tests.stream.monitoring.streams import as_read, fed, outputs, planted, thousands

VIEWS = ("overview", "drift", "labels", "clusters", "messages", "compare")
PLANTED, REPLAY, THOUSANDS, NOTHING = range(4)
TOKEN = "a token long enough"


@pytest.fixture(scope="module")
def streams() -> list[StreamState]:
    """Return what the page shows: the help desk, a replay of it, 10,000 labels, nothing."""
    nothing = StreamState("nothing")
    nothing.ready = True
    replayed = as_read(outputs(1_500, Persistence(), run="repeats"))
    support = fed("support", planted())
    support.see(well(support))
    return [support, fed("replay", replayed), thousands(10_000), nothing]


def well(state: StreamState, waiting: int = 0, members: int = 1) -> Vitals:
    """Return the vitals of a stream with a worker that has answered everything but what waits."""
    now, done = time.time(), state.partitions[0].latest + 1
    gone = None if members else now - 240
    group = GroupState(members, {0: done + waiting}, {0: done})
    asked = now + 3_600  # It stays new for all tests of this module.
    return Vitals(asked, group, gone, {0: now if members else now - 240}, None, {0: now - 40})


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
            expect(self.page.locator("#state")).to_have_text(re.compile("healthy|not all seen"))

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
def test_every_view_shows_the_planted_stream(watched: Watched, url: str, view: str) -> None:
    """Drawn, without a complaint."""
    watched.open(url, view)
    expect(watched.page.locator("main h1")).to_have_text(view.capitalize())
    expect(watched.page.locator("main .empty strong")).to_have_count(0)


CUT = """
["nav", "main .scroll", "main .list", "main .list .clip", "main td a.rowlink"]
    .flatMap((each) => [...document.querySelectorAll(each)])
    .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)
    .map((each) => `${each.localName} ${each.className}: ${each.textContent.slice(0, 40)}`)
"""
"""What is wider than its place, where it is shown."""


OPENED = (
    "drift?incident=SERIOUS",
    "labels?label=store-pickup",
    "messages?at=0/5000",
    "messages?which=wrong",
    "messages?which=dead",
)
"""What a view shows once something in it is opened."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1_400, 400])
@pytest.mark.parametrize("place", [*VIEWS, *OPENED])
def test_every_view_is_whole_at_a_desk_and_on_a_phone(
    browser: Browser,
    url: str,
    streams: list[StreamState],
    pictures: Path,
    place: str,
    width: int,
    theme: Literal["light", "dark"],
) -> None:
    """No tab, name or column is cut; experts' votes, one click deeper, may be scrolled."""
    context = browser.new_context(viewport={"width": width, "height": 850}, color_scheme=theme)
    seen = Watched(context.new_page())
    serious = next(each for each in reports(streams[PLANTED]) if each.severity == "serious")
    seen.open(url, place.replace("SERIOUS", str(serious.number)))
    seen.keep(pictures, f"{re.sub('[^a-z]+', '-', place.lower()).strip('-')}-{width}-{theme}")
    assert seen.page.evaluate(CUT) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert seen.complaints == []
    context.close()


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


def test_an_incident_says_what_changed_at_what_cost_and_leads_to_the_messages(
    watched: Watched, url: str
) -> None:
    """The swap of meanings at 60 % is one incident, with the labels that it hit, and messages with texts."""
    watched.open(url, "drift")
    found = watched.page.locator("section[aria-label=Incidents] li.incident")
    serious = found.filter(has_text="serious")
    expect(serious).to_have_count(1)
    expect(serious).to_contain_text("Wrong label sets rose from")
    expect(serious).to_contain_text("Micro-F1 fell from 0.")
    expect(serious).to_contain_text("Most wrong since: ")
    expect(serious).to_contain_text("1 split, of “delivery”")
    expect(found.filter(has_text="“voice-assistant” is new")).to_have_count(1)
    expect(found.filter(has_text="never meet")).to_have_count(0)
    expect(watched.page.locator("#timeline line.mark")).to_have_count(found.count())
    watched.page.get_by_text("Findings about labels").click()
    expect(
        watched.page.locator("details .list").get_by_text("“delivery” and “returns” never")
    ).to_be_visible()
    serious.get_by_role("link").click()
    expect(watched.page.get_by_role("heading", name="Labels that are wrong more often")).to_be_visible()
    opened = watched.page.locator("section[aria-label=Incident]")
    for label in ("delivery", "returns"):
        expect(opened.get_by_role("link", name=label)).to_be_visible()
    near = watched.page.locator("section[aria-label='Messages before and after']")
    expect(near.locator("tbody tr")).to_have_count(25)
    expect(near.locator("tr.here")).to_have_count(1)
    expect(near).to_contain_text(re.compile(r"until it was noticed: \d+ of \d+ \(5\d %\)"))
    assert near.locator(".badge.bad").count() > 5
    expect(near.locator(".text")).to_have_count(25)
    expect(opened).to_contain_text("micro-F1 of cluster")
    expect(opened.get_by_role("heading", name="Messages that are wrong more often")).to_be_visible()


def test_a_prediction_says_why(watched: Watched, url: str) -> None:
    """Scores with clusters, experts, and past messages by their id."""
    watched.open(url, "messages?at=0/5000")
    why = watched.page.locator("section[aria-label='Why these labels']")
    why.get_by_text("What each expert said").click()
    expect(why.get_by_text("stacked", exact=True)).to_be_visible()
    expect(why.get_by_text("cluster").first).to_be_visible()
    expect(why.locator("ul.list a.mono")).to_have_count(3)
    expect(why.locator("blockquote")).not_to_be_empty()
    expect(why.get_by_text("It was labelled")).to_be_visible()
    record = watched.page.locator("section[aria-label='Record']")
    expect(record.get_by_text("Not excluded")).to_be_visible()
    expect(record.get_by_text("Reliable")).to_be_visible()


def test_a_wrong_prediction_is_explained_in_words(watched: Watched, url: str, pictures: Path) -> None:
    """Which label is wrong or missed, what its words say, what it is like, what else was likely."""
    watched.open(url, "messages?which=wrong")
    watched.page.locator("tr", has=watched.page.locator(".chip.miss")).first.locator("a.rowlink").click()
    why = watched.page.locator("section[aria-label='Why these labels']")
    missed = why.locator("ul.evidence li", has_text="missed").first
    expect(missed).to_contain_text("usually")
    expect(why.locator("ul.evidence")).to_contain_text(re.compile(r"for it: .+ % of \d"))
    expect(why.get_by_text("next come").or_(why.get_by_text("No label was likely"))).to_be_visible()
    expect(why.locator("ul.nearest .text")).to_have_count(3)
    watched.keep(pictures, "message-wrong")


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
    expect(watched.page.locator("#spoken")).to_contain_text("repeating the previous labels")
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


def test_dark_is_chosen_by_the_system_or_by_hand(browser: Browser, url: str) -> None:
    """And kept."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    page = context.new_page()
    page.goto(url)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("main [data-view=overview]")).to_be_visible(timeout=30_000)
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
    watched.page.locator("section[aria-label=Changes] a").first.focus()
    state = streams[PLANTED]
    state.see(well(state, waiting=7))
    expect(watched.page.get_by_text("7 events waiting")).to_be_visible()
    state.see(well(state))
    expect(watched.page.get_by_text("Every event is answered")).to_be_visible()
    assert watched.page.evaluate("document.activeElement.tagName") == "A"


def test_the_first_view_says_whether_it_is_healthy_good_and_what_changed(
    watched: Watched, url: str, streams: list[StreamState], pictures: Path
) -> None:
    """In words; minutes after the last worker died, with events waiting, nothing is green about it."""
    watched.open(url, "overview")
    health = watched.page.locator("section[aria-label=Health]")
    expect(health.get_by_role("heading")).to_contain_text("The service is healthy")
    quality = watched.page.locator("section[aria-label=Quality]")
    expect(quality).to_contain_text("repeating the previous labels gets")
    expect(watched.page.locator("section[aria-label=Changes] li.incident").first).to_contain_text("serious")
    state = streams[PLANTED]
    state.see(well(state, waiting=300, members=0))
    try:
        expect(watched.page.locator("#state")).to_have_text("trouble")
        expect(watched.page.get_by_role("alert")).to_contain_text("No worker for at least 4 min, and 300")
        expect(health.get_by_role("heading")).to_contain_text("The service is in trouble")
        watched.keep(pictures, "overview-no-worker")
    finally:
        state.see(well(state))
    expect(watched.page.get_by_role("alert")).to_be_hidden()


def test_a_window_without_a_size_keeps_what_it_shows(watched: Watched, url: str) -> None:
    """A browser that takes a picture of the whole page makes its window a point for a moment."""
    watched.open(url, "drift")
    expect(watched.page.locator("#timeline")).to_be_visible()
    watched.page.set_viewport_size({"width": 1, "height": 900})
    watched.page.wait_for_timeout(1_500)
    assert watched.page.evaluate("document.querySelector('#timeline').viewBox.baseVal.width") > 1_000
    watched.page.set_viewport_size({"width": 400, "height": 900})
    expect(watched.page.locator("#timeline")).to_have_attribute("width", re.compile(r"^3\d\d"))


def test_a_visitors_clock_that_is_wrong_changes_nothing(watched: Watched, url: str) -> None:
    """Times are compared on the server."""
    watched.page.clock.set_fixed_time(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=9))
    watched.open(url, "overview")
    expect(watched.page.locator("#state")).to_have_text("healthy")


def test_messages_are_searched_by_text_and_by_how_sure_they_are(watched: Watched, url: str) -> None:
    """And a privacy setting keeps texts away; see the settings."""
    watched.open(url, "messages?which=unsure")
    rows = watched.page.locator("section[aria-label='Latest predictions'] tbody tr")
    expect(rows.first).to_contain_text("unsure")
    watched.open(url, "messages?q=smart%20speaker")
    expect(rows.first.locator(".text")).to_contain_text("smart speaker")


def test_a_label_has_precision_recall_and_what_it_is_confused_with(
    watched: Watched, url: str, pictures: Path
) -> None:
    """With counts."""
    watched.open(url, "labels?label=returns")
    figures = watched.page.locator("section[aria-label=Figures]")
    expect(figures).to_contain_text("predictions are right")
    expect(figures).to_contain_text("messages are found")
    confused = watched.page.locator("section[aria-label='Confused with']")
    expect(confused.get_by_role("link", name="delivery").first).to_be_visible()
    watched.keep(pictures, "label")


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
    expect(watched.page.locator(".verdict").first).to_be_visible()


def test_a_name_is_text_whatever_is_in_it(browser: Browser) -> None:
    """Labels come from outside."""
    from tests.stream.monitoring.streams import prediction

    name = "<img src=x onerror=alert(1)>"
    state = fed("m", [prediction(n, [name], [name], at=float(n)) for n in range(5)])
    with serving(application([state], Guard("127.0.0.1")), "127.0.0.1", 0, "dashboard") as base:
        seen = Watched(browser.new_page())
        seen.open(base, "messages")
        expect(seen.page.locator("td .chip").first).to_have_text(name)
        assert seen.complaints == []
        seen.page.close()


class UnderSubPath:
    """A proxy that shows an application under /ithaca/: it takes that off, and passes its own name on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            assert scope["path"].startswith("/ithaca/"), scope["path"]
            path = scope["path"].removeprefix("/ithaca")
            headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
            headers.append((b"host", b"Ithaca.example:443"))
            scope = {**scope, "path": path, "raw_path": path.encode(), "headers": headers}
        await self._app(scope, receive, send)


def test_behind_a_proxy_under_a_sub_path(streams: list[StreamState], browser: Browser) -> None:
    """With its host name and a token: nothing outside is asked for, and no request is held open."""
    guard = Guard("127.0.0.1", TOKEN, ["ithaca.example"])
    made = application(streams, guard)
    made.add_middleware(UnderSubPath)
    with serving(made, "127.0.0.1", 0, "dashboard") as base:
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{base}/ithaca/")
        page.get_by_label("Token").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_label("Token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("main [data-view=overview]")).to_be_visible(timeout=30_000)
        expect(page.locator("#state")).to_have_text("healthy")
        page.wait_for_load_state("networkidle")
        assert all(each.startswith(f"{base}/ithaca/") for each in asked)
        page.close()


def test_seven_tabs_go_on_and_a_hidden_one_asks_nothing(url: str, browser: Browser) -> None:
    """Browsers open six connections to a host; none is held."""
    context = browser.new_context()
    tabs = [Watched(context.new_page()) for _ in range(7)]
    for tab in tabs:
        tab.open(url, "overview")
    asked: list[str] = []
    last = tabs[-1].page
    last.on("request", lambda request: asked.append(request.url))
    with last.expect_response(lambda response: "/api/head" in response.url):
        pass
    last.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    last.wait_for_timeout(1_500)
    asked.clear()
    last.wait_for_timeout(2_500)
    assert asked == []
    last.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    last.wait_for_timeout(500)
    assert asked
    context.close()


def test_the_page_does_not_grow(watched: Watched, url: str) -> None:
    """However often it is drawn anew: 240 views, of 10,000 labels among others."""
    watched.open(url, "overview", THOUSANDS)
    client = watched.page.context.new_cdp_session(watched.page)
    client.send("Performance.enable")

    def nodes_and_bytes() -> tuple[float, float]:
        client.send("HeapProfiler.collectGarbage")
        found = {each["name"]: each["value"] for each in client.send("Performance.getMetrics")["metrics"]}
        return found["Nodes"], found["JSHeapUsedSize"]

    def turn(times: int) -> None:
        for _ in range(times):
            for view in VIEWS:
                watched.page.evaluate(f"location.hash = '#/{view}'")
                expect(watched.page.locator(f"main [data-view={view}]")).to_be_visible(timeout=30_000)

    turn(10)
    nodes, size = nodes_and_bytes()
    turn(30)
    later = nodes_and_bytes()
    assert later[0] < 1.2 * nodes + 500
    assert later[1] < 1.2 * size + 500_000


def test_the_page_comes_back_after_its_server(streams: list[StreamState], browser: Browser) -> None:
    """It says that what is shown is old, and needs no reload."""
    page = browser.new_page()
    made = application(streams, Guard("127.0.0.1"))
    with serving(made, "127.0.0.1", 0, "dashboard") as base:
        page.goto(base)
        expect(page.locator("#state")).to_have_text("healthy", timeout=30_000)
    expect(page.locator("#state")).to_have_text("connection lost", timeout=30_000)
    with serving(made, "127.0.0.1", int(urlsplit(base).port or 0), "dashboard"):
        expect(page.locator("#state")).to_have_text("healthy", timeout=30_000)
        page.close()


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
    assert status(f"{url}/api/overview", Host="localhost:9480") == 200
    assert status(f"{url}/api/label?name=nobody") == 404
    assert status(f"{url}/api/around?partition=x&offset=-3") == 400
    assert status(f"{url}/api/around?partition=0&offset=3&count=99999999999999999999999") == 200
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
