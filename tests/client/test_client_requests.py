"""The client's methods: answers, errors with the API's code, requests that are sent again, and those that are not."""

import json
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext

from client.between import Between
from client.player import Player, School
from support.browser import ON_BOTH_STORES
from support.running import eventually, token

JSON = {"content-type": "application/json"}
BUSY = (503, JSON, json.dumps({"detail": "Too many writes are waiting.", "code": "queue_full"}).encode())


def failure(player: Player, script: str, given: Any = None) -> dict[str, Any]:
    """Return the error of a call."""
    found: dict[str, Any] = player.run(
        f"try {{ await {script} }} catch (error) {{ return {{ name: error.name, ...error, text: error.message }}; }}",
        given,
    )
    return found


@ON_BOTH_STORES
def test_every_method_answers(player: Player, school: School) -> None:
    player.report({"status": "completed"})
    player.wait_until_sent()
    answers: dict[str, Any] = player.run(
        """const { courseId, lessonId } = lesson;
        const found = {};
        const calls = {
            progress: () => client.progress(courseId),
            summary: () => client.summary(courseId),
            explained: () => client.summary(courseId, { explain: true }),
            summaries: () => client.summaries(),
            outline: () => client.outline(courseId),
            lessonProgress: () => client.lessonProgress(courseId, lessonId),
            course: () => client.course(courseId),
            courses: () => client.courses(),
            enrol: () => client.enrol(courseId),
            enrolments: () => client.enrolments(),
            runs: () => client.runs(courseId),
            run: () => client.run(courseId, 1),
            completions: () => client.completions(),
            setGoal: () => client.setGoal(2),
            goal: () => client.goal({ firstWeekday: "sunday" }),
            removeGoal: () => client.removeGoal(),
            export: () => client.export(),
            signInCode: () => client.signInCode(),
            courseSchema: () => client.courseSchema(),
            remove: () => client.remove(courseId, lessonId),
            restart: () => client.restart(courseId, { run: 1 }),
        };
        for (const [name, call] of Object.entries(calls)) found[name] = (await call()) ?? null;
        return found;"""
    )
    assert answers["progress"][0]["status"] == answers["lessonProgress"]["progress"]["status"] == "completed"
    assert answers["summary"]["completed_lessons"] == 1
    assert "explanation" not in answers["summary"]
    assert answers["explained"]["explanation"]["lessons"]
    assert [one["course_id"] for one in answers["summaries"]] == [school.course_id]
    assert len(answers["outline"]) == len(answers["course"]["lessons"]) == 3
    assert school.course_id in {one["id"] for one in answers["courses"]}
    assert answers["enrol"]["user_id"] == answers["export"]["user_id"] == school.learner
    assert answers["enrolments"][0]["run"] == answers["runs"][0]["number"] == answers["run"]["number"] == 1
    assert answers["completions"] == []
    assert (answers["setGoal"]["days_per_week"], answers["goal"]["met"]) == (2, False)
    assert answers["signInCode"]["url"]
    assert answers["courseSchema"]["title"]
    assert answers["remove"] is answers["restart"] is answers["removeGoal"] is None
    assert school.stored() is None


def test_a_profile_is_answered(player: Player, school: School) -> None:
    with school.running.client(str(uuid4()), "learners:admin") as admin:
        admin.put(f"/learners/{school.learner}/profile", json={"name": "Ada"}).raise_for_status()
    assert player.run("return (await client.profile()).name;") == "Ada"


def test_all_pages_of_the_catalogue_are_answered(player: Player, proxy: Between) -> None:
    first = json.dumps([{"id": "1"}]).encode()
    proxy.refuse_with = [(200, JSON | {"link": '<http://x/api/v1/education/courses?after=a%20b>; rel="next"'}, first)]
    found = player.run("return client.courses();")
    assert found[0] == {"id": "1"}
    assert [one.path.partition("?")[2] for one in proxy.asked if "/courses" in one.path] == ["", "after=a%20b"]


def test_a_learner_of_any_name_has_the_id_that_the_service_gives(
    context: BrowserContext, proxy: Between, school: School
) -> None:
    player = Player(context.new_page(), proxy, school, "Ada Łovelace")
    player.report({"progress_percentage": 4})
    player.wait_until_sent()
    stored = school.stored(learner="Ada Łovelace")
    assert stored
    assert player.run("return (await client.enrol(lesson.courseId)).user_id;") == stored["user_id"]
    assert player.run("return (await client.export()).user_id;") == stored["user_id"]


@ON_BOTH_STORES
def test_a_conditional_write_has_the_etag_that_was_read(player: Player, school: School) -> None:
    player.report({"progress_percentage": 80})
    player.wait_until_sent()
    kept = player.run("return client.update(lesson.courseId, lesson.lessonId, { progress_percentage: 20 });")
    assert kept["kept"] == ["progress_percentage"]
    changed = player.run(
        "return client.update(lesson.courseId, lesson.lessonId, { progress_percentage: 20 }, { ifMatch: given });",
        kept["etag"],
    )
    assert changed["progress"]["progress_percentage"] == 20
    assert changed["kept"] == []
    script = "client.update(lesson.courseId, lesson.lessonId, { progress_percentage: 5 }, { ifMatch: given });"
    refused = failure(player, script, kept["etag"])
    assert (refused["name"], refused["status"], refused["code"]) == ("HeadwayError", 412, "precondition_failed")
    assert refused["text"] == refused["detail"]
    assert failure(player, script.replace("ifMatch: given", "ifNoneMatch: '*'"))["status"] == 412
    assert failure(player, script.replace("ifMatch: given", "run: 7"))["code"] == "other_run"
    stored = school.stored()
    assert stored
    assert stored["progress_percentage"] == 20


def test_errors_have_the_status_the_code_and_the_detail(player: Player, proxy: Between) -> None:
    unknown = failure(player, "client.course(given);", str(uuid4()))
    assert (unknown["status"], unknown["code"]) == (404, "course_not_found")
    faulty = failure(player, "client.setGoal(9);")
    assert (faulty["status"], faulty["detail"][0]["loc"]) == (422, ["body", "days_per_week"])
    proxy.refuse_with = [(418, {"content-type": "text/html"}, b"<h1>no</h1>")]
    assert failure(player, "client.courses();")["code"] == "http_418"


@pytest.mark.parametrize(
    "answer",
    [BUSY, (502, {}, b""), (409, JSON | {"retry-after": "0.01"}, b'{"code": "import_under_way", "detail": "Wait."}')],
)
def test_a_request_is_sent_again_where_the_reason_passes(
    player: Player, proxy: Between, answer: tuple[int, dict[str, str], bytes]
) -> None:
    proxy.refuse_with = [answer]
    assert player.run("return client.summaries();") == []
    assert [one.path for one in proxy.asked if one.path.endswith("/progress")] == ["/api/v1/education/progress"] * 2


def test_a_request_is_sent_again_where_the_answer_was_lost(player: Player, proxy: Between) -> None:
    proxy.lose_answers = 1
    assert player.run("return client.summaries();") == []


def test_a_conditional_write_is_not_sent_again_where_the_answer_was_lost(
    player: Player, proxy: Between, school: School
) -> None:
    player.report({"progress_percentage": 80})
    player.wait_until_sent()
    etag = player.run("return (await client.lessonProgress(lesson.courseId, lesson.lessonId)).etag;")
    proxy.lose_answers = 1
    script = "client.update(lesson.courseId, lesson.lessonId, { progress_percentage: 5 }, { ifMatch: given });"
    assert failure(player, script, etag)["code"] == "no_connection"
    assert len([one for one in proxy.asked if one.method == "PUT"]) == 1
    stored = school.stored()
    assert stored
    assert stored["progress_percentage"] == 5


def test_a_request_is_given_up_after_some_attempts(context: BrowserContext, proxy: Between, school: School) -> None:
    player = Player(context.new_page(), proxy, school, school.learner, retries=1)
    proxy.refuse_with = [BUSY] * 3
    assert failure(player, "client.summaries();")["code"] == "queue_full"
    assert len(proxy.refuse_with) == 1


@pytest.mark.parametrize("code", ["lesson_locked", "other_run"])
def test_a_refusal_that_stays_is_not_sent_again(player: Player, proxy: Between, code: str) -> None:
    proxy.refuse_with = [(409, JSON, json.dumps({"code": code, "detail": "No."}).encode())] * 2
    assert failure(player, "client.summaries();")["code"] == code
    assert len(proxy.refuse_with) == 1


BEGIN = "window.ends = new AbortController(); window.call = client.summaries({ signal: ends.signal });"
END = "ends.abort(); return call.then(() => 'answered', (error) => error.name);"


def test_a_caller_may_give_up_while_a_request_runs(player: Player, proxy: Between) -> None:
    proxy.held.clear()
    player.run(BEGIN + "call.catch(() => {});")
    eventually(lambda: any(one.path.endswith("/progress") for one in proxy.asked), 30)
    assert player.run(END) == "AbortError"


def test_a_caller_may_give_up_while_a_request_waits(player: Player, proxy: Between) -> None:
    proxy.refuse_with = [(503, {"retry-after": "3600"}, b"")]
    player.run(BEGIN + "call.catch(() => {});")
    eventually(lambda: not proxy.refuse_with, 30)
    assert player.run(END) == "AbortError"
    assert player.run("return client.summaries({ signal: ends.signal }).catch((error) => error.name);") == "AbortError"


def test_an_expired_token_is_renewed_once(player: Player, school: School) -> None:
    player.run("window.token = given;", token(school.learner, secret="not the secret of the service at all"))
    assert failure(player, "client.summaries();")["code"] == "not_authenticated"
    assert len(player.run("return refusedTokens;")) == 1
    player.run("window.getToken = (refused) => refused ? given : token;", token(school.learner))
    assert player.run("return client.summaries();") == []


def test_a_client_before_the_sign_in_waits_for_the_first_report(
    context: BrowserContext, proxy: Between, school: School
) -> None:
    page = context.new_page()
    page.clock.install()
    player = Player(page, proxy, school, school.learner)
    player.run("await client.flush(); client.close();")
    player.run("window.getToken = () => { window.asked = (window.asked ?? 0) + 1; throw new Error('signed out'); };")
    player.start()
    page.wait_for_function("() => window.asked")
    page.clock.run_for(600_000)
    assert player.run("return asked;") == 1
    player.run("window.getToken = () => token; await lesson.report({ quiz_score: 4 });")
    player.wait_until_sent()
    assert school.stored()


def test_a_token_that_can_not_be_had_or_read_is_an_error(player: Player) -> None:
    player.run("window.getToken = () => Promise.reject(new Error('no session'));")
    assert failure(player, "client.summaries();")["code"] == "no_token"
    player.run("window.getToken = () => 'not a token';")
    assert failure(player, "lesson.report({});")["code"] == "not_authenticated"
