"""Statistics: the operations and their handlers. `formats.statistics` has the shapes of the answers."""

from typing import Final

from headway.domain.identifiers import LearnerId
from headway.domain.principal import STATISTICS_READ
from headway.formats import statistics
from headway.formats.queries import as_query_faults, parse_query, parse_repeated
from headway.formats.roster_query import (
    LISTS,
    ActivityParameters,
    AllStatisticsParameters,
    CompareParameters,
    Format,
    GridParameters,
    GroupParameters,
    RosterParameters,
    SummaryParameters,
)
from headway.formats.shapes import to_json
from headway.http.api.statistics_export import (
    FILE_MEDIA,
    GRID_FORMATS,
    MEDIA,
    VARIES,
    negotiated,
    streamed,
    streamed_grid,
)
from headway.http.engine.endpoint import EventStream, Operation
from headway.http.engine.event_streams import EVENT, PATIENCE_SECONDS, STREAM_HEADERS, Event, Watched, event_of
from headway.http.engine.replies import Reply, StreamedReply, json_reply, linked
from headway.http.engine.requests import Call
from headway.http.engine.streaming import begun

STATISTICS_TAG: Final = "Education Statistics"
TAGS: Final = ({"name": STATISTICS_TAG, "description": "How courses are doing, and where their learners stand"},)


async def list_statistics(call: Call) -> Reply:
    """Answer a page of the figures of the courses that the caller may see."""
    asked = parse_query(AllStatisticsParameters, call.query)
    page = await call.services.statistics.courses(call.principal, asked.to_query(), asked.group_id)
    return linked(json_reply(statistics.courses(page.lines)), asked.next_page(page.last))


async def get_course_statistics(call: Call) -> Reply:
    """Answer a course's figures."""
    group_id = parse_query(GroupParameters, call.query).group_id
    return json_reply(
        statistics.course(await call.services.statistics.course(call.principal, call.course_id, group_id))
    )


async def compare_course_statistics(call: Call) -> Reply:
    """Answer the figures of several groups in a course, or of several courses."""
    courses, groups = parse_repeated(CompareParameters, call.query).compared(call.course_id)
    return json_reply(statistics.compared(await call.services.statistics.compare(call.principal, courses, groups)))


async def stream_course_statistics(call: Call) -> StreamedReply:
    """Stream a course's figures, again after each change."""
    group_id = parse_query(GroupParameters, call.query).group_id
    call.principal.require_group(group_id)  # the reading is shared: another stream's principal may have begun it

    async def read() -> Event:
        figures = await call.services.statistics.course(call.principal, call.course_id, group_id)
        return event_of(to_json(statistics.course(figures)))

    seen = call.headers.get(b"last-event-id", b"").decode("latin-1")
    chunks = call.streams.follow(Watched(call.course_id, group_id), read, seen, call.principal)
    return StreamedReply(200, await begun(chunks), STREAM_HEADERS, PATIENCE_SECONDS)


async def get_course_activity(call: Call) -> Reply:
    """Answer what learners did in a course on each day."""
    asked = parse_query(ActivityParameters, call.query)
    with as_query_faults():
        activity = await call.services.statistics.activity(
            call.principal, call.course_id, asked.first, asked.last, asked.group_id
        )
    return json_reply(statistics.activity(activity, asked.by, asked.first_weekday - 1))


async def list_course_learners(call: Call) -> Reply | StreamedReply:
    """Answer a page of a course's learners, or all of them in a file."""
    asked = parse_query(RosterParameters, call.query, LISTS)
    query = asked.to_query()
    form = negotiated(asked.format, call.headers.get(b"accept"))
    service, of = call.services.statistics, (call.principal, call.course_id, query, asked.stalled_days)
    with as_query_faults():
        if form is not Format.JSON:
            return await streamed(form, call.course_id, service.whole_roster(*of), asked.columns)
        page = await service.roster(*of, counted=asked.total)
    return json_reply(statistics.roster(page, *asked.cursors_of(page)), headers=(VARIES,))


async def get_course_grid(call: Call) -> Reply | StreamedReply:
    """Answer a page of a course's learners with their result in each lesson, or all of them in a file."""
    asked = parse_query(GridParameters, call.query, LISTS)
    query = asked.to_query()
    form = negotiated(asked.format, call.headers.get(b"accept"), GRID_FORMATS)
    service, of = call.services.results, (call.principal, call.course_id, query, asked.stalled_days)
    with as_query_faults():
        if form is Format.CSV:
            return await streamed_grid(call.course_id, service.whole_grid(*of))
        page = await service.grid(*of, counted=asked.total)
    return json_reply(statistics.grid(page, *asked.cursors_of(page.roster)), headers=(VARIES,))


async def get_course_learner(call: Call) -> Reply:
    """Answer one learner's progress in a course and in each lesson."""
    explained = parse_query(SummaryParameters, call.query).explain
    learner_id = LearnerId(call.identifiers[1])
    reading = await call.services.statistics.learner(call.principal, call.course_id, learner_id)
    return json_reply(statistics.learner(reading, explained=explained))


OPERATIONS: Final = (
    Operation(
        "GET", "/statistics", "List Statistics",
        "The figures of every course, of all learners or of a group's members, by title, at most 1,000 courses a page. "
        "`Link` has the address of the next page. All statistics need the scope `statistics:read`.",
        list_statistics, STATISTICS_TAG, answer=list[statistics.CourseFigures], refusals=(403, 404),
        query=AllStatisticsParameters, is_paged=True, scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}", "Get Course Statistics",
        "The figures of the course and of each lesson. They include every write that has been answered.",
        get_course_statistics, STATISTICS_TAG, answer=statistics.CourseStatistics, query=GroupParameters,
        refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/compare", "Compare Course Statistics",
        "The figures of several groups in the course, or of the course and others, 2 to 10 entries in the order of "
        "the query.",
        compare_course_statistics, STATISTICS_TAG, answer=list[statistics.ComparedStatistics],
        query=CompareParameters, refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/stream", "Stream Course Statistics",
        "The figures of the course, sent again whenever one has changed, as server-sent events named `statistics`. "
        "Their data are the answer of Get Course Statistics, and their id changes when the data do. The stream ends "
        "when the token expires.",
        stream_course_statistics, STATISTICS_TAG, query=GroupParameters, refusals=(403, 404), scope=STATISTICS_READ,
        event_stream=EventStream((EVENT,), statistics.CourseStatistics),
    ),
    Operation(
        "GET", "/statistics/{course_id}/activity", "Get Course Activity",
        "What learners did in the course on each day, at most 400 days, and in each week or month. Days are in the "
        "course's time zone.",
        get_course_activity, STATISTICS_TAG, answer=statistics.Activity, query=ActivityParameters,
        refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/learners", "List Course Learners",
        "The progress of the course's learners: a page of them, or all of them in a file.",
        list_course_learners, STATISTICS_TAG, answer=statistics.Roster, query=RosterParameters,
        other_media=FILE_MEDIA, refusals=(403, 404, 406), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/grid", "Get Course Grid",
        "The course's learners with their result in each lesson: a page of them, or all of them in a file. A page has "
        "at most 20,000 results, so it may have fewer learners than `limit`.",
        get_course_grid, STATISTICS_TAG, answer=statistics.Grid, query=GridParameters,
        other_media=(MEDIA[Format.CSV],), refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/learners/{user_id}", "Get Course Learner",
        "One learner's progress in the course and in each lesson, without the learner's notes.",
        get_course_learner, STATISTICS_TAG, answer=statistics.LearnerDetail, query=SummaryParameters,
        refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
)  # fmt: skip
