"""The report as people open it: in a browser, on a phone and a desk, in light and dark, and the comment's charts."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from report.report_samples import (
    CASES,
    CHANGES,
    TASKS,
    anchored,
    comparison,
    curves,
    differ,
    evaluate,
    inspected,
    package,
    recipe,
    train,
    unsure,
    verdict,
)

from release.records import Verdict
from release.report import html, markdown
from release.report.curves import Curves
from release.report.disagreement import Known, disagreement

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Browser, Scheme

PHONE, DESK = 360, 1280
LONG = "a_column_or_slice_whose_name_has_no_end_and_no_place_to_break_it_" * 3

CONTRASTS = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
const behind = element => { const layers = [];
  for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]); };
const channel = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const poor = []; let seen = 0;
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || ['title', 'desc', 'STYLE'].includes(element.tagName)) continue;
  const style = getComputedStyle(element), ground = behind(element);
  const ink = over(rgba(element.tagName === 'text' ? style.fill : style.color), ground);
  const [high, low] = [light(ink), light(ground)].sort((a, b) => b - a);
  seen += 1;
  if ((high + 0.05) / (low + 0.05) < 4.5) poor.push(element.tagName + ': ' + element.textContent.trim().slice(0, 60));
}
return [seen, poor];
"""

OVERFLOW = """
const wide = document.documentElement.clientWidth, out = [];
for (const e of document.querySelectorAll('body *')) {
  if (e.closest('.scroll, pre, svg, title, desc')) continue;
  const box = e.getBoundingClientRect();
  if (box.width && (box.right > wide + 1 || box.left < -1)) out.push(e.tagName + '.' + e.className + ' ' + box.right);
}
return [document.documentElement.scrollWidth, wide, out];
"""


def _page(task: str, case: str) -> str:
    judged = anchored(verdict(task, case)) if case in ("pass", "fail") else verdict(task, case)
    return html.render(
        train(task),
        evaluate(task, case),
        judged,
        curves=curves(task, case),
        differ=differ(task, case),
        package=package(task),
        changes=CHANGES,
        inspected=inspected(task),
        recipe=recipe(task),
    )


def _wide() -> str:
    """Return a page whose names are as long as people's can be."""
    judged = verdict(case="fail")
    slices = tuple(unsure("roc_auc", slice=f"{LONG}{i}", reason=LONG) for i in range(3))
    judged = dataclasses.replace(judged, comparisons=(comparison(LONG), *judged.comparisons, *slices), reasons=(LONG,))
    told = inspected(parameters=((LONG, LONG, LONG),), notes=(LONG,), metric=LONG)
    return html.render(
        train(parameters={LONG: LONG}), evaluate(notes=(LONG,)), judged, curves=curves(), changes=(LONG,), inspected=told
    )


def _write(folder: Path, text: str) -> Path:
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    return path


def _unfold(browser: Browser) -> None:
    browser.ask("document.querySelectorAll('details').forEach(one => { one.open = true; });")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("task", TASKS)
def test_the_browser_has_nothing_to_complain_of(browser: Browser, tmp_path: Path, task: str, case: str) -> None:
    """No error, no warning, and nothing that the page's own policy forbids."""
    browser.said()
    browser.show(_write(tmp_path, _page(task, case)), width=DESK, scheme="light")
    assert browser.said() == []
    assert browser.ask("return document.styleSheets.length") == 1
    assert browser.ask("return getComputedStyle(document.querySelector('.badge')).borderTopWidth") == "2px"


@pytest.mark.parametrize("task", [*TASKS, "long names"])
def test_a_phone_scrolls_down_and_never_sideways(browser: Browser, tmp_path: Path, task: str) -> None:
    """At 360 pixels nothing sticks out, folded or unfolded; tables scroll inside their own box, by keyboard too."""
    text = _wide() if task == "long names" else _page(task, "fail")
    browser.show(_write(tmp_path, text), width=PHONE, scheme="light")
    for _ in ("folded", "unfolded"):
        total, wide, out = browser.ask(OVERFLOW)
        assert (wide, out) == (PHONE, [])
        assert total <= PHONE
        _unfold(browser)
    boxes = "return [...document.querySelectorAll('table')].map(t => t.closest('[tabindex=\"0\"][aria-label]') !== null)"
    found = browser.ask(boxes)
    assert found
    assert all(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("task", TASKS)
def test_every_text_can_be_read(browser: Browser, tmp_path: Path, task: str, scheme: Scheme) -> None:
    """All text, that in pictures included, has a contrast of 4.5 with what is behind it (WCAG 2.1 AA)."""
    for case in ("pass", "fail", "invalid"):
        browser.show(_write(tmp_path, _page(task, case)), width=DESK, scheme=scheme)
        _unfold(browser)
        seen, poor = browser.ask(CONTRASTS)
        assert seen > 200
        assert poor == []
    dark = browser.ask("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("task", TASKS)
def test_axe_finds_nothing(browser: Browser, parts: Path, tmp_path: Path, task: str, scheme: Scheme) -> None:
    """axe-core's rules, best practices among them, find no violation, with everything unfolded."""
    for width in (PHONE, DESK):
        browser.show(_write(tmp_path, _page(task, "fail")), width=width, scheme=scheme)
        _unfold(browser)
        browser.ask((parts / "axe-core/axe.min.js").read_text(encoding="utf-8"))
        found = browser.wait(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then(r => done([r.passes.length,"
            " r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).slice(0, 3).join(' '))]),"
            " e => done([0, [String(e)]]));"
        )
        assert found[0] > 15
        assert found[1] == []


@pytest.mark.parametrize("task", TASKS)
def test_numbers_open_behind_each_picture(browser: Browser, tmp_path: Path, task: str) -> None:
    """Every figure with a picture has a table that a click shows, with rows in it."""
    browser.show(_write(tmp_path, _page(task, "pass")), width=DESK, scheme="light")
    rows = browser.ask(
        "return [...document.querySelectorAll('figure')].filter(f => f.querySelector('svg')).map(f => {"
        " f.querySelector('summary').click();"
        " return [f.querySelector('details').open, f.querySelectorAll('tbody tr').length,"
        " f.querySelector('table').getBoundingClientRect().height]; })"
    )
    assert len(rows) > 4
    assert all(is_open and count and height > 20 for is_open, count, height in rows)


def test_focus_shows_and_links_lead_somewhere(browser: Browser, tmp_path: Path) -> None:
    """The first link of the contents shows that it has the focus, and leads to its section."""
    browser.show(_write(tmp_path, _page("binary", "pass")), width=DESK, scheme="light")
    browser.driver.switch_to.active_element.send_keys("\ue004")
    assert browser.ask("return document.activeElement.closest('nav') !== null")
    assert browser.ask("return getComputedStyle(document.activeElement).outlineWidth") == "3px"
    browser.driver.switch_to.active_element.send_keys("\ue007")
    assert browser.ask("return Math.abs(document.querySelector('main h2').getBoundingClientRect().top) < 900")
    assert browser.ask("return location.hash") == "#" + browser.ask("return document.querySelector('main h2').id")


def test_many_rows_make_no_large_page(browser: Browser, tmp_path: Path) -> None:
    """At 100,000 rows the file is under 2 MB, and the browser draws it without a complaint."""
    rows = 100_000
    draw = np.random.default_rng(0)
    y = (draw.random(rows) < 0.3).astype(np.int64)
    scores = [1 / (1 + np.exp(-(y * gain + draw.normal(size=rows)))) for gain in (1.5, 1.7)]
    many = Curves(task="binary", y=y, champion=scores[0], challenger=scores[1], threshold=0.5)
    columns = {f"column {i}": draw.normal(size=rows) for i in range(30)}
    known = Known(ids=np.arange(rows).astype(str).astype(object), columns=columns, parts={})
    page = html.render(
        train(), evaluate(), verdict(), curves=many, differ=disagreement(many, known), inspected=inspected(), recipe=recipe()
    )
    path = _write(tmp_path, page)
    assert path.stat().st_size < 2_000_000
    browser.said()
    browser.show(path, width=DESK, scheme="light")
    assert browser.said() == []


@pytest.mark.parametrize("version", [10, 12])
@pytest.mark.parametrize("task", TASKS)
def test_charts_of_the_comment_are_drawn(browser: Browser, parts: Path, tmp_path: Path, version: int, task: str) -> None:
    """Mermaid parses and draws each chart of the comment, with as many points as there are names on its axis."""
    for case in ("pass", "fail", "first"):
        comment = markdown.render(
            train(task),
            evaluate(task, case),
            anchored(verdict(task, case)) if case == "pass" else verdict(task, case),
            curves=curves(task, case),
            differ=differ(task, case),
            inspected=inspected(task),
        )
        charts = re.findall(r"```mermaid\n(.*?)```", comment, re.DOTALL)
        assert charts
        path = tmp_path / "empty.html"
        path.write_text("<!DOCTYPE html><meta charset=utf-8><title>t</title><body></body>", encoding="utf-8")
        browser.show(path, width=DESK, scheme="light")
        # As an element: what a script declares at its top must be the page's, not the command's.
        library = (parts / f"mermaid-{version}/dist/mermaid.min.js").as_uri()
        browser.wait(
            "const done = arguments[1], s = document.createElement('script');"
            "s.src = arguments[0]; s.onload = () => done(1); document.head.append(s);",
            library,
        )
        browser.ask("mermaid.initialize({startOnLoad: false});")
        for i, chart in enumerate(charts):
            drawn = _drawn(browser, f"c{i}", chart)
            names = len(re.findall('"', re.findall(r"x-axis.*\[(.*)\]", chart)[0])) // 2
            lines = len(re.findall(r"^ *line", chart, re.MULTILINE))
            bars = len(re.findall(r"^ *bar", chart, re.MULTILINE))
            assert drawn == {"lines": [names] * lines, "bars": names * bars}, (case, chart)


def _drawn(browser: Browser, name: str, chart: str) -> Any:
    """Draw a chart, and count the points of its lines and its bars."""
    return browser.wait(
        "const [name, text, done] = arguments;"
        "mermaid.parse(text).then(() => mermaid.render(name, text)).then(({svg}) => {"
        " const box = document.createElement('div'); box.innerHTML = svg;"
        " const lines = [...box.querySelectorAll('.plot path, [class*=line-plot] path')];"
        " done({lines: [...new Set(lines)].map(p => p.getAttribute('d').split(/[ML]/).length - 1),"
        " bars: new Set(box.querySelectorAll('.plot rect, [class*=bar-plot] rect')).size}); }, e => done(String(e)));",
        name,
        chart,
    )


def test_a_verdict_without_comparisons_is_a_whole_page(browser: Browser, tmp_path: Path) -> None:
    """A spent test set, and numbers that are withheld, still make a page that has its landmarks and nothing else."""
    spent = verdict(case="invalid", comparisons=(), reasons=("the budget of looks is spent",))
    hidden = verdict(case="fail", comparisons=(), feedback="verdict", reasons=("numbers are withheld",))
    for judged in (spent, hidden):
        browser.show(_write(tmp_path, html.render(train(), None, judged)), width=PHONE, scheme="dark")
        assert browser.ask("return ['header', 'nav', 'main', 'footer'].map(n => document.querySelectorAll(n).length)") == [
            1,
            1,
            1,
            1,
        ]
        assert browser.ask("return document.querySelectorAll('svg').length") == 0
        assert judged.verdict is not Verdict.PASS
