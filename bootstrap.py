"""Makes a virtual environment where Python came without `ensurepip`, as Debian's and Ubuntu's does. Standard library only.

`python3 bootstrap.py FOLDER`: as root Debian's python3-venv is installed; otherwise pip's own wheel is taken from PyPI.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urljoin


def main(folder: str) -> int:
    """Make the environment; returns the exit status."""
    if os.geteuid() == 0 and shutil.which("apt-get") and from_distribution(folder):
        return 0
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True)
    with tempfile.TemporaryDirectory() as temporary:
        wheel = fetch_pip(Path(temporary))
        python = Path(folder) / "bin" / "python"
        return subprocess.run(
            [python, f"{wheel}/pip", "install", "--quiet", "--no-index", wheel], check=False
        ).returncode


def from_distribution(folder: str) -> bool:
    """Whether Debian's package made it work."""
    quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
    print("Installing the distribution's python3-venv", flush=True)
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
    subprocess.run(["apt-get", "install", "-y", "-qq", "python3-venv"], check=False, **quiet)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=False, capture_output=True)
    return made.returncode == 0


def fetch_pip(folder: Path) -> Path:
    """The newest final release of pip as a wheel, from the index that PIP_INDEX_URL names, else PyPI."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    asked = urllib.request.Request(index, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(asked) as answer:
        files = json.load(answer)["files"]
    wheels = [f for f in files if f["filename"].endswith("-py3-none-any.whl") and not f.get("yanked")]
    finals = [f for f in wheels if f["filename"].split("-")[1].replace(".", "").isdigit()]
    newest = max(finals, key=lambda f: [int(part) for part in f["filename"].split("-")[1].split(".")])
    path = folder / newest["filename"]
    with urllib.request.urlopen(urljoin(index, newest["url"])) as answer:
        path.write_bytes(answer.read())
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
