"""User text in Markdown and HTML stays text."""

from __future__ import annotations

import html
import re

import pytest
from report_samples import HOSTILE

from release.report.escape import attribute, code, prose, slug

MARKUP = re.compile(r"[<>`*\[\]|\\]")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_prose_is_markup(text: str) -> None:
    """No character that starts markup survives, and no mention, reference or link is whole."""
    safe = prose(text)
    assert not MARKUP.search(safe)
    read = html.unescape(safe)
    assert "\n" not in read
    assert not re.search(r"[@#!~$&](?=[^\s\u200b])", read)
    assert not re.search(r"https?://|www\.\w|^\s*/|^\s*\d+[.)]\s", read)
    assert not re.match(r"[-+=#>]", safe)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_code_leaves_it(text: str) -> None:
    """Code holds no tag but its own, and no character that Markdown or a table would read."""
    inner = code(text).removeprefix("<code>").removesuffix("</code>")
    assert not MARKUP.search(inner)
    assert "@" not in inner
    assert "://" not in inner


def test_ordinary_names_and_sentences_stay_readable() -> None:
    """What needs no escaping is not escaped, so that the source of a comment can be read."""
    sentence = "roc_auc: 0.9951 against 0.9512; better by 0.0439 (99% confidence), non-inferior."
    assert prose(sentence) == sentence
    assert code("scikit-learn 1.7.2, C: 1.0") == "<code>scikit-learn 1.7.2, C: 1.0</code>"
    assert code("") == "<code>(empty)</code>"


@pytest.mark.parametrize("text", HOSTILE)
def test_attributes_hold_no_quote_or_tag(text: str) -> None:
    """HTML text cannot end an attribute or open a tag, and reads the same once shown."""
    safe = attribute(text)
    assert not re.search(r"[<>\"']", safe)
    assert "\n" not in safe


@pytest.mark.parametrize("text", HOSTILE)
def test_slugs_are_safe_in_comments_and_commands(text: str) -> None:
    """A hostile name cannot end a comment, be an option or a second command."""
    assert re.fullmatch(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?)?", slug(text))
    assert slug("breast--cancer-2") == "breast--cancer-2"
