"""The full report: one file, well formed, self-contained, readable by everyone."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
import re
from html.parser import HTMLParser
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
    evaluate,
    inspected,
    known,
    package,
    recipe,
    train,
    unsure,
    verdict,
)

from release.records import Importance, InspectRecord, ModelName, SignatureChange
from release.report.curves import Curves
from release.report.disagreement import Known, disagreement
from release.report.html import render
from release.report.style import DARK, HEAT, LIGHT, sheet

if TYPE_CHECKING:
    from collections.abc import Callable

VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})
SAFE = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "main",
        "footer",
        "section",
        "figure",
        "figcaption",
        "h1",
        "h2",
        "h3",
        "p",
        "ul",
        "li",
        "dl",
        "dt",
        "dd",
        "b",
        "small",
        "span",
        "div",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
        "code",
        "svg",
        "desc",
        "nav",
        "a",
        "details",
        "summary",
        "line",
        "path",
        "rect",
        "circle",
        "text",
    ]
)
ATTRIBUTES = frozenset(
    [
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "scope",
        "colspan",
        "role",
        "tabindex",
        "aria-label",
        "aria-labelledby",
        "id",
        "viewbox",
        "d",
        "fill",
        "x",
        "y",
        "x1",
        "y1",
        "x2",
        "y2",
        "cx",
        "cy",
        "r",
        "dy",
        "width",
        "height",
        "transform",
        "text-anchor",
        "href",
    ]
)


class Page(HTMLParser):
    """Checks balance while it reads, and keeps what tests ask about."""

    def __init__(self, text: str) -> None:
        """Read a whole page."""
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember what is open."""
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember a self-closing element."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Refuse what closes out of order."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep what readers see."""
        if "style" not in self.open:
            self.said.append(data)

    @property
    def text(self) -> str:
        """Return what readers see, in order."""
        return " ".join(self.said)


def _page(task: str = "binary", case: str = "pass") -> str:
    return render(
        train(task),
        evaluate(task, case),
        verdict(task, case),
        curves=curves(task, case),
        differ=differ(task, case),
        package=package(task),
        changes=CHANGES,
        inspected=inspected(task),
        recipe=recipe(task),
    )


def _without_style(text: str) -> str:
    """Leave the style sheet and its digest out of golden files: they are tested by themselves."""
    return re.sub(r"sha256-[^']*'", "sha256-…'", re.sub(r"<style>.*?</style>", "<style>…</style>", text, flags=re.DOTALL))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("task", TASKS)
def test_report(task: str, case: str, golden: Callable[[str, str], None]) -> None:
    """Every verdict of every task renders as the golden file shows; charts are in those of PASS."""
    whole: dict[str, Any] = {}
    if case == "pass":
        whole = {"curves": curves(task, case, rows=60), "differ": differ(task, case, rows=60)}
        whole |= {"inspected": inspected(task), "recipe": recipe(task)}
    judged = anchored(verdict(task, case)) if case == "pass" else verdict(task, case)
    text = render(train(task), evaluate(task, case), judged, package=package(task), changes=CHANGES, **whole)
    golden(f"{task}-{case}.html", _without_style(text))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("task", TASKS)
def test_pages_are_well_formed(task: str, case: str) -> None:
    """Every element is closed in order, ids are unique, and nothing but plain elements and attributes is used."""
    page = Page(_page(task, case))
    assert len(page.ids) == len(set(page.ids))
    assert {tag for tag, _ in page.tags} <= SAFE
    assert {name for _, attrs in page.tags for name in attrs} <= ATTRIBUTES


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_loaded_from_anywhere(task: str) -> None:
    """No reference, import, address or script is in the file, and the policy forbids them besides."""
    text = _page(task)
    assert not re.search(r"@import|url\(|https?:|//[a-z]|<script|javascript:|\bon[a-z]+=", text, re.IGNORECASE)
    page = Page(text)
    assert not [attrs for _, attrs in page.tags if {"src", "srcset", "style"} & set(attrs)]
    links = [str(attrs["href"]) for _, attrs in page.tags if "href" in attrs]
    assert links
    assert {link.removeprefix("#") for link in links} <= set(page.ids)


def test_the_policy_allows_this_style_sheet_and_nothing_else() -> None:
    """The content security policy names the digest of the style sheet as it stands in the file."""
    text = _page()
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    wanted = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(attrs["content"] for _, attrs in Page(text).tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy == f"default-src 'none'; style-src 'sha256-{wanted}'; base-uri 'none'; form-action 'none'"
    assert style[1] == sheet()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text: str) -> None:
    """Names, reasons, classes and values neither open an element nor add an attribute."""
    judged = verdict(
        comparisons=(comparison(text), unsure("recall", slice=text), unsure(text, low=None, reason=text, role=text)),
        reasons=(text,),
        model=ModelName(text),
        review=(text,),
    )
    chart = curves("multiclass")
    classes = tuple(f"{text}{i}" for i in range(10))
    trained = train(estimator=text, parameters={text: text}, versions={text: text}, model=ModelName(text))
    page = render(
        trained,
        evaluate(notes=(text,)),
        judged,
        curves=dataclasses.replace(chart, classes=classes),
        differ=disagreement(dataclasses.replace(chart, classes=classes), _named(text)),
        package=dataclasses.replace(package(), repository=text),
        changes=[text],
        inspected=_inspected(text),
        recipe=recipe(metric=text, notes=(text,), resamples=text, by_seed={text: (0.1, 0.2, 0.3)}),
    )
    read = Page(page)
    assert {tag for tag, _ in read.tags} <= SAFE
    assert {name for _, attrs in read.tags for name in attrs} <= ATTRIBUTES
    assert page.count("<style>") == 1


def _named(text: str) -> Known:
    every = known()
    columns = {text: every.columns["mean_area"], f"{text}2": np.array([text] * 285, dtype=object)}
    return Known(ids=np.array([f"{text}{i}" for i in range(285)], dtype=object), columns=columns, parts={text: np.arange(9)})


def _inspected(text: str) -> InspectRecord:
    return inspected(
        metric=text,
        importance=(Importance(column=text, champion=None, challenger=(0.1, 0.01)),),
        signature=(SignatureChange(what=text, champion=text, challenger=None),),
        parameters=((text, text, text),),
        notes=(text,),
    )


@pytest.mark.parametrize("task", TASKS)
def test_pictures_and_tables_speak(task: str) -> None:
    """Every chart has a title and a description, every table a caption and scoped headers, the page a language."""
    page = Page(_page(task))
    charts = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert charts
    for attrs in charts:
        named = (attrs["aria-labelledby"] or "").split()
        assert attrs["role"] == "img"
        assert len(named) == 2
        assert set(named) <= set(page.ids)
    heads = [attrs for tag, attrs in page.tags if tag == "th"]
    assert heads
    assert all(attrs.get("scope") in ("col", "row", "rowgroup") for attrs in heads)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption")
    assert ("html", {"lang": "en"}) in page.tags


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_in_light_and_dark(colours: dict[str, str]) -> None:
    """Text and verdict colours reach a contrast of 4.5 (WCAG 2.1 AA) on page and panel, and text on the darkest shade."""
    for name in ("text", "muted", "pass", "fail", "unsure", "invalid"):
        for behind in ("page", "panel"):
            assert _contrast(_rgb(colours[name]), _rgb(colours[behind])) >= 4.5, (name, behind)
    share = 0.08 * HEAT
    shade = tuple(share * h + (1 - share) * p for h, p in zip(_rgb(colours["heat"]), _rgb(colours["page"]), strict=True))
    assert _contrast(_rgb(colours["text"]), shade) >= 4.5
    for line in ("champion", "challenger"):
        assert _contrast(_rgb(colours[line]), _rgb(colours["panel"])) >= 3


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(rgb: tuple[float, ...]) -> float:
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_the_strip_keeps_band_and_limit_apart() -> None:
    """In each interval's picture the band lies wholly on the side of the limit that the verdict says."""
    page = _page(case="fail")
    strips = re.findall(
        r'<line class="solid i-(\w+)" x1="([\d.]+)"[^>]* x2="([\d.]+)"[^>]*/><line class="limit" x1="([\d.]+)"', page
    )
    assert {kind for kind, *_ in strips} == {"pass", "fail", "unsure"}
    for kind, low, high, at in strips:
        left, right = float(low) < float(at), float(high) > float(at)
        assert (kind == "pass") == (not left)
        assert (kind == "fail") == (not right)


def test_each_task_has_its_charts() -> None:
    """Binary models get curves, calibration and scores, several classes a matrix each, regression fits and residuals."""
    wanted = {
        "binary": [
            "ROC",
            "Precision and recall",
            "Calibration",
            "Scores, champion",
            "Scores, challenger",
            "at the threshold 0.5",
        ],
        "multiclass": ["Labels of the champion", "Labels of the challenger", "Recall by class", "Calibration of the label"],
        "regression": [
            "Predicted against actual, champion",
            "Predicted against actual, challenger",
            "Residuals",
            "Error by size",
        ],
    }
    for task, names in wanted.items():
        text = Page(_page(task)).text
        assert [name for name in names if name not in text] == []


def test_a_first_release_draws_the_challenger_alone() -> None:
    """Without a champion no chart mentions one."""
    text = _page("binary", "first")
    assert "scores-challenger" in text
    assert "scores-champion" not in text


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (Curves(task="binary", y=np.array([]), champion=None, challenger=np.array([])), "no test rows to draw"),
        (Curves(task="binary", y=np.ones(3), champion=None, challenger=np.array([0.1, 0.5, 0.9])), "one class only"),
        (
            Curves(task="binary", y=np.array([0, 1, 1]), champion=None, challenger=np.array([-4.0, 0.5, 9.0])),
            "no probabilities",
        ),
        (Curves(task="regression", y=np.full(3, 2.0), champion=None, challenger=np.full(3, 2.0)), "Residuals"),
    ],
    ids=["empty", "one class", "any score", "constant"],
)
def test_odd_predictions_are_told_not_drawn(odd: Curves, said: str) -> None:
    """Where a chart is not defined, the report says so and stays well formed."""
    page = Page(render(train(), evaluate(), verdict(), curves=odd))
    assert said in page.text


def test_many_classes_become_a_list_of_confusions() -> None:
    """Beyond 16 classes the most frequent confusions are listed instead of a matrix."""
    y = np.arange(60) % 20
    proba = np.eye(20)[(y + (np.arange(60) < 5)) % 20]
    many = Curves(task="multiclass", y=y, champion=None, challenger=proba, classes=tuple(f"class {i}" for i in range(20)))
    text = Page(render(train("multiclass"), evaluate("multiclass"), verdict("multiclass"), curves=many)).text
    assert "mixes up most" in text
    assert "rows actual, columns predicted" not in text


def test_the_same_records_give_the_same_bytes() -> None:
    """Nothing of the time or the machine is in a report."""
    assert _page() == _page()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("task", TASKS)
def test_every_picture_has_its_numbers(task: str, case: str) -> None:
    """Behind each figure that is drawn, and behind the strips, a table opens."""
    page = _page(task, case)
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    drawn = [one for one in figures if "<svg" in one]
    assert drawn
    assert all(re.search(r"<details><summary>Numbers: .*<table>.*</details></figure>", one, re.DOTALL) for one in drawn)
    assert all("Not drawn: " in one for one in figures if "<svg" not in one)
    if 'class="forest"' in page:
        assert "<caption>Intervals in numbers</caption>" in page


def test_headings_are_in_order() -> None:
    """No level of heading is skipped, and there is one of the first level."""
    levels = [int(tag[1]) for tag, _ in Page(_page()).tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))


def test_the_anchor_is_named_wherever_it_is_compared() -> None:
    """A comparison with the anchor says so in table, words and picture, and never that the champion was beaten."""
    text = Page(render(train(), evaluate(), anchored(verdict()))).text
    assert "roc_auc (than the anchor)" in text
    assert "0.949 (anchor)" in text
    assert "ahead of the anchor by 0.046" in text
    assert "it is better on roc_auc and roc_auc on \u201csmokers\u201d, and every" in text
    assert "look 3 of 5, 1 inherited" in text
    assert "1 of them at other files that share rows" in text


def test_withheld_numbers_are_nowhere() -> None:
    """Where the gate withholds numbers, the page says why, and draws nothing that was computed from test rows."""
    hidden = verdict(case="fail", feedback="verdict", comparisons=(), reasons=("numbers are withheld",))
    page = render(
        train(),
        evaluate(),
        hidden,
        curves=curves(),
        differ=differ(),
        inspected=inspected(),
        recipe=recipe(),
        changes=CHANGES,
    )
    text = Page(page).text
    assert "withheld until a challenger passes" in text
    assert "0.9951" not in text
    for section in ("ROC", "Where the models differ", "Permutation importance", "All metrics"):
        assert section not in text
    assert "Learning curve" in text
    assert "The recipe, apart from this model" in text


def test_what_explains_and_the_recipe_have_their_sections() -> None:
    """Importance, learning curve, changes and the recipe are told, the recipe as a question of its own."""
    text = Page(_page()).text
    for said in (
        "The 12 of 13 that matter most",
        "category: rough, smooth",
        "not there",
        "share of positive",
        "Importance is measured on 5,000",
        "The verdict is about this one model",
        "neither recipe is shown to be better",
        "seed 3",
        "Environment of the training",
    ):
        assert said in text
    assert text.index("Requirements") < text.index("The recipe, apart from this model", text.index("Requirements") + 200)


def test_grouped_rows_get_no_band_and_weights_a_word() -> None:
    """A band that counts rows of one group as independent would be too narrow, so there is none."""
    odd = dataclasses.replace(curves(), grouped=True, weighted=True)
    page = render(train(), evaluate(), verdict(), curves=odd)
    assert 'class="band' not in page
    assert "these would be too narrow" in page
    assert "the gate weighs the rows" in page
    assert 'class="band champion"' in _page()


def test_a_page_of_many_rows_stays_small() -> None:
    """100,000 rows and fifty columns take no more of a page than a few hundred."""
    rows = 100_000
    draw = np.random.default_rng(0)
    y = (draw.random(rows) < 0.3).astype(np.int64)
    scores = [1 / (1 + np.exp(-(y * gain + draw.normal(size=rows)))) for gain in (1.5, 1.7)]
    many = Curves(task="binary", y=y, champion=scores[0], challenger=scores[1], threshold=0.5)
    columns = {f"column {i}": draw.normal(size=rows) for i in range(50)}
    named = Known(ids=np.arange(rows).astype(str).astype(object), columns=columns, parts={"some": np.arange(5000)})
    page = render(train(), evaluate(), verdict(), curves=many, differ=disagreement(many, named), inspected=inspected())
    assert len(page.encode()) < 2_000_000
