"""Finds a Chromium for the browser tests, or gets one: Debian's package as root, else Playwright's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PACKAGES = Path(__file__).resolve().parents[2] / "packages.txt"


def path() -> str | None:
    """The system's Chromium; None when there is none, and Playwright then uses its own."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def get() -> int:
    """Make sure there is a browser; returns the exit status."""
    if path():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        fonts = PACKAGES.read_text().split()
        print("Installing Chromium from the distribution's packages", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # a broken extra source must not stop us
        done = subprocess.run(["apt-get", "install", "-y", "-qq", "chromium", *fonts], check=False, **quiet)
        if done.returncode == 0 and path():
            return 0
    print("Installing Playwright's own Chromium", flush=True)
    return subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode


if __name__ == "__main__":
    sys.exit(get())
