"""Takes pictures of the harness's scenes: `python harness/shoot.py FOLDER [scene …]` from frontend/."""

from __future__ import annotations

import functools
import http.server
import sys
import threading
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SHOTS = """
digits light 1450, digits dark 1450, digits light 480, answers light 1100, again light 1450, photos light 1450,
photosAgain dark 1450, autoencoder light 1200, segmentation light 1450, tokens light 1450, tokens dark 700,
table light 1450, wide dark 1200, series light 1450, audio light 1200, broken light 1450, channels dark 1450,
waiting light 1000, empty light 900, one light 1450, many light 1600
"""
FORWARD = """
cnn light 1450, cnn dark 1450, cnn light 800, cnn light 480, gpt light 1450, gpt dark 1200, input light 1450,
gradients dark 1450, matrix light 1450, matrix dark 1450, failed light 1450, failed dark 1100, many light 1450,
hostile light 1450, changed light 1450, pages light 1450, compared dark 1450, running light 1450, fresh light 1450,
number light 1200, vector dark 1450, none light 1000
"""
SANITY = """
empty light 1450, sick light 1450, sick dark 1450, sick light 480, sick dark 800, running light 1450,
running dark 1450, healthy light 1450, healthy dark 1200, warned light 1450, leak light 1450, leak dark 1450,
vanish light 1200, imbalance dark 1200, error light 1450, refused light 900, waiting light 1450, cut dark 1200,
first light 1450, hostile light 1200, training light 1200, training dark 700, stuck light 1450, stuck dark 700,
plain light 1450, plain dark 1200, plain light 700, unplain light 1200, plainEmpty light 1200,
swapped light 1200 model-or-data,
swapped dark 1200 model-or-data, swapped light 700 model-or-data, swapping light 1200 model-or-data,
plain light 1200 overfit-one-batch, plain dark 1200 learning-rate
"""
DYNAMICS = """
digits light 1450, digits dark 1200 5, digits light 700 5, digits light 1200 Confusion, digits dark 1200 Paths,
three light 1200 Paths, two light 1200, paused dark 1200, far light 1200, far dark 1200, far dark 700,
spikes light 1200 Spikes, binary light 1200 2,
multilabel dark 1200 3, regression light 1200 3, regression dark 700 Residuals, segmentation light 1200 2,
language light 1200 0, other light 1200, off light 1200, ended dark 1200, empty light 1200, fresh light 700,
hostile light 1200
"""
DASHBOARD = """
first light 1500, first dark 1000, midway light 1500, midway dark 1500, midway light 1000, midway dark 700,
picked light 1500, picked dark 1000, picked light 700, opening light 1200, failed dark 1200, bare light 1200,
stale light 1200, closed dark 1200, finished light 1200, hostile light 1200
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the repository without a word."""

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def shoot(page: Page, address: str, name: str, target: Path) -> None:
    """Writes one picture and says what the page complained about or let run over its edge."""
    page.on("pageerror", lambda error: sys.stdout.write(f"{name}: {error}\n"))
    page.on("console", lambda said: sys.stdout.write(f"{name}: {said.text}\n") if said.type == "error" else None)
    page.goto(address)
    page.wait_for_selector(".nbinspect")
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if over > 0:
        sys.stdout.write(f"{name}: runs over its edge by {over} px\n")
    page.screenshot(path=str(target), full_page=True)


def main(folder: Path, scenes: list[str]) -> None:
    """Takes the pictures of scenes (``many``, ``forward:many``, or ``forward`` for a whole view); of all by default."""
    folder.mkdir(parents=True, exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=ROOT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/frontend/harness"
    views = {"index": SHOTS, "forward": FORWARD, "sanity": SANITY, "dynamics": DYNAMICS, "dashboard": DASHBOARD}
    shots = [(view, shot) for view, listed in views.items() for shot in listed.split(",")]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for view, shot in shots:
            scene, theme, width, *row = shot.split()
            if scenes and not {scene, view, f"{view}:{scene}"} & set(scenes):
                continue
            page = browser.new_page(viewport={"width": int(width), "height": 700})
            check = f"&check={row[0]}" if row else ""
            name = f"{'' if view == 'index' else f'{view}-'}{scene}-{theme}-{width}"
            shoot(page, f"{root}/{view}.html?scene={scene}&theme={theme}{check}", name, folder / f"{name}.png")
            page.close()
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
