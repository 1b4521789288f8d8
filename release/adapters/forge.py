"""Opens the forge that an address names: GitHub, GitLab or Gitea. One more is one file and one entry of `FORGES`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.adapters.forge_gitea import gitea_forge
from release.adapters.forge_github import GitHubForge
from release.adapters.forge_gitlab import GitLabForge
from release.adapters.forge_wire import Wire
from release.artifact.forge import clean_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from release.artifact.forge import Address
    from release.patience import Patience
    from release.ports import Forge

FORGES: Mapping[str, tuple[str, Callable[[Wire, str], Forge]]] = {
    "github": ("Bearer ", GitHubForge),
    "gitlab": ("Bearer ", GitLabForge),
    "gitea": ("token ", gitea_forge),
}
"""By kind: what stands before the token in the Authorization header, and the adapter."""


def open_forge(
    address: Address,
    token: str | None,
    *,
    patience: Patience | None = None,
    proxies: Mapping[str, str] | None = None,
    ca_bundle: str | None = None,
) -> Forge:
    """Open a forge; nothing is sent yet. Raises BadInputError for a token that is missing or none."""
    scheme, adapter = FORGES[address.kind]
    headers = {"Authorization": scheme + clean_token(token)}
    return adapter(Wire(address.api, headers, patience=patience, proxies=proxies, ca_bundle=ca_bundle), address.repository)
