"""The toolkit's version, in a module that imports nothing so that `release --version` stays fast."""

__version__ = "0.1.0"
