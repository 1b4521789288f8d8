"""What the loop's tests assert each time, in words: what serves, what history says, what became of the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop.repository import ENVIRONMENTS, MODEL, PRODUCTION

from release.records import EventKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loop.source import Commit
    from loop.world import Moment, World

    from release.records import Event


def serves(world: World, event: Event) -> None:
    """Assert that values, pods and the pods' metrics name what an event put there, and that the Rollout is calm."""
    place, release = world.places[str(event.environment)], event.release
    assert release is not None
    image = f"{release.image_repository}@{release.image_digest}"
    assert world.git.owned(place.name) == {
        "image.repository": release.image_repository,
        "image.digest": release.image_digest,
        "model.digest": release.model_digest,
        "model.version": release.version,
        "release.operation": event.operation,
        "release.commit": event.commit,
        "release.fast": event.kind is EventKind.RESTORED,
        "chart.path": release.chart,
    }
    status = place.status()
    assert (status["phase"], status["stableRS"]) == ("Healthy", status["currentPodHash"])
    assert place.images() == {image}
    # Nodes learn a moment later than the Rollout which pods are the stable ones.
    world.until(
        lambda: place.models() == {release.model_digest}, f"{place.name} to say that it serves {release.version}", 20
    )


def told(world: World, then: Moment, *expected: tuple[str, ...]) -> None:
    """Assert that each place gained exactly these events in order: (environment, kind) or (environment, kind, cause)."""
    for place in ENVIRONMENTS:
        found = [(place, str(one.kind), one.cause) for one in world.since(then, place)]
        wanted = [(*one, None)[:3] for one in expected if one[0] == place]
        assert found == wanted, world.told()


def committed(world: World, event: Event) -> Commit:
    """Assert that one commit of the deploy branch, by its trailers, records what happened to an operation; return it."""
    found = [
        one
        for one in world.git.commits()
        if (one.trailer("Release-Operation"), one.trailer("Release-Event")) == (event.operation, event.kind)
    ]
    assert len(found) == 1, f"{event.kind}: {[one.message for one in found]}"
    (commit,), release = found, event.release
    assert release is not None
    assert commit.trailer("Release-Model") == MODEL
    assert commit.trailer("Release-Environment") == event.environment
    assert commit.trailer("Release-Model-Digest") == release.model_digest
    assert commit.trailer("Release-Image-Digest") == release.image_digest
    return commit


def restored(world: World, then: Moment, place: str, kind: str, cause: str, says: str) -> Event:
    """Assert that what was put into a place failed so, and that one commit set it back, saying why; return the restore."""
    put = world.put(place, then)
    end = world.settled(put)
    assert (end.kind, end.cause) == (kind, cause), world.told()
    back = world.put(place, then, EventKind.RESTORED)
    assert world.settled(back).kind is EventKind.VERIFIED, world.told()
    told(
        world,
        then,
        (place, "promoted"),
        (place, kind, cause),
        (place, "restored", cause),
        (place, "verified"),
        *((other, str(one.kind), one.cause) for other in ENVIRONMENTS if other != place for one in world.since(then, other)),
    )
    assert back.release != put.release
    serves(world, back)
    assert says in committed(world, back).message
    return back


def answered(world: World, then: Moment, place: str = PRODUCTION, also: Sequence[str] = ()) -> int:
    """Assert that each request since was answered, by 200 or as `also` allows; return how many there were."""
    counts = world.loads[place].since(then.time)
    assert counts["200"] > 0, f"{place} had no traffic"
    assert set(counts) <= {"200", *also}, f"{place}: {counts}"
    return counts.total()
