"""Learner profiles, and finding people: the operations and their handlers."""

from asyncio import to_thread
from io import BytesIO
from typing import Annotated, Final

from pydantic import BaseModel, Field

from headway.domain.identifiers import LearnerId
from headway.domain.people import StoredProfile
from headway.domain.principal import LEARNERS_ADMIN, STATISTICS_READ
from headway.formats import people
from headway.formats.oneroster import read_bundle
from headway.formats.people import People, PeopleParameters, ProfileDocument, parse_profile
from headway.formats.people_file import PEOPLE_FORMATS, PeopleFormat, PeopleImportReport, read_people, report_document
from headway.formats.progress_file import IMPORT_BODY_BYTES
from headway.formats.queries import Flag, as_query_faults, parse_query
from headway.http.engine.endpoint import Operation
from headway.http.engine.parameters import parse_media_type
from headway.http.engine.replies import NO_CONTENT, PRIVATE, Reply, json_reply
from headway.http.engine.requests import SMALL_BODY_BYTES, Call, parse_precondition

PEOPLE_TAG: Final = "Education People"
TAGS: Final = ({"name": PEOPLE_TAG, "description": "Who learners are, and finding them"},)


class PeopleImportQuery(BaseModel):
    """How to import people."""

    dry_run: Annotated[Flag, Field(description="Report what the import would do, and write nothing.")] = False


async def list_people(call: Call) -> Reply:
    """Answer a page of people."""
    asked = parse_query(PeopleParameters, call.query)
    query = asked.to_query()
    with as_query_faults():
        page = await call.services.people.search(call.principal, asked.query, query, asked.course_id, asked.group_id)
    return json_reply(people.people(page.people, page.last))


async def get_profile(call: Call) -> Reply:
    """Answer a learner's profile."""
    return _profile(await call.services.people.profile(call.principal, _learner(call)))


async def put_profile(call: Call) -> Reply:
    """Store a learner's profile."""
    profile, precondition = parse_profile(call.body), parse_precondition(call.headers)
    return _profile(await call.services.people.put_profile(call.principal, _learner(call), profile, precondition))


async def remove_profile(call: Call) -> Reply:
    """Remove a learner's profile."""
    await call.services.people.remove_profile(call.principal, _learner(call), parse_precondition(call.headers))
    return NO_CONTENT


async def import_people(call: Call) -> Reply:
    """Store people, their groups and their enrolments from one file."""
    file_format = PEOPLE_FORMATS[parse_media_type(call.headers, PEOPLE_FORMATS)]
    query = parse_query(PeopleImportQuery, call.query)
    read = read_bundle if file_format is PeopleFormat.ONEROSTER else read_people
    file = await to_thread(read, BytesIO(call.body))
    service = call.services.people_import
    if query.dry_run:
        plan = await service.plan(call.principal, file)
    else:
        async with service.alone() as lease:
            plan = await service.plan(call.principal, file)
            await service.carry_out(call.principal, plan, lease)
    return json_reply(report_document(plan.report), headers=(PRIVATE,))


def _learner(call: Call) -> LearnerId:
    return LearnerId(call.identifiers[0])


def _profile(stored: StoredProfile) -> Reply:
    return json_reply(people.profile(stored.profile), headers=((b"etag", f'"{stored.etag}"'.encode()), PRIVATE))


OPERATIONS: Final = (
    Operation(
        "GET", "/learners", "Find People",
        "The learners who have a profile, by name, at most 1,000 a page; those without a name come last. A query finds "
        "them by words, by the learner's id, or by the `sub` of their tokens. Needs the scope `learners:admin`. With "
        "the scope `statistics:read`, only learners of the courses and groups that the token grants are found.",
        list_people, PEOPLE_TAG, answer=People, query=PeopleParameters, refusals=(403, 404), scope=STATISTICS_READ,
        or_scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "GET", "/learners/{user_id}/profile", "Get Profile",
        "The learner's profile. Needs the learner's own token, or the scope `learners:admin`.",
        get_profile, PEOPLE_TAG, answer=ProfileDocument, refusals=(403, 404), scope=LEARNERS_ADMIN,
        waived_for_oneself=True, answers_etag=True,
    ),
    Operation(
        "PUT", "/learners/{user_id}/profile", "Put Profile",
        "Store the learner's profile, in place of the present one. Needs the scope `learners:admin`.",
        put_profile, PEOPLE_TAG, answer=ProfileDocument, body=ProfileDocument, body_limit=SMALL_BODY_BYTES,
        refusals=(403, 404, 412, 413), conditional=True, answers_etag=True, scope=LEARNERS_ADMIN,
    ),
    Operation(
        "DELETE", "/learners/{user_id}/profile", "Remove Profile",
        "Remove the learner's profile, if there is one. Needs the scope `learners:admin`.",
        remove_profile, PEOPLE_TAG, refusals=(403, 404, 412), conditional=True, scope=LEARNERS_ADMIN,
    ),
    Operation(
        "POST", "/people/import", "Import People",
        "Store the profiles of many learners, their groups and their enrolments from one file: all of it, or nothing "
        "where a line is wrong. What the file does not give stays as it is. Needs the scope `learners:admin`; with "
        "groups in the file also `groups:write`, with courses also `enrolments:write`.",
        import_people, PEOPLE_TAG, answer=PeopleImportReport, body_limit=IMPORT_BODY_BYTES,
        refusals=(403, 404, 409, 413, 415), query=PeopleImportQuery, media_types=tuple(PEOPLE_FORMATS),
        scope=LEARNERS_ADMIN,
    ),
)  # fmt: skip
