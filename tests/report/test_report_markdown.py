"""The comment on a pull request."""

from __future__ import annotations

import dataclasses
import html
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from report_samples import (
    CASES,
    CHANGES,
    HOSTILE,
    TASKS,
    anchored,
    comparison,
    curves,
    differ,
    digest,
    evaluate,
    inspected,
    known,
    package,
    recipe,
    train,
    unsure,
    verdict,
)

from release.records import Importance, ModelName, SignatureChange
from release.report.disagreement import Known, disagreement
from release.report.html import render as page_of
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
    told = inspected(
        metric=text,
        importance=(
            Importance(column=text, champion=(0.05, 0.01), challenger=(0.1, 0.01)),
            Importance(column=f"{text}2", champion=(0.01, 0.01), challenger=(0.0, 0.01)),
        ),
        signature=(SignatureChange(what=text, champion=text, challenger=None),),
        parameters=((text, text, text),),
        data=((text, text, text),),
        notes=(text,),
    )
    every = known()
    columns = {text: every.columns["mean_area"], f"{text}2": np.array([text] * 285, dtype=object)}
    parts = {text: np.arange(100)}
    return render(
        trained,
        scored,
        judged,
        package=dataclasses.replace(package(), repository=text),
        changes=[text],
        curves=curves(),
        differ=disagreement(curves(), Known(ids=every.ids, columns=columns, parts=parts)),
        inspected=told,
        recipe=recipe(metric=text, notes=(text,), resamples=text, by_seed={text: (0.1, 0.2, 0.3)}),
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("task", TASKS)
def test_comment(task: str, case: str, golden: Callable[[str, str], None]) -> None:
    """Every verdict of every task renders as the golden file shows."""
    text = render(
        train(task),
        evaluate(task, case),
        anchored(verdict(task, case)) if case == "pass" else verdict(task, case),
        package=package(task) if case in ("pass", "first") else None,
        changes=CHANGES,
        curves=curves(task, case),
        differ=differ(task, case),
        inspected=inspected(task) if case == "pass" else None,
        recipe=recipe(task) if case == "pass" else None,
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
    rows = [line for line in _hostile(text).splitlines() if line.startswith("|")][:5]
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
    """Binary models get ROC and calibration, folded away; other tasks and a single class get neither."""
    titles = ("ROC curve", "Calibration")
    text = render(train(), evaluate(), verdict(), curves=curves())
    assert all(f"<summary>{title}</summary>" in text for title in titles)
    for task in ("multiclass", "regression"):
        other = render(train(task), evaluate(task), verdict(task), curves=curves(task))
        assert not [title for title in titles if f"<summary>{title}</summary>" in other]
        assert "```mermaid" in other
    flat = dataclasses.replace(curves(), y=curves().y * 0)
    assert "ROC curve" not in render(train(), evaluate(), verdict(), curves=flat)


@pytest.mark.parametrize("text", HOSTILE)
def test_charts_hold_plain_names_only(text: str) -> None:
    """Inside a Mermaid chart there is nothing but its own words, digits and harmless letters of people's names."""
    charts = re.findall(r"```mermaid\n(.*?)```", _hostile(text), re.DOTALL)
    assert len(charts) >= 4
    for chart in charts:
        setting, kind, *lines = chart.strip().splitlines()
        assert setting.startswith("%%{init: ")
        assert kind in ("xychart-beta", "xychart-beta horizontal")
        for line in lines:
            assert re.fullmatch(
                r'  (title "[\w .-]+"|x-axis ("[\w ,.-]+" )?\[("[\w .-]+"(, )?)+\]'
                r'|y-axis "[\w .-]+" -?[\d.]+ --> -?[\d.]+|(line|bar) \[(-?[\d.]+(, )?)+\])',
                line,
            ), line


def test_charts_use_lists_of_names_alone() -> None:
    """Mermaid 10 misplaces points on a numeric axis, so there is none, and every list has as many names as points."""
    text = render(train(), evaluate(), anchored(verdict()), curves=curves(), inspected=inspected())
    charts = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    assert len(charts) == 6
    for chart in charts:
        names = re.search(r"x-axis .*?\[(.*)\]", chart)
        assert names
        count = len(names[1].split(", "))
        assert len(set(names[1].split(", "))) == count
        series = re.findall(r"(?:line|bar) \[(.*)\]", chart)
        assert series
        assert {len(one.split(", ")) for one in series} == {count}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("task", TASKS)
def test_comment_and_page_have_the_same_numbers(task: str, case: str) -> None:
    """Every number in a table of the comment is in the full report too."""
    judged = anchored(verdict(task, case)) if case == "pass" else verdict(task, case)
    given: dict[str, Any] = {"curves": curves(task, case), "differ": differ(task, case), "changes": CHANGES}
    comment = render(train(task), evaluate(task, case), judged, **given)
    page = html.unescape(re.sub(r"<[^>]+>", " ", page_of(train(task), evaluate(task, case), judged, **given)))
    cells = " ".join(line for line in html.unescape(comment).splitlines() if line.startswith("|"))
    numbers = set(re.findall(r"[+\u2212]?\d[\d,.]*", cells))
    assert len(numbers) > 5
    assert numbers <= set(re.findall(r"[+\u2212]?\d[\d,.]*", page))


def test_ids_of_rows_stay_out_of_the_comment() -> None:
    """The comment counts where models differ and names no row: ids may be people's."""
    text = render(train(), evaluate(), verdict(), curves=curves(), differ=differ())
    assert "only the challenger right" in text
    assert "row-" not in text


def test_withheld_numbers_are_nowhere() -> None:
    """Where the gate withholds numbers, no chart or table of the test rows is in the comment."""
    hidden = verdict(case="fail", feedback="verdict", comparisons=(), reasons=("numbers are withheld",))
    text = render(train(), evaluate(), hidden, curves=curves(), differ=differ(), inspected=inspected())
    assert "numbers are withheld" in text
    assert "Learning curve" in text
    for title in ("ROC", "Permutation importance", "The models give another label"):
        assert title not in text


def test_digests_are_short_and_the_command_is_there() -> None:
    """Readers see twelve digits of each digest, looks of the budget, and how to see it again."""
    text = render(train(), evaluate(), verdict())
    assert digest("challenger")[7:19] in text
    assert digest("challenger") not in text
    assert "look 2 of 5" in text
    assert "release dry-run breast-cancer" in text
