"""A tar archive that is the same bytes for the same files, on any machine and any Python: what an image layer is made of.

Nothing here knows of images, digests or compression, and no archive of anybody else is read.
"""

from __future__ import annotations

import re
import struct
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NoReturn

from release.errors import BadInputError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLOCK = 512
_END = bytes(2 * _BLOCK)
_NAME_LIMIT = 100
_SIZE_LIMIT = 8**11

# No leading dot: that keeps out `..` and the `.wh.` names by which a layer deletes files of the layers below it.
_COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*", re.ASCII)


def archive(files: Mapping[str, bytes], *, prefix: str) -> bytes:
    """Return an uncompressed POSIX ustar archive of `files` below the folder `prefix`, every parent folder listed.

    Entries are sorted by path; owner 0:0, no names of owners, time 0, folders 0755, files 0644. The headers are packed here
    because those of `tarfile` have changed between versions of Python. Raises SecurityRefusalError for a path that could
    leave the folder or hide another layer's file, BadInputError for one that is too long or both file and folder.
    Format: POSIX.1-1988 ustar, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html.
    """
    entries: dict[PurePosixPath, bytes | None] = {}
    for name in sorted(files):
        path = PurePosixPath(_checked(prefix)) / _checked(name)
        for folder in list(path.parents)[-2::-1]:
            _add(entries, folder, None)
        _add(entries, path, files[name])
    return b"".join(_entry(path, entries[path]) for path in sorted(entries)) + _END


def members(content: bytes, *, prefix: str) -> dict[str, bytes]:
    """Return the files of an archive that `archive` wrote with the same prefix.

    Raises SecurityRefusalError for any other archive: what comes back must be the very bytes when it is written again.
    """
    files: dict[str, bytes] = {}
    at = 0
    while content[at : at + 1] not in {b"", b"\0"}:
        header = content[at : at + _BLOCK]
        name, size = header[:_NAME_LIMIT].rstrip(b"\0").decode("ascii", "replace"), header[124:135]
        if not size.isdigit() or b"8" in size or b"9" in size or not f"{prefix}/".startswith(name[: len(prefix) + 1]):
            _foreign()
        start, at = at + _BLOCK, at + _BLOCK + int(size, 8)
        if header[156:157] == b"0":
            files[name[len(prefix) + 1 :]] = content[start:at]
        at += -at % _BLOCK
    if archive(files, prefix=prefix) != content:
        _foreign()
    return files


def _foreign() -> NoReturn:
    raise SecurityRefusalError(
        "this layer is not one that this toolkit wrote", fix="package the model again, from its commit"
    )


def _checked(path: str) -> str:
    if not all(_COMPONENT.fullmatch(part) for part in path.split("/")):
        raise SecurityRefusalError(
            f"{path[:_NAME_LIMIT]!r} cannot be a path in an image",
            fix="use relative paths of letters, digits and . _ + -, no part beginning with a dot",
        )
    return path


def _add(entries: dict[PurePosixPath, bytes | None], path: PurePosixPath, content: bytes | None) -> None:
    if path in entries and not (content is None and entries[path] is None):
        raise BadInputError(f"{str(path)!r} is both a file and a folder of the image", fix="rename one of them")
    entries[path] = content


def _entry(path: PurePosixPath, content: bytes | None) -> bytes:
    if content is None:
        return _header(f"{path}/", mode=0o755, size=0, kind=b"5")
    padding = bytes(-len(content) % _BLOCK)
    return _header(str(path), mode=0o644, size=len(content), kind=b"0") + content + padding


def _header(name: str, *, mode: int, size: int, kind: bytes) -> bytes:
    if len(name) > _NAME_LIMIT:
        raise BadInputError(
            f"the path {name!r} is longer than {_NAME_LIMIT} characters", fix="shorten the name of the model's file"
        )
    if size >= _SIZE_LIMIT:
        raise BadInputError(f"{name} has 8 GiB or more, which a portable archive cannot hold", fix="split the file")
    zero = b"0000000\0"
    block = struct.pack(
        "100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12x",
        name.encode("ascii"),
        b"%07o\0" % mode,
        zero,
        zero,
        b"%011o\0" % size,
        b"00000000000\0",
        b" " * 8,  # the checksum is summed as if its own field were blank
        kind,
        b"",
        b"ustar\0",
        b"00",
        b"",
        b"",
        zero,
        zero,
        b"",
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
