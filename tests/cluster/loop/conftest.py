"""One world for all of the loop's tests: they follow each other in it, each from a baseline that serves."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("loop.checks", "loop.source", "loop.world")

from loop.world import World, addresses  # noqa: E402 (whose assertions are rewritten from here on)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


ALSO = tuple(f"RELEASE_TEST_{name}" for name in ("FORGE", "FORGE_LOGIN", "RESTART_ROLLOUTS", "RESTART_API"))


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what prints a line at once, whatever pytest captures."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def tell(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n  {line}", end="", flush=True)  # noqa: T201 (the timeline is for whoever runs these tests)

    return tell


@pytest.fixture(scope="session")
def world(
    parts: Callable[[tuple[str, ...]], None], tmp_path_factory: pytest.TempPathFactory, say: Callable[[str], None]
) -> Iterator[World]:
    """Return the loop, closed: a first release serves in both environments, put there by a push to the main branch."""
    parts(ALSO)
    with World(addresses(), tmp_path_factory.mktemp("loop"), say) as made, ExitStack() as stack:
        made.start(stack)
        yield made
