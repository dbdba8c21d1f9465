"""A page in the system's own Chromium, without a screen and without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """Where Chromium is. Where there is none the test is skipped, but fails in CI, which has to run it."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"the explorer's test needs a browser, one of {', '.join(NAMES)}; `make browser` installs Chromium"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


_launched: list[Any] = []


@contextmanager
def launched() -> Iterator[None]:
    """One browser for all pages that are opened meanwhile: to start one takes longer than most pages."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--disable-gpu"])
        _launched.append(browser)
        try:
            yield
        finally:
            _launched.remove(browser)
            browser.close()


@contextmanager
def opened(path: Path, ready: str = "html[data-ready]", **context: Any) -> Iterator[Any]:
    """The page of `path`, loaded until it has `ready`, in the browser that is launched; `context` as Playwright's
    new_context takes it.

    Fails if the page asks for anything outside itself, or reports an error.
    """
    complaints: list[str] = []
    own = _launched[-1].new_context(offline=True, **context)
    try:
        page = own.new_page()
        page.set_default_timeout(120_000)  # of a machine that is busy with other tests
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: _only_itself(request.url, path, complaints))
        page.goto(path.resolve().as_uri())
        page.wait_for_selector(ready)
        yield page
    finally:
        own.close()
    assert not complaints


def _only_itself(url: str, path: Path, complaints: list[str]) -> None:
    if url != path.resolve().as_uri() and not url.startswith(("data:", "blob:")):
        complaints.append(f"asked for {url}")
