"""Durations and freeze windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from release.schedule import closing, duration, window


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("10m", 600), ("24h", 86400), ("14d", 1209600)])
def test_durations_are_a_number_and_a_unit(text: str, seconds: int) -> None:
    """Seconds, minutes, hours and days."""
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1.5h", "1w", "1h 2m", "1000000s", "¹h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="is no duration"):
        duration(text)


def closed(text: str, moment: str) -> bool:
    return closing([window(text)], datetime.fromisoformat(moment).astimezone(UTC)) is not None


@pytest.mark.parametrize(
    ("text", "moment", "expected"),
    [
        # 2026-01-30 is a Friday.
        ("Fri 16:00 - Mon 08:00", "2026-01-30T15:59:59+00:00", False),
        ("Fri 16:00 - Mon 08:00", "2026-01-30T16:00:00+00:00", True),
        ("Fri 16:00 - Mon 08:00", "2026-02-01T23:59:59+00:00", True),
        ("Fri 16:00 - Mon 08:00", "2026-02-02T07:59:59+00:00", True),
        ("Fri 16:00 - Mon 08:00", "2026-02-02T08:00:00+00:00", False),
        ("Tue 09:00 - Tue 10:00", "2026-02-03T09:30:00+00:00", True),
        ("Tue 10:00 - Tue 09:00", "2026-02-03T09:30:00+00:00", False),
        ("Tue 10:00 - Tue 09:00", "2026-02-03T10:30:00+00:00", True),
        # Berlin is an hour ahead in winter, two in summer.
        ("Fri 16:00 - Mon 08:00 Europe/Berlin", "2026-01-30T15:00:00+00:00", True),
        ("Fri 16:00 - Mon 08:00 Europe/Berlin", "2026-01-30T14:59:59+00:00", False),
        ("Fri 16:00 - Mon 08:00 Europe/Berlin", "2026-07-31T14:00:00+00:00", True),
        ("2026-12-23 18:00 - 2027-01-02 08:00", "2026-12-23T18:00:00+00:00", True),
        ("2026-12-23 18:00 - 2027-01-02 08:00 UTC", "2027-01-02T08:00:00+00:00", False),
        ("2026-12-23 18:00 - 2027-01-02 08:00", "2027-12-25T00:00:00+00:00", False),
        ("2026-12-23 18:00 - 2027-01-02 08:00 Asia/Tokyo", "2026-12-23T09:00:00+00:00", True),
    ],
)
def test_a_window_closes_from_its_first_minute_to_before_its_last(text: str, moment: str, expected: bool) -> None:  # noqa: FBT001 (a case)
    """Weekly windows may reach over the end of the week; the time zone is the window's, not the machine's."""
    assert closed(text, moment) is expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("weekends", "is no freeze window"),
        ("Fri - Mon", "is no freeze window"),
        ("Fri 16:00-Mon 08:00", "is no freeze window"),
        ("Fri 16:00 - Mon 08:00 - Tue 09:00", "is no freeze window"),
        ("Fri 24:00 - Mon 08:00", "a time that is none, 24:00"),
        ("Fri 16:60 - Mon 08:00", "a time that is none, 16:60"),
        ("Fri 16:00 - Mun 08:00", "a day that is none"),
        ("Frisday 16:00 - Mon 08:00", "a day that is none"),
        ("Fri 16:00 - 2026-12-23 08:00", "a day that is none"),
        ("2026-02-30 16:00 - 2026-12-23 08:00", "a day that is none, 2026-02-30"),
        ("2026-12-23 16:00 - 2026-12-23 16:00", "ends before it begins"),
        ("Fri 16:00 - Fri 16:00", "begins when it ends"),
        ("Fri 16:00 - Mon 08:00 Middle/Earth", "not known here, Middle/Earth"),
        ("Fri 16:00 - Mon 08:00 a/../../etc", "is no freeze window"),
    ],
)
def test_what_is_no_window_is_refused_with_the_reason(text: str, why: str) -> None:
    """A window that is misread would freeze nothing, or everything."""
    with pytest.raises(ValueError, match=why):
        window(text)
