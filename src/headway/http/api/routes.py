"""The route table: every operation of the API, and the handler that answers it."""

from typing import Any, Final

from headway.domain.principal import COURSES_WRITE, LEARNERS_ADMIN, STATISTICS_READ
from headway.formats.course_document import CourseChange, CourseDocument, CourseImpact, CourseLine
from headway.formats.course_query import CoursesParameters, PutCourseParameters
from headway.formats.learner_export import LearnerExport
from headway.formats.progress import CourseSummary, DatedProgressUpdate, LessonProgress, LessonProgressUpdate
from headway.formats.progress_file import FORMATS, IMPORT_BODY_BYTES
from headway.formats.roster_query import ActivityParameters, RosterParameters, SummaryParameters
from headway.http.api import statistics_shapes as shapes
from headway.http.api.courses import get_course, get_course_schema, list_courses, put_course, remove_course
from headway.http.api.learners import (
    ImportQuery,
    ImportReport,
    erase_learner,
    export_learner,
    import_progress,
    on_behalf,
    update_learners_lesson_progress,
)
from headway.http.api.progress import (
    get_lesson_progress,
    get_user_course_progress,
    get_user_courses,
    remove_lesson_progress,
    restart_course,
    update_lesson_progress,
)
from headway.http.api.sign_in import SignInCode, make_sign_in_code
from headway.http.api.statistics import (
    get_course_activity,
    get_course_completion_stats,
    get_course_learner,
    get_course_statistics,
    list_course_learners,
    list_statistics,
    stream_course_statistics,
)
from headway.http.api.statistics_export import FILE_MEDIA
from headway.http.engine.endpoint import COURSE_BODY_BYTES, PROGRESS_BODY_BYTES, Operation

PREFIX: Final = "/api/v1/education"
PROGRESS_TAG: Final = "Education Progress"
MORE_PROGRESS_TAG: Final = "Education Progress, beyond the reference"
COURSES_TAG: Final = "Education Courses"
STATISTICS_TAG: Final = "Education Statistics"
LEARNERS_TAG: Final = "Education Learners"
PAGES_TAG: Final = "Education Pages"

TAGS: Final = [
    {"name": PROGRESS_TAG, "description": "Track learning progress, lesson completion, and course statistics"},
    {"name": MORE_PROGRESS_TAG, "description": "One lesson's progress, every course's summary, starting over"},
    {"name": LEARNERS_TAG, "description": "On a learner's behalf: writing, importing, exporting, erasing"},
    {"name": COURSES_TAG, "description": "The catalogue: which lessons a course has, and which of them count"},
    {"name": STATISTICS_TAG, "description": "How courses are doing, and where their learners stand"},
    {"name": PAGES_TAG, "description": "Signing a learner's browser in to the pages"},
]

_ON_BEHALF: Final = "Needs the scope `learners:admin`. For the learner in the path, the same as"


OPERATIONS: Final = (
    Operation(
        "GET", "/progress/{course_id}", "Get User Course Progress",
        "The caller's progress in every lesson of the course that the caller has started, in the course's order.",
        get_user_course_progress, PROGRESS_TAG, answer=list[LessonProgress], refusals=(404,),
        answers_etag=True,
    ),
    Operation(
        "PUT", "/progress/{course_id}/lessons/{lesson_id}", "Update Lesson Progress",
        "Write the caller's progress in a lesson. Without `If-Match` this is a merge write: it never takes away what "
        "was earned, and `Headway-Kept` names the fields that were not stored as sent. A lesson is completed when all "
        "its conditions are met. With `If-Match` and the progress's `ETag` this is a conditional write, which may "
        "change every field.",
        update_lesson_progress, PROGRESS_TAG, answer=LessonProgress, body=LessonProgressUpdate,
        body_limit=PROGRESS_BODY_BYTES, refusals=(404, 412, 413), conditional=True, answers_etag=True,
    ),
    Operation(
        "GET", "/progress/{course_id}/summary", "Get Course Completion Stats",
        "A summary of the caller's progress in the course, over the lessons that are in it now.",
        get_course_completion_stats, PROGRESS_TAG, answer=CourseSummary | shapes.ExplainedSummary,
        query=SummaryParameters, refusals=(404,), answers_etag=True,
    ),
    Operation(
        "GET", "/progress", "List User Courses",
        "A summary of every course that the caller has written in, most recently touched first.",
        get_user_courses, MORE_PROGRESS_TAG, answer=list[CourseSummary], answers_etag=True,
    ),
    Operation(
        "DELETE", "/progress/{course_id}", "Restart Course",
        "Remove all the caller's progress in the course.",
        restart_course, MORE_PROGRESS_TAG, refusals=(404,),
    ),
    Operation(
        "GET", "/progress/{course_id}/lessons/{lesson_id}", "Get Lesson Progress",
        "The caller's progress in one lesson, with its `ETag`; 404 where there is none yet.",
        get_lesson_progress, MORE_PROGRESS_TAG, answer=LessonProgress, refusals=(404,), answers_etag=True,
    ),
    Operation(
        "DELETE", "/progress/{course_id}/lessons/{lesson_id}", "Remove Lesson Progress",
        "Remove the caller's progress in one lesson, if there is any.",
        remove_lesson_progress, MORE_PROGRESS_TAG, refusals=(404, 412), conditional=True,
    ),
    Operation(
        "GET", "/learners/{user_id}/export", "Export Learner",
        "Everything that is stored about a learner. Needs the learner's own token, or the scope `learners:admin`.",
        export_learner, LEARNERS_TAG, answer=LearnerExport, refusals=(403,), scope=LEARNERS_ADMIN,
        waived_for_oneself=True,
    ),
    Operation(
        "DELETE", "/learners/{user_id}", "Erase Learner",
        "Remove everything that is stored about a learner, if there is anything. Needs the scope `learners:admin`.",
        erase_learner, LEARNERS_TAG, refusals=(403,), scope=LEARNERS_ADMIN,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress", "List Learner's Courses",
        f"{_ON_BEHALF} List User Courses: a summary of every course that the learner has progress in.",
        on_behalf(get_user_courses), LEARNERS_TAG, answer=list[CourseSummary], refusals=(403,),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress/{course_id}", "Get Learner's Course Progress",
        f"{_ON_BEHALF} Get User Course Progress: the learner's lesson progress, in the course's order.",
        on_behalf(get_user_course_progress), LEARNERS_TAG, answer=list[LessonProgress], refusals=(403, 404),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress/{course_id}/summary", "Get Learner's Course Completion Stats",
        f"{_ON_BEHALF} Get Course Completion Stats: a summary of the learner's progress in the course.",
        on_behalf(get_course_completion_stats), LEARNERS_TAG,
        answer=CourseSummary | shapes.ExplainedSummary, query=SummaryParameters, refusals=(403, 404),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "DELETE", "/learners/{user_id}/progress/{course_id}", "Restart Learner's Course",
        f"{_ON_BEHALF} Restart Course: remove all the learner's progress in the course.",
        on_behalf(restart_course), LEARNERS_TAG, refusals=(403, 404), scope=LEARNERS_ADMIN,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}", "Get Learner's Lesson Progress",
        f"{_ON_BEHALF} Get Lesson Progress: one lesson's progress with its `ETag`, for a conditional write.",
        on_behalf(get_lesson_progress), LEARNERS_TAG, answer=LessonProgress, refusals=(403, 404),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "DELETE", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}", "Remove Learner's Lesson Progress",
        f"{_ON_BEHALF} Remove Lesson Progress: remove the learner's progress in one lesson, if there is any.",
        on_behalf(remove_lesson_progress), LEARNERS_TAG, refusals=(403, 404, 412), conditional=True,
        scope=LEARNERS_ADMIN,
    ),
    Operation(
        "PUT", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}", "Update Learner's Lesson Progress",
        "Write a learner's progress in a lesson on the learner's behalf, with the times that are sent, or with the "
        "current time. A conditional write may complete a lesson against its conditions: `Headway-Completed-By` names "
        "who did. `Headway-Ignored` names fields that were ignored. Needs the scope `learners:admin`.",
        update_learners_lesson_progress, LEARNERS_TAG, answer=LessonProgress, body=DatedProgressUpdate,
        body_limit=PROGRESS_BODY_BYTES, refusals=(403, 404, 412, 413), conditional=True, answers_etag=True,
        scope=LEARNERS_ADMIN,
    ),
    Operation(
        "POST", "/progress/import", "Import Progress",
        "Write many learners' progress from one file. In CSV and NDJSON, each line names the learner, the course and "
        "the lesson, and has any of the fields that can be written, with or without times. Each line is a merge write. "
        "A JSON file is the export of one learner, which is restored. With the same `Idempotency-Key`, an import that "
        "was interrupted goes on. Needs the scope `learners:admin`.",
        import_progress, LEARNERS_TAG, answer=ImportReport, body_limit=IMPORT_BODY_BYTES, refusals=(403, 409, 413, 415),
        query=ImportQuery, media_types=tuple(FORMATS), resumable=True, scope=LEARNERS_ADMIN,
    ),
    Operation(
        "GET", "/courses", "List Courses",
        "The catalogue by title, at most 1,000 courses a page. `Link` has the address of the next page.",
        list_courses, COURSES_TAG, answer=list[CourseLine], query=CoursesParameters, is_paged=True,
        answers_etag=True,
    ),
    Operation(
        "GET", "/courses/{course_id}", "Get Course",
        "The course's document with its defaults filled in, its version, which is also its `ETag`, and how far the "
        "recalculation after its last edit is.",
        get_course, COURSES_TAG, answer=CourseDocument, refusals=(404,), answers_etag=True,
    ),
    Operation(
        "PUT", "/courses/{course_id}", "Put Course",
        "Store the course as the document describes it. Progress in lessons that leave the course is kept, and shown "
        "again when they come back. Learners' progress is recalculated in the background. The answer has the stored "
        "version's `ETag`; the answer to a dry run has none. Needs the scope `courses:write`.",
        put_course, COURSES_TAG, answer=CourseImpact | CourseChange, query=PutCourseParameters,
        body=CourseDocument, body_limit=COURSE_BODY_BYTES, refusals=(403, 412, 413), conditional=True,
        answers_etag=True, scope=COURSES_WRITE,
    ),
    Operation(
        "DELETE", "/courses/{course_id}", "Remove Course",
        "Remove the course from the catalogue. Learners' progress in it is kept. Needs the scope `courses:write`.",
        remove_course, COURSES_TAG, refusals=(403, 404), scope=COURSES_WRITE,
    ),
    Operation(
        "GET", "/schemas/course", "Get Course Schema", "The JSON Schema of a course document.",
        get_course_schema, COURSES_TAG, answer=dict[str, Any], answers_etag=True,
    ),
    Operation(
        "GET", "/statistics", "List Statistics",
        "The figures of every course, by title, at most 1,000 courses a page. `Link` has the address of the next page. "
        "All statistics need the scope `statistics:read`.",
        list_statistics, STATISTICS_TAG, answer=list[shapes.CourseFigures], refusals=(403,),
        query=CoursesParameters, is_paged=True, scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}", "Get Course Statistics",
        "The figures of the course and of each lesson. They include every write that has been answered.",
        get_course_statistics, STATISTICS_TAG, answer=shapes.CourseStatistics, refusals=(403, 404),
        scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/stream", "Stream Course Statistics",
        "The figures of the course, sent again whenever one has changed, as server-sent events named `statistics`. "
        "Their data are the answer of Get Course Statistics, and their id changes when the data do. The stream ends "
        "when the token expires.",
        stream_course_statistics, STATISTICS_TAG, answer=shapes.CourseStatistics, refusals=(403, 404),
        is_event_stream=True, scope=STATISTICS_READ,
    ),
    Operation(
        "GET", "/statistics/{course_id}/activity", "Get Course Activity",
        "What learners did in the course on each day, at most 400 days. Days are in the course's time zone.",
        get_course_activity, STATISTICS_TAG, answer=shapes.Activity, query=ActivityParameters,
        refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/learners", "List Course Learners",
        "The progress of the course's learners: a page of them, or all of them in a file.",
        list_course_learners, STATISTICS_TAG, answer=shapes.Roster, query=RosterParameters,
        other_media=FILE_MEDIA, refusals=(403, 404, 406), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/learners/{user_id}", "Get Course Learner",
        "One learner's progress in the course and in each lesson, without the learner's notes.",
        get_course_learner, STATISTICS_TAG, answer=shapes.LearnerDetail, query=SummaryParameters,
        refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "POST", "/sign-in-codes", "Make Sign-In Code",
        "A code for the token in `Authorization`. A browser that opens the address with it within a minute is signed "
        "in to the pages as the token's learner, with the token's scopes, until the token expires. It works once.",
        make_sign_in_code, PAGES_TAG, answer=SignInCode, refusals=(404,), status=201,
    ),
)  # fmt: skip
