"""Durations and freeze windows as release.yaml writes them, and what they say of a moment.

Pure: the moment is an argument. Which environment has which windows, and what to do about them, must not live here.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from collections.abc import Iterable

FORM = "Fri 16:00 - Mon 08:00 or 2026-12-23 18:00 - 2027-01-02 08:00, and a time zone such as Europe/Berlin unless it is UTC"
"""How an entry of `freeze:` is written: two days of the week, or two dates, each with a time."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ENTRY = re.compile(r"(?P<start>\S+ \d\d:\d\d) - (?P<end>\S+ \d\d:\d\d)(?: (?P<zone>[A-Za-z][\w+/-]*))?\Z", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WEEK = 7 * 24 * 60


@dataclass(frozen=True, kw_only=True)
class Weekly:
    """Closed every week from one minute of the week to another, the second one excluded; counted from Monday 00:00."""

    text: str
    start: int
    end: int
    zone: tzinfo


@dataclass(frozen=True, kw_only=True)
class Dated:
    """Closed once, from one moment to another, the second one excluded."""

    text: str
    start: datetime
    end: datetime


Window = Weekly | Dated


def duration(text: str) -> timedelta:
    """Read a whole number and s, m, h or d. Raises ValueError for anything else."""
    if not re.fullmatch(r"[0-9]{1,6}[smhd]", text):
        raise ValueError(f"{text!r} is no duration")
    return timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])


def window(text: str) -> Window:
    """Read an entry of `freeze:`, written as FORM says. Raises ValueError saying what is wrong with it."""
    found = _ENTRY.match(text)
    if found is None:
        raise ValueError("is no freeze window")
    zone = _zone(found["zone"])
    start, end = found["start"], found["end"]
    if start[:3] in _DAYS:
        first, last = _minute(start), _minute(end)
        if first == last:
            raise ValueError("begins when it ends")
        return Weekly(text=text, start=first, end=last, zone=zone)
    begins, ends = _moment(start, zone), _moment(end, zone)
    if begins >= ends:
        raise ValueError("ends before it begins")
    return Dated(text=text, start=begins, end=ends)


def closing(windows: Iterable[Window], now: datetime) -> Window | None:
    """Return the first window that `now` is in, None when there is none."""
    return next((one for one in windows if _within(one, now)), None)


def _within(one: Window, now: datetime) -> bool:
    match one:
        case Weekly():
            local = now.astimezone(one.zone)
            minute = (local.weekday() * 24 + local.hour) * 60 + local.minute
            # A window over the end of the week ends in the next one.
            return (minute - one.start) % _WEEK < (one.end - one.start) % _WEEK
        case Dated():
            return one.start <= now < one.end
        case _:
            assert_never(one)


def _zone(name: str | None) -> tzinfo:
    if name is None or name == "UTC":
        return UTC  # where no time zones are installed, this one still is
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"names a time zone that is not known here, {name}") from error


def _minute(text: str) -> int:
    day, _, time = text.partition(" ")
    hour, minute = _time(time)
    if day not in _DAYS:
        raise ValueError(f"names a day that is none of {', '.join(_DAYS)}")
    return (_DAYS.index(day) * 24 + hour) * 60 + minute


def _moment(text: str, zone: tzinfo) -> datetime:
    _time(text[-5:])
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    except ValueError:
        raise ValueError(f"names a day that is none, {text[:-6]}") from None


def _time(text: str) -> tuple[int, int]:
    hour, minute = int(text[:2]), int(text[3:])
    if hour > 23 or minute > 59:  # noqa: PLR2004 (a day's last hour, an hour's last minute)
        raise ValueError(f"names a time that is none, {text}")
    return hour, minute
