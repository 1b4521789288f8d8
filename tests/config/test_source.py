"""YAML text to plain values: what is refused and where, what is read and at which line and column."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
import yaml

from release.config.source import MAX_BYTES, MAX_DEPTH, parse, shown
from release.errors import BadInputError, ReleaseError, SecurityRefusalError

QUOTE = "means different things to different YAML readers; quote it if it is text"
OR_WRITE = "or write true, false or a plain decimal number"


def refused(content: bytes | str) -> tuple[type[ReleaseError], str]:
    """Return the class and the line of the refusal."""
    with pytest.raises(ReleaseError) as caught:
        parse(content.encode() if isinstance(content, str) else content, where="m.yaml")
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize("content", ["", "\n", "# only a comment\n", "---\n", "null\n", "~"])
def test_an_empty_file_is_told_from_a_wrong_one(content: str) -> None:
    """Nothing at all, comments alone and a lone null are all empty."""
    assert refused(content) == (BadInputError, "m.yaml: the file is empty; see `release schema` for what it may say")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("churn", "expected fields, found a single value"),
        ("12", "expected fields, found a single value"),
        ("- a\n- b\n", "expected fields, found a list"),
        ("[]", "expected fields, found a list"),
    ],
)
def test_the_root_must_be_fields(content: str, what: str) -> None:
    """A scalar or a list is valid YAML and no configuration."""
    assert refused(content) == (BadInputError, f"m.yaml:1:1: {what}; write `field: value` lines")


def test_a_duplicate_key_names_both_lines() -> None:
    """Other readers silently keep the last one."""
    content = "a: 1\ndeep:\n  b: 1\n  c: 2\n  b: 3\n"
    assert refused(content) == (BadInputError, 'm.yaml:5:3: duplicate key "b", first on line 3; keep one of the two')
    assert parse(b"a: {x: 1}\nb: {x: 1}\n", where="m.yaml").data == {"a": {"x": 1}, "b": {"x": 1}}


@pytest.mark.parametrize(
    "text",
    [
        *("no", "No", "NO", "yes", "on", "Off"),
        *("010", "0o17", "0x1F", "0b11", "-012", "00"),
        *("1:30", "190:20:30", "1:30.5"),
        *("1_000", "1_", "1__0", "1._0", ".5_0", "1_0.5e+3"),
        *("2024-01-31", "2024-99-99", "2024-1-1 10:00:00", "2024-01-31T10:00:00Z", "2024-01-31\t10:00"),
        *("=", "<<"),
    ],
)
def test_what_yaml_readers_disagree_about_must_be_quoted(text: str) -> None:
    """Booleans, octals, base sixty, digit groups and dates of YAML 1.1 are never guessed at; in quotes all are text."""
    shown_text = shown(text)
    assert refused(f"a:\n  b: {text}\n") == (BadInputError, f'm.yaml:2:6: {shown_text} {QUOTE} ("{shown_text}"), {OR_WRITE}')
    assert parse(f"a: '{text}'".encode(), where="m.yaml").data == {"a": text}


@pytest.mark.parametrize("text", ["true", "null", "~", "1.50", "1e3", "no", "<<"])
def test_a_key_that_is_no_text_everywhere_must_be_quoted(text: str) -> None:
    """A column called `on` or `1.50` would have another name elsewhere; `1` has the same one."""
    kind, line = refused(f"a: 1\n{text}: 2\n")
    assert kind is BadInputError
    assert line.startswith("m.yaml:2:1: ")
    assert "quote it" in line
    assert parse(f'"{text}": 2\n1: 3\n-2: 4\n1.5: 5'.encode(), where="m.yaml").data == {text: 2, "1": 3, "-2": 4, "1.5": 5}


@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.INF", "+.inf", "1e999", "-1.0e+400"])
def test_what_is_not_finite_is_refused(text: str) -> None:
    """No threshold or margin can be infinite or no number."""
    assert refused(f"a: [1, {text}]") == (
        BadInputError,
        f"m.yaml:1:8: {text} is not a finite number; write a finite number",
    )


def test_a_number_too_long_to_be_one_is_refused_before_it_is_computed() -> None:
    """Python itself refuses integers of more than 4,300 digits with another kind of error."""
    expected = "m.yaml:1:4: a number of 5000 digits; quote it if it is text"
    assert refused("a: " + "7" * 5000) == (BadInputError, expected)
    assert parse(b"a: 999999999999999999", where="m.yaml").data == {"a": 10**18 - 1}


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_twenty_thousand_brackets_cost_nothing(opening: str, closing: str) -> None:
    """Depth is limited while reading, long before anything is built or recursed into."""
    kind, line = refused("a: " + opening * 20_000 + closing * 20_000)
    assert kind is BadInputError
    assert re.fullmatch(rf"m\.yaml:1:\d+: nested deeper than {MAX_DEPTH} levels; flatten it", line)
    deep = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert parse(f"a: {deep}".encode(), where="m.yaml").data["a"] != []


def test_size_is_checked_before_parsing() -> None:
    """A byte more than the limit is refused, whatever it says; the limit itself is not."""
    content = b"a: " + b"x" * (MAX_BYTES - 3)
    assert len(parse(content, where="m.yaml").data["a"]) == MAX_BYTES - 3
    expected = f"m.yaml: {MAX_BYTES + 1} bytes are too many for a configuration file; keep it under {MAX_BYTES}"
    assert refused(content + b"!") == (BadInputError, expected)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a: &x [1]\nb: *x\n", "m.yaml:1:4: anchor &x; write the value out each time"),
        ("a: &x [*x]\n", "m.yaml:1:4: anchor &x; write the value out each time"),
        ("a: 1\nb: *x\n", "m.yaml:2:4: alias *x; write the value out"),
        ("&k a: 1\n", "m.yaml:1:1: anchor &k; write the value out each time"),
        (
            "a:\n  b: !!python/object/apply:os.system [id]\n",
            "m.yaml:2:6: tag tag:yaml.org,2002:python/object/apply:os.system; plain values only",
        ),
        ("!!python/name:os.system a: 1", "m.yaml:1:1: tag tag:yaml.org,2002:python/name:os.system; plain values only"),
        ("a: !!str 12", "m.yaml:1:4: tag tag:yaml.org,2002:str; plain values only"),
        ("a: !local {b: 1}", "m.yaml:1:4: tag !local; plain values only"),
        ("%TAG ! tag:evil.example:\n---\na: !x 1", "m.yaml:3:4: tag tag:evil.example:x; plain values only"),
        ("a: ! 12", "m.yaml:1:4: tag !; plain values only"),
        ("a: !<%1b[31m> x", "m.yaml:1:4: tag \\x1b[31m; plain values only"),
    ],
)
def test_aliases_and_tags_are_a_matter_of_security(content: str, line: str) -> None:
    """Billion laughs, self-reference and Python objects: exit code 3, never built, never printed raw."""
    assert refused(content) == (SecurityRefusalError, line)


def test_two_documents_are_one_too_many() -> None:
    """Readers that take the first would disagree with readers that take the last."""
    expected = "m.yaml:2:1: a second document starts here; keep one document a file"
    assert refused("a: 1\n---\nb: 2\n") == (BadInputError, expected)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: 1\nb: [1, 2\n", "m.yaml:3:1: not YAML: did not find expected ',' or ']'; correct the syntax"),
        (b"a: b: c\n", "m.yaml:1:5: not YAML: mapping values are not allowed in this context; correct the syntax"),
        (b"a:\n\tb: 1\n", "m.yaml:2:1: not YAML: found character that cannot start any token; correct the syntax"),
        (b"a: 1\nb: x\x07y\n", "m.yaml:2:5: not YAML: control characters are not allowed; remove the character"),
        (b"a: 1\nb: \xff\n", "m.yaml:2: this line is not UTF-8; save the file as UTF-8"),
        (b"? [a]\n: 1\n", "m.yaml:1:3: a key must be a single value; quote it if it is text"),
        (b"? {a: 1}\n: 1\n", "m.yaml:1:3: a key must be a single value; quote it if it is text"),
    ],
)
def test_what_is_no_yaml_has_its_place(content: bytes, line: str) -> None:
    """Syntax errors, control characters and encodings are told in one line."""
    assert refused(content) == (BadInputError, line)


def test_messages_neither_flood_nor_drive_a_terminal() -> None:
    """Text from the file is cut, and its control characters are shown, not sent."""
    _, line = refused('"' + "k" * 500 + '": 1\n"' + "k" * 500 + '": 2\n')
    assert line == f'm.yaml:2:1: duplicate key "{"k" * 60}…", first on line 1; keep one of the two'
    _, line = refused('"\\e[31m\\n": 1\n"\\e[31m\\n": 2\n')
    assert line == 'm.yaml:2:1: duplicate key "\\x1b[31m\\n", first on line 1; keep one of the two'
    assert shown("é ß 😀") == "é ß 😀"


def test_plain_words_keep_their_meaning() -> None:
    """The scalars that people write, and the empty value."""
    content = "t: true\nf: False\nn:\ntilde: ~\ni: -12\nz: 0\nf1: 1.50\nf2: 1e-4\nf3: -.5\ntext: 12 apples\ny: y\nv: 1.2.3\n"
    assert parse(content.encode(), where="m.yaml").data == {
        "t": True,
        "f": False,
        "n": None,
        "tilde": None,
        "i": -12,
        "z": 0,
        "f1": 1.5,
        "f2": 1e-4,
        "f3": -0.5,
        "text": "12 apples",
        "y": "y",
        "v": "1.2.3",
    }


def test_a_byte_order_mark_is_no_content() -> None:
    """Some editors write one."""
    assert parse(b"\xef\xbb\xbfa: 1\n", where="m.yaml").data == {"a": 1}


def test_places_are_those_of_keys_and_values() -> None:
    """Positions count lines and columns from 1; what is not there has the place of what encloses it."""
    document = parse(b"a: 1\nb:\n  - c: x\n    d: [5, 'six']\n", where="m.yaml")
    assert document.at(("a",)) == "m.yaml:1:4"
    assert document.at(("b",), key=True) == "m.yaml:2:1"
    assert document.at(("b", 0, "d", 1)) == "m.yaml:4:12"
    assert document.at(("b", 0, "d"), key=True) == "m.yaml:4:5"
    assert document.at(("b", 0, "gone", "deeper")) == "m.yaml:3:5"
    assert document.at(("gone",), key=True) == "m.yaml:1:1"


# Properties, over random documents with a seed each.

NUMBERS_OF_1_2 = re.compile(r"[-+]\.[0-9]+([eE][-+]?[0-9]+)?|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+")
"""Numbers in YAML 1.2 that PyYAML, a reader of 1.1, takes for text; some it reads too, and then alike."""


def _scalar(draw: random.Random) -> str:
    alphabet = draw.choice(["0123456789._-+eE:", "abcxyz noNyYesStrue~", "0123456789", "0127_xob.", "12-: T", "éß漢😀 a1"])
    return "".join(draw.choice(alphabet) for _ in range(draw.randint(1, 7))).strip()


def _quoted(draw: random.Random, text: str) -> str:
    return draw.choice([text, text, "'" + text.replace("'", "''") + "'"])


def _block(draw: random.Random, depth: int, indent: str) -> str:
    lines = []
    for number in range(draw.randint(1, 4)):
        key = draw.choice([f"k{number}", f"'{number} ä'", f"näme{number}", str(number)])
        kind = draw.random()
        if kind < 0.3 and depth:
            lines.append(f"{indent}{key}:  # a comment\n{_block(draw, depth - 1, indent + '  ')}")
        elif kind < 0.5:
            items = ", ".join(_quoted(draw, f"{_scalar(draw)}") for _ in range(draw.randint(0, 3)))
            lines.append(f"{indent}{key}: [{items}]")
        elif kind < 0.6 and depth:
            lines.append(f"{indent}{key}:\n{indent}- {_scalar(draw)}\n{indent}-   x: {_quoted(draw, _scalar(draw))}")
        else:
            lines.append(f"{indent}{key}:{' ' * draw.randint(1, 3)}{_quoted(draw, _scalar(draw))}")
    return "\n".join(lines)


def _as_json(value: Any) -> Any:
    """Return what PyYAML read with the names of fields as text, which is all that JSON has."""
    if isinstance(value, dict):
        return {str(key): _as_json(one) for key, one in value.items()}
    return [_as_json(one) for one in value] if isinstance(value, list) else value


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(_same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, str):
        return bool(NUMBERS_OF_1_2.fullmatch(theirs)) and ours == float(theirs)
    return type(ours) is type(theirs) and ours == theirs


def _read_by_pyyaml(text: str) -> Any:
    try:
        return _as_json(yaml.load(text, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, ValueError):
        return None


def test_what_both_accept_means_the_same_to_pyyaml() -> None:
    """On random documents our values are PyYAML's, in order and type, but for the numbers that 1.1 does not know."""
    compared = 0
    for seed in range(3_000):
        text = _block(random.Random(seed), 2, "") + "\n"
        try:
            ours = parse(text.encode(), where="m.yaml").data
        except ReleaseError:
            continue
        theirs = _read_by_pyyaml(text)
        if theirs is None:
            continue
        compared += 1
        assert _same(ours, theirs), f"seed {seed}:\n{text}\n{ours}\n{theirs}"
    assert compared > 1_000


def test_any_single_scalar_is_read_as_pyyaml_reads_it_or_refused() -> None:
    """Every text of up to three characters of those that numbers, dates and booleans are made of."""
    alphabet = "01_.+-eE:xo~= ynN<"
    texts = [a + b + c for a in alphabet for b in alphabet for c in alphabet] + [a + b for a in alphabet for b in alphabet]
    accepted = 0
    for text in texts:
        content = f"a: {text}\n"
        try:
            ours = parse(content.encode(), where="m.yaml").data
        except ReleaseError:
            continue
        theirs = _read_by_pyyaml(content)
        if theirs is not None:
            accepted += 1
            assert _same(ours, theirs), (text, ours, theirs)
    assert accepted > 1_000


def test_every_position_points_at_the_text_of_its_value() -> None:
    """On random documents, the characters at a scalar's place, read alone, are that scalar."""
    seen = 0
    for seed in range(600):
        text = _block(random.Random(seed), 2, "") + "\n"
        try:
            document = parse(text.encode(), where="m.yaml")
        except ReleaseError:
            continue
        lines = text.split("\n")
        for path, (line, column) in document.keys.items():
            rest = lines[line - 1][column - 1 :]
            assert rest.startswith((f"{path[-1]}:", f"'{path[-1]}':")), (seed, path)
        for path, (line, column) in document.values.items():
            value: Any = document.data
            for part in path:
                value = value[part]
            if isinstance(value, str) and value and "\n" not in value:
                rest = lines[line - 1][column - 1 :]
                assert rest.startswith((value, "'" + value.replace("'", "''"))), (seed, path, rest)
                seen += 1
    assert seen > 500


def _refusal(content: bytes) -> ReleaseError | None:
    try:
        parse(content, where="m.yaml")
    except ReleaseError as error:
        return error
    return None


def test_no_bytes_make_it_fail_in_another_way() -> None:
    """Random and mutilated bytes are read or refused in one line, never an exception of the library's."""
    base = b"a: &x [1, 'two', {b: 010}]\n? c\n: |\n  text\n--- !!t\n"
    refusals = []
    for seed in range(4_000):
        draw = random.Random(seed)
        content = bytearray(base)
        for _ in range(draw.randint(1, 12)):
            at = draw.randrange(len(content))
            content[at : at + draw.randint(0, 2)] = bytes(draw.choices(range(256), k=draw.randint(0, 3)))
        refusals.append(_refusal(bytes(content)))
    told = [error for error in refusals if error is not None]
    assert len(told) > 3_000
    assert {error.code for error in told} == {2, 3}
    assert all(str(error).isprintable() and error.where.startswith("m.yaml") and error.fix for error in told)
