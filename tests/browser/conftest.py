"""A real Chromium, with what looks at pages in it: axe-core and two versions of Mermaid, as npm has them.

RELEASE_TEST_CHROMIUM and RELEASE_TEST_CHROMEDRIVER name the programs (found on PATH unless set), RELEASE_TEST_BROWSER_PARTS
the folder that `tests/browser/parts` fills. Without them the tests fail, and say so: they never pass by being skipped.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

Scheme = Literal["light", "dark"]
PARTS = ("axe-core/axe.min.js", "mermaid-10/dist/mermaid.min.js", "mermaid-12/dist/mermaid.min.js")


@dataclass(frozen=True)
class Browser:
    """A browser without a window, asked as a developer asks it."""

    driver: Any

    def show(self, page: Path, *, width: int, scheme: Scheme) -> None:
        """Open a file at a width, in light or dark, without animation."""
        device = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        wanted = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})
        self.driver.get(page.as_uri())

    def ask(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page, which its policy does not bind, and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, *arguments: Any) -> Any:
        """Run a script that answers later, by its last argument."""
        return self.driver.execute_async_script(script, *arguments)

    def said(self) -> list[str]:
        """Return what the browser complained of since it was last asked."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]


def _program(variable: str, name: str) -> str:
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        pytest.fail(f"there is no {name}: install it (Debian: chromium, chromium-driver), or set {variable}")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return one browser for all tests."""
    options = webdriver.ChromeOptions()
    options.binary_location = _program("RELEASE_TEST_CHROMIUM", "chromium")
    # Where tests run as root in a container, Chromium's own sandbox cannot start.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(_program("RELEASE_TEST_CHROMEDRIVER", "chromedriver")))
    driver.set_script_timeout(60)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def parts() -> Path:
    """Return the folder with axe-core and Mermaid."""
    folder = Path(os.environ.get("RELEASE_TEST_BROWSER_PARTS", Path.home() / ".cache/release-tools/browser"))
    missing = [name for name in PARTS if not (folder / name).is_file()]
    if missing:
        pytest.fail(f"{folder} lacks {', '.join(missing)}: run tests/browser/parts, or set RELEASE_TEST_BROWSER_PARTS")
    return folder
