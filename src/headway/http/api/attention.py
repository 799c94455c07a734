"""Learners who need attention: the operations and their handlers."""

from typing import Final

from headway.domain.attention import Reason
from headway.domain.principal import STATISTICS_READ
from headway.formats import attention
from headway.formats.attention import AttentionFileLine, AttentionListParameters, AttentionParameters
from headway.formats.queries import parse_query
from headway.formats.roster_query import LISTS, Format
from headway.http.api.statistics import STATISTICS_TAG
from headway.http.api.statistics_export import MEDIA, VARIES, negotiated, streamed_csv
from headway.http.engine.endpoint import Operation
from headway.http.engine.replies import Reply, StreamedReply, json_reply
from headway.http.engine.requests import Call

TAGS: Final = ()
_FORMS: Final = (Format.JSON, Format.CSV)
_COLUMNS: Final = tuple(AttentionFileLine.model_fields)


async def count_attention(call: Call) -> Reply:
    """Answer how many learners need attention, by reason."""
    asked = parse_query(AttentionParameters, call.query, LISTS)
    return json_reply(attention.counts(await call.services.attention.counts(call.principal, asked.filters)))


async def list_attention(call: Call) -> Reply | StreamedReply:
    """Answer a page of the learners who need attention for a reason, or all of them in a file."""
    reason = Reason(call.identifiers[0])
    asked = parse_query(AttentionListParameters, call.query, LISTS)
    after, before = asked.positions(reason)
    service = call.services.attention
    if negotiated(asked.format, call.headers.get(b"accept"), _FORMS) is Format.CSV:
        pages = service.whole_list(call.principal, reason, asked.filters)
        return await streamed_csv(f"attention-{reason}", _COLUMNS, attention.file_lines[reason], pages)
    page = await service.page(call.principal, reason, asked.filters, asked.limit, after, before)
    return json_reply(attention.attention_list(reason, page), headers=(VARIES,))


OPERATIONS: Final = (
    Operation(
        "GET", "/statistics/attention", "Count Attention",
        "How many learners need attention, by reason, in all courses and of all learners that the token grants. "
        "Counted up to 1,000 for each reason.",
        count_attention, STATISTICS_TAG, answer=attention.AttentionCounts, query=AttentionParameters,
        refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/attention/{reason}", "List Attention",
        "The learners who need attention for a reason: a page of them, or all of them in a file. They are sorted by "
        "the day last seen, the due date or the attempts, the latest and most first, or by the enrolment, the earliest "
        "first.",
        list_attention, STATISTICS_TAG, answer=attention.AttentionList, query=AttentionListParameters,
        other_media=(MEDIA[Format.CSV],), refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
)  # fmt: skip
