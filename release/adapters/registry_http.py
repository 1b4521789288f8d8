"""A registry that is a server: images by digest over the OCI distribution protocol, tried again where that may help.

The protocol's rules are in `release.artifact.distribution` and `credentials` beside it, requests are sent by
`release.adapters.registry_wire`. Reads no environment and no clock: credentials, proxies and certificates are given.
"""

from __future__ import annotations

import contextlib
import tempfile
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TypeVar

from release.adapters.registry_wire import Wire
from release.artifact import distribution, oci
from release.artifact.credentials import read_entry
from release.artifact.distribution import MANIFEST_LIMIT, Answer, Call
from release.artifact.reference import check_digest, check_tag
from release.artifact.serial import digest_of, digest_of_file
from release.errors import EnvironmentTroubleError, ReleaseError, SecurityRefusalError
from release.patience import Patience, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from release.artifact.oci import Descriptor, Image
    from release.ports import Lender
    from release.records import Digest

T = TypeVar("T")

_OK, _CREATED, _ACCEPTED, _NOT_FOUND = 200, 201, 202, 404

_BLOB_LIMIT = 4 << 30
_LAYER_LIMIT = 64 << 30

_ATTEMPTS = 5
_LONGEST_WAIT = 30.0

_ACCEPT = {"Accept": f"{oci.MANIFEST}, {oci.DOCKER_MANIFEST}"}


class HttpRegistry:
    """Images in a registry server, below a prefix.

    Every call has a timeout; 429, 408, 5xx and broken connections are tried again with growing, jittered waits.
    """

    def __init__(
        self,
        address: str,
        *,
        auth: Mapping[str, object] | None = None,
        patience: Patience | None = None,
        proxies: Mapping[str, str] | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        """Talk to `address`, `[scheme://]host[:port][/prefix]`, HTTPS unless it says http:// or is this machine.

        `auth` is the registry's entry in Docker's config.json, as `credentials.docker_entry` finds it. Raises BadInputError
        for an address that is none, SecurityRefusalError for credentials that would travel unencrypted.
        """
        self._address = distribution.parse_address(address)
        credentials = read_entry(auth)
        if credentials and not distribution.is_private(self._address.root):
            raise SecurityRefusalError(
                "credentials would travel unencrypted", where=self.name, fix="use https://, or no credentials"
            )
        self._patience = patience or Patience()
        self._wire = Wire(self._address, credentials, timeout=self._patience.timeout, proxies=proxies, ca_bundle=ca_bundle)

    @property
    def name(self) -> str:
        """The address that `image.repository` starts with."""
        return self._address.name

    def has(self, repository: str, digest: Digest) -> bool:
        """Say whether a manifest is there.

        Raises SecurityRefusalError when the registry answers for another digest, EnvironmentTroubleError when it cannot be
        reached, refuses, or goes on failing.
        """
        full = self._address.repository(repository)
        return self._again(partial(self._there, full, f"manifests/{check_digest(digest)}", digest, "pull"))

    def push(self, repository: str, image: Image, tag: str, *, lender: Lender | None = None) -> None:
        """Store an image and tag it, sending only what is not there yet; afterwards the registry must know it by its digest.

        A layer that the image only names is taken over from `lender`: by the registry itself where that is one of its own
        repositories and it agrees, else through this machine. Raises as `has`, and EnvironmentTroubleError when such a layer
        is in neither repository.
        """
        full = self._address.repository(repository)
        check_tag(tag)
        for one in oci.contents(image):
            content = image.blobs.get(one.digest)
            if content is None and lender is not None:
                self._borrow(full, one, lender)
            else:
                self._again(partial(self._put_blob, full, one, content))
        self._again(partial(self._put_manifest, full, image, tag))
        self._again(partial(self._confirm, full, image.digest))

    def manifest(self, repository: str, digest: Digest) -> bytes | None:
        """Return a manifest's bytes, digest checked; None when it is not there. Raises as `has`."""
        full = self._address.repository(repository)
        return self._again(partial(self._get, full, "manifests", check_digest(digest), MANIFEST_LIMIT))

    def blob(self, repository: str, digest: Digest) -> bytes | None:
        """Return a blob's bytes, digest checked; None when it is not there. Raises as `has`."""
        full = self._address.repository(repository)
        return self._again(partial(self._get, full, "blobs", check_digest(digest), _BLOB_LIMIT))

    def fetch(self, repository: str, digest: Digest, into: BinaryIO) -> bool:
        """Write a blob, digest checked, into a file in pieces; False when it is not there. Raises as `has`."""
        full = self._address.repository(repository)
        return self._again(partial(self._download, full, check_digest(digest), into))

    def _borrow(self, full: str, one: Descriptor, lender: Lender) -> None:
        host, _, source = lender.name.partition("/")
        if self._again(partial(self._mounted, full, one, source if host == self._address.host else None)):
            return
        with tempfile.TemporaryFile() as file:
            if not lender.registry.fetch(lender.repository, one.digest, file):
                raise EnvironmentTroubleError(
                    f"layer {one.digest} of the base image is not there",
                    where=lender.name,
                    fix="push the base image again (`release runtime` builds it), then run the command again",
                )
            self._again(partial(self._put_blob, full, one, file))

    # What follows is one attempt each; `_again` repeats it.

    def _mounted(self, full: str, one: Descriptor, source: str | None) -> bool:
        """Say whether a blob is there, or was taken over by the registry itself from its repository `source`."""
        if self._there(full, f"blobs/{one.digest}", one.digest, "pull,push"):
            return True
        if source is None:
            return False
        url = distribution.with_query(f"{self._address.root}{full}/blobs/uploads/", {"mount": one.digest, "from": source})
        scope = f"repository:{full}:pull,push repository:{source}:pull"
        try:
            answer = self._wire.send(Call(method="POST", url=url, scope=scope, headers={"Content-Length": "0"}))
        except EnvironmentTroubleError:
            return False  # whoever may push here need not be allowed to read there: what follows is tried, and told
        if answer.status == _CREATED:
            self._same(answer, one.digest)
            return True
        if answer.status == _ACCEPTED:
            self._give_up(full, answer)
        return False

    def _give_up(self, full: str, started: Answer) -> None:
        """End an upload that was begun in a mount's place; where we may not, the registry ends it when it tidies up."""
        with contextlib.suppress(ReleaseError, TransientError):
            url = distribution.upload_url(f"{self._address.root}{full}/blobs/uploads/", started)
            self._wire.send(Call(method="DELETE", url=url, scope=f"repository:{full}:pull,push"))

    def _download(self, full: str, digest: Digest, into: BinaryIO) -> bool:
        answer = self._ask("GET", full, f"blobs/{digest}", headers={}, limit=_LAYER_LIMIT, into=into)
        if answer.status == _NOT_FOUND:
            return False
        self._expect(answer, _OK, "GET blobs")
        self._same(answer, digest)
        into.seek(0)
        found = digest_of_file(into)
        if found != digest:
            self._another(found, digest)
        into.seek(0)
        return True

    def _there(self, full: str, path: str, digest: Digest, actions: str) -> bool:
        answer = self._ask("HEAD", full, path, actions=actions, headers=_ACCEPT)
        if answer.status == _NOT_FOUND:
            return False
        self._expect(answer, _OK, f"HEAD {path}")
        self._same(answer, digest)
        return True

    def _get(self, full: str, kind: str, digest: Digest, limit: int) -> bytes | None:
        answer = self._ask("GET", full, f"{kind}/{digest}", headers=_ACCEPT if kind == "manifests" else {}, limit=limit)
        if answer.status == _NOT_FOUND:
            return None
        self._expect(answer, _OK, f"GET {kind}")
        self._same(answer, digest)
        if digest_of(answer.content) != digest:
            self._another(digest_of(answer.content), digest)
        return answer.content

    def _put_blob(self, full: str, one: Descriptor, content: bytes | BinaryIO | None) -> None:
        if self._there(full, f"blobs/{one.digest}", one.digest, "pull,push"):
            return
        if content is None:
            raise EnvironmentTroubleError(
                f"layer {one.digest} of the base image is not there, and the image does not carry it",
                where=f"{self._address.host}/{full}",
                fix="copy the base image into this repository first, then run the command again",
            )
        started = self._ask("POST", full, "blobs/uploads/", actions="pull,push", headers={"Content-Length": "0"})
        self._expect(started, _ACCEPTED, "POST blobs/uploads")
        url = distribution.upload_url(f"{self._address.root}{full}/blobs/uploads/", started, one.digest)
        headers = {"Content-Type": "application/octet-stream"}
        answer = self._wire.send(
            Call(method="PUT", url=url, scope=f"repository:{full}:pull,push", headers=headers, body=content)
        )
        if answer.status in {400, _NOT_FOUND, 416}:
            # The upload was forgotten (another replica, a restart) or its bytes were hurt on the way: begin a new one.
            raise TransientError(f"answered {answer.told} to an upload")
        self._expect(answer, _CREATED, "PUT blobs/uploads")
        self._same(answer, one.digest)

    def _put_manifest(self, full: str, image: Image, tag: str) -> None:
        tagged = self._ask("HEAD", full, f"manifests/{tag}", actions="pull,push", headers=_ACCEPT)
        if tagged.status == _OK and tagged.headers.get("Docker-Content-Digest") == image.digest:
            return
        headers = {"Content-Type": oci.media_type(image.manifest)}
        answer = self._ask("PUT", full, f"manifests/{tag}", actions="pull,push", headers=headers, body=image.manifest)
        self._expect(answer, _CREATED, "PUT manifests")
        self._same(answer, image.digest)

    def _confirm(self, full: str, digest: Digest) -> None:
        if not self._there(full, f"manifests/{digest}", digest, "pull,push"):
            raise TransientError("accepted an image that is not there")

    def _ask(
        self,
        method: str,
        full: str,
        path: str,
        *,
        headers: Mapping[str, str],
        actions: str = "pull",
        body: bytes | None = None,
        limit: int = MANIFEST_LIMIT,
        into: BinaryIO | None = None,
    ) -> Answer:
        url = f"{self._address.root}{full}/{path}"
        scope = f"repository:{full}:{actions}"
        call = Call(method=method, url=url, scope=scope, headers=headers, body=body, limit=limit, into=into)
        return self._wire.send(call)

    def _again(self, attempt: Callable[[], T]) -> T:
        return self._patience.again(attempt, who="the registry", where=self.name, attempts=_ATTEMPTS, longest=_LONGEST_WAIT)

    def _same(self, answer: Answer, digest: Digest) -> None:
        told = answer.headers.get("Docker-Content-Digest")
        if told is not None and told != digest:
            self._another(told, digest)

    def _another(self, told: str, digest: Digest) -> NoReturn:
        raise SecurityRefusalError(
            f"the registry answers with {told[:80]!r} for {digest}",
            where=self.name,
            fix="trust nothing it serves under that name until its operator has explained it",
        )

    def _expect(self, answer: Answer, status: int, what: str) -> None:
        if answer.status != status:
            raise EnvironmentTroubleError(
                f"the registry answered {answer.told} to {what}",
                where=self.name,
                fix="check that this is a registry's address, then run the command again",
            )
