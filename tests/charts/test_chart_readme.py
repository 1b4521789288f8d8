"""The chart's README, its schema and its values say the same: what is documented is what can be set."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

CHART = Path(__file__).resolve().parents[2] / "charts" / "model"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"


def documented(text: str) -> list[tuple[str, str, str]]:
    """Return key, default and description of each value that has a `# --` line right above it."""
    rows, path, words = [], list[tuple[int, str]](), ""
    for line in text.splitlines():
        if comment := re.fullmatch(r" *# -- (.+)", line):
            words = comment[1]
        elif entry := re.fullmatch(r"( *)(\w+):(?: (.+))?", line):
            indent, key, default = len(entry[1]), entry[2], entry[3]
            path = [*(part for part in path if part[0] < indent), (indent, key)]
            if words:
                rows.append((".".join(part[1] for part in path), default or "", words))
            words = ""
    return rows


def leaves(value: dict[str, Any], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, below in value.items():
        found |= leaves(below, f"{prefix}{key}.") if isinstance(below, dict) else {f"{prefix}{key}": below}
    return found


def schema_leaves(schema: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for key, below in schema["properties"].items():
        found |= schema_leaves(below, f"{prefix}{key}.") if "properties" in below else {f"{prefix}{key}"}
    return found


def test_every_value_is_documented_and_in_the_schema() -> None:
    """No value without a description, no description without a value, nothing the schema does not know."""
    text = (CHART / "values.yaml").read_text()
    keys = [key for key, _, _ in documented(text)]
    assert keys == list(leaves(yaml.safe_load(text)))
    assert set(keys) == schema_leaves(json.loads((CHART / "values.schema.json").read_text()))


def test_every_mapping_of_the_schema_is_closed() -> None:
    """A misspelt value is refused wherever it stands."""
    pending = [json.loads((CHART / "values.schema.json").read_text())]
    seen = 0
    while pending:
        schema = pending.pop()
        if "properties" in schema:
            seen += 1
            assert schema["additionalProperties"] is False
            pending += schema["properties"].values()
    assert seen >= 8


def test_the_readme_lists_the_values(golden: Callable[[Path, str], None]) -> None:
    """README's table is made from values.yaml; `pytest tests/charts --update-golden` makes it anew."""
    table = "| value | default | meaning |\n|---|---|---|\n"
    for key, default, words in documented((CHART / "values.yaml").read_text()):
        table += f"| `{key}` | `{default}` | {words} |\n"
    path = CHART / "README.md"
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    made = before + BEGIN + table + END + after
    golden(path, made)
