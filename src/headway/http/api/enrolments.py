"""Enrolments: the operations and their handlers. `formats.enrolments` has the shapes."""

from typing import Final

from headway.domain.identifiers import GroupId, LearnerId
from headway.domain.principal import ENROLMENTS_WRITE, LEARNERS_ADMIN
from headway.domain.runs import RunStart
from headway.formats.enrolments import (
    Completion,
    Enrolment,
    EnrolmentDates,
    Enrolments,
    EnrolmentsParameters,
    NewRun,
    OwnEnrolment,
    Run,
    RunOutline,
    completion,
    enrolment,
    enrolments,
    own_enrolment,
    parse_dates,
    parse_run,
    run_arrays,
    run_outline,
)
from headway.formats.groups import GroupEnrolment
from headway.formats.groups import enrolment as group_enrolment
from headway.formats.queries import parse_query
from headway.http.api.learners import on_behalf
from headway.http.engine.endpoint import Operation
from headway.http.engine.replies import NO_CONTENT, Reply, json_reply, long_document
from headway.http.engine.requests import SMALL_BODY_BYTES, Call

ENROLMENTS_TAG: Final = "Education Enrolments"
TAGS: Final = ({"name": ENROLMENTS_TAG, "description": "Who takes which course, and until when"},)


async def list_enrolments(call: Call) -> Reply:
    """Answer the caller's enrolments."""
    found = await call.services.enrolments.own(call.principal)
    return json_reply([own_enrolment(one) for one in found])


async def list_course_enrolments(call: Call) -> Reply:
    """Answer a page of the learners who are enrolled in a course."""
    asked = parse_query(EnrolmentsParameters, call.query)
    page = await call.services.enrolments.of_course(call.principal, call.course_id, asked.after, asked.limit)
    return json_reply(enrolments(page))


async def put_enrolment(call: Call) -> Reply:
    """Enrol a learner in a course."""
    source = parse_dates(call.body)
    learner_id = LearnerId(call.identifiers[1])
    found = await call.services.enrolments.enrol(call.principal, call.course_id, learner_id, source)
    return json_reply(enrolment(found))


async def end_enrolment(call: Call) -> Reply:
    """End a learner's enrolment in a course."""
    await call.services.enrolments.end(call.principal, call.course_id, LearnerId(call.identifiers[1]))
    return NO_CONTENT


async def begin_run(call: Call) -> Reply:
    """Begin a learner's next run of a course."""
    dates, number = parse_run(call.body)
    asked = RunStart(LearnerId(call.identifiers[1]), call.course_id, dates, number)
    return json_reply(enrolment(await call.services.enrolments.begin_run(call.principal, asked)), 201)


async def list_runs(call: Call) -> Reply:
    """Answer a learner's runs of a course."""
    found = await call.services.enrolments.runs(call.principal, LearnerId(call.identifiers[1]), call.course_id)
    return json_reply(list(map(run_outline, found)))


async def get_run(call: Call) -> Reply:
    """Answer one of a learner's runs of a course, with its lesson progress."""
    async with call.long_answers.turn():
        found = await call.services.enrolments.run(
            call.principal, LearnerId(call.identifiers[1]), call.course_id, int(call.identifiers[2])
        )
        return await long_document(run_outline(found), run_arrays(found))


async def enrol_group(call: Call) -> Reply:
    """Enrol all present and future members of a group in a course."""
    group_id = GroupId(call.identifiers[1])
    source = parse_dates(call.body)
    return json_reply(
        group_enrolment(await call.services.enrolments.enrol_group(call.principal, call.course_id, group_id, source))
    )


async def end_group_enrolment(call: Call) -> Reply:
    """End the enrolment of a group in a course."""
    await call.services.enrolments.end_group(call.principal, call.course_id, GroupId(call.identifiers[1]))
    return NO_CONTENT


async def list_completions(call: Call) -> Reply:
    """Answer the caller's completions."""
    return json_reply([completion(one) for one in await call.services.enrolments.completions(call.principal)])


OPERATIONS: Final = (
    Operation(
        "GET", "/enrolments", "List Enrolments",
        "The courses in which the learner is enrolled, the first due date first, with how far the learner is.",
        list_enrolments, ENROLMENTS_TAG, answer=list[OwnEnrolment], answers_etag=True,
    ),
    Operation(
        "GET", "/courses/{course_id}/enrolments", "List Course Enrolments",
        "The learners who are enrolled in the course, by id, a page of them. Needs the scope `enrolments:write`.",
        list_course_enrolments, ENROLMENTS_TAG, answer=Enrolments, query=EnrolmentsParameters, refusals=(403, 404),
        scope=ENROLMENTS_WRITE, answers_etag=True,
    ),
    Operation(
        "PUT", "/courses/{course_id}/enrolments/{user_id}", "Put Enrolment",
        "Enrol the learner in the course, with these dates in place of earlier ones. An enrolment that has ended "
        "begins again. Needs the scope `enrolments:write`. Where enrolling is open, learners may enrol themselves "
        "without it and without dates. That changes no enrolment that is there, and is refused where one has ended "
        "after the learner had begun the course.",
        put_enrolment, ENROLMENTS_TAG, answer=Enrolment, body=EnrolmentDates, body_limit=SMALL_BODY_BYTES,
        refusals=(403, 404, 413), scope=ENROLMENTS_WRITE, waived_for_oneself=True,
    ),
    Operation(
        "DELETE", "/courses/{course_id}/enrolments/{user_id}", "End Enrolment",
        "End the learner's enrolment in the course, if there is one. The learner's progress is kept. Needs the scope "
        "`enrolments:write`.",
        end_enrolment, ENROLMENTS_TAG, refusals=(403, 404), scope=ENROLMENTS_WRITE,
    ),
    Operation(
        "POST", "/courses/{course_id}/enrolments/{user_id}/runs", "Begin Run",
        "Begin the learner's next run of the course. The present run is kept with its lesson progress as it is. The "
        "learner starts from nothing. Statistics count the present run. It is refused with 409 while the present run "
        "has no progress, and where the new run would not have the `number` that is sent. Needs the scope "
        "`enrolments:write`.",
        begin_run, ENROLMENTS_TAG, answer=Enrolment, body=NewRun, body_limit=SMALL_BODY_BYTES,
        refusals=(403, 404, 409, 413), scope=ENROLMENTS_WRITE, status=201,
    ),
    Operation(
        "GET", "/courses/{course_id}/enrolments/{user_id}/runs", "List Runs",
        "The learner's runs of the course, the present one last. Needs the learner's own token, or the scope "
        "`learners:admin`.",
        list_runs, ENROLMENTS_TAG, answer=list[RunOutline], refusals=(403, 404), scope=LEARNERS_ADMIN,
        waived_for_oneself=True, answers_etag=True,
    ),
    Operation(
        "GET", "/courses/{course_id}/enrolments/{user_id}/runs/{run}", "Get Run",
        "One of the learner's runs of the course, with its lesson progress. Needs the learner's own token, or the "
        "scope `learners:admin`.",
        get_run, ENROLMENTS_TAG, answer=Run, refusals=(403, 404), scope=LEARNERS_ADMIN, waived_for_oneself=True,
        answers_etag=True,
    ),
    Operation(
        "PUT", "/courses/{course_id}/groups/{group_id}", "Enrol Group",
        "Enrol all present and future members of the group in the course, with these dates in place of earlier ones. "
        "All present members are enrolled when the answer comes. Needs the scope `enrolments:write`.",
        enrol_group, ENROLMENTS_TAG, answer=GroupEnrolment, body=EnrolmentDates, body_limit=SMALL_BODY_BYTES,
        refusals=(403, 404, 413), scope=ENROLMENTS_WRITE,
    ),
    Operation(
        "DELETE", "/courses/{course_id}/groups/{group_id}", "End Group Enrolment",
        "End the enrolment of the group in the course, if there is one. Members whom nothing else enrols are not "
        "enrolled any more; their progress is kept. Needs the scope `enrolments:write`.",
        end_group_enrolment, ENROLMENTS_TAG, refusals=(403, 404), scope=ENROLMENTS_WRITE,
    ),
    Operation(
        "GET", "/completions", "List Completions",
        "All completions of courses by the learner, the last one first: when, under which version, with which "
        "percentage and score, and until when it counts.",
        list_completions, ENROLMENTS_TAG, answer=list[Completion], answers_etag=True,
    ),
    Operation(
        "GET", "/learners/{user_id}/completions", "List Learner's Completions",
        "Needs the scope `learners:admin`. For the learner in the path, the same as List Completions.",
        on_behalf(list_completions), ENROLMENTS_TAG, answer=list[Completion], refusals=(403,), scope=LEARNERS_ADMIN,
        answers_etag=True,
    ),
)  # fmt: skip
