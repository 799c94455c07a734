"""What a forked process runs; a module of its own, which imports little, since each of them imports it anew."""

import faulthandler
import os
import signal
import sys
from pathlib import Path
from typing import Any


def run_program(arguments: tuple[str, ...], folder: Path, environment: dict[str, str], out: Any, err: Any) -> None:
    """Become `headway` with these arguments, in this folder and this environment, writing to these descriptors."""
    for stream, descriptor in ((1, out.detach()), (2, err.detach())):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.dup2(sys.stdin.fileno(), 0)  # multiprocessing opened it elsewhere, where a worker of the program has no file
    sys.stdin = os.fdopen(0)
    faulthandler.enable()  # a process that does not end is asked where it is
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    sys.argv = ["headway", *arguments]
    from headway.cli import main  # noqa: PLC0415 - only now: it looks at the streams and the environment

    main()
