"""`make mail-screenshots`: a picture of every mail template, `docs/images/mail/<name>.png`, in headless Chromium.

Each shows the first example of local/mail_examples.py as a phone shows it. Nothing is fetched: a mail has no picture.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from local.mail_examples import EXAMPLES, letter_of
from shared.notifications.letters import part_of

FOLDER = Path(__file__).parents[1] / "docs" / "images" / "mail"
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WIDTH, HEIGHT = 480, 300


def main() -> int:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        print("There is no Chromium on this machine. Install it with: apt-get install chromium", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *as_root])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        for name, states in EXAMPLES.items():
            page.set_content(part_of(letter_of(name, next(iter(states))), "html"))
            page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
            print(f"docs/images/mail/{name}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
