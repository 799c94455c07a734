"""An installation without the extra `parquet`."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from support.running import course, headway_serve

pytestmark = pytest.mark.slow


@pytest.fixture
def no_pyarrow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that stands before the installed one, and is none."""
    (folder / "modules").mkdir()
    (folder / "modules" / "pyarrow.py").write_text("raise ModuleNotFoundError('pyarrow', name='pyarrow')\n")
    monkeypatch.setenv("PYTHONPATH", str(folder / "modules"), prepend=os.pathsep)


@pytest.mark.usefixtures("no_pyarrow")
def test_parquet_is_refused_with_what_to_install_and_the_rest_works(folder: Path) -> None:
    with headway_serve(folder) as service, service.client(str(uuid4()), "statistics:read") as teacher:
        path = f"/statistics/{service.put_course(course())}/learners"
        media = {"accept": "application/vnd.apache.parquet"}
        for refused in (teacher.get(f"{path}?format=parquet"), teacher.get(path, headers=media)):
            assert refused.status_code == 406
            assert "install 'headway[parquet]'" in refused.json()["detail"]
        assert teacher.get(f"{path}?format=csv").status_code == 200
        assert teacher.get(path).json() == {"learners": [], "previous": None, "next": None}
