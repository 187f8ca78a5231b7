"""The page behind nginx with its default settings and the lines that the README gives."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette

from stream.dashboard.access import TRIES, Guard
from stream.dashboard.web import application
from stream.monitoring import StreamState
from stream.telemetry.serving import serving
from tests.stream.dashboard.test_page import browser
from tests.stream.live import until
from tests.structure import ROOT

__all__ = ["browser"]

TOKEN = "a token long enough"
SETTINGS = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    {temporary}
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def nginx(folder: Path, page: int) -> Iterator[str]:
    """Run nginx before a page's port inside the block, and yield the page's address behind it."""
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if binary is None:
        pytest.skip("NO NGINX: the page is not looked at behind it; apt-get install nginx-light")
    (location,) = re.findall(
        r"```text\n(location .*?)```", (ROOT / "stream" / "README.md").read_text(), re.DOTALL
    )
    assert "127.0.0.1:9480" in location
    port = free_port()
    settings = SETTINGS.format(
        user="user root;" if os.geteuid() == 0 else "",
        folder=folder,
        temporary="\n".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY),
        port=port,
        location=location.replace("9480", str(page)),
    )
    (folder / "nginx.conf").write_text(settings)
    process = subprocess.Popen([binary, "-p", str(folder), "-c", "nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is None and _listens(port))
        yield f"http://127.0.0.1:{port}/ithaca"
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.fixture
def state() -> StreamState:
    """Return an empty stream."""
    made = StreamState("s")
    made.ready = True
    return made


@pytest.fixture
def made(state: StreamState) -> Starlette:
    """Return the page, which believes nginx."""
    return application([state], Guard("127.0.0.1", TOKEN), proxies=["127.0.0.1"])


def opened(browser: Browser, base: str) -> Page:
    """Open the page and give the token."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{base}/")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_text("No predictions yet")).to_be_visible(timeout=60_000)
    return page


def test_under_a_sub_path_and_over_a_restart(made: Starlette, browser: Browser, tmp_path: Path) -> None:
    """With a login; while the dashboard is away nginx answers 502, and the page goes on by itself."""
    port = free_port()
    with nginx(tmp_path, port) as base:
        with serving(made, "127.0.0.1", port, "dashboard"):
            page = opened(browser, base)
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            expect(page.locator("#state")).not_to_have_text("connecting")
            with page.expect_response("**/api/head*"):
                pass
            assert all(each.startswith(f"{base}/") for each in asked)
        expect(page.locator("#state")).to_have_text("connection lost", timeout=60_000)
        with serving(made, "127.0.0.1", port, "dashboard"):
            expect(page.locator("#state")).not_to_have_text("connection lost", timeout=60_000)
            page.close()


@pytest.mark.slow
def test_an_answer_that_does_not_come(
    made: Starlette, state: StreamState, browser: Browser, tmp_path: Path
) -> None:
    """The page says so before nginx gives up, and goes on once there are answers again."""
    with ExitStack() as stack:
        dashboard = stack.enter_context(serving(made, "127.0.0.1", 0, "dashboard"))
        page = opened(browser, stack.enter_context(nginx(tmp_path, urlsplit(dashboard).port or 0)))
        with state.lock:
            expect(page.locator("#state")).to_have_text("connection lost", timeout=90_000)
            expect(page.get_by_role("alert")).to_contain_text("does not answer")
        expect(page.locator("#state")).not_to_have_text("connection lost", timeout=90_000)
        page.close()


def test_two_visitors_have_tries_of_their_own(made: Starlette, tmp_path: Path) -> None:
    """One is refused after ten wrong tokens, whatever it says of itself; the other is not."""

    def enter(base: str, token: str, source: str, claimed: str = "") -> int:
        body = urllib.parse.urlencode({"token": token}).encode()
        # Loopback has many addresses: nginx sees each as another visitor.
        with socket.create_connection(
            ("127.0.0.1", urlsplit(base).port or 0), timeout=10, source_address=(source, 0)
        ) as client:
            head = f"POST /ithaca/login HTTP/1.0\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            client.sendall(f"{head}X-Forwarded-For: {claimed}\r\n\r\n".encode() + body)
            return int(client.makefile("rb").readline().split()[1])

    with ExitStack() as stack:
        dashboard = stack.enter_context(serving(made, "127.0.0.1", 0, "dashboard"))
        base = stack.enter_context(nginx(tmp_path, urlsplit(dashboard).port or 0))
        for number in range(TRIES):
            assert enter(base, "wrong", "127.0.0.2", f"10.0.0.{number}") == 303
        assert enter(base, TOKEN, "127.0.0.2") == 429
        assert enter(base, TOKEN, "127.0.0.3") == 303
