"""Plan: which models are due, why and what kind, on real repositories, against a base and by the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.git import commit, git, isolate, repository, snapshot

from release.adapters.git import GitSource
from release.errors import BadInputError, EnvironmentTroubleError, SecurityRefusalError
from release.records import Commit, Inputs, Kind, ModelName, Plan
from release.stages.plan import inputs_at, plan_change, plan_due

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MODEL = b"""\
owner: a
task: binary
data: {train: data/train.csv, test: data/test.csv, target: y, id: key, columns: {x: float, z: int}}
estimator: {kind: dummy}
gate: {primary: {metric: accuracy, margin: 0.1}, looks: 3}
serving: {format: skops, cpu: 500m}
rollout: {steps: [10]}
"""
PROJECT = b"tool: ==0.1.*\nenvironments: [{name: staging}]\ngates: {limits: {}}\n"
RUNTIME = b"runtime:\n  images: {skops: registry.example/runtime@sha256:" + b"1" * 64 + b"}\n"
FILES = {
    "release.yaml": PROJECT,
    "charts/model/Chart.yaml": b"name: model\n",
    **{f"models/{name}/model.yaml": MODEL for name in ("churn", "fraud")},
    **{f"models/{name}/data/train.csv": b"key,x,z,y\n" for name in ("churn", "fraud")},
    **{f"models/{name}/data/test.csv": b"key,x,z,y\na,1,1,1\n" for name in ("churn", "fraud")},
}
CHURN, FRAUD = ModelName("churn"), ModelName("fraud")


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "source", FILES)


def head_of(root: Path) -> Commit:
    return Commit(git(root, "rev-parse", "HEAD"))


def plan_after(root: Path, changes: Mapping[str, bytes]) -> Plan:
    """Commit changes and plan them against the commit before."""
    base = head_of(root)
    return plan_change(GitSource(root), base=base, head=Commit(commit(root, changes)))


def kinds(plan: Plan) -> dict[str, Kind]:
    return {item.model: item.kind for item in plan.items}


def edited(old: bytes, new: bytes, text: bytes = MODEL) -> bytes:
    assert old in text
    return text.replace(old, new)


# Against a base.


@pytest.mark.parametrize(
    ("old", "new", "kind", "why"),
    [
        (b"kind: dummy", b"kind: svm", Kind.TRAIN, "what is trained changed since the base"),
        (b"steps: [10]", b"steps: [20]", Kind.REDEPLOY, "serving, rollout or the chart changed since the base"),
        (b"cpu: 500m", b"cpu: 600m", Kind.REDEPLOY, "serving, rollout or the chart changed since the base"),
        (b"looks: 3", b"looks: 4", Kind.POLICY, "the gate's policy changed since the base"),
    ],
)
def test_an_edit_of_one_model_names_it_alone(root: Path, old: bytes, new: bytes, kind: Kind, why: str) -> None:
    """What was edited decides the kind, and the reason is told in words."""
    before = head_of(root)
    plan = plan_after(root, {"models/churn/model.yaml": edited(old, new)})
    assert (plan.base, plan.commit) == (before, head_of(root))
    [item] = plan.items
    assert (item.model, item.kind, item.why) == (CHURN, kind, (why,))
    assert item.inputs == inputs_at(GitSource(root), plan.commit, CHURN)


def test_new_training_rows_are_a_training(root: Path) -> None:
    """No data file is opened: Git knows that it changed."""
    assert kinds(plan_after(root, {"models/fraud/data/train.csv": b"other\n"})) == {FRAUD: Kind.TRAIN}


def test_new_held_out_rows_alone_are_a_kind_of_their_own(root: Path) -> None:
    """Champion and challenger are scored anew, and an owner approves."""
    assert kinds(plan_after(root, {"models/churn/data/test.csv": b"other\n"})) == {CHURN: Kind.TEST_SET}


def test_a_new_model_is_trained_and_says_that_it_is_new(root: Path) -> None:
    """There is nothing to compare it with."""
    plan = plan_after(
        root, {f"models/nps/{name}": b"x\n" for name in ("data/train.csv", "README")} | {"models/nps/model.yaml": MODEL}
    )
    assert [(item.model, item.kind, item.why) for item in plan.items] == [("nps", Kind.TRAIN, ("a new model",))]


def test_a_removed_model_is_retired_even_where_its_data_stay(root: Path) -> None:
    """The file that proposes it is gone."""
    base = head_of(root)
    (root / "models/churn/model.yaml").unlink()
    plan = plan_change(GitSource(root), base=base, head=Commit(commit(root, {})))
    assert [(item.model, item.kind, item.why, item.inputs) for item in plan.items] == [
        (CHURN, Kind.RETIRE, ("its model.yaml was removed",), None)
    ]


def test_a_renamed_model_is_one_retired_and_one_new(root: Path) -> None:
    """The folder's name is the model's."""
    base = head_of(root)
    git(root, "mv", "models/churn", "models/loyalty")
    plan = plan_change(GitSource(root), base=base, head=Commit(commit(root, {})))
    assert kinds(plan) == {"churn": Kind.RETIRE, "loyalty": Kind.TRAIN}


@pytest.mark.parametrize(
    "changes",
    [
        {"models/churn/model.yaml": b"# why we do this\n" + MODEL.replace(b"\n", b"   # said\n")},
        {"models/churn/model.yaml": b"".join(reversed(MODEL.splitlines(keepends=True)))},
        {"models/churn/model.yaml": MODEL.replace(b"owner: a", b"owner: somebody\ndescription: words")},
        {"models/churn/notes.md": b"words\n", "models/churn/data/unused.csv": b"1\n"},
        {
            "README.md": b"words\n",
            "docs/x.md": b"y\n",
            "charts/environments/staging/churn.yaml": b"a: 1\n",
            "charts/modelling": b"",
        },
        {"models/make_data.py": b"print()\n", "models/Shared Things/helpers.py": b"\n"},
        {"release.yaml": PROJECT + b"# words\nregistry: example.org/ml\ntracking: sqlite:///x.db\n"},
        {"release.yaml": PROJECT.replace(b"name: staging", b"name: elsewhere")},
        {},
    ],
)
def test_what_decides_no_release_is_nothing(root: Path, changes: dict[str, bytes]) -> None:
    """Comments, order, words, files that nobody names, places elsewhere."""
    assert plan_after(root, changes).items == ()


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"release.yaml": edited(b"0.1", b"0.2", PROJECT)}, Kind.TRAIN),
        ({"release.yaml": edited(b"limits: {}", b"limits: {margin: {accuracy: 0.2}}", PROJECT)}, Kind.POLICY),
        ({"release.yaml": PROJECT + RUNTIME}, Kind.REPACKAGE),
        ({"charts/model/templates/x.yaml": b"a\n"}, Kind.REDEPLOY),
    ],
)
def test_what_all_models_share_touches_all(root: Path, changes: dict[str, bytes], kind: Kind) -> None:
    """The toolkit's pin, policy, runtime, chart."""
    assert kinds(plan_after(root, changes)) == {CHURN: kind, FRAUD: kind}


def test_another_format_is_a_training(root: Path) -> None:
    """The model is converted when it is trained; both reasons are told."""
    [item] = plan_after(root, {"models/churn/model.yaml": edited(b"format: skops", b"format: onnx")}).items
    why = ("what is trained changed since the base", "the serving format or runtime changed since the base")
    assert (item.model, item.kind, item.why) == (CHURN, Kind.TRAIN, why)


def test_a_runtime_touches_the_models_that_are_served_by_it(root: Path) -> None:
    """Those of the other format, and what else is said of runtimes, are another matter."""
    onnx = edited(b"format: skops", b"format: onnx")
    commit(root, {"models/fraud/model.yaml": onnx})
    assert kinds(plan_after(root, {"release.yaml": PROJECT + RUNTIME})) == {CHURN: Kind.REPACKAGE}
    assert kinds(plan_after(root, {"release.yaml": PROJECT + RUNTIME + b"  minimum: '2'\n  batch: 3\n"})) == {}


def test_a_pull_request_is_compared_with_its_merge_base(root: Path) -> None:
    """What happened on the main branch meanwhile is not the change's doing."""
    start = head_of(root)
    git(root, "checkout", "-q", "-b", "feature")
    change = Commit(commit(root, {"models/churn/model.yaml": edited(b"dummy", b"svm")}))
    git(root, "checkout", "-q", "main")
    main = Commit(
        commit(root, {"models/fraud/model.yaml": edited(b"dummy", b"svm"), "release.yaml": PROJECT + b"tracking: x\n"})
    )
    plan = plan_change(GitSource(root), base=main, head=change)
    assert plan.base == start
    assert kinds(plan) == {CHURN: Kind.TRAIN}


@pytest.mark.parametrize("model_yaml", [MODEL, edited(b"kind: dummy", b"kind: svm")])
def test_a_test_set_does_not_change_with_what_it_judges(root: Path, model_yaml: bytes) -> None:
    """Exit code 3: a change must not choose the rows that judge it."""
    changes = {
        "models/churn/model.yaml": model_yaml,
        "models/churn/data/test.csv": b"easier\n",
        "models/churn/data/train.csv": b"other\n",
    }
    with pytest.raises(SecurityRefusalError) as caught:
        plan_after(root, changes)
    assert str(caught.value) == (
        "models/churn: the held-out rows of churn change together with what is trained; "
        "propose the new test set in a pull request of its own, which an owner approves"
    )


def test_pointing_at_other_held_out_rows_is_changing_them(root: Path) -> None:
    """A renamed file with the same rows is not; another file is."""
    other = {"models/churn/data/new.csv": FILES["models/churn/data/test.csv"]}
    moved = edited(b"data/test.csv", b"data/new.csv")
    assert plan_after(root, {**other, "models/churn/model.yaml": moved}).items == ()
    assert kinds(plan_after(root, {"models/churn/data/new.csv": b"easier\n"})) == {CHURN: Kind.TEST_SET}


def test_a_new_model_brings_both_files(root: Path) -> None:
    """The rule is about existing models."""
    new = {f"models/nps/{name}": b"x\n" for name in ("data/train.csv", "data/test.csv")}
    assert kinds(plan_after(root, {**new, "models/nps/model.yaml": MODEL})) == {"nps": Kind.TRAIN}


def test_a_model_yaml_that_cannot_be_read_names_its_line(root: Path) -> None:
    """Bad input in the proposal, told with its place."""
    with pytest.raises(BadInputError, match=r"^models/churn/model.yaml:8:1: duplicate key \"task\", first on line 2"):
        plan_after(root, {"models/churn/model.yaml": MODEL + b"task: x\n"})


def test_a_mistake_at_the_base_does_not_stop_its_repair(root: Path) -> None:
    """History cannot be changed any more; what can be read now is due."""
    commit(root, {"models/churn/model.yaml": b"a: 1\na: 2\n"})
    [item] = plan_after(root, {"models/churn/model.yaml": MODEL}).items
    assert (item.model, item.kind, item.why) == (CHURN, Kind.TRAIN, ("its model.yaml could not be read at the base",))
    commit(root, {"release.yaml": b"a: 1\na: 2\n"})
    assert kinds(plan_after(root, {"release.yaml": PROJECT})) == {CHURN: Kind.TRAIN, FRAUD: Kind.TRAIN}


@pytest.mark.parametrize(
    ("folder", "error", "line"),
    [
        ("Loyal Customers", BadInputError, "models/Loyal Customers: 'Loyal Customers' is no model name; use lower-case"),
        ("$(id)", SecurityRefusalError, "models/$(id): '$(id)' is no model name; use lower-case letters"),
        ("-rf", SecurityRefusalError, "models/-rf: '-rf' is no model name; use lower-case letters"),
        ("a;b", SecurityRefusalError, "models/a;b: 'a;b' is no model name; use lower-case letters"),
        ("a\x1b[31m", SecurityRefusalError, "models/a\\x1b[31m: 'a\\x1b[31m' is no model name; use lower-case letters"),
    ],
)
def test_a_folder_that_cannot_be_a_model_is_refused_with_its_place(
    root: Path, folder: str, error: type[Exception], line: str
) -> None:
    """Names become paths, labels and branches; both ways to plan refuse the same."""
    base = head_of(root)
    head = Commit(commit(root, {f"models/{folder}/model.yaml": MODEL}))
    for plan in (
        lambda: plan_change(GitSource(root), base=base, head=head),
        lambda: plan_due(GitSource(root), head=head, settled={}, serving=frozenset()),
    ):
        with pytest.raises(error) as caught:
            plan()
        assert str(caught.value).startswith(line)


def test_a_file_name_with_a_line_break_is_refused(root: Path) -> None:
    """Exit code 3, before it reaches another program's input."""
    with pytest.raises(SecurityRefusalError, match="line break"):
        plan_after(root, {"models/a\nb/model.yaml": MODEL})


@pytest.mark.parametrize("link", ["models/churn/model.yaml", "models/churn/data/train.csv", "models/nps"])
def test_symbolic_links_are_refused(root: Path, link: str) -> None:
    """They could name anything on the machine that builds."""
    base = head_of(root)
    (root / link).unlink(missing_ok=True)
    (root / link).symlink_to("../fraud/model.yaml" if "yaml" in link else "fraud")
    head = Commit(commit(root, {}))
    with pytest.raises(SecurityRefusalError, match="is a symbolic link; commit the files themselves"):
        plan_due(GitSource(root), head=head, settled={}, serving=frozenset())
    if link != "models/nps":
        with pytest.raises(SecurityRefusalError, match="is a symbolic link; commit the files themselves"):
            plan_change(GitSource(root), base=base, head=head)


def test_a_shallow_clone_without_the_base_says_how_to_get_it(root: Path, tmp_path: Path) -> None:
    """Exit code 5: the history can be fetched."""
    base = head_of(root)
    commit(root, {"models/churn/model.yaml": edited(b"dummy", b"svm")})
    git(tmp_path, "clone", "-q", "--depth=1", root.as_uri(), "clone")
    with pytest.raises(EnvironmentTroubleError, match=r"shallow clone lacks .*; run: git fetch --unshallow origin"):
        plan_change(GitSource(tmp_path / "clone"), base=base, head=head_of(tmp_path / "clone"))


def test_planning_writes_nothing(root: Path) -> None:
    """Not a file of the work tree or of Git's own is touched."""
    head = Commit(commit(root, {"models/churn/model.yaml": edited(b"dummy", b"svm")}))
    before = snapshot(root)
    plan_change(GitSource(root), base=Commit(git(root, "rev-parse", "HEAD^")), head=head)
    plan_due(GitSource(root), head=head, settled={}, serving=frozenset())
    assert snapshot(root) == before


# By the ledger.


def settled_at(root: Path, *names: ModelName) -> dict[ModelName, tuple[Commit, Inputs]]:
    """Return the ledger's answer for models that were released at HEAD."""
    head = head_of(root)
    known = {name: inputs_at(GitSource(root), head, name) for name in names}
    return {name: (head, inputs) for name, inputs in known.items() if inputs is not None}


def due(
    root: Path,
    settled: Mapping[ModelName, tuple[Commit, Inputs]],
    serving: frozenset[ModelName] = frozenset(),
    first: Mapping[ModelName, Inputs] | None = None,
) -> dict[str, tuple[Kind, tuple[str, ...]]]:
    plan = plan_due(GitSource(root), head=head_of(root), settled=settled, serving=serving, first=first)
    assert plan.base is None
    return {item.model: (item.kind, item.why) for item in plan.items}


def test_without_a_ledger_everything_is_due(root: Path) -> None:
    """Every model is a first release."""
    why = (Kind.TRAIN, ("the ledger has no release of it",))
    assert due(root, {}) == {CHURN: why, FRAUD: why}


def test_what_the_ledger_settled_is_not_due_again(root: Path) -> None:
    """However often a job runs."""
    settled = settled_at(root, CHURN, FRAUD)
    assert due(root, settled) == {}
    assert due(root, settled) == {}


def test_later_commits_elsewhere_make_nothing_due(root: Path) -> None:
    """Settled at an older commit, with the same objects."""
    settled = settled_at(root, CHURN, FRAUD)
    commit(root, {"README.md": b"x\n", "models/churn/notes.md": b"words\n"})
    commit(root, {"models/churn/model.yaml": b"# words\n" + MODEL})
    assert due(root, settled) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"models/churn/model.yaml": edited(b"dummy", b"svm")}, {CHURN: "what is trained changed since its last release"}),
        ({"models/churn/data/test.csv": b"new\n"}, {CHURN: "the held-out rows changed since its last release"}),
        (
            {"release.yaml": PROJECT.replace(b"0.1", b"0.2")},
            dict.fromkeys((CHURN, FRAUD), "what is trained changed since its last release"),
        ),
        (
            {"charts/model/x": b"1"},
            dict.fromkeys((CHURN, FRAUD), "serving, rollout or the chart changed since its last release"),
        ),
    ],
)
def test_what_changed_since_the_last_release_is_due(
    root: Path, changes: dict[str, bytes], expected: dict[ModelName, str]
) -> None:
    """However many commits ago that was."""
    settled = settled_at(root, CHURN, FRAUD)
    commit(root, changes)
    commit(root, {"README.md": b"later\n"})
    assert {name: why for name, (_, why) in due(root, settled).items()} == {name: (why,) for name, why in expected.items()}


def test_on_the_main_branch_a_merged_test_set_is_not_argued_about(root: Path) -> None:
    """Two pull requests, merged before anything was released, are one training."""
    settled = settled_at(root, CHURN, FRAUD)
    commit(root, {"models/churn/data/test.csv": b"new\n", "models/churn/data/train.csv": b"new\n"})
    expected = ("what is trained changed since its last release", "the held-out rows changed since its last release")
    assert due(root, settled) == {CHURN: (Kind.TRAIN, expected)}


def test_another_runtime_is_for_what_serves(root: Path) -> None:
    """A proposal that was refused settles its inputs, but it is what serves that can be put on another runtime as it is."""
    serves = {name: inputs for name, (_, inputs) in settled_at(root, CHURN, FRAUD).items()}
    commit(root, {"models/churn/model.yaml": edited(b"dummy", b"svm")})
    refused = settled_at(root, CHURN, FRAUD)
    commit(root, {"release.yaml": PROJECT + RUNTIME})
    runtime = "the serving format or runtime changed since its last release"
    assert due(root, refused, first=serves) == {
        CHURN: (Kind.TRAIN, (runtime, "what serves was made from other inputs")),
        FRAUD: (Kind.REPACKAGE, (runtime,)),
    }
    nothing = "nothing serves that could be packaged again"
    assert due(root, refused, first={CHURN: serves[CHURN]})[FRAUD] == (Kind.TRAIN, (runtime, nothing))
    commit(root, {"models/churn/model.yaml": MODEL})
    again = "the serving format or runtime changed since it was put there"
    assert due(root, refused, first=serves)[CHURN] == (Kind.REPACKAGE, (again,))


def test_a_change_taken_back_is_not_due(root: Path) -> None:
    """Inputs count, not the commits between."""
    settled = settled_at(root, CHURN, FRAUD)
    commit(root, {"models/churn/model.yaml": edited(b"dummy", b"svm")})
    commit(root, {"models/churn/model.yaml": MODEL})
    assert due(root, settled) == {}


def test_a_settled_model_with_the_same_objects_is_not_even_read(root: Path) -> None:
    """The work grows with what changed: a file that no reader could parse proves that none tried."""
    commit(root, {"models/fraud/model.yaml": b"a: 1\na: 2\n"})
    known = settled_at(root, CHURN)
    inputs = known[CHURN][1]
    settled = {**known, FRAUD: (head_of(root), inputs)}
    commit(root, {"models/churn/model.yaml": edited(b"dummy", b"svm")})
    assert list(due(root, settled)) == [CHURN]


def test_a_model_that_cannot_be_read_does_not_hide_the_others(root: Path) -> None:
    """On the main branch it is due, and says why nothing will come of it; what is wrong with release.yaml stops all."""
    settled = settled_at(root, FRAUD)
    commit(root, {"models/fraud/model.yaml": b"a: 1\na: 2\n"})
    found = due(root, settled)
    assert list(found) == [CHURN, FRAUD]
    assert found[FRAUD][1][0].startswith("it cannot be read: models/fraud/model.yaml:2:1: duplicate key")
    commit(root, {"release.yaml": b"a: 1\na: 2\n"})
    with pytest.raises(BadInputError, match=r"^release.yaml:2:1: duplicate key"):
        due(root, settled)


def test_a_release_of_a_commit_that_this_clone_lacks_is_compared_by_inputs(root: Path, tmp_path: Path) -> None:
    """A shallow clone of the main branch can plan: the ledger holds the digests."""
    settled = settled_at(root, CHURN, FRAUD)
    commit(root, {"models/fraud/model.yaml": edited(b"dummy", b"svm")})
    git(tmp_path, "clone", "-q", "--depth=1", root.as_uri(), "clone")
    assert list(due(tmp_path / "clone", settled)) == [FRAUD]


def test_a_model_that_is_gone_and_still_serves_is_to_be_retired(root: Path) -> None:
    """One that serves nowhere is forgotten."""
    settled = settled_at(root, CHURN, FRAUD)
    git(root, "rm", "-r", "-q", "models/churn", "models/fraud")
    commit(root, {})
    expected = {CHURN: (Kind.RETIRE, ("its folder is gone, and it still serves",))}
    assert due(root, settled, frozenset({CHURN})) == expected


def test_inputs_of_what_is_not_there_are_none(root: Path) -> None:
    """A model that a commit does not have."""
    assert inputs_at(GitSource(root), head_of(root), ModelName("nps")) is None
    assert inputs_at(GitSource(root), head_of(root), CHURN) == inputs_at(GitSource(root), head_of(root), FRAUD)


def test_the_processes_that_a_plan_starts_do_not_grow_with_the_models(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two hundred models cost as many calls of git as two."""
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(trace))

    def calls() -> int:
        trace.unlink(missing_ok=True)
        base = Commit(git(root, "rev-parse", "HEAD^"))
        trace.unlink(missing_ok=True)
        plan_change(GitSource(root), base=base, head=head_of_quietly)
        plan_due(GitSource(root), head=head_of_quietly, settled={}, serving=frozenset())
        return trace.read_text().count('"event":"start"')

    head_of_quietly = Commit(commit(root, {"charts/model/x": b"1"}))
    few = calls()
    many = {f"models/m{number}/{name}": MODEL for number in range(40) for name in ("model.yaml", "data/train.csv")}
    commit(root, many)
    head_of_quietly = Commit(commit(root, {"charts/model/x": b"2"}))
    assert calls() == few
    assert few > 5
