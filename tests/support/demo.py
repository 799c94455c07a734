"""A running `headway demo`, by what it prints."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from support.program import ForkedProgram, drain, open_memory_file
from support.running import PATIENCE, Process, clean_environment


class Demo(NamedTuple):
    """A running demo, by what it printed."""

    base_url: str
    token: str
    curl_lines: list[str]
    links: dict[str, str]
    video: str


@contextmanager
def running_demo(folder: Path, *options: str, **settings: object) -> Iterator[Demo]:
    reading, writing = os.pipe()
    log = open_memory_file("log")
    arguments = ("demo", "--port", "0", *options)
    process = ForkedProgram(arguments, folder, clean_environment(**settings), out=writing, err=log)
    os.close(writing)
    with os.fdopen(reading) as printed:
        try:
            yield read_demo(printed)
        finally:
            end(process)
            complaints = drain(log)
    assert "Traceback" not in complaints


def read_demo(printed: Iterator[str]) -> Demo:
    """Return what a user sees before the first request. It ends with the last of three curl lines."""
    lines: list[str] = []
    curl_lines: list[str] = []
    for line in printed:
        lines.append(line.rstrip("\n"))
        curl_lines += [line.rstrip("\n")] if line.startswith("curl ") else []
        if len(curl_lines) == 3:
            break
    text = "\n".join(lines)
    [base_url] = set(re.findall(r"answers at (http://\S+)", text))
    [token] = [line for line in lines if line.count(".") == 2 and " " not in line]
    links = dict(re.findall(r"^Look at it as (.+):\n(\S+)$", text, flags=re.MULTILINE))
    [video] = re.findall(r"^Watch a video .+:\n(\S+)$", text, flags=re.MULTILINE)
    return Demo(base_url, token, curl_lines, links, video)


def end(process: Process) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    finally:
        process.kill()
