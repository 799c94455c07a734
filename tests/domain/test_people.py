"""Learner profiles: the rules of the fields, what a search compares, and what a token's claims may change."""

from datetime import UTC, datetime

import pytest

from headway.domain.errors import InvalidValueError
from headway.domain.identifiers import LearnerId
from headway.domain.people import (
    MOST_QUERY_WORDS,
    NO_PROFILE,
    LearnerProfile,
    ProfileRestore,
    StoredProfile,
    claimed,
    given,
    query_words,
)

LEARNER = LearnerId("a169451c-8525-4352-b8ca-070dd449a1a5")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "profile",
    [
        LearnerProfile(),
        LearnerProfile("Ada Lovelace", "ada@example.org", "4711", "en-GB", "Europe/London"),
        LearnerProfile(name="山田 太郎", email="ö@bücher.example", external_id="4711/a b", locale="zh-Hant-TW"),
        LearnerProfile(name="x" * 200, email="a@localhost", locale="de", time_zone="UTC"),
    ],
)
def test_a_plausible_profile_is_taken(profile: LearnerProfile) -> None:
    assert profile.checked() is profile


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("name", "", "string_pattern_mismatch"),
        ("name", " \u200b", "string_pattern_mismatch"),
        ("name", "Ada\nLovelace", "string_pattern_mismatch"),
        ("name", "x" * 201, "string_too_long"),
        ("external_id", "\x00", "string_pattern_mismatch"),
        ("external_id", "x" * 201, "string_too_long"),
        ("email", "ada", "email_parsing"),
        ("email", "@example.org", "email_parsing"),
        ("email", "ada@", "email_parsing"),
        ("email", "ada@example..org", "email_parsing"),
        ("email", "ada lovelace@example.org", "email_parsing"),
        ("email", "a" * 65 + "@example.org", "email_parsing"),
        ("email", "a@" + "b" * 253, "email_parsing"),
        ("email", "ada\x00@example.org", "email_parsing"),
        ("locale", "english!", "locale_parsing"),
        ("locale", "de_DE", "locale_parsing"),
        ("locale", "en-" + "abcdefgh-" * 4 + "a", "locale_parsing"),
        ("time_zone", "Berlin", "unknown_time_zone"),
        ("time_zone", "localtime", "unknown_time_zone"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(field: str, value: str, kind: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        LearnerProfile(**{field: value}).checked()
    assert [(problem.location, problem.kind) for problem in refused.value.problems] == [((field,), kind)]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("Ada Lovelace", "LOVE"),
        ("Márton Ábaco", "aba"),
        ("Anne-Marie O\u2019Neil", "marie"),
        ("Anne-Marie O\u2019Neil", "anne-m"),
        ("Anne-Marie O\u2019Neil", "o'n"),
        ("Anne-Marie O\u2019Neil", "neil"),
        ("Straße", "STRASSE"),
        ("Bjørn Łukasz", "bjorn"),
        ("Bjørn Łukasz", "luka"),
        ("Lovelace, Ada", "lovelace,"),
        ("山田 太郎", "太"),
    ],
)
def test_a_query_is_compared_without_case_and_accents(name: str, query: str) -> None:
    [beginning] = query_words(query)
    assert any(word.startswith(beginning) for word in LearnerProfile(name=name).words)


def test_the_email_and_the_external_id_are_words() -> None:
    words = LearnerProfile(email="Ada@Example.org", external_id="N-4711 b").words
    assert words == {"ada@example.org", "n-4711", "b"}


def test_a_query_has_few_words_and_each_once() -> None:
    assert query_words('  Ada  "ADA", lovelace ') == ("ada", "lovelace")
    assert query_words(" , ") == ()
    assert query_words("Ada\0Lovelace \0") == ("ada", "lovelace")
    with pytest.raises(InvalidValueError):
        query_words(" ".join(map(str, range(MOST_QUERY_WORDS + 1))))


def test_names_sort_as_people_expect_and_those_without_come_last() -> None:
    names = ["Zebra", None, "abanico", "Ábaco", "Øyvind", "Olga", "山田"]
    ordered = sorted(names, key=lambda name: LearnerProfile(name=name).sort_key)
    assert ordered == ["Ábaco", "abanico", "Olga", "Øyvind", "Zebra", "山田", None]


def test_claims_fill_empty_fields_and_follow_earlier_claims() -> None:
    first = claimed(None, LEARNER, LearnerProfile(name="Ada", locale="en"), NOW)
    assert first is not None
    assert first.profile == LearnerProfile(name="Ada", locale="en")
    assert first.claimed == {"name", "locale"}
    second = claimed(first, LEARNER, LearnerProfile(name="Ada Lovelace", email="ada@example.org"), NOW)
    assert second is not None
    assert second.profile == LearnerProfile(name="Ada Lovelace", email="ada@example.org", locale="en")
    assert second.version > first.version


def test_claims_never_change_what_an_administrator_has_put() -> None:
    put = given(None, LEARNER, LearnerProfile(name="Ada Lovelace"), NOW)
    filled = claimed(put, LEARNER, LearnerProfile(name="ada99", email="ada@example.org"), NOW)
    assert filled is not None
    assert filled.profile == LearnerProfile(name="Ada Lovelace", email="ada@example.org")
    assert filled.claimed == {"email"}
    again = given(filled, LEARNER, filled.profile, NOW)
    assert again.claimed == frozenset()
    assert claimed(again, LEARNER, LearnerProfile(name="ada99", email="other@example.org"), NOW) is None


def test_claims_that_say_nothing_new_change_nothing() -> None:
    before = StoredProfile(LEARNER, LearnerProfile(name="Ada"), frozenset({"name"}), 7)
    assert claimed(before, LEARNER, LearnerProfile(name="Ada"), NOW) is None
    assert claimed(before, LEARNER, LearnerProfile(), NOW) is None
    assert claimed(None, LEARNER, LearnerProfile(), NOW) is None


def test_a_restored_profile_fills_what_is_empty_and_changes_nothing_the_second_time() -> None:
    asked = ProfileRestore(LEARNER, LearnerProfile(name="Zoë", email="zoe@example.org"))
    after = asked.after(LearnerProfile(name="Zoé", locale="fr"))
    assert after == LearnerProfile(name="Zoé", email="zoe@example.org", locale="fr")
    assert asked.after(after) == after
    assert asked.after(NO_PROFILE) == asked.profile
