"""Where models are put: names that a cluster, Helm and a registry can have, and environments that there are.

The rest of the rules that span fields is in `release.config.rules`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from release.config.nearest import one_of
from release.config.source import shown
from release.errors import BadInputError, SecurityRefusalError

if TYPE_CHECKING:
    from release.config.model import ModelSpec
    from release.config.project import EnvironmentSpec, ProjectSpec
    from release.config.rules import Refuse
    from release.config.source import Document, Path

_ENVIRONMENT = 12
"""With a model's 40 characters and a hyphen that makes 53, the longest name of a Helm release: suffixes must fit into 63."""
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def check_serving(spec: ModelSpec, project: ProjectSpec, document: Document) -> None:
    """Hold what a model says of its serving to the environments there are. Raises BadInputError for another name."""
    known = [environment.name for environment in project.environments]
    for name in spec.serving.environments:
        if name not in known:
            at: Path = ("serving", "environments", name)
            what, fix = f'release.yaml has no environment "{shown(name)}"', one_of(known, name)
            raise BadInputError(what, where=document.at(at, key=True), fix=fix)


def check_place(environment: EnvironmentSpec, at: Path, refuse: Refuse) -> None:
    """Refuse names that no cluster can have."""
    if len(environment.name) > _ENVIRONMENT:
        what = f'"{environment.name}" is longer than {_ENVIRONMENT} characters, which the names of objects have left for it'
        refuse((*at, "name"), what, "choose a shorter name")
    if not _NAMESPACE.fullmatch(environment.namespace):
        fix = "use lower-case letters, digits and inner hyphens, at most 63 in all"
        refuse((*at, "namespace"), f'"{shown(environment.namespace)}" is no namespace', fix)
    context = environment.context
    if context is not None and (not context.strip() or not context.isprintable()):
        refuse((*at, "context"), f'"{shown(context)}" is no context', "choose from `kubectl config get-contexts`")


def check_registry(spec: ProjectSpec, document: Document) -> None:
    """Refuse what is neither a folder nor an address; the address itself is read by who opens it."""
    text, at = spec.registry, document.at(("registry",))
    folder = text.removeprefix("oci:") if text.startswith("oci:") else None
    if folder is not None and ".." in folder.split("/"):
        what = f'the folder of the registry leaves the repository: "{shown(text)}"'
        raise SecurityRefusalError(what, where=at, fix="name a folder in it, such as oci:.release/registry")
    if folder == "" or text != text.strip() or not text or not text.isprintable():
        fix = "write oci:FOLDER, or a registry's host[:port]/prefix"
        raise BadInputError(f'"{shown(text)}" is no registry', where=at, fix=fix)
