"""The migration that adds sort keys to courses."""

import apsw

from headway.domain.text import sort_key
from headway.storage.sqlite.schema import MIGRATIONS, migrate

TITLES = ("Banana", "abanico", "Ábaco", "Lesson 10", "Lesson 2")


def test_the_migration_gives_earlier_courses_their_sort_keys() -> None:
    connection = apsw.Connection("")
    names = [migration.stem[5:] for migration in MIGRATIONS.missing(MIGRATIONS.marks._replace(version=0))]
    before = names.index("sort_keys")
    for migration in MIGRATIONS.missing(MIGRATIONS.marks._replace(version=0))[:before]:
        connection.execute(migration.read_text(encoding="utf-8"))
    connection.pragma("user_version", before)
    connection.pragma("application_id", 0x48647779)
    for number, title in enumerate(TITLES):
        connection.execute(
            "INSERT INTO courses (course_id, title, lessons, required_lessons, version) VALUES (?, ?, 1, 1, 1)",
            [str(number), title],
        )
    assert [name[5:] for name in migrate(connection)] == names[before:]
    stored = list(connection.execute("SELECT title, sort_key FROM courses ORDER BY sort_key"))
    assert stored == [(title, sort_key(title)) for title in ("Ábaco", "abanico", "Banana", "Lesson 2", "Lesson 10")]
