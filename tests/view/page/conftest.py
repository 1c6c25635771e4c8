"""Pages in a real browser: headless Chromium, driven by Playwright; every page is made once."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import archlab

NETS = Path(__file__).parents[2] / "resolve" / "nets.py"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run"]  # fmt: skip


@pytest.fixture(scope="session")
def browser():
    found = os.environ.get("ARCHLAB_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium: .ci/run installs it")
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Seen:
    """An open page and all that it complained about or asked for."""

    page: object
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """`made("googlenet")` writes a report once and gives its path; options by name."""
    folder, files = tmp_path_factory.mktemp("reports"), {}

    def make(*models, gradients=False, **arguments) -> Path:
        key = (models, gradients, tuple(sorted(arguments.items())))
        if key not in files:
            target = folder / f"{len(files)}.html"
            loaded = [archlab.load(model, **arguments) for model in models]
            files[key] = archlab.report(*loaded, gradients=gradients).save(target)
        return files[key]

    return make


@pytest.fixture
def opened(browser):
    """`opened(path, width=1440)` opens a file and gives what was `Seen`; closed after the test."""
    contexts = []

    def open_page(path: Path, *, width=1440, height=900, **options) -> Seen:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(300_000)  # only so that a fault ends the test
        contexts.append(context)
        seen = Seen(context.new_page())
        page = seen.page
        page.on("console", lambda message: seen.complaints.append(message.text))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (seen.complaints.append("dialog"), dialog.dismiss()))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]", state="attached")
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def nets() -> Path:
    return NETS
