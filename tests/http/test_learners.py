"""Operations for other learners: reading, writing, exporting and erasing."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.values import UPDATES

EMPTY_EXPORT: dict[str, Any] = {
    "profile": None, "goal": None, "lesson_progress": [], "course_progress": [], "days": [], "completions": [],
    "groups": [], "runs": [], "content_states": [],
}  # fmt: skip

FIELDS: dict[str, Any] = {
    "status": "in_progress",
    "progress_percentage": 42.5,
    "video_position_seconds": 331,
    "quiz_score": 60,
    "quiz_attempts": 2,
    "quiz_passed": False,
    "time_spent_minutes": 6.25,
    "user_notes": "mine ✎",
    "is_bookmarked": True,
    "metadata": {"speed": 1.5, "player": {"volume": 3}},
}


def without(answer: httpx.Response, *names: str) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name not in names}


OWN = ("id", "user_id", "created_at", "updated_at", "completed_at")


class TestLearnersOperations:
    """An administrator can do it on the learner's behalf, in the same shapes, with the same etags."""

    @pytest.fixture
    def course_path(self, learner: httpx.Client, lesson_path: str) -> str:
        assert learner.put(lesson_path, json=FIELDS).status_code == 200
        return lesson_path.partition("/lessons/")[0]

    @pytest.mark.parametrize("below", ["", "/summary", "/summary?explain=true", "/lessons/"])
    def test_administrator_reads_what_the_learner_reads(
        self,
        admin: httpx.Client,
        learner: httpx.Client,
        learner_id: str,
        course_path: str,
        lesson_path: str,
        below: str,
    ) -> None:
        path = lesson_path if below == "/lessons/" else course_path + below
        own, for_learner = learner.get(path), admin.get(f"/learners/{learner_id}{path}")
        assert (own.status_code, for_learner.status_code) == (200, 200)
        assert for_learner.json() == own.json()
        assert for_learner.headers["etag"] == own.headers["etag"]
        unchanged = admin.get(f"/learners/{learner_id}{path}", headers={"If-None-Match": own.headers["etag"]})
        assert unchanged.status_code == 304

    def test_administrator_lists_the_learners_courses(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, course_path: str
    ) -> None:
        found = admin.get(f"/learners/{learner_id}/progress").json()
        assert found == learner.get("/progress").json()
        assert [f"/progress/{one['course_id']}" for one in found] == [course_path]

    def test_administrator_corrects_lesson_progress_with_its_etag(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, course_path: str, lesson_path: str
    ) -> None:
        assert course_path
        path = f"/learners/{learner_id}{lesson_path}"
        etag = admin.get(path).headers["etag"]
        assert admin.put(path, json={"quiz_score": 10}, headers={"If-Match": etag}).json()["quiz_score"] == 10
        assert admin.delete(path, headers={"If-Match": etag}).status_code == 412
        assert admin.delete(path, headers={"If-Match": admin.get(path).headers["etag"]}).status_code == 204
        assert learner.get(lesson_path).status_code == 404

    def test_administrator_starts_a_course_over(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, course_path: str
    ) -> None:
        assert admin.delete(f"/learners/{learner_id}{course_path}").status_code == 204
        assert learner.get(course_path).json() == []

    def test_a_removal_is_not_the_learners_presence(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, course_path: str, lesson_path: str
    ) -> None:
        before = learner.get(f"{course_path}/summary").json()["last_accessed"]
        export = learner.get(f"/learners/{learner_id}/export").json()["course_progress"][0]
        assert admin.delete(f"/learners/{learner_id}{lesson_path}").status_code == 204
        assert learner.get(f"{course_path}/summary").json()["last_accessed"] == before
        after = learner.get(f"/learners/{learner_id}/export").json()["course_progress"][0]
        assert after["last_accessed"] == export["last_accessed"]

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    @pytest.mark.parametrize("below", ["", "/summary", "/lessons/"])
    def test_no_operation_works_without_the_scope(
        self, learner: httpx.Client, course_path: str, lesson_path: str, method: str, below: str
    ) -> None:
        path = lesson_path if below == "/lessons/" else course_path + below
        refused = learner.request(method, f"/learners/{uuid4()}{path}")
        if (method, below) != ("DELETE", "/summary"):
            assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


class TestWriting:
    def test_an_administrators_write_follows_the_write_rule(
        self, admin: httpx.Client, admin_id: str, learner: httpx.Client, learner_id: str, lesson_path: str
    ) -> None:
        put = admin.put(f"/learners/{learner_id}{lesson_path}", json=FIELDS)
        assert (put.status_code, put.json()["user_id"]) == (200, learner_id)
        assert without(put, *OWN).items() >= FIELDS.items()
        found = learner.get(lesson_path)
        assert found.json() == put.json()
        assert found.headers["etag"] == put.headers["etag"]
        assert found.headers["headway-written-by"] == put.headers["headway-written-by"] == admin_id

    def test_ids_are_accepted_in_any_form(self, admin: httpx.Client, learner: httpx.Client, lesson_path: str) -> None:
        learner_id = str(uuid4())
        put = admin.put(f"/learners/{learner_id.upper().replace('-', '')}{lesson_path}", json={})
        assert put.json()["user_id"] == learner_id
        assert learner.get(lesson_path).status_code == 404

    def test_written_by_is_shown_until_the_learner_writes(
        self, admin: httpx.Client, admin_id: str, learner: httpx.Client, learner_id: str, lesson_path: str
    ) -> None:
        behalf = f"/learners/{learner_id}{lesson_path}"
        assert "headway-written-by" not in learner.put(lesson_path, json={"quiz_score": 10}).headers
        assert admin.put(behalf, json={"quiz_score": 20}).headers["headway-written-by"] == admin_id
        kept = learner.put(lesson_path, json={"quiz_score": 5})
        assert (kept.headers["headway-kept"], kept.headers["headway-written-by"]) == ("quiz_score", admin_id)
        assert "headway-written-by" not in learner.put(lesson_path, json={"quiz_score": 30}).headers
        assert "headway-written-by" not in learner.get(lesson_path).headers

    def test_a_write_that_changes_nothing_keeps_written_by(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, lesson_path: str
    ) -> None:
        written = learner.put(lesson_path, json=FIELDS)
        again = admin.put(f"/learners/{learner_id}{lesson_path}", json=FIELDS)
        assert (again.json(), again.headers["etag"]) == (written.json(), written.headers["etag"])
        assert "headway-written-by" not in again.headers

    def test_an_administrators_own_progress_has_no_written_by(
        self, admin: httpx.Client, admin_id: str, lesson_path: str
    ) -> None:
        assert "headway-written-by" not in admin.put(f"/learners/{admin_id}{lesson_path}", json={}).headers

    def test_conditions_hold_as_for_the_learner(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, lesson_path: str
    ) -> None:
        behalf = f"/learners/{learner_id}{lesson_path}"
        etag = learner.put(lesson_path, json={"progress_percentage": 60}).headers["etag"]
        assert admin.put(behalf, json={}, headers={"If-None-Match": "*"}).status_code == 412
        corrected = admin.put(behalf, json={"progress_percentage": 10}, headers={"If-Match": etag})
        assert (corrected.status_code, corrected.json()["progress_percentage"]) == (200, 10)
        assert admin.put(behalf, json={"progress_percentage": 5}, headers={"If-Match": etag}).status_code == 412
        kept = admin.put(behalf, json={"progress_percentage": 1})
        assert kept.headers["headway-kept"] == "progress_percentage"
        assert admin.put(behalf, json={}, headers={"If-Match": "none"}).status_code == 422

    @pytest.mark.parametrize("scopes", [(), ("courses:write",), ("learners:read",)])
    def test_it_takes_the_scope(
        self, client_of: Callable[..., httpx.Client], lesson_path: str, scopes: tuple[str, ...]
    ) -> None:
        caller = str(uuid4())
        client = client_of(caller, *scopes)
        for learner_id in (caller, str(uuid4())):
            refused = client.put(f"/learners/{learner_id}{lesson_path}", content=b"not even JSON")
            assert refused.status_code == 403
            assert 'scope="learners:admin"' in refused.headers["www-authenticate"]
        assert client.get(lesson_path).status_code == 404

    def test_a_wrong_body_is_refused_as_for_the_learner(
        self, admin: httpx.Client, learner_id: str, lesson_path: str, course_path: str
    ) -> None:
        behalf = f"/learners/{learner_id}"
        assert admin.put(f"{behalf}{course_path}/lessons/{uuid4()}", json={}).status_code == 404
        assert admin.put(f"{behalf}/progress/{uuid4()}/lessons/{uuid4()}", json={}).status_code == 404
        for path, loc in (
            (f"/learners/ada{lesson_path}", ["path", "user_id"]),
            (behalf + lesson_path, ["body", "quiz_score"]),
        ):
            refused = admin.put(path, json={"quiz_score": 101})
            assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, loc)

    @pytest.mark.slow
    def test_any_writes_have_the_same_result_as_the_learners_own(
        self, client_of: Callable[..., httpx.Client], admin: httpx.Client, lesson_path: str
    ) -> None:
        @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(UPDATES, min_size=1, max_size=4))
        def write(updates: list[Any]) -> None:
            behalf = f"/learners/{uuid4()}{lesson_path}"
            other = client_of(str(uuid4()))
            for update in updates:
                theirs, own = admin.put(behalf, json=update), other.put(lesson_path, json=update)
                assert theirs.status_code == own.status_code == 200
                assert without(theirs, *OWN) == without(own, *OWN)
                assert theirs.headers.get("headway-kept") == own.headers.get("headway-kept")

        write()


class TestExporting:
    def test_an_export_has_all_lesson_progress(
        self, admin: httpx.Client, admin_id: str, learner: httpx.Client, learner_id: str, lesson_paths: list[str]
    ) -> None:
        learner.put(lesson_paths[0], json=FIELDS)
        admin.put(f"/learners/{learner_id}{lesson_paths[1]}", json={"status": "completed"})
        exported = learner.get(f"/learners/{learner_id}/export").json()
        assert list(exported) == ["user_id", *EMPTY_EXPORT]
        assert exported["user_id"] == learner_id
        by_lesson = {progress["lesson_id"]: progress for progress in exported["lesson_progress"]}
        assert len(by_lesson) == len(exported["lesson_progress"]) == 2
        for path, written_by in zip(lesson_paths[:2], (None, admin_id), strict=True):
            answer = learner.get(path)
            progress = by_lesson[path.rpartition("/")[2]]
            version = int(answer.headers["etag"].strip('"').rpartition(".")[2])
            worked_at = None if written_by else answer.json()["updated_at"]
            others = {"written_by": written_by, "worked_at": worked_at, "completed_by": None}
            assert progress == without(answer, "content_id") | {"version": version} | others

    def test_an_export_has_course_progress_and_days(
        self, learner: httpx.Client, learner_id: str, course_path: str, lesson_paths: list[str]
    ) -> None:
        first = learner.put(lesson_paths[0], json={"status": "completed", "time_spent_minutes": 2.5}).json()
        learner.put(lesson_paths[1], json={"progress_percentage": 5})
        summary = learner.get(f"{course_path}/summary").json()
        exported = learner.get(f"/learners/{learner_id}/export").json()
        [course_progress] = exported["course_progress"]
        shared = ("course_id", "completed_lessons", "in_progress_lessons", "total_time_spent_minutes", "last_accessed")
        assert {name: course_progress[name] for name in shared} == {name: summary[name] for name in shared}
        assert (course_progress["started_at"], course_progress["completed_at"]) == (first["created_at"], None)
        assert course_progress["last_day"] == {
            "date": summary["last_accessed"][:10],
            "lessons_started": 2,
            "lessons_completed": 1,
            "time_spent_minutes": 2.5,
            "course_completions": 0,
        }
        assert exported["days"] == []

    def test_an_export_has_hidden_lesson_progress(
        self,
        publish: Callable[..., str],
        author: httpx.Client,
        learner: httpx.Client,
        learner_id: str,
        course_path: str,
        lesson_paths: list[str],
        document: dict[str, Any],
    ) -> None:
        for path in lesson_paths:
            learner.put(path, json={})
        publish(document | {"lessons": document["lessons"][:1]}, course_path)
        assert len(learner.get(f"/learners/{learner_id}/export").json()["lesson_progress"]) == 3
        author.delete(course_path.replace("/progress/", "/courses/")).raise_for_status()
        exported = learner.get(f"/learners/{learner_id}/export").json()
        assert (len(exported["lesson_progress"]), len(exported["course_progress"])) == (3, 1)

    def test_an_export_can_be_imported(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, course_path: str, lesson_path: str
    ) -> None:
        """Every line of an export is a line of an import."""
        progress = learner.put(lesson_path, json=FIELDS).json()
        exported = learner.get(f"/learners/{learner_id}/export").json()
        learner.delete(course_path).raise_for_status()
        sent = admin.post(
            "/progress/import", json=exported["lesson_progress"][0], headers={"Content-Type": "application/x-ndjson"}
        )
        assert sent.json()["written"] == 1
        assert without(learner.get(lesson_path), *OWN) == {name: progress[name] for name in progress if name not in OWN}

    def test_an_unknown_learner_has_an_empty_export(self, learner: httpx.Client, learner_id: str) -> None:
        exported = learner.get(f"/learners/{learner_id}/export")
        assert exported.json() == EMPTY_EXPORT | {"user_id": learner_id}

    def test_an_export_needs_the_learners_own_token_or_the_scope(
        self, admin: httpx.Client, learner: httpx.Client, other_learner: httpx.Client, learner_id: str, lesson_path: str
    ) -> None:
        learner.put(lesson_path, json=FIELDS)
        path, upper = (f"/learners/{one}/export" for one in (learner_id, learner_id.upper()))
        assert admin.get(path).json() == learner.get(path).json() == learner.get(upper).json()
        refused = other_learner.get(path)
        assert refused.status_code == 403
        assert "mine" not in refused.text


class TestErasing:
    def test_erasing_removes_all_data_of_a_learner(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, course_path: str, lesson_paths: list[str]
    ) -> None:
        for path in lesson_paths:
            learner.put(path, json=FIELDS | {"status": "completed"})
        assert learner.get("/progress").json() != []
        erased = admin.delete(f"/learners/{learner_id}")
        assert (erased.status_code, erased.content) == (204, b"")
        assert learner.get(course_path).json() == learner.get("/progress").json() == []
        assert [learner.get(path).status_code for path in lesson_paths] == [404] * 3
        assert (
            learner.get(f"{course_path}/summary").json().items()
            >= {"completed_lessons": 0, "last_accessed": None}.items()
        )
        exported = learner.get(f"/learners/{learner_id}/export").json()
        assert exported == EMPTY_EXPORT | {"user_id": learner_id}

    def test_erasing_may_be_repeated(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, lesson_path: str
    ) -> None:
        learner.put(lesson_path, json=FIELDS)
        assert [admin.delete(f"/learners/{learner_id}").status_code for _ in range(3)] == [204] * 3
        assert admin.delete(f"/learners/{uuid4()}").status_code == 204

    def test_erasing_keeps_other_learners_unchanged(
        self, admin: httpx.Client, learner: httpx.Client, other_learner: httpx.Client, learner_id: str, lesson_path: str
    ) -> None:
        for one in (learner, other_learner):
            one.put(lesson_path, json=FIELDS)
        before = [other_learner.get(path).json() for path in (lesson_path, "/progress")]
        etag = other_learner.get(lesson_path).headers["etag"]
        admin.delete(f"/learners/{learner_id}").raise_for_status()
        assert [other_learner.get(path).json() for path in (lesson_path, "/progress")] == before
        assert other_learner.get(lesson_path).headers["etag"] == etag

    def test_an_erased_learner_begins_again(
        self, admin: httpx.Client, learner: httpx.Client, learner_id: str, course_path: str, lesson_path: str
    ) -> None:
        before = learner.put(lesson_path, json=FIELDS | {"status": "completed"})
        listed = learner.get(course_path).json()
        admin.delete(f"/learners/{learner_id}").raise_for_status()
        stale = learner.put(lesson_path, json={}, headers={"If-Match": before.headers["etag"]})
        assert stale.status_code == 412
        after = learner.put(lesson_path, json={"progress_percentage": 1})
        assert after.json()["id"] != before.json()["id"]
        assert after.json().items() >= {"status": "in_progress", "progress_percentage": 1, "user_notes": None}.items()
        assert learner.get(course_path).json() == [after.json()] != listed
        assert learner.get(f"{course_path}/summary").json()["total_time_spent_minutes"] == 0

    def test_erasing_needs_the_scope_even_with_the_learners_own_token(
        self, learner: httpx.Client, author: httpx.Client, learner_id: str, lesson_path: str
    ) -> None:
        progress = learner.put(lesson_path, json=FIELDS).json()
        for caller in (learner, author):
            refused = caller.delete(f"/learners/{learner_id}")
            assert refused.status_code == 403
            assert 'scope="learners:admin"' in refused.headers["www-authenticate"]
        assert learner.get(lesson_path).json() == progress

    def test_erasing_refuses_a_malformed_id(self, admin: httpx.Client) -> None:
        refused = admin.delete("/learners/ada@example.org")
        assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["path", "user_id"])
