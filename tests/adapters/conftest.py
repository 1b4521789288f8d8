"""Registry servers for the tests of this folder."""

from __future__ import annotations

from support.registries import registry_address, start_registry

__all__ = ["registry_address", "start_registry"]
