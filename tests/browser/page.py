"""A browser page that complains: page errors, requests that leave the machine, contrast, sideways scroll."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import chromium

expect.set_options(timeout=30_000)  # a safety limit, not a claim: other work may share the machine
SIZES = {"wide": (1280, 900), "phone": (390, 844)}
OUT = Path(__file__).resolve().parents[2] / "out" / "shots"

# Text below 4.5:1 on the nearest opaque background; disabled controls are exempt.
CONTRAST = """() => {
  const parse = c => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number), alpha = c => c.length < 4 ? 1 : c[3];
  const lum = c => c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
  const out = new Set(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const el = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim(), box = el.getBoundingClientRect();
    if (!text || !box.width || /^(STYLE|SCRIPT)$/.test(el.tagName) || el.closest('[disabled], .katex-mathml, .sr-only, .cm-line, .toast-wrap') || !el.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    const style = getComputedStyle(el), ink = parse(el.closest('svg') ? style.fill : style.color);
    let back = [255, 255, 255];
    for (let up = el; up; up = up.parentElement) { const c = parse(getComputedStyle(up).backgroundColor); if (alpha(c) > .9) { back = c; break; } }
    const [hi, lo] = [lum(ink), lum(back)].sort((a, b) => b - a), ratio = (hi + .05) / (lo + .05);
    if (ratio < 4.5) out.add(ratio.toFixed(2) + ' ' + text.slice(0, 40));
  }
  return [...out];
}"""
# Until nothing changes its look any more, or a busy machine's picture shows half of a change; a bar that runs never ends.
SETTLED = """() => Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().endTime < Infinity).map(a => a.finished.catch(() => 0)))
  .then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))"""
SPILL = "document.documentElement.scrollWidth - innerWidth"


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium, or Playwright's own."""
    with sync_playwright() as play:
        made = play.chromium.launch(executable_path=chromium.path(), args=chromium.FLAGS)
        yield made
        made.close()


class Watched:
    """A page at one size and in one mode, with what went wrong on it."""

    def __init__(self, browser: Browser, url: str, size: str = "wide", mode: str = "light") -> None:
        width, height = SIZES[size]
        self.page: Page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=mode)  # type: ignore[arg-type]
        self.url, self.size, self.mode = url, size, mode
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        self.page.on("request", lambda r: self._left(r.url))
        self.page.set_default_timeout(30_000)

    def _left(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"left the machine: {url}")

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.url}{path}?__theme={self.mode}")
        return self.page

    def shot(self, name: str) -> None:
        """A picture of the whole page into out/shots, and a look for low contrast and sideways scroll."""
        OUT.mkdir(parents=True, exist_ok=True)
        width, height = SIZES[self.size]
        tall = min(int(self.page.evaluate("document.documentElement.scrollHeight")), 4000)
        self.page.mouse.move(0, 500)
        self.page.set_viewport_size(
            {"width": width, "height": max(tall, height)}
        )  # full_page leaves fixed parts behind
        self.page.wait_for_timeout(400)
        self.page.evaluate(SETTLED)
        self.page.screenshot(path=OUT / f"{name}-{self.size}-{self.mode}.png")
        self.page.set_viewport_size({"width": width, "height": height})
        self.faults += [f"{name}: contrast {line}" for line in self.page.evaluate(CONTRAST)]
        spill = self.page.evaluate(SPILL)
        if spill > 0:
            self.faults.append(f"{name}: {spill} px too wide")
