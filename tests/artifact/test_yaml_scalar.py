"""What a scalar means to every reader, and how it is written."""

from __future__ import annotations

import pytest
import yaml

from release.artifact import yaml_scalar

NO_TEXT = [
    *("", "~", "null", "Null", "true", "FALSE", "yes", "No", "on", "OFF", "y", "N"),
    *("0", "20260101", "-1", "+7", "0x1f", "0o17", "017", "09", "0b11", "1_000", "190:20:30"),
    *("1.5", ".5", "1.", "1e5", "1E5", "1.5e3", "12e45678", ".inf", "-.INF", ".nan", "2026-01-01", "=", "<<"),
]
TEXT = ["v1", "sha256:00", "charts/versions/0123", "1a", "abc123", "e5", "1.2.3", "registry:5000/m", "f" * 40, "nano", "x y"]


@pytest.mark.parametrize("plain", NO_TEXT)
def test_what_some_reader_takes_for_no_text_is_quoted(plain: str) -> None:
    """YAML 1.1, YAML 1.2 and Go disagree about these; quotes settle it, and the value survives."""
    assert not yaml_scalar.is_text(plain)
    written = yaml_scalar.write(plain, "")
    assert written == f'"{plain}"'
    assert yaml.safe_load(written) == plain


@pytest.mark.parametrize("plain", TEXT)
def test_what_is_text_for_all_may_be_plain(plain: str) -> None:
    """Ordinary versions, digests and paths keep the plain style they were written in."""
    assert yaml_scalar.is_text(plain)
    assert yaml.safe_load(yaml_scalar.write(plain, "")) == plain
    assert yaml_scalar.says(plain, "", plain)


@pytest.mark.parametrize(
    "value", ["it's", 'a "b" \\ c', "a: b", "a #b", "- a", "é𝒳", "[a]", "{{ x }}", "*a", "&a", "!a", "@a", "%", " "]
)
@pytest.mark.parametrize("style", ["", "'", '"'])
@pytest.mark.parametrize("braces", [False, True])
def test_any_printable_text_survives_in_any_style(value: str, style: str, braces: bool) -> None:  # noqa: FBT001 (a pytest parameter)
    """Whatever is asked for is what is read, within braces and without."""
    written = yaml_scalar.write(value, style, in_braces=braces)
    assert yaml.safe_load(f"{{a: {written}, b: c}}" if braces else f"a: {written} # b")["a"] == value


def test_colons_within_braces_are_quoted() -> None:
    """Older readers end a plain scalar at a colon there."""
    assert yaml_scalar.write("sha256:ab", "") == "sha256:ab"
    assert yaml_scalar.write("sha256:ab", "", in_braces=True) == '"sha256:ab"'


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("true", "", True),
        ("False", "", False),
        ("true", '"', "true"),
        ("~", "", None),
        ("", "", None),
        ("", "'", ""),
        ("7", "'", "7"),
    ],
)
def test_meaning(text: str, style: str, expected: object) -> None:
    """Booleans, null and texts are told apart by style."""
    assert yaml_scalar.meaning(text, style) == expected


@pytest.mark.parametrize("text", ["7", "yes", "y", "1e5", "2026-01-01"])
def test_meaning_that_differs_between_readers_is_refused(text: str) -> None:
    """A number, a date or an old boolean has no meaning that all share."""
    with pytest.raises(ValueError, match=text):
        yaml_scalar.meaning(text, "")


@pytest.mark.parametrize(
    ("text", "style", "value", "expected"),
    [
        ("true", "", True, True),
        ("yes", "", True, False),
        ("true", '"', True, False),
        ("7", "", "7", False),
        ("7", "'", "7", True),
        ("v1", "", "v2", False),
    ],
)
def test_says(text: str, style: str, value: yaml_scalar.Scalar, expected: bool) -> None:  # noqa: FBT001 (a pytest parameter)
    """A scalar that already says a value to every reader needs no change."""
    assert yaml_scalar.says(text, style, value) is expected
