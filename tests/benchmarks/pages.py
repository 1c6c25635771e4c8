"""Reports in headless Chromium: size, time to make and load, time of a click; a Markdown table.

    python tests/benchmarks/pages.py            # half a minute; needs Chromium and Playwright

A click opens or closes a module with all others open, the dearest case: from the event to the
new drawing with its layout done, in the page's own clock.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

import archlab

SMALL = ("resnet18", "resnet152", "googlenet")  # with layout=cifar
MODELS = (*SMALL, "torchvision:vit_b_16", "torchvision:densenet121", "torchvision:swin_t")
FLAGS = ["--no-sandbox", "--disable-gpu"]
CLICKS = """() => {
  const times = [], find = at => document.querySelector(`[data-at="${CSS.escape(at)}"]`);
  const places = [...document.querySelectorAll(".stage .openable")].map(e => e.dataset.at);
  for (const at of places.slice(0, 12)) for (let i = 0; i < 2; i++) {
    const box = find(at);
    if (!box) continue;
    const start = performance.now();
    (box.querySelector(":scope > .head") || box).dispatchEvent(new MouseEvent("click", {bubbles: true}));
    document.querySelector(".stage").getBoundingClientRect();
    times.push(performance.now() - start);
  }
  return times;
}"""  # noqa: E501


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    archlab.report("resnet8")  # imports
    print("| model | kB | drawings | made, s | loaded, s | a click, ms: median, longest (n) |")
    print("|---|---:|---:|---:|---:|---:|")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for model in MODELS:
            start = time.perf_counter()
            options = {"layout": "cifar"} if model in SMALL else {}
            report = archlab.report(archlab.load(model, **options))
            made = time.perf_counter() - start
            path = report.save(Path(folder) / "page.html")
            page = browser.new_page()
            start = time.perf_counter()
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            loaded = time.perf_counter() - start
            page.get_by_role("button", name="Open all").click()
            times = page.evaluate(CLICKS)
            page.close()
            print(
                f"| {model} | {path.stat().st_size / 1000:.0f} | {report.html.count('<template')} "
                f"| {made:.1f} | {loaded:.1f} "
                f"| {statistics.median(times):.0f}, {max(times):.0f} ({len(times)}) |"
            )
        browser.close()


if __name__ == "__main__":
    main()
