"""Patching a values file: every byte outside the owned scalars stays, or the file is refused and stays as a whole."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import yaml

from release.artifact import values
from release.errors import BadInputError

ASKED: dict[str, str | bool] = {
    "image.repository": "registry.example:5000/ml/churn",
    "image.digest": "sha256:" + "a" * 64,
    "model.digest": "sha256:" + "b" * 64,
    "model.version": "20260101",
    "release.operation": "sha256:" + "c" * 64,
    "release.commit": "1" * 36 + "e123",
    "release.fast": True,
    "chart.path": "charts/versions/0123456789abcdef",
}
DAMAGE = [b"", b" ", b"\n", b":", b"'", b'"', b"{", b"}", b"-", b"&", b"*", b"#", b"?", b"\t"]
LOADERS = [getattr(yaml, name) for name in ("CSafeLoader", "SafeLoader") if hasattr(yaml, name)]


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__, autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type:
    """Run every test on libyaml and on PyYAML's own parser, whichever a machine has."""
    monkeypatch.setattr("release.artifact.yaml_tree._LOADER", request.param)
    return request.param


def refused(content: bytes, asked: dict[str, str | bool] | None = None) -> str:
    with pytest.raises(BadInputError) as caught:
        values.patch(content, asked or ASKED, where="v.yaml")
    assert caught.value.code == 2
    assert "\n" not in str(caught.value)
    assert caught.value.fix
    return str(caught.value)


def patched(content: str, **asked: str | bool) -> str:
    scalars = {name.replace("__", "."): value for name, value in asked.items()}
    return values.patch(content.encode(), scalars, where="v.yaml").decode()


def test_only_the_tokens_change() -> None:
    """Comments, order, quotes, indentation and foreign values around them stay."""
    before = (
        "# ours\nmodel: # m\n      version:   'v1'   # behind\n      digest: sha256:old\n\n"
        'image:\n  pullPolicy: Always\n  digest:    "sha256:old"# odd\n  repository: a/b\nserving: {cpu: 1}   \n'
    )
    new = {"model__version": "v2", "model__digest": "sha256:new", "image__digest": "sha256:it's", "image__repository": "c/d"}
    after = patched(before, **new)
    assert after == (
        "# ours\nmodel: # m\n      version:   'v2'   # behind\n      digest: sha256:new\n\n"
        'image:\n  pullPolicy: Always\n  digest:    "sha256:it\'s"# odd\n  repository: c/d\nserving: {cpu: 1}   \n'
    )


def test_a_plain_token_gets_quotes_where_it_would_be_misread() -> None:
    """An all-digit version, or a commit such as 1e5, stays a text for every reader."""
    before = "model: {version: v1}\nrelease:\n  commit: abc\n"
    after = 'model: {version: "007"}\nrelease:\n  commit: "12e5"\n'
    assert patched(before, model__version="007", release__commit="12e5") == after


def test_a_token_that_says_it_already_stays() -> None:
    """Repeating a patch changes no byte; repairing one that lost its quotes changes that one."""
    once = values.patch(b"a: 1\n", ASKED, where="v.yaml")
    assert values.patch(once, ASKED, where="v.yaml") == once
    assert patched("model: {version: 'v1', digest: \"d\"}\n", model__version="v1", model__digest="d") == (
        "model: {version: 'v1', digest: \"d\"}\n"
    )
    assert patched("model:\n  version: 7\n", model__version="7") == 'model:\n  version: "7"\n'
    assert patched("release:\n  fast: 'true'\n", release__fast=True) == "release:\n  fast: true\n"
    assert patched("release:\n  fast: yes\n", release__fast=True) == "release:\n  fast: true\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model:\n  version:\n", 'model:\n  version: "v2"\n'),
        ("model:\n  version: # soon\n", 'model:\n  version: "v2" # soon\n'),
        ("model:\n  version: ~\n", 'model:\n  version: "v2"\n'),
        ("model:\n  digest: x # d\n  # end\na: b", 'model:\n  digest: x # d\n  version: "v2"\n  # end\na: b'),
        ("model:\n    digest: x", 'model:\n    digest: x\n    version: "v2"'),
        ("model:\n  a: |\n    text\n\nb: c\n", 'model:\n  version: "v2"\n  a: |\n    text\n\nb: c\n'),
        ("model:\n  # first\n  a: [1,\n    2]\n", 'model:\n  # first\n  version: "v2"\n  a: [1,\n    2]\n'),
        ("model:   # empty\n# c\nb: c\n", 'model:   # empty\n  version: "v2"\n# c\nb: c\n'),
        ("model: {}\n", 'model: {"version": "v2"}\n'),
        ("model: {a: b, c: {d: e}, }\n", 'model: {a: b, c: {d: e}, "version": "v2", }\n'),
        ('{"a": 1}\n', '{"a": 1, "model": {"version": "v2"}}\n'),
        ("{}", '{"model": {"version": "v2"}}'),
        ("a: b\r\n", 'a: b\r\nmodel:\r\n  version: "v2"\r\n'),
        ("a: b", 'a: b\nmodel:\n  version: "v2"'),
        ("---\n  a: b\n...\n# after\n", '---\n  a: b\n  model:\n    version: "v2"\n...\n# after\n'),
        ("a: |+\n  t\n\n", 'a: |+\n  t\n\nmodel:\n  version: "v2"\n'),
        ("\ufeffa: b\n", '\ufeffa: b\nmodel:\n  version: "v2"\n'),
    ],
)
def test_a_missing_scalar_is_added_where_it_disturbs_least(before: str, after: str) -> None:
    """Behind a one-line sibling, before the first, within braces, or in a new mapping at the end."""
    changed = "~" in before
    expected = after.replace('"v2"', "v2") if changed else after
    assert patched(before, model__version="v2") == expected


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ("a: &x {}\nimage: *x\n", "2:8", "image is shared by an anchor or alias"),
        ("image: &x\n  digest: a\nb: *x\n", "1:8", "image is shared by an anchor or alias"),
        ("image:\n  digest: &d a\n", "2:11", "image.digest is shared by an anchor or alias"),
        ("d: &d a\nimage:\n  digest: *d\n", "3:11", "image.digest is shared by an anchor or alias"),
        ("&r\nimage: {}\n", "1:1", "the file is shared by an anchor or alias"),
        ("b: &b {digest: a}\nimage:\n  <<: *b\n", "3:3", "a merge key may hide values that the tool owns"),
        ("b: &b {image: {}}\n<<: *b\n", "2:1", "a merge key may hide values that the tool owns"),
        ("k: &k image\n*k : {digest: a}\n", "2:1", "a key is shared by an anchor or alias"),
        ("image:\n  digest: !!str a\n", "2:11", "image.digest has a tag"),
        ("image: !x\n  digest: a\n", "1:8", "image has a tag"),
        ("image:\n  digest: {a: b}\n", "2:11", "image.digest must be one value on its line"),
        ("image:\n  digest: [a]\n", "2:11", "image.digest must be one value on its line"),
        ("image:\n  digest: |\n    a\n", "2:11", "image.digest must be one value on its line"),
        ("image:\n  digest: >-\n    a\n", "2:11", "image.digest must be one value on its line"),
        ("image: nginx\n", "1:8", "image must be a mapping"),
        ("image: ~\n", "1:8", "image must be a mapping"),
        ("image: [a]\n", "1:8", "image must be a mapping"),
        ("{image: }\n", "1:", "image must be a mapping"),
        ("image:\n  digest: a\n  digest: b\n", "3:3", 'the key "digest" is here twice'),
        ("image: {}\na: b\nimage: {}\n", "3:1", 'the key "image" is here twice'),
        ('a:\n  - {b: 1, "b": 2}\n', "2:12", 'the key "b" is here twice'),
        ("a: b\n---\nc: d\n", "2:1", "there is more than one document"),
        ("image:\n\tdigest: a\n", "2:1", "there is a tab where YAML wants spaces"),
        ("a: *b\n", "1:4", "there is no anchor &b"),
        ("", "1:1", "this is not a mapping"),
        ("# only a comment\n", "1:1", "this is not a mapping"),
        ("- a\n", "1:1", "this is not a mapping"),
        ("text\n", "1:1", "this is not a mapping"),
        ("a: [1\nb: 2\n", "2:", "this is not YAML"),
        ("a: b: c\n", "1:5", "this is not YAML: mapping values are not allowed"),
        ("{image: {digest: a}\n", "", "this is not YAML"),
    ],
)
def test_a_file_that_we_would_have_to_destroy_is_refused(content: str, where: str, what: str) -> None:
    """Each is refused with its line and column, by `patch` and by `read` alike, unless it cannot matter to `read`."""
    message = refused(content.encode())
    assert message.startswith(f"v.yaml:{where}")
    assert what in message
    with pytest.raises(BadInputError) as caught:
        values.read(content.encode(), where="v.yaml")
    assert str(caught.value) == message


def test_bytes_that_are_no_text_are_refused() -> None:
    """Other encodings and control characters are named, with the line where that is known."""
    assert refused(b"a: b\nc: \xff\n") == "v.yaml:2: this is not UTF-8 text; save the file as UTF-8"
    assert refused("a: b\n".encode("utf-16")).startswith("v.yaml:1: this is not UTF-8 text")
    assert "control characters" in refused(b"a: \x00\n")


def test_a_tab_before_an_owned_value_is_refused(loader: type) -> None:
    """One parser takes it and the other does not, so nobody may rely on it."""
    assert "tab" in refused(b"image:\n  digest:\tabc\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("? model\n: digest: a\n", "v.yaml:2:3: there is no line to write version on"),
        ("model:\n  ? digest\n", "v.yaml:2:5: there is no line to write version on"),
        ("model:\n  ? version\n  : |\n    a\n", "v.yaml:3:5: model.version must be one value on its line"),
        ("? model\n", "v.yaml: model.version cannot be set without rewriting other lines"),
        ("model:\n  ? version\n", "v.yaml: model.version cannot be set without rewriting other lines"),
        ("a: |\n  no line end", "v.yaml: model.version cannot be set without rewriting other lines"),
    ],
)
def test_layouts_that_a_splice_cannot_serve_are_refused(content: str, message: str) -> None:
    """What the result would change beside the asked value is found by parsing it again."""
    assert refused(content.encode(), {"model.version": "v2"}).startswith(message)


def test_what_is_not_the_tools_is_a_bug_of_the_caller() -> None:
    """Foreign names, wrong types and texts that would break a line never reach a file."""
    for wrong in ({"serving.cpu": "1"}, {"release.fast": "true"}, {"image.digest": True}, {"model.version": "a\nb"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            values.patch(b"a: b\n", wrong, where="v.yaml")


def test_nothing_asked_changes_nothing() -> None:
    """An empty patch is the identity."""
    assert values.patch(b"a: b", {}, where="v.yaml") == b"a: b"


def test_anchors_and_tags_elsewhere_are_people_s_business() -> None:
    """Only what touches owned scalars is refused."""
    before = "x: &x {a: !t b}\nserving: &s\n  <<: *x\nrollout: [*x, *s]\nmodel:\n  version: v1\n"
    assert patched(before, model__version="v2") == before.replace("v1", "v2")


def test_hostile_nesting_and_aliases_do_no_harm() -> None:
    """A file that would explode when loaded is patched in linear time and space."""
    levels = ["l0: &l0 [x]", *(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30))]
    content = "\n".join([*levels, "deep: " + "[" * 500 + "]" * 500, "model: {version: v1}", ""])
    assert patched(content, model__version="v2") == content.replace("v1", "v2")


def test_read_returns_the_owned_scalars() -> None:
    """All names are there; what is absent or null is None."""
    content = "image:\n  repository: 'a/b'\n  digest: ~\nrelease: {fast: True, commit: \"7\"}\nmodel:\n"
    assert values.read(content.encode(), where="v.yaml") == {
        **dict.fromkeys(values.OWNED),
        "image.repository": "a/b",
        "release.fast": True,
        "release.commit": "7",
    }


@pytest.mark.parametrize("value", ["20260101", "1e5", "0x1f", "yes", "2026-01-01", "12e4"])
def test_read_refuses_what_is_no_text(value: str) -> None:
    """Helm would see something else than what is written there."""
    with pytest.raises(BadInputError) as caught:
        values.read(f"model:\n  version: {value}\n".encode(), where="v.yaml")
    expected = f"v.yaml:2:12: model.version is {value}, which YAML does not read as text; write it in quotes"
    assert str(caught.value) == expected


def test_the_draft_is_ready_to_be_patched() -> None:
    """Its owned scalars are there and empty; patching touches only them and keeps the comments behind them."""
    rollout = {"steps": (10, 50), "rps": None, "analysis": {"interval": "30s", "count": 5}}
    environments = {"p": {"replicas": 5, "cpu": None}, "q": {"cpu": "2"}}
    serving = {"format": "skops", "cpu": "1", "replicas": 1, "environments": environments}
    content = values.draft(model="on", environment="p", serving=serving, rollout=rollout)
    assert values.read(content, where="d") == {**dict.fromkeys(values.OWNED, ""), "release.fast": False}
    loaded = yaml.safe_load(content)
    assert loaded["serving"] == {"cpu": "1", "replicas": 5}
    assert loaded["rollout"] == {"steps": [10, 50], "analysis": {"interval": "30s", "count": 5}}
    assert loaded["model"]["name"] == "on"
    after = values.patch(content, ASKED, where="d")
    assert values.read(after, where="d") == ASKED
    for value in ASKED.values():
        after = after.replace(b"fast: true", b"fast: false") if value is True else after.replace(str(value).encode(), b"")
    assert after == content


def token(rng: random.Random, name: str, *, in_braces: bool) -> tuple[str, str]:
    """Return a token as somebody may have written it, and as it must be afterwards."""
    value = ASKED[name]
    if isinstance(value, bool):
        return rng.choice(["false", "False", "'no'", "0"]), "true"
    quote = rng.choice(["'", '"', ""])
    old = rng.choice(["old", "a/b", "x-1.2", "0123", "1e5"])
    misread = name in {"model.version", "release.commit"} or (in_braces and ":" in value)
    new_quote = '"' if not quote and misread else quote
    return quote + old + quote, new_quote + value + new_quote


class Writer:
    """Writes a file made at random, and beside it what that file must be when everything owned is patched."""

    def __init__(self, seed: int) -> None:
        """Let one seed decide everything."""
        self.rng = random.Random(seed)
        self.eol = self.rng.choice(["\n", "\r\n", "\r"])
        self.before: list[str] = []
        self.after: list[str] = []

    def line(self, old: str, new: str | None = None) -> None:
        """Write a line; `new` is what it must become."""
        self.before.append(old + self.eol)
        self.after.append((old if new is None else new) + self.eol)

    def comment(self) -> str:
        """Choose what stands behind a value."""
        return self.rng.choice(["", " ", "  # é𝒳: 'it", "   #", " # digest: [x"])

    def noise(self, indent: int) -> None:
        """Write lines that mean nothing."""
        for _ in range(self.rng.randint(0, 2)):
            self.line(self.rng.choice(["", " " * indent + "# image: {digest: x}", "#", "   "]))

    def foreign(self, parent: str) -> None:
        """Write a section that is not the tool's."""
        text = self.rng.choice(["- {digest: old}", "- |+", "- 'it''s'", f"- &{parent} x", "- !t y"])
        self.line(f"before-{parent}:{self.eol}  {text}{self.eol}  - é")

    def block(self, parent: str, names: list[str]) -> None:
        """Write a section with a line for each value, and foreign values between them."""
        indent = self.rng.randint(1, 8)
        self.line(self.rng.choice([parent, f'"{parent}"', f"'{parent}'"]) + ":" + self.comment())
        for name in names:
            self.noise(indent)
            if self.rng.random() < 0.3:
                self.line(" " * indent + f"other-{name}: {self.rng.choice(['1', 'é # c', '[a, {digest: b}]', '{}'])}")
            old, new = token(self.rng, name, in_braces=False)
            head, tail = f"{' ' * indent}{name.partition('.')[2]}:{' ' * self.rng.randint(1, 3)}", self.comment()
            self.line(head + old + tail, head + new + tail)

    def braces(self, parent: str, names: list[str]) -> None:
        """Write a section within braces, on one line or on several."""
        tokens = [(name.partition(".")[2], *token(self.rng, name, in_braces=True)) for name in names]
        gap, tail = self.rng.choice([", ", f",{self.eol}    ", ",   "]), self.comment()
        old, new = (gap.join(f"{part[0]}: {part[side]}" for part in tokens) for side in (1, 2))
        self.line(f"{parent}: {{{old}}}{tail}", f"{parent}: {{{new}}}{tail}")

    def texts(self) -> tuple[str, str]:
        """Return the file before and after, with the end it happens to have."""
        end = self.rng.choice(["", self.eol, self.eol + self.eol, self.eol + "..." + self.eol])
        return "".join(self.before) + "last: é" + end, "".join(self.after) + "last: é" + end


def layout(seed: int) -> tuple[str, str]:
    """Return a values file made at random, and what it must be when everything owned is patched."""
    writer = Writer(seed)
    rng = writer.rng
    if rng.random() < 0.2:
        writer.line("\ufeff# mark")
    if rng.random() < 0.3:
        writer.line("---" + writer.comment())
    for parent in rng.sample(["image", "model", "release", "chart"], 4):
        writer.noise(0)
        if rng.random() < 0.4:
            writer.foreign(parent)
        names = [name for name in values.OWNED if name.startswith(f"{parent}.")]
        rng.choice([writer.block, writer.block, writer.braces])(parent, rng.sample(names, len(names)))
    writer.noise(0)
    return writer.texts()


@pytest.mark.parametrize("seed", range(0, 1000, 100))
def test_any_layout_keeps_every_other_byte(seed: int) -> None:
    """The result is, byte for byte, the file with other tokens in the owned places."""
    for one in range(seed, seed + 30):
        before, after = layout(one)
        assert values.patch(before.encode(), ASKED, where="v.yaml") == after.encode(), before
        assert values.read(after.encode(), where="v.yaml") == ASKED


def without_owned(loaded: Any) -> Any:
    """Return what PyYAML itself loads, less what the tool owns and the mappings that hold nothing else."""
    rest = dict(loaded)
    for name in ASKED:
        parent, _, key = name.partition(".")
        if isinstance(rest.get(parent), dict):
            rest[parent] = {k: v for k, v in rest[parent].items() if k != key}
    return {key: value for key, value in rest.items() if value or key not in {"image", "model", "release", "chart"}}


@pytest.mark.parametrize("seed", range(10))
def test_missing_scalars_are_lines_added_and_nothing_else(seed: int) -> None:
    """Whatever scalars or sections are missing, taking the new lines away gives the file back."""
    rng = random.Random(seed)
    for _ in range(20):
        names = rng.sample(values.OWNED, rng.randint(0, 7))
        parents = dict.fromkeys(name.partition(".")[0] for name in names)
        sections = {parent: [name for name in names if name.startswith(f"{parent}.")] for parent in parents}
        eol = rng.choice(["\n", "\r\n"])
        lines = ["# head"]
        for parent, held in sections.items():
            lines += [f"{parent}:  # é", *(f"    {name.partition('.')[2]}: 'old'  # c" for name in held), "", "# between"]
        lines += ["serving:", "  cpu: 1"]
        content = eol.join(lines) + rng.choice(["", eol])
        asked = {name: value for name, value in ASKED.items() if name not in names}
        after = values.patch(content.encode(), asked, where="v.yaml").decode()
        assert {k: v for k, v in values.read(after.encode(), where="v.yaml").items() if k in asked} == asked
        assert without_owned(yaml.safe_load(after)) == without_owned(yaml.safe_load(content))
        new = {f"{name.partition('.')[2]}: {json.dumps(value)}" for name, value in asked.items()}
        new |= {f"{name.partition('.')[0]}:" for name in asked if name.partition(".")[0] not in sections}
        kept = [text for text in after.split(eol) if text.strip() not in new]
        assert eol.join(kept).removesuffix(eol) == content.removesuffix(eol)
        assert after.endswith(eol) == content.endswith(eol)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_is_refused_or_patched_rightly(seed: int, loader: type) -> None:
    """No damage leads to another error than BadInputError, or to a change of anything that is not owned."""
    rng = random.Random(seed)
    outcomes = {True: 0, False: 0}
    for _ in range(150):
        damaged = bytearray(layout(rng.randrange(1000))[0].encode())
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(damaged))
            damaged[at : at + rng.randint(0, 2)] = rng.choice(DAMAGE)
        try:
            after = values.patch(bytes(damaged), ASKED, where="v.yaml")
        except BadInputError:
            outcomes[False] += 1
            continue
        outcomes[True] += 1
        assert values.read(after, where="v.yaml") == ASKED
        assert composed(bytes(damaged), loader) == composed(after, loader)
    assert min(outcomes.values()) > 10


def composed(content: bytes, loader: type) -> list[tuple[str, str]]:
    """Return what PyYAML composes, less what the tool owns: an opinion that does not come from the code under test."""
    root = yaml.compose(content.decode("utf-8-sig"), Loader=loader)
    assert isinstance(root, yaml.MappingNode)
    found = []
    for key, value in root.value:
        if key.value not in ["image", "model", "release", "chart"]:
            found.append((text_of(key), text_of(value)))
        elif isinstance(value, yaml.MappingNode):
            found += [
                (f"{key.value}.{text_of(k)}", text_of(v)) for k, v in value.value if f"{key.value}.{k.value}" not in ASKED
            ]
    return found


def text_of(node: yaml.Node) -> str:
    return yaml.serialize(node, allow_unicode=True)
