"""The token reaches the forge it is for, and nothing else: no message, no log, no other host."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest
from adapters.forge_server import TOKEN, Fault, ForgeServer, GitHub, GitLab

from release.adapters.forge import open_forge
from release.artifact.forge import Address, Check
from release.errors import BadInputError, ReleaseError
from release.patience import Patience
from release.records import Commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.ports import Forge

HEAD = Commit("a" * 40)
QUIET = Patience(sleep=lambda _: None)


@pytest.fixture(params=["github", "gitlab"])
def server(request: pytest.FixtureRequest) -> Iterator[ForgeServer]:
    with GitHub() if request.param == "github" else GitLab() as running:
        yield running


def opened(server: ForgeServer, token: str = TOKEN) -> Forge:
    kind, path = ("gitlab", "/api/v4") if isinstance(server, GitLab) else ("github", "")
    return open_forge(Address(kind=kind, api=server.address + path, repository="acme/ml"), token, patience=QUIET)


@pytest.mark.parametrize("status", [0, 302, 400, 401, 403, 404, 409, 422, 429, 500])
def test_no_failure_shows_the_token(
    server: ForgeServer, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the error, its whole chain, any library's log nor the streams have it, even if the server repeats it."""
    caplog.set_level(logging.DEBUG)
    echo = f'{{"message": "you sent {TOKEN}"}}'.encode()
    for method in ("GET", "POST"):
        server.faults.append(Fault(method, "", status, {"X-Accepted-GitHub-Permissions": TOKEN}, echo, times=99))
    forge = opened(server)
    calls = (
        lambda: forge.pull(7),
        lambda: forge.run(9),
        lambda: forge.comment(7, "<!-- m -->", "<!-- m -->"),
        lambda: forge.status(HEAD, Check.SUCCESS, "fine"),
        lambda: forge.propose("a", "main", "t", "b"),
    )
    for call in calls:
        with pytest.raises(ReleaseError) as caught:
            call()
        assert TOKEN not in "".join(traceback.format_exception(caught.value, chain=True))
        assert TOKEN not in repr(caught.value)
    assert TOKEN not in repr(vars(forge))
    assert TOKEN not in caplog.text
    assert TOKEN not in "".join(capfd.readouterr())


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ünicode", "\x00"])
def test_a_token_that_is_none_is_refused_before_a_library_quotes_it(server: ForgeServer, token: str) -> None:
    """`requests` repeats a header's value when it complains of it; it never gets to."""
    with pytest.raises(BadInputError) as caught:
        opened(server, token)
    assert token not in repr(caught.value)
    assert server.seen == []


def test_white_space_around_a_token_is_nobodys_fault(server: ForgeServer) -> None:
    """Secrets that were read from a file end in a line break."""
    assert opened(server, f"  {TOKEN}\n").pull(7).number == 7


def test_a_log_that_is_elsewhere_is_fetched_without_the_token(server: ForgeServer) -> None:
    """GitHub answers with the address of a storage, which must not learn who we are."""
    with ForgeServer() as storage:
        storage.faults.append(Fault("GET", "/log", 200, body=b"the log\n"))
        elsewhere = storage.address.replace("127.0.0.1", "localhost") + "/log"
        server.faults.append(Fault("GET", "(logs|trace)$", 302, {"Location": elsewhere}))
        assert opened(server).run(9).log == b"the log\n"
        assert storage.seen == [("GET", "/log")]
        assert "authorization" not in {name.lower() for headers in storage.headers for name in headers}
