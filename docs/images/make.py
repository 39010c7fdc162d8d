"""Take the picture of a report: `python docs/images/make.py REPORT.html report.png [WIDTHxHEIGHT]`; needs Chromium."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def main(page: str, picture: str, size: str = "1200x1500") -> int:
    """Draw the top of a page at a window's size."""
    browser = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if browser is None:
        print("no Chromium found: apt-get install chromium fonts-nanum", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}",
                f"--window-size={size.replace('x', ',')}", "--virtual-time-budget=8000",
                f"--screenshot={Path(picture).resolve()}", Path(page).resolve().as_uri(),
            ],
            check=True, timeout=120, capture_output=True,
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
