from pathlib import Path

from support.program import forked_headway_serve, headway


def test_migrating_again_finds_nothing_to_do(folder: Path) -> None:
    first = headway(folder, "migrate")
    assert first.code == 0
    assert first.out.startswith("applied 0001")
    assert (folder / "headway.db").exists()
    assert headway(folder, "migrate") == (0, "The schema is up to date.\n", "")


def test_serving_has_migrated_already(folder: Path) -> None:
    with forked_headway_serve(folder):
        assert headway(folder, "migrate").out == "The schema is up to date.\n"


def test_a_database_that_can_not_be_made_is_named(folder: Path) -> None:
    refused = headway(folder, "migrate", database_url="sqlite:///absent/headway.db")
    assert refused.code == 2
    assert "absent/headway.db" in refused.err
    assert "Traceback" not in refused.err
