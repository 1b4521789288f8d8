# ruff: noqa: INP001 (a file of the chart, not of a package)
"""Send recorded requests to several addresses at a steady rate: `python3 replay.py FILE RATE SECONDS URL…`.

Argo Rollouts runs it as a Job while it judges a canary. FILE holds one V2 request body a line; every URL gets the same ones,
RATE a second, over new connections, because kept ones stick to one pod. What is answered is not judged here: the pods count
it themselves. Standard library only, and no doubled braces, in which Argo Rollouts would look for its arguments.
"""

import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from itertools import cycle
from pathlib import Path


def send(url: str, body: bytes) -> str:
    """Post one request and return the status it was answered with, or the kind of trouble."""
    headers = {"Content-Type": "application/json", "Connection": "close"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 (the chart writes http:// itself)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 (as above)
            answer.read()
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError as error:
        return type(error).__name__


def replay(url: str, bodies: list[bytes], rate: float, seconds: float, counts: Counter[str]) -> None:
    """Send the requests again and again until the time is over, counting the answers."""
    start = time.monotonic()
    for number, body in enumerate(cycle(bodies)):
        due = start + number / rate
        if due > start + seconds or time.monotonic() > start + seconds:
            return
        time.sleep(max(0.0, due - time.monotonic()))
        counts[f"{url} {send(url, body)}"] += 1


def main(file: str, rate: str, seconds: str, *urls: str) -> int:
    """Replay to all addresses at once: a canary that hangs must not keep requests from the stable pods."""
    bodies = [line for line in Path(file).read_bytes().splitlines() if line.strip()]
    if not bodies:
        sys.stderr.write(f"{file}: there are no requests to replay\n")
        return 1
    counts: Counter[str] = Counter()
    threads = [threading.Thread(target=replay, args=(url, bodies, float(rate), float(seconds), counts)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.writelines(f"{line} {count}\n" for line, count in sorted(counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
