"""The handlers of the statistics."""

from headway.domain.identifiers import LearnerId
from headway.domain.principal import STATISTICS_READ
from headway.formats import statistics
from headway.formats.course_query import CoursesParameters
from headway.formats.encoding import to_json
from headway.formats.queries import faults_are_the_querys, parse_query
from headway.formats.roster_query import ActivityParameters, Format, RosterParameters, SummaryParameters
from headway.http.api import render
from headway.http.api.statistics_export import VARIES, negotiated, streamed
from headway.http.engine.event_streams import PATIENCE_SECONDS, STREAM_HEADERS, Event, event_of
from headway.http.engine.replies import Reply, StreamedReply, json_reply, linked
from headway.http.engine.requests import Call
from headway.http.engine.streaming import begun


async def get_course_completion_stats(call: Call) -> Reply:
    """Answer a summary of the caller's progress in a course."""
    if call.query and parse_query(SummaryParameters, call.query).explain:
        return json_reply(
            statistics.explained_summary(await call.service.explained_summary(call.principal, call.course_id))
        )
    return render.summary(await call.service.summary(call.principal, call.course_id))


async def list_statistics(call: Call) -> Reply:
    """Answer a page of the figures of the courses that the caller may see."""
    call.principal.require(STATISTICS_READ)
    asked = parse_query(CoursesParameters, call.query)
    page = await call.statistics.courses(call.principal, asked.to_query())
    return linked(json_reply(statistics.courses(page.lines)), asked.next_page(page.last))


async def get_course_statistics(call: Call) -> Reply:
    """Answer a course's figures."""
    return json_reply(statistics.course(await call.statistics.course(call.principal, call.course_id)))


async def stream_course_statistics(call: Call) -> StreamedReply:
    """Stream a course's figures, again after each change."""

    async def read() -> Event:
        return event_of(to_json(statistics.course(await call.statistics.course(call.principal, call.course_id))))

    seen = call.headers.get(b"last-event-id", b"").decode("latin-1")
    chunks = call.streams.follow(call.course_id, read, seen, call.principal)
    return StreamedReply(200, await begun(chunks), STREAM_HEADERS, PATIENCE_SECONDS)


async def get_course_activity(call: Call) -> Reply:
    """Answer what learners did in a course on each day."""
    asked = parse_query(ActivityParameters, call.query)
    with faults_are_the_querys():
        activity = await call.statistics.activity(call.principal, call.course_id, asked.first, asked.last)
    return json_reply(statistics.activity(activity))


async def list_course_learners(call: Call) -> Reply | StreamedReply:
    """Answer a page of a course's learners, or all of them in a file."""
    asked = parse_query(RosterParameters, call.query)
    query = asked.to_query()
    form = negotiated(asked.format, call.headers.get(b"accept"))
    with faults_are_the_querys():
        if form is not Format.JSON:
            pages = call.statistics.whole_roster(call.principal, call.course_id, query, asked.stalled_days)
            return await streamed(form, call.course_id, pages)
        page = await call.statistics.roster(call.principal, call.course_id, query, asked.stalled_days)
    cursor = asked.cursor_to(page.last) if page.last else None
    return json_reply(statistics.roster(page.lines, cursor), headers=(VARIES,))


async def get_course_learner(call: Call) -> Reply:
    """Answer one learner's progress in a course and in each lesson."""
    explained = parse_query(SummaryParameters, call.query).explain
    learner_id = LearnerId(call.identifiers[1])
    reading = await call.statistics.learner(call.principal, call.course_id, learner_id)
    return json_reply(statistics.learner(reading, explained=explained))
