"""The comment on a pull request."""

from __future__ import annotations

import dataclasses
import html
import re
from typing import TYPE_CHECKING

import pytest
from report_samples import (
    CASES,
    CHANGES,
    HOSTILE,
    TASKS,
    comparison,
    curves,
    digest,
    evaluate,
    package,
    train,
    unsure,
    verdict,
)

from release.records import ModelName
from release.report.markdown import MOST_BYTES, marker, render

if TYPE_CHECKING:
    from collections.abc import Callable

TAGS = re.compile(r"</?(?:details|summary|code)>")


def _outside_fences(text: str) -> str:
    kept, inside = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            kept.append(line)
    assert not inside, "a code block is never closed"
    return "\n".join(kept)


def _hostile(text: str) -> str:
    """Render a comment in which everything that people name is `text`."""
    judged = verdict(
        comparisons=(
            comparison(text),
            unsure("recall", slice=text, reason=text),
            unsure(text, low=None, reason=text, role=text),
        ),
        reasons=(text,),
        review=(text,),
        model=ModelName(text),
    )
    trained = train(estimator=text, parameters={text: text}, versions={text: text}, model=ModelName(text))
    trained = dataclasses.replace(trained, task=text)
    scored = evaluate(notes=(text,))
    return render(trained, scored, judged, package=dataclasses.replace(package(), repository=text), changes=[text])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("task", TASKS)
def test_comment(task: str, case: str, golden: Callable[[str, str], None]) -> None:
    """Every verdict of every task renders as the golden file shows."""
    text = render(
        train(task),
        evaluate(task, case),
        verdict(task, case),
        package=package(task) if case in ("pass", "first") else None,
        changes=CHANGES,
        curves=curves(task, case),
    )
    golden(f"{task}-{case}.md", text)


def test_the_same_records_give_the_same_bytes() -> None:
    """Nothing of the time or the machine is in a comment, and the order of a mapping does not matter."""
    one = train()
    other = train(parameters=dict(reversed(one.parameters.items())), versions=dict(reversed(one.versions.items())))
    assert render(one, evaluate(), verdict(), curves=curves()) == render(other, evaluate(), verdict(), curves=curves())


def test_the_first_line_finds_the_comment_again() -> None:
    """The marker names the model, is invisible, and cannot be closed early."""
    assert (
        render(train(), evaluate(), verdict()).splitlines()[0] == "<!-- release:breast-cancer -->" == marker("breast-cancer")
    )
    assert marker("x --> <b>") == "<!-- release:x----b -->"
    assert marker(None) == "<!-- release -->"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text: str) -> None:
    """No name, reason or value becomes a tag, a link, a mention, a code fence, a cell or a command."""
    comment = _hostile(text)
    first, rest = _outside_fences(comment).split("\n", 1)
    assert re.fullmatch(r"<!-- release(:[a-z0-9-]*)? -->", first)
    bare = TAGS.sub("", rest)
    assert "<" not in bare
    assert "`" not in bare
    assert "](" not in rest
    assert not re.search(r"[@!](?=\w)|https?://", html.unescape(re.sub(r"<code>.*?</code>", "", rest)))
    assert not [line for line in comment.splitlines() if line.lstrip().startswith("/")]
    for tag in ("details", "summary", "code"):
        assert rest.count(f"<{tag}>") == rest.count(f"</{tag}>")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_keep_the_table_whole(text: str) -> None:
    """Every row of the table has as many cells as its head."""
    rows = [line for line in _hostile(text).splitlines() if line.startswith("|")]
    assert len(rows) == 5
    assert {row.count("|") for row in rows} == {8}


def test_a_comment_is_never_too_long() -> None:
    """Thousands of requirements, changes and parameters are cut, the least favourable kept, with a note and whole markup."""
    many = tuple(unsure("recall", slice=f"slice {i} {'&<|' * 30}") for i in range(3000))
    last = comparison(
        challenger=0.8, difference=-0.1512, low=-0.2, high=-0.1, high_family=-0.09, verdict=verdict(case="fail").verdict
    )
    judged = verdict(case="fail", comparisons=(*many, last))
    text = render(
        train(parameters={f"p{i}": "<" * 300 for i in range(3000)}),
        evaluate(notes=("x" * 10_000,) * 50),
        judged,
        changes=["@" * 500] * 5000,
        curves=curves(),
    )
    assert len(text.encode()) <= MOST_BYTES
    assert "more are in the full report" in text
    assert "✘ FAIL" in _outside_fences(text)
    assert text.count("<details>") == text.count("</details>")


def test_a_first_release_has_no_column_for_a_champion() -> None:
    """Columns of dashes are left out."""
    assert "| Requirement | Challenger | Interval (99%) | Limit | Verdict |" in render(
        train(), evaluate(case="first"), verdict(case="first")
    )


def test_without_an_evaluation_the_verdict_is_still_told() -> None:
    """A spent test set is never scored, and the comment says that nothing was."""
    spent = verdict(case="invalid", comparisons=(), reasons=("the budget of looks is spent",))
    text = render(train(), None, spent)
    assert "no test rows scored" in text
    assert "the budget of looks is spent" in text


def test_mermaid_is_only_for_what_it_adds() -> None:
    """Binary models get ROC curves, folded away; other tasks and a single class get no chart."""
    assert "```mermaid" in render(train(), evaluate(), verdict(), curves=curves())
    for task in ("multiclass", "regression"):
        assert "mermaid" not in render(train(task), evaluate(task), verdict(task), curves=curves(task))
    flat = dataclasses.replace(curves(), y=curves().y * 0)
    assert "mermaid" not in render(train(), evaluate(), verdict(), curves=flat)


def test_digests_are_short_and_the_command_is_there() -> None:
    """Readers see twelve digits of each digest, looks of the budget, and how to see it again."""
    text = render(train(), evaluate(), verdict())
    assert digest("challenger")[7:19] in text
    assert digest("challenger") not in text
    assert "look 2 of 5" in text
    assert "release dry-run breast-cancer" in text
