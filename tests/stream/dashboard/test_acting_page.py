"""Acting from the page, in a real browser: deciding about incidents, dead letters and proposals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from stream.dashboard.access import Guard
from stream.dashboard.web import application
from stream.monitoring.output_records import OutputRecord
from stream.records import Control
from stream.telemetry.serving import serving
from tests.stream.dashboard.test_acting import TOKEN, AtOnce
from tests.stream.dashboard.test_page import browser, pictures
from tests.stream.monitoring.streams import drift, fed, prediction

__all__ = ["browser", "pictures"]


@pytest.fixture
def actions() -> AtOnce:
    """Return actions on a stream whose errors rose and stayed, with dead letters and a proposal."""
    wrong = [prediction(n, ["a"], ["a" if n < 1_000 else "b"], at=float(n)) for n in range(2_000)]
    proposed = Control("merge", "t/maize", ["t/corn"])
    written = [
        *wrong,
        drift(1_020, "subset-error/adwin", "stream", "error", since=20, before=0.0, after=1.0),
        drift(1_030, "label-fall/rates", "a", since=20, before=1.0, after=0.0),
        drift(
            1_040,
            "identical",
            "t/corn = t/maize",
            "relation",
            action="proposed",
            control=proposed,
        ),
        *(
            OutputRecord(
                "dead-letter", 0, n, float(n), float(n), None, "json", f"letter {n}", at=n, source="s.events"
            )
            for n in (2, 3)
        ),
    ]
    return AtOnce(fed("s", written))


@pytest.fixture
def page(actions: AtOnce, browser: Browser) -> Iterator[Page]:
    """Open the page, the token given."""
    made = application([actions.state], Guard("127.0.0.1", TOKEN), actions)
    with serving(made, "127.0.0.1", 0, "dashboard") as base:
        opened = browser.new_page(base_url=base)
        opened.set_default_timeout(60_000)
        opened.goto("/")
        opened.get_by_label("Token").fill(TOKEN)
        opened.keyboard.press("Enter")
        expect(opened.locator("main [data-view=overview]")).to_be_visible(timeout=60_000)
        yield opened
        opened.close()


def heading(page: Page) -> Locator:
    """Return what the first view says of changes."""
    return page.locator("section[aria-label=Changes] h2")


def test_an_acknowledged_incident_is_no_longer_counted(page: Page, actions: AtOnce, pictures: Path) -> None:
    """By name and reason; it says by whom, and counts again once that is taken back."""
    expect(heading(page)).to_contain_text("1 change goes on")
    page.locator("li.incident a").click()
    page.get_by_text("Acknowledge or mute").click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Acknowledge").click()
    assert actions.state.triage == {}  # A reason is required.
    page.locator("input[name=reason]").fill("the producer is being mended")
    page.locator("select[name=hours]").select_option("a day")
    page.screenshot(path=pictures / "acknowledge.png", full_page=True)
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("output.good")).to_have_text("Acknowledged.")
    expect(page.locator("li.incident").first).to_contain_text("Acknowledged by Ada until")
    expect(page.locator("li.incident").first).to_contain_text("the producer is being mended")
    page.goto("/#/overview")
    expect(heading(page)).to_contain_text("Somebody sees to all that goes on")
    page.goto("/#/drift")
    page.get_by_text("Acknowledged and muted: 1").click()
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("Acknowledged and muted")).to_have_count(0)
    page.goto("/#/overview")
    expect(heading(page)).to_contain_text("1 change goes on")


def test_a_kind_is_muted(page: Page, actions: AtOnce) -> None:
    """The form offers the labels and kinds of the incident; the name is remembered."""
    page.locator("li.incident a").click()
    page.get_by_text("Acknowledge or mute").click()
    page.get_by_label("Your name").fill("Ada")
    page.locator("input[name=reason]").fill("known")
    page.locator("select[name=about]").select_option("changes of the label “a”")
    page.get_by_role("button", name="Mute").click()
    expect(page.locator("output.good")).to_have_text("Muted.")
    assert actions.state.triage.keys() == {"label/a"}
    page.goto("/#/overview")
    expect(heading(page)).to_contain_text("1 change goes on")  # Errors rose as well, which nobody has muted.
    page.reload()
    page.locator("li.incident a").click()
    page.get_by_text("Acknowledge or mute").click()
    expect(page.get_by_label("Your name")).to_have_value("Ada")


def test_a_dead_letter_is_mended_and_sent_again(page: Page, actions: AtOnce, pictures: Path) -> None:
    """Its value is shown as it came; unchanged bytes are sent as they were, and changed ones as text."""
    page.goto("/#/messages?which=dead")
    letters = page.locator("section[aria-label='Dead letters'] a.rowlink")
    expect(letters).to_have_count(2)
    letters.last.click()
    opened = page.locator("section[aria-label='Dead letter']")
    value = opened.get_by_label("Value")
    expect(value).to_have_value('{"id": "1",\n"text": wheat}')
    expect(opened).to_contain_text("tenant")
    value.fill('{"id": "1", "ts": 0, "text": "wheat"}')
    opened.get_by_label("Your name").fill("Ada")
    page.screenshot(path=pictures / "dead-letter.png", full_page=True)
    opened.get_by_role("button", name="Send again").click()
    expect(opened).to_contain_text("sent again by Ada")
    expect(opened.get_by_role("button")).to_have_count(0)
    letters.first.click()
    expect(opened).to_contain_text("cannot be mended here")
    opened.get_by_role("button", name="Send again").click()
    expect(opened).to_contain_text("sent again by Ada")
    assert actions.sent == [(0, 2, b'{"id": "1", "ts": 0, "text": "wheat"}'), (0, 3, None)]


def test_a_proposal_is_accepted(page: Page, actions: AtOnce) -> None:
    """Beside the finding that it comes of."""
    page.goto("/#/drift")
    page.get_by_text("Findings about labels: 1").click()
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("output.good")).to_contain_text("Accepted")
    assert actions.accepted == [Control("merge", "t/maize", ["t/corn"])]


def test_an_answer_stands_though_the_page_is_drawn_anew(page: Page) -> None:
    """With its colour: it is not drawn, and so must not be drawn over."""
    page.goto("/#/drift")
    page.get_by_text("Findings about labels: 1").click()
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("output.good")).to_contain_text("Accepted")
    chart = page.locator("main svg").first
    before = chart.get_attribute("viewBox")
    assert before
    page.set_viewport_size({"width": 900, "height": 700})
    expect(chart).not_to_have_attribute("viewBox", before)
    expect(page.locator("output.good")).to_contain_text("Accepted")


def test_a_page_without_a_token_says_what_it_takes(actions: AtOnce, browser: Browser) -> None:
    """And offers no form."""
    with serving(
        application([actions.state], Guard("127.0.0.1"), actions), "127.0.0.1", 0, "dashboard"
    ) as base:
        opened = browser.new_page()
        opened.goto(base)
        opened.locator("li.incident a").click()
        expect(opened.get_by_text("give the dashboard a token")).to_be_visible(timeout=60_000)
        opened.goto(f"{base}/#/messages?which=dead&at=0/2")
        expect(opened.get_by_text("give the dashboard a token")).to_be_visible(timeout=60_000)
        expect(opened.locator("form")).to_have_count(0)
        opened.close()
