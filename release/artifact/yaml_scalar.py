"""What a YAML scalar means to every reader, and how to write one so that they agree.

Argo CD and Helm read with Go's YAML 1.1 and 1.2 mixture, we with PyYAML's 1.1: a text is written plain only where no
reader could take it for anything else. Nothing here knows files or places.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from yaml.resolver import Resolver

Scalar = str | bool

_RESOLVER: Any = Resolver()
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]*(:[A-Za-z0-9._/@+-]+)*")
_PLAIN_IN_BRACES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")


def write(value: Scalar, style: str, *, in_braces: bool = False) -> str:
    """Return a value in a style (`'`, `"` or empty for plain), in double quotes where plain could be misread.

    `value` holds printable characters only. Inside braces older readers stumble over colons, so those are quoted there.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    pattern = _PLAIN_IN_BRACES if in_braces else _PLAIN
    if not style and pattern.fullmatch(value) and is_text(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def is_text(plain: str) -> bool:
    """Say whether all readers take a plain scalar for text: no number, boolean, null, date or merge key."""
    if _tag(plain) != "str" or plain in {"y", "Y", "n", "N"}:
        return False
    return plain[0] not in "+-.0123456789" or not _is_number(plain)


def says(text: str, style: str, value: Scalar) -> bool:
    """Say whether a scalar already is `value` for every reader."""
    if isinstance(value, bool):
        return not style and text in (("true", "True", "TRUE") if value else ("false", "False", "FALSE"))
    return text == value and (bool(style) or is_text(text))


def meaning(text: str, style: str) -> Scalar | None:
    """Return what every reader takes a scalar for. Raises ValueError when that is no text, boolean or null."""
    if style or is_text(text):
        return text
    if _tag(text) == "null":
        return None
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    raise ValueError(text)


def _tag(plain: str) -> str:
    return str(_RESOLVER.resolve(yaml.ScalarNode, plain, (True, False))).rpartition(":")[2]


def _is_number(plain: str) -> bool:
    """Say whether text is a number in YAML 1.2 or Go although YAML 1.1 calls it text, as it does `1e5` and `0o17`."""
    for convert in (float, lambda text: int(text, 0)):
        try:
            convert(plain)
        except ValueError:
            continue
        return True
    return False
