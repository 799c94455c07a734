"""How a benchmark runs: its progress on standard error, an end that leaves nothing behind, an exit status."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tables import Part, print_report, write_markdown

_NO_WRK: Final = "The benchmark needs wrk. On Debian and Ubuntu: apt-get install wrk"


class Report(Protocol):
    """What a run found."""

    @property
    def failed(self) -> bool:
        """Whether anything was not as it should be, apart from how fast it was."""
        ...

    def parts(self) -> Iterable[Part]:
        """What is printed."""
        ...

    def as_json(self) -> dict[str, Any]:
        """Every round's figures."""
        ...


class Steps:
    """What is being done, shown while it is."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show what is being done, and one step more once it is."""
        self._progress.update(self._task, description=what)
        yield
        self._progress.advance(self._task)


@contextmanager
def shown_steps(total: int) -> Iterator[Steps]:
    """A line on standard error that says how far a run of so many steps is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Steps(progress, progress.add_task("looking at the machine", total=total))


def carry_out(run: Callable[[], Report], json_file: Path | None, markdown_file: Path | None) -> int:
    """Run, and print and write what was found; the exit status."""
    if shutil.which("wrk") is None:
        print(_NO_WRK, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _stop)
    try:
        report = run()
    except (RuntimeError, OSError, EOFError, subprocess.SubprocessError) as error:
        print(f"The run ended early: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Every server has been ended.", file=sys.stderr)
        return 130
    print_report(report.parts())
    if json_file:
        json_file.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    if markdown_file:
        write_markdown(markdown_file, report.parts())
    return 1 if report.failed else 0


def _stop(_signal: int, _frame: object) -> NoReturn:
    """End as Ctrl-C does, so that the servers are ended too."""
    raise KeyboardInterrupt
