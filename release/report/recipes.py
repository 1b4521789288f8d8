"""How two recipes compare on training rows, kept apart from the judgement of the model: in HTML and in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report.escape import attribute, prose
from release.report.figure import numbers
from release.report.format import NOTHING, count, number, p_value, percent, plain, signed
from release.report.tags import items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import RecipeRecord

ANOTHER_QUESTION = (
    "The verdict is about this one model on the test rows. This is about the recipe: what training again, on other rows or "
    "with another seed, would give. It is computed on training rows alone and decides nothing."
)


def html(recipe: RecipeRecord | None) -> str:
    """Return the section's body; empty where recipes were not compared."""
    if recipe is None:
        return ""
    out = f'<p class="muted">{attribute(ANOTHER_QUESTION)}</p>' + "".join(
        f"<p>{attribute(s)}</p>" for s in sentences(recipe)
    )
    if recipe.resamples is not None:
        heads = ["champion", "challenger", "difference", "interval", "p"]
        title = f"{plain(recipe.metric, limit=40)} over {plain(recipe.resamples, limit=20)} resamples of the training rows"
        out += numbers(title, "metric", heads, [(recipe.metric, _cells(recipe))])
    if recipe.by_seed:
        heads = [plain(role, limit=40) for role in recipe.by_seed]
        told = [
            (f"seed {seed}", [_at(values, i) for values in recipe.by_seed.values()]) for i, seed in enumerate(recipe.seeds)
        ]
        out += numbers(f"{plain(recipe.metric, limit=40)} by seed of the training", "seed", heads, told)
    return out + items(recipe.notes)


def markdown(recipe: RecipeRecord | None, most: int) -> str:
    """Return the body of the comment's fold; empty where recipes were not compared."""
    if recipe is None:
        return ""
    lines = [ANOTHER_QUESTION, *(prose(s) for s in sentences(recipe)), *(prose(note) for note in recipe.notes[:most])]
    return "\n\n".join(lines)


def sentences(recipe: RecipeRecord) -> list[str]:
    """Say what was found: over resamples, and over seeds."""
    metric, said = plain(recipe.metric, limit=40), []
    if recipe.resamples is not None and recipe.difference is not None:
        found = f"{metric}: {number(recipe.challenger)} against {number(recipe.champion)}, a difference of"
        found += f" {signed(recipe.difference)}"
        if recipe.low is not None and recipe.high is not None and recipe.level is not None:
            found += f" ({signed(recipe.low)} to {signed(recipe.high)} with {percent(recipe.level)} confidence)"
        said.append(f"{found}; {_shown(recipe)}. Corrected for overlapping training rows (Nadeau and Bengio 2003).")
    for role, values in recipe.by_seed.items():
        if values:
            spread = f"{number(min(values))} to {number(max(values))}"
            said.append(f"Over {count(len(values))} seeds {metric} of the {plain(role, limit=40)} is {spread}.")
    return said


def _shown(recipe: RecipeRecord) -> str:
    if recipe.low is None or recipe.high is None:
        return "no interval is known"
    if recipe.low > 0:
        return "the challenger's recipe is better"
    return "the champion's recipe is better" if recipe.high < 0 else "neither recipe is shown to be better"


def _cells(recipe: RecipeRecord) -> list[str]:
    ends = NOTHING
    if recipe.low is not None and recipe.high is not None:
        ends = f"{signed(recipe.low)} to {signed(recipe.high)}"
    values = (number(recipe.champion), number(recipe.challenger), signed(recipe.difference))
    return [*values, ends, p_value(recipe.p_value)]


def _at(values: Sequence[float], i: int) -> str:
    return number(values[i]) if i < len(values) else NOTHING
