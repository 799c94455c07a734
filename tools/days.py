"""Run the tests that could depend on the day, as of days on which something is different: `make test-days`.

The clock of all processes is set by libfaketime, from Debian's package `faketime`; that of pages by Playwright. Clocks
that only measure go on as they are. Each day has one process of pytest, two at a time for each core of the machine:
starting servers, databases and browsers is most of the work, and so happens once a day. Where libfaketime sets the
clock, `time.sleep` fails (EINVAL, seen with 0.9.10), so what calls it, such as the import of packages, can not be
tested here. Arguments are pytest's, in place of the tests that are chosen here:

    .venv/bin/python tools/days.py
    .venv/bin/python tools/days.py tests/storage
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

_ROOT: Final = Path(__file__).resolve().parents[1]
_LIBRARY: Final = "faketime/libfaketimeMT.so.1"


class Day(NamedTuple):
    """A moment in UTC, the zone of the machine, and what is different then."""

    moment: str
    zone: str
    why: str

    def __str__(self) -> str:
        return f"{self.moment} UTC, TZ={self.zone}: {self.why}"


_DAYS: Final = (
    Day(
        "2027-05-31 18:10", "Asia/Kathmandu", "Monday, the last of a month, which in this zone is over in five minutes"
    ),
    Day("2028-02-29 23:55", "Pacific/Kiritimati", "Tuesday, 29 February, and midnight UTC in five minutes"),
    Day("2028-03-01 00:01", "Pacific/Pago_Pago", "Wednesday, a minute after midnight UTC; in this zone 29 February"),
    Day("2027-04-29 21:59", "Africa/Cairo", "Thursday; a minute later clocks change, at midnight in this zone"),
    Day("2027-12-31 23:55", "Pacific/Pago_Pago", "Friday, and in five minutes the year is over in UTC"),
    Day("2028-10-28 23:55", "Europe/Berlin", "Saturday; on the next day clocks go back"),
    Day("2027-03-28 00:59", "Europe/Berlin", "Sunday; a minute later clocks go forward"),
    Day("2027-11-07 05:59", "America/New_York", "Sunday; a minute later clocks go back"),
)

_TESTS: Final = (
    "tests/domain/test_activity.py",
    "tests/domain/test_goal_rules.py",
    "tests/domain/test_period.py",
    "tests/storage/test_store_active_days.py",
    "tests/http/test_statistics.py::test_a_day_counts_its_own_activity",
    "tests/http/test_statistics.py::test_active_learners_are_counted_by_days",
    "tests/http/test_statistics_zones.py",
    "tests/client_python/test_client_progress.py::test_writes_of_a_device_have_the_time_at_which_they_were_made",
    "tests/cli/test_command_stats.py::test_json_equals_the_answer_of_the_api",
    "tests/dashboard/test_course_page.py::test_a_calendar_is_walked_through_with_the_arrow_keys",
    "tests/dashboard/test_statistics_pages.py::test_days_can_be_chosen_and_are_in_the_address",
)


def main() -> None:
    """Run the tests as of each day; ends with 1 where any failed, after all were run."""
    library = _found()
    arguments = sys.argv[1:] or list(_TESTS)
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        passed = pool.map(lambda day: _passes(day, library, arguments), _DAYS)
        failed = [day for day, well in zip(_DAYS, passed, strict=True) if not well]
    sys.exit("\n".join(f"failed as of {day}" for day in failed) if failed else 0)


def _found() -> Path:
    found = sorted(Path("/usr/lib").glob(f"*/{_LIBRARY}"))
    if not found:
        sys.exit("There is no libfaketime, without which no other day can be attempted: apt-get install faketime")
    return found[0]


def _passes(day: Day, library: Path, arguments: list[str]) -> bool:
    # A folder for each day: pytest's own one is shared, and what one day's end removes from it, another's may as well.
    with TemporaryDirectory(prefix="day-") as folder:
        command = [str(_ROOT / ".venv/bin/pytest"), "-n", "0", "--basetemp", f"{folder}/tests", *arguments]
        ended = subprocess.run(
            command, cwd=_ROOT, env=_environment(day, library), check=False,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    sys.stdout.write(f"--- as of {day}\n{ended.stdout}")
    sys.stdout.flush()
    return ended.returncode == 0


def _environment(day: Day, library: Path) -> Mapping[str, str]:
    """This process's, with a clock that is off by as much as it takes, in each process that is started in it."""
    off = datetime.fromisoformat(f"{day.moment}+00:00").astimezone(UTC).timestamp() - time.time()
    faked = {"LD_PRELOAD": str(library), "FAKETIME": f"{off:+.0f}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return {**os.environ, **faked, "TZ": day.zone}


if __name__ == "__main__":
    main()
