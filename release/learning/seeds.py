"""One seed in model.yaml, many uses: each purpose gets its own stream, so that adding one never shifts another.

No random number is drawn here, and nothing else in this package may seed anything from elsewhere.
"""

from __future__ import annotations

import hashlib


def derive(seed: int, purpose: str) -> int:
    """Return a seed of 31 bits from SHA-256(seed, purpose), the same on every machine and with every library version."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:4], "big") & 0x7FFF_FFFF
