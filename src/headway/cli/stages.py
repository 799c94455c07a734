"""Shows how far a long task is: a bar in a terminal, otherwise a line every few seconds and at the end."""

import contextlib
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from headway.cli.console import err

_SECONDS_BETWEEN_LINES: Final = 10.0


@contextlib.contextmanager
def shown(stage: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how far a stage is. Yields a function to call with the amount of work done since the last call."""
    if not err.is_terminal:
        lines = _Lines(stage, total)
        yield lines.advance
        lines.print()
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(stage, total=total)
        yield lambda count: bar.advance(task, count)


class _Lines:
    """Prints how far a stage is, at most once every few seconds."""

    def __init__(self, stage: str, total: int) -> None:
        self._stage = stage
        self._total = total
        self._done = 0
        self._printed_at = monotonic()

    def advance(self, count: int) -> None:
        """Add to the amount done, and print a line where it is time."""
        self._done += count
        if monotonic() - self._printed_at > _SECONDS_BETWEEN_LINES:
            self.print()

    def print(self) -> None:
        """Print the amount done and the total."""
        err.print(f"{self._stage}: {self._done:,} of {self._total:,}")
        self._printed_at = monotonic()
