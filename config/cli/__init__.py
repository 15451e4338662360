"""The command line: ``peyvand``."""

from config.cli.main import main

__all__ = ["main"]
