"""The command line."""

from headway.cli.commands import main

__all__ = ["main"]
