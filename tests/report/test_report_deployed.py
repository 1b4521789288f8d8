"""What a change does to the manifests, in the comment and in the full report."""

from __future__ import annotations

import html as markup
from typing import TYPE_CHECKING

from report_samples import HOSTILE, evaluate, train, verdict

from release.artifact.manifest_change import ManifestChange, Manifests
from release.report import html, markdown
from release.report.deployed import TITLE
from release.report.markdown import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

DIFF = """\
diff --git a/production/Rollout/churn-production.yaml b/production/Rollout/churn-production.yaml
index 6da73b6..953a66b 100644
--- a/production/Rollout/churn-production.yaml
+++ b/production/Rollout/churn-production.yaml
@@ -9,7 +9,7 @@
 spec:
-  replicas: 3
+  replicas: 4
   revisionHistoryLimit: 5
"""
WORDS = ("image: r/churn@cf66a6ff7969 → r/churn@e8ee818f3635", "replicas: 3 → 4")
REMARK = "model.yaml now says serving.replicas: 5, and charts/environments/production/churn.yaml says 4"
SHOWN = Manifests(
    changes=(
        ManifestChange(environment="staging"),
        ManifestChange(environment="production", words=WORDS, remarks=(REMARK,), diff=DIFF),
    )
)


def comment(manifests: Manifests) -> str:
    return markdown.render(train(), evaluate(), verdict(), manifests=manifests)


def page(manifests: Manifests) -> str:
    return html.render(train(), evaluate(), verdict(), manifests=manifests)


def test_words_by_environment_and_the_diff_folded(golden: Callable[[str, str], None]) -> None:
    """What changes is said; what does not is one line; the whole diff is a click away."""
    golden("manifests.md", comment(SHOWN))
    golden("manifests.html", page(SHOWN))


def test_where_nothing_was_asked_nothing_is_said() -> None:
    """A comparison of two files of predictions deploys nothing."""
    for text in (comment(Manifests()), page(Manifests())):
        assert TITLE not in text


def test_why_nothing_is_shown_is_one_sentence() -> None:
    """Without helm there are no manifests, and nobody should think that nothing changes."""
    for text in (
        comment(Manifests(remark="helm is not installed here")),
        page(Manifests(remark="helm is not installed here")),
    ):
        assert "helm is not installed here" in text
        assert "Nothing changes" not in text


def test_a_diff_of_any_length_leaves_a_comment_that_forges_take() -> None:
    """It is cut at a line, and the report has all of it."""
    long = DIFF + "".join(f"+  line {number}: {'x' * 80}\n" for number in range(9000))
    changes = tuple(ManifestChange(environment=f"env-{number}", words=WORDS, diff=long) for number in range(5))
    text = comment(Manifests(changes=changes))
    assert len(text.encode()) <= MOST_BYTES
    assert "more lines are in the full report." in text
    assert text.count("```") % 2 == 0
    assert page(Manifests(changes=changes)).count("line 8999") == 5


def test_what_charts_print_is_neither_markup_nor_the_end_of_its_block() -> None:
    """Names, values and whole templates are somebody else's text."""
    for hostile in (*HOSTILE, "````\n```\n</details>", " ```", "</code></pre><script>", "\u202eevil\x1b[31m"):
        change = ManifestChange(
            environment=hostile,
            words=(hostile,),
            remarks=(hostile,),
            diff="".join(f"+{line}\n" for line in hostile.split("\n")) + f" {hostile}\n",
        )
        text, full = comment(Manifests(changes=(change,))), page(Manifests(changes=(change,)))
        fence = max(
            (line for line in text.splitlines() if line.rstrip("dif").strip("`") == "" and line.endswith("`diff")), key=len
        )
        inside = text.split(fence, 1)[1].split("\n" + fence.removesuffix("diff") + "\n", 1)[0]
        assert len(inside.splitlines()) == len(change.diff.splitlines()) + 1
        for output in (text, full):
            assert "\x1b" not in output
            assert "\u202e" not in output
        assert "<script" not in full
        assert "<script" not in text.replace(inside, "")


def test_layout_is_kept_in_both() -> None:
    """A diff of YAML without its indentation would say something else."""
    assert "+  replicas: 4\n" in comment(SHOWN)
    assert f'<span class="pass">{markup.escape("+  replicas: 4")}</span>\n' in page(SHOWN)
