"""Builds the statements that look for profiles, from named pieces, in the dialect of a database."""

from typing import NamedTuple

from headway.storage.shared.columns import PROFILES
from headway.storage.shared.roster_statements import Dialect, numbered, with_words


class ProfileStatements(NamedTuple):
    """The statements of one database.

    - `walk`: a page of people, read by name and filtered; parameters sort_key, after, word_1 and so on, courses, limit.
    - `search_among`: the same of some learners, who are sorted; parameters sort_key, after, word_1 and so on, courses,
      learners, limit.
    - `profiles_of`: the profiles of some learners; parameter learners.
    - `count_in_courses`: how many are in some courses, counted up to a limit; parameters courses, limit.
    - `learners_in_courses`: who is in some courses; parameter courses.
    - `in_courses`: whether a learner is in one of some courses; parameters courses, user_id.
    - `add_words`: store words of a profile that has this version; parameters words, user_id, version.
    """

    walk: str
    search_among: str
    profiles_of: str
    count_in_courses: str
    learners_in_courses: str
    in_courses: str
    add_words: str


def profile_statements(dialect: Dialect) -> ProfileStatements:
    """Return all statements that look for profiles in the dialect of a database."""
    among = dialect.ids.condition("q.user_id", "learners")
    of_courses = f"{dialect.ids.condition('p.course_id', 'courses')} AND p.enrolled_at IS NOT NULL"
    learners = f"SELECT p.user_id FROM course_progress AS p WHERE {of_courses}"  # noqa: S608 - this module's own text
    word, words = dialect.each_word
    return ProfileStatements(
        walk=numbered(_search(dialect, of_courses, "q.sort_key")),
        search_among=numbered(_search(dialect, of_courses, "coalesce(q.sort_key, q.sort_key)", f"AND {among}")),
        profiles_of=numbered(f"SELECT {PROFILES:q} FROM profiles AS q WHERE {among}"),  # noqa: S608 - this module's own text
        count_in_courses=numbered(f"SELECT count(*) FROM ({learners} LIMIT :limit) AS few"),  # noqa: S608 - this module's own text
        learners_in_courses=numbered(learners),
        in_courses=numbered(f"{learners} AND p.user_id = :user_id LIMIT 1"),
        add_words=numbered(f"""
            INSERT INTO profile_words (user_id, word)
            SELECT q.user_id, {word} FROM profiles AS q {words}
            WHERE q.user_id = :user_id AND q.version = :version
            ON CONFLICT (user_id, word) DO NOTHING
        """),  # noqa: S608 - this module's own text
    )


def _search(dialect: Dialect, of_courses: str, sort_key: str, limit_to: str = "") -> str:
    """Return the statement for a page of people, by name.

    The sort key is hidden from the index where few people are sorted. Otherwise a planner might read everybody by it.
    """
    return f"""
        SELECT {PROFILES:q}
        FROM profiles AS q
        WHERE ({sort_key}, q.user_id) > (:sort_key, :after)
            AND {with_words(dialect, "q.words")}
            AND (
                {dialect.typed("courses", "uuid[]")} IS NULL
                OR (SELECT count(*) FROM course_progress AS p WHERE p.user_id = q.user_id AND {of_courses}) > 0
            )
            {limit_to}
        ORDER BY {sort_key}, q.user_id
        LIMIT :limit
    """  # noqa: S608 - made of this module's own text
