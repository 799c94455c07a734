"""The watched parts of a video: as few as they can be, and never more than was watched. The client's own functions run
in Node.js.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT: Final = Path(__file__).resolve().parents[2]
ESBUILD: Final = ROOT / "node_modules/.bin/esbuild"
NODE: Final = shutil.which("node")
GAP: Final = 10
MOST: Final = 200
ANSWERING: Final = """
import { createInterface } from "node:readline";
import * as functions from "./ranges.mjs";
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  console.log(JSON.stringify(functions[name](...given)));
}
"""

Call = Callable[..., Any]


@contextmanager
def functions_of(folder: Path) -> Iterator[Call]:
    """Yield what calls the functions of ranges.ts."""
    if NODE is None or not ESBUILD.exists():
        assert os.environ.get("CI") != "true", "node or its packages are missing"
        pytest.skip("node or its packages are missing: make install")
    source = ROOT / "clients/javascript/src/ranges.ts"
    subprocess.run([ESBUILD, source, "--format=esm", f"--outfile={folder}/ranges.mjs", "--log-level=error"], check=True)
    (folder / "answering.mjs").write_text(ANSWERING)
    process = subprocess.Popen(
        [NODE, folder / "answering.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    with process:
        asking, answers = process.stdin, process.stdout
        assert asking
        assert answers

        def call(name: str, *given: object) -> Any:
            asking.write(json.dumps([name, *given]) + "\n")
            return json.loads(answers.readline())

        yield call
        asking.close()


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Call]:
    with functions_of(tmp_path_factory.mktemp("ranges")) as calling:
        yield calling


# In tenths of a second, which are whole numbers: so nothing is rounded here.
RANGES: Final = st.lists(
    st.tuples(st.integers(0, 6000), st.integers(0, 400)).map(lambda one: [one[0], one[0] + one[1]]), max_size=60
)


def in_seconds(ranges: list[list[int]]) -> list[list[float]]:
    return [[start / 10, end / 10] for start, end in ranges]


def in_tenths(ranges: list[list[float]]) -> list[list[int]]:
    return [[round(start * 10), round(end * 10)] for start, end in ranges]


def covered(ranges: list[list[int]]) -> set[int]:
    return {tenth for start, end in ranges for tenth in range(start, end)}


@given(ranges=RANGES)
def test_the_union_is_what_was_watched_with_short_gaps_closed(call: Call, ranges: list[list[int]]) -> None:
    found = in_tenths(call("united", in_seconds(ranges)))
    watched = covered(ranges)
    assert watched <= covered(found)
    assert all(start - end >= GAP for (_, end), (start, _) in pairwise(found))
    ends = {end for _, end in ranges}
    for missing in sorted(covered(found) - watched):
        last = max((end for end in ends if end <= missing), default=None)
        assert last is not None
        assert missing - last < GAP


@given(ranges=RANGES, seed=st.randoms())
def test_the_union_is_the_same_in_any_order_and_when_it_is_united_again(call: Call, ranges: Any, seed: Any) -> None:
    found = call("united", in_seconds(ranges))
    assert call("united", found) == found
    mixed = in_seconds(ranges)
    seed.shuffle(mixed)
    assert call("united", mixed) == found
    assert call("united", found + mixed) == found


@given(ranges=RANGES, duration=st.integers(30, 6500))
def test_the_percentage_is_never_more_than_was_watched(call: Call, ranges: Any, duration: int) -> None:
    percentage = call("percentageOf", in_seconds(ranges), duration / 10)
    watched = len(covered(in_tenths(call("united", in_seconds(ranges)))) & set(range(duration)))
    assert 0 <= percentage <= 100
    assert percentage <= 100 * (watched + 2 * GAP) / duration + 0.001
    assert percentage >= 100 * watched / duration - 0.11
    assert percentage < 100 or watched > duration - 2 * GAP


@pytest.mark.parametrize(
    ("ranges", "percentage"),
    [
        ([], 0),
        ([[0, 100]], 100),
        ([[0.9, 99.1]], 100),  # a player tells its position only some times a second
        ([[99.5, 100]], 0.5),
        ([[0, 50], [40, 60]], 60),
        ([[0, 98.96]], 98.9),
        ([[0, 250]], 100),  # the video was longer once
        ([[150, 250]], 0),
    ],
)
def test_the_percentage_of_a_video(call: Call, ranges: Any, percentage: float) -> None:
    assert call("percentageOf", ranges, 100) == pytest.approx(percentage)


def test_of_many_parts_the_longest_stay(call: Call) -> None:
    ranges = [[5 * number, 5 * number + 1 + number % 3] for number in range(300)]
    found = call("united", ranges)
    assert len(found) == MOST
    assert found == [one for one in ranges if one in found]
    assert {end - start for start, end in found} == {2, 3}
    assert len(json.dumps(found)) < 4096


@pytest.mark.parametrize(
    "value", [None, "text", 7, {}, [1, 2], [[1]], [[2, 1]], [["1", "2"]], [[-1, 2]], [[1, 2, 3]], [None], [[None, 1]]]
)
def test_what_other_clients_wrote_is_no_part(call: Call, value: object) -> None:
    assert call("rangesIn", value) == []


def test_good_parts_among_others_are_read(call: Call) -> None:
    assert call("rangesIn", [[1, 2], "text", [5, 5.5]]) == [[1, 2], [5, 5.5]]
