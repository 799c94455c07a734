from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.auth import learner_id
from headway.auth.claims import principal_of, profile_of
from headway.domain.errors import CourseNotGrantedError, GroupNotGrantedError, MissingScopeError
from headway.domain.identifiers import CourseId, GroupId
from headway.domain.people import LearnerProfile

# Too short to be a UUID by chance.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=35)


@given(st.uuids(), st.none() | TEXT)
def test_a_subject_that_is_a_uuid_is_the_learner(uuid: UUID, issuer: str | None) -> None:
    assert learner_id(str(uuid), issuer) == str(uuid)
    assert learner_id(str(uuid).upper(), issuer) == str(uuid)


@pytest.mark.parametrize(
    "subject",
    [
        "0f8b5c1e2d3a4b6c8d7e9f0a1b2c3d4e",
        "{0f8b5c1e-2d3a-4b6c-8d7e-9f0a1b2c3d4e}",
        "urn:uuid:0f8b5c1e-2d3a-4b6c-8d7e-9f0a1b2c3d4e",
        "0f8b5c1e-2d3a-4b6c-8d7e-9f0a1b2c3d4e\n",
    ],
)
def test_other_forms_of_a_uuid_are_names(subject: str) -> None:
    assert learner_id(subject, None) == str(uuid5(uuid5(NAMESPACE_URL, ""), subject))


def test_names_become_learners_as_documented() -> None:
    # Worked out by hand (SHA-1 over the namespace's bytes and the name), so that no change of it goes unseen:
    # progress is kept under these ids.
    assert learner_id("auth0|5f7c8e", "https://id.example/") == "7a468666-319e-5362-801a-cbda9b74c25b"
    assert learner_id("ada", None) == learner_id("ada", "") == "8e680b40-48af-5de1-979d-e7146ae87534"


@given(TEXT, TEXT, TEXT)
def test_a_name_is_another_learner_for_each_issuer(subject: str, issuer: str, other: str) -> None:
    there = learner_id(subject, issuer)
    assert there == learner_id(subject, issuer)
    assert there == str(UUID(there))
    assert UUID(there).version == 5
    assert (learner_id(subject, other) == there) == (other == issuer)


@given(TEXT, TEXT, TEXT)
def test_different_names_are_different_learners(issuer: str, subject: str, other: str) -> None:
    assert (learner_id(subject, issuer) == learner_id(other, issuer)) == (subject == other)


@pytest.mark.parametrize(
    ("claim", "scopes"),
    [
        ("courses:write", {"courses:write"}),
        (" a  b ", {"a", "b"}),
        ("", set()),
        (["a", "b"], {"a", "b"}),
        ([], set()),
        (["a", 7], set()),
        (None, set()),
        (7, set()),
        ({"courses:write": True}, set()),
    ],
)
def test_scopes_are_a_text_or_a_list_of_texts(claim: object, scopes: set[str]) -> None:
    assert principal_of({"sub": "ada", "scope": claim}).scopes == scopes


def test_no_scope_claim_grants_nothing() -> None:
    assert principal_of({"sub": "ada"}).scopes == frozenset()


def test_the_issuer_decides_the_learner_of_a_name() -> None:
    assert principal_of({"sub": "ada", "iss": "https://id.example/"}).learner_id == learner_id(
        "ada", "https://id.example/"
    )
    assert principal_of({"sub": "ada"}).learner_id == learner_id("ada", None)


COURSE, OTHER = "7b1f0f6e-2c5a-4f0e-9a50-0d5f0d3c1a01", "c0ffee00-0000-4000-8000-0000000000ff"


@pytest.mark.parametrize(
    ("claim", "courses"),
    [
        ([COURSE, OTHER], {COURSE, OTHER}),
        (f"{COURSE} {OTHER}", {COURSE, OTHER}),
        (f"  {COURSE.upper()}  ", {COURSE}),
        ([COURSE.upper(), OTHER.replace("-", "")], {COURSE, OTHER}),
        ([], set()),
        ("", set()),
        ("*", set()),
        ("none", set()),
        ([f"{COURSE} {OTHER}"], set()),
        ([COURSE, "none", 7, None, [OTHER], {OTHER: True}, "\ud800"], {COURSE}),
        ({COURSE: True}, set()),
        (None, set()),
        (True, set()),
        (7, set()),
    ],
)
def test_a_malformed_claim_still_limits(claim: object, courses: set[str]) -> None:
    assert principal_of({"sub": "ada", "courses": claim}).courses == frozenset(map(CourseId, courses))
    assert principal_of({"sub": "ada", "groups": claim}).groups == frozenset(map(GroupId, courses))


def test_a_token_without_the_claims_has_no_limit() -> None:
    assert principal_of({"sub": "ada"}).courses is None
    assert principal_of({"sub": "ada"}).groups is None


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_any_claim_is_a_limit(claim: object) -> None:
    assert principal_of({"sub": "ada", "courses": claim}).courses is not None
    assert principal_of({"sub": "ada", "groups": claim}).groups is not None


def test_statistics_need_the_scope_and_the_course() -> None:
    one, other = CourseId(COURSE), CourseId(OTHER)
    limited = principal_of({"sub": "ada", "scope": "statistics:read", "courses": [COURSE]})
    limited.require_statistics(one, None)
    with pytest.raises(CourseNotGrantedError, match=f"claim 'courses' does not name the course {OTHER}"):
        limited.require_statistics(other, None)
    principal_of({"sub": "ada", "scope": "statistics:read"}).require_statistics(other, None)
    with pytest.raises(MissingScopeError, match="'statistics:read'"):
        principal_of({"sub": "ada", "courses": [COURSE]}).require_statistics(one, None)


def test_a_token_for_groups_gets_the_statistics_of_these_groups_only() -> None:
    course, one, other = CourseId(COURSE), GroupId(COURSE), GroupId(OTHER)
    limited = principal_of({"sub": "ada", "scope": "statistics:read", "groups": [one]})
    limited.require_statistics(course, one)
    limited.require_member_of([other, one])
    with pytest.raises(GroupNotGrantedError, match=f"claim 'groups' does not name the group {other}"):
        limited.require_statistics(course, other)
    with pytest.raises(GroupNotGrantedError, match="Add group="):
        limited.require_statistics(course, None)
    for groups in ([other], []):
        with pytest.raises(GroupNotGrantedError, match="no group that this learner is in"):
            limited.require_member_of(groups)
    principal_of({"sub": "ada", "scope": "statistics:read"}).require_member_of([])


def test_the_claims_courses_and_groups_limit_together() -> None:
    claims = {"sub": "ada", "scope": "statistics:read", "courses": [COURSE], "groups": [OTHER]}
    both = principal_of(claims)
    both.require_statistics(CourseId(COURSE), GroupId(OTHER))
    with pytest.raises(CourseNotGrantedError):
        both.require_statistics(CourseId(OTHER), GroupId(OTHER))
    with pytest.raises(GroupNotGrantedError):
        both.require_statistics(CourseId(COURSE), GroupId(COURSE))


def test_the_standard_claims_make_a_profile() -> None:
    claims = {"name": " Ada Lovelace ", "email": "ada@example.org", "locale": "en_GB", "zoneinfo": "Europe/London"}
    assert profile_of(claims) == LearnerProfile("Ada Lovelace", "ada@example.org", None, "en-GB", "Europe/London")
    assert profile_of({"given_name": "Ada", "family_name": "Lovelace"}).name == "Ada Lovelace"
    assert profile_of({"family_name": "Lovelace"}).name == "Lovelace"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"name": "", "email": "", "locale": "", "zoneinfo": ""},
        {"name": 7, "email": ["ada@example.org"], "locale": None, "zoneinfo": {}},
        {"name": "x" * 201, "email": "ada", "locale": "!", "zoneinfo": "Mars"},
        {"name": "\ud800", "email": "ada@example.org\x00"},
        {"email": "ada@example.org", "email_verified": False},
    ],
)
def test_claims_that_break_a_rule_are_left_out(claims: dict[str, object]) -> None:
    assert profile_of(claims) == LearnerProfile()
