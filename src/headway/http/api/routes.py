"""The API's index: every operation, and the function that answers it."""

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
    {"name": MORE_PROGRESS_TAG, "description": "One row by itself, every course at once, starting over"},
    {"name": LEARNERS_TAG, "description": "On a learner's behalf: writing, importing, exporting, erasing"},
    {"name": COURSES_TAG, "description": "The catalogue: which lessons a course has, and which of them count"},
    {"name": STATISTICS_TAG, "description": "How courses are doing, and where their learners stand"},
    {"name": PAGES_TAG, "description": "Signing a learner's browser in to the pages"},
]

_ON_BEHALF: Final = "For a learner, with the scope `learners:admin`, what for oneself is"


OPERATIONS: Final = (
    Operation(
        "GET", "/progress/{course_id}", "Get User Course Progress",
        "The caller's progress in every lesson of the course that has been touched, in the course's order.",
        get_user_course_progress, PROGRESS_TAG, answer=list[LessonProgress], refusals=(404,),
        answers_etag=True,
    ),
    Operation(
        "PUT", "/progress/{course_id}/lessons/{lesson_id}", "Update Lesson Progress",
        "Write the caller's progress in a lesson. A write that has not seen the row can only add to it: what was "
        "earned stays, and `Headway-Kept` names the fields that are not as sent. A lesson is completed where all its "
        "conditions are met. A write with `If-Match` and "
        "the row's `ETag` has seen it and may change anything.",
        update_lesson_progress, PROGRESS_TAG, answer=LessonProgress, body=LessonProgressUpdate,
        body_limit=PROGRESS_BODY_BYTES, refusals=(404, 412, 413), conditional=True, answers_etag=True,
    ),
    Operation(
        "GET", "/progress/{course_id}/summary", "Get Course Completion Stats",
        "Where the caller stands in the course, over the lessons that are in it now.",
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
        "All that is held on a learner: the learner's own token, or the scope `learners:admin`.",
        export_learner, LEARNERS_TAG, answer=LearnerExport, refusals=(403,), scope=LEARNERS_ADMIN,
        waived_for_oneself=True,
    ),
    Operation(
        "DELETE", "/learners/{user_id}", "Erase Learner",
        "Remove all that is held on a learner, if there is anything. Needs the scope `learners:admin`.",
        erase_learner, LEARNERS_TAG, refusals=(403,), scope=LEARNERS_ADMIN,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress", "List Learner's Courses",
        f"{_ON_BEHALF} List User Courses: a summary of every course that there is progress in.",
        on_behalf(get_user_courses), LEARNERS_TAG, answer=list[CourseSummary], refusals=(403,),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress/{course_id}", "Get Learner's Course Progress",
        f"{_ON_BEHALF} Get User Course Progress: the learner's rows in the course, in its order.",
        on_behalf(get_user_course_progress), LEARNERS_TAG, answer=list[LessonProgress], refusals=(403, 404),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "GET", "/learners/{user_id}/progress/{course_id}/summary", "Get Learner's Course Completion Stats",
        f"{_ON_BEHALF} Get Course Completion Stats: where the learner stands in the course.",
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
        f"{_ON_BEHALF} Get Lesson Progress: one row with its `ETag`, which a conditional write takes.",
        on_behalf(get_lesson_progress), LEARNERS_TAG, answer=LessonProgress, refusals=(403, 404),
        scope=LEARNERS_ADMIN, answers_etag=True,
    ),
    Operation(
        "DELETE", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}", "Remove Learner's Lesson Progress",
        f"{_ON_BEHALF} Remove Lesson Progress: the learner's row in one lesson, if there is one.",
        on_behalf(remove_lesson_progress), LEARNERS_TAG, refusals=(403, 404, 412), conditional=True,
        scope=LEARNERS_ADMIN,
    ),
    Operation(
        "PUT", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}", "Update Learner's Lesson Progress",
        "Write a learner's progress in a lesson on the learner's behalf, as the learner would, at times of its own or "
        "now. A conditional write may complete a lesson against its conditions: `Headway-Completed-By` names who did. "
        "`Headway-Ignored` names fields that are not taken. Needs the scope `learners:admin`.",
        update_learners_lesson_progress, LEARNERS_TAG, answer=LessonProgress, body=DatedProgressUpdate,
        body_limit=PROGRESS_BODY_BYTES, refusals=(403, 404, 412, 413), conditional=True, answers_etag=True,
        scope=LEARNERS_ADMIN,
    ),
    Operation(
        "POST", "/progress/import", "Import Progress",
        "Write many learners' progress from one file, CSV or NDJSON: a line names the learner, the course and the "
        "lesson, and any of the fields that can be written, with times of its own or none. Each is written as a plain "
        "write is. JSON is the export of one learner, which is restored. With "
        "`Idempotency-Key` an import that was broken off goes on. Needs the scope `learners:admin`.",
        import_progress, LEARNERS_TAG, answer=ImportReport, body_limit=IMPORT_BODY_BYTES, refusals=(403, 409, 413, 415),
        query=ImportQuery, media_types=tuple(FORMATS), resumable=True, scope=LEARNERS_ADMIN,
    ),
    Operation(
        "GET", "/courses", "List Courses",
        "The catalogue by title, one line a course, 1,000 at most; `Link` has the address of the next page.",
        list_courses, COURSES_TAG, answer=list[CourseLine], query=CoursesParameters, is_paged=True,
        answers_etag=True,
    ),
    Operation(
        "GET", "/courses/{course_id}", "Get Course",
        "The course's document, defaults filled in, with its version, which is its `ETag`, and how far what follows "
        "from its last edit is derived.",
        get_course, COURSES_TAG, answer=CourseDocument, refusals=(404,), answers_etag=True,
    ),
    Operation(
        "PUT", "/courses/{course_id}", "Put Course",
        "Make the catalogue hold the course as the document says. Progress in lessons that leave the course is kept "
        "and shown again when they come back. What follows for learners under way is derived in the background. The "
        "answer has the stored version's `ETag`, that of a dry run has none. Needs the scope `courses:write`.",
        put_course, COURSES_TAG, answer=CourseImpact | CourseChange, query=PutCourseParameters,
        body=CourseDocument, body_limit=COURSE_BODY_BYTES, refusals=(403, 412, 413), conditional=True,
        answers_etag=True, scope=COURSES_WRITE,
    ),
    Operation(
        "DELETE", "/courses/{course_id}", "Remove Course",
        "Take the course out of the catalogue, keeping its learners' progress. Needs the scope `courses:write`.",
        remove_course, COURSES_TAG, refusals=(403, 404), scope=COURSES_WRITE,
    ),
    Operation(
        "GET", "/schemas/course", "Get Course Schema", "The JSON Schema of a course document.",
        get_course_schema, COURSES_TAG, answer=dict[str, Any], answers_etag=True,
    ),
    Operation(
        "GET", "/statistics", "List Statistics",
        "How every course is doing, by title, one line a course, 1,000 at most; `Link` has the address of the next "
        "page. All statistics need the scope `statistics:read`.",
        list_statistics, STATISTICS_TAG, answer=list[shapes.CourseFigures], refusals=(403,),
        query=CoursesParameters, is_paged=True, scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}", "Get Course Statistics",
        "How the course is doing, lesson by lesson, exact to the last write that was answered.",
        get_course_statistics, STATISTICS_TAG, answer=shapes.CourseStatistics, refusals=(403, 404),
        scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/stream", "Stream Course Statistics",
        "How the course is doing, and again whenever a figure has changed: server-sent events named `statistics`, "
        "whose data are what Get Course Statistics answers, and whose ids change exactly with them. It ends with the "
        "token.",
        stream_course_statistics, STATISTICS_TAG, answer=shapes.CourseStatistics, refusals=(403, 404),
        is_event_stream=True, scope=STATISTICS_READ,
    ),
    Operation(
        "GET", "/statistics/{course_id}/activity", "Get Course Activity",
        "What happened in the course, day by day, 400 days at most. Days are cut in the course's time zone.",
        get_course_activity, STATISTICS_TAG, answer=shapes.Activity, query=ActivityParameters,
        refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/learners", "List Course Learners",
        "Where the course's learners stand: a page of them, or all of them in a file.",
        list_course_learners, STATISTICS_TAG, answer=shapes.Roster, query=RosterParameters,
        other_media=FILE_MEDIA, refusals=(403, 404, 406), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/learners/{user_id}", "Get Course Learner",
        "Where one learner stands in the course, lesson by lesson, without what the learner noted.",
        get_course_learner, STATISTICS_TAG, answer=shapes.LearnerDetail, query=SummaryParameters,
        refusals=(403, 404), scope=STATISTICS_READ, answers_etag=True,
    ),
    Operation(
        "POST", "/sign-in-codes", "Make Sign-In Code",
        "A code for the token in `Authorization`: whoever opens the address with it within a minute sees the pages as "
        "the token's learner, with the token's scopes, until the token is over. It is good once.",
        make_sign_in_code, PAGES_TAG, answer=SignInCode, refusals=(404,), status=201,
    ),
)  # fmt: skip
