"""Shapes of requests and answers."""

# Made by `make client` from the OpenAPI document: do not edit.

from typing import Any, Literal, NotRequired, TypedDict

Status = Literal["not_started", "in_progress", "completed"]
"""How far a learner is in a lesson, lowest first."""


class LessonProgress(TypedDict):
    """One learner's progress in one lesson."""

    user_id: str
    course_id: str
    lesson_id: str
    content_id: str
    status: Status
    progress_percentage: float
    video_position_seconds: float
    quiz_score: float | None
    quiz_attempts: int
    quiz_passed: bool
    time_spent_minutes: float
    user_notes: str | None
    is_bookmarked: bool
    metadata: dict[str, Any]
    id: str
    completed_at: str | None
    created_at: str
    updated_at: str


class LessonProgressUpdate(TypedDict):
    """What to write. An absent field is left as it is; fields that are not listed here are ignored."""

    status: NotRequired[Status | None]
    """Merged: the highest of stored, sent and implied."""
    progress_percentage: NotRequired[float | None]
    """Merged: the highest."""
    video_position_seconds: NotRequired[float | None]
    """The resume point; the last writer's."""
    quiz_score: NotRequired[float | None]
    """Merged: the best attempt."""
    quiz_attempts: NotRequired[int | None]
    """Merged: the highest."""
    quiz_passed: NotRequired[bool | None]
    """Merged: once passed, passed."""
    time_spent_minutes: NotRequired[float | None]
    """A total. Merged: the highest."""
    user_notes: NotRequired[str | None]
    """The last writer's; an empty text clears them."""
    is_bookmarked: NotRequired[bool | None]
    """The last writer's."""
    metadata: NotRequired[dict[str, Any] | None]
    """Merged key by key: at most 16 KiB as JSON, 32 levels deep, no U+0000."""


class CourseSummary(TypedDict):
    """A learner's totals in a course, over its present lessons."""

    course_id: str
    total_lessons: int
    """Lessons that count towards completion."""
    completed_lessons: int
    in_progress_lessons: int
    completion_percentage: float
    """Two decimals at most."""
    total_time_spent_minutes: float
    """Over all lessons, optional ones too."""
    last_accessed: str | None
    """The learner's own last write in the course."""


NotCounted = Literal["optional", "removed"]
"""Why a lesson does not count towards the percentage."""


class ExplainedLesson(TypedDict):
    """Whether a lesson counts in a percentage, and why not."""

    lesson_id: str
    title: str | None
    """Null where the lesson has left the course."""
    status: Status
    counted: bool
    reason: NotCounted | None
    """Why it was not counted."""


class Explanation(TypedDict):
    """Which lessons count in a percentage, and under which version of the course document."""

    course_version: int
    lessons: list[ExplainedLesson]


class ExplainedSummary(TypedDict):
    """A summary with an explanation of its percentage."""

    course_id: str
    total_lessons: int
    """Lessons that count towards completion."""
    completed_lessons: int
    in_progress_lessons: int
    completion_percentage: float
    """Two decimals at most."""
    total_time_spent_minutes: float
    """Over all lessons, optional ones too."""
    last_accessed: str | None
    """The learner's own last write in the course."""
    explanation: Explanation


LessonKind = Literal["video", "article", "quiz", "assignment", "other"]
"""The kind of a lesson."""


class OutlineLesson(TypedDict):
    """A lesson of a course, as one learner sees it."""

    lesson_id: str
    title: str
    section: str | None
    kind: LessonKind
    duration_seconds: float | None
    required: bool
    status: Status
    progress_percentage: float
    quiz_score: float | None
    is_bookmarked: bool
    due_at: str | None
    """Until when it is to be completed; null: any time."""
    late: bool
    """Not completed, and the due date is past."""
    completed_late: bool
    """Completed after the due date."""
    locked: bool
    """Whether other lessons come first."""
    locked_by: list[str]
    """The lessons that are to be completed first."""


class SyncedWrite(TypedDict):
    """One write that was made on a device."""

    key: str
    """The client's name of the write."""
    course_id: str
    lesson_id: str
    made_at: NotRequired[str | None]
    """When it was made, by the device's clock; null: now."""
    run: NotRequired[int | None]
    """The run of the course that it is for; null: the present one."""
    progress: LessonProgressUpdate
    """As the body of a `PUT`."""


class Sync(TypedDict):
    """Writes that were made on a device, and the time by its clock."""

    sent_at: NotRequired[str | None]
    """When this request is sent, by the device's clock; null: its header `Date`."""
    writes: list[SyncedWrite]


class SyncResult(TypedDict):
    """What became of one write."""

    key: str
    status: Literal[200, 403, 404, 409, 422]
    """As the `PUT` would have answered."""
    lesson_progress: LessonProgress | None
    """As it is now; null where the write was refused, and where the progress was removed since."""
    etag: str | None
    kept: list[str]
    """The fields that were not stored as sent."""
    error: dict[str, Any] | None
    """Where it was refused: the body of the `PUT`'s answer."""


class SyncResults(TypedDict):
    """The results, in the order of the writes."""

    results: list[SyncResult]


ScormVersion = Literal["1.2", "2004"]
"""The version of SCORM that content is made for."""


class LaunchDocument(TypedDict):
    """A launch of a lesson's content: what a player needs to play it."""

    launch: str
    """The launch's token. Who has it may report for the learner."""
    expires_at: str
    """Until when the launch may report."""
    course_id: str
    lesson_id: str
    title: str
    """The lesson's title."""
    scorm: ScormVersion | None
    """The version of the content's interface; null: not known."""
    is_sco: bool | None
    """Whether the content reports; false: it is an asset. Null where it is in no package here."""
    commit_url: str
    """For scorm-again's `lmsCommitUrl`: a path of the service, or an address on `HEADWAY_CONTENT_ORIGIN`."""
    content_url: str | None
    """The content's first page; null where it is in no package here."""
    play_url: str | None
    """Headway's own page that plays the content, for a frame; null as above."""
    cmi: dict[str, Any]
    """For scorm-again's `loadFromJSON`, before the content begins."""


class SentCommit(TypedDict):
    """A commit. Other fields are the CMI object, flattened, or are not read."""

    cmi: NotRequired[dict[str, Any]]
    """The CMI object."""
    runtimeData: NotRequired[dict[str, Any]]
    """The same, in a field, where the player renders common fields."""
    commitSequence: NotRequired[int | None]
    """The number of the commit in its session."""
    commitAgeSeconds: NotRequired[float | None]
    """How long ago the state last changed. Headway's own player says it."""
    stateUnchanged: NotRequired[bool | None]
    """Whether the state is as it was when content was opened. Headway's own player says it."""
    terminate: NotRequired[bool | None]
    """Whether content has ended."""


class CommitResult(TypedDict):
    """What scorm-again expects of an answer to a commit."""

    result: bool
    errorCode: int


class SilentLaunchLine(TypedDict):
    """A learner who has opened a lesson's content, which has reported nothing since."""

    user_id: str
    name: str | None
    lesson_id: str
    lesson_title: str
    opened_at: str


class ProfileDocument(TypedDict):
    """Who a learner is. A field that is left out, or null, is empty."""

    name: NotRequired[str | None]
    email: NotRequired[str | None]
    external_id: NotRequired[str | None]
    """The platform's own number of the learner."""
    locale: NotRequired[str | None]
    """A language tag (BCP 47), such as pt-BR."""
    time_zone: NotRequired[str | None]
    """The IANA name of a time zone."""


class HeldGoal(TypedDict):
    """A learner's goal for each week."""

    days_per_week: int
    since: str
    """Weeks count from the one with this day on."""


class HeldLessonProgress(TypedDict):
    """Lesson progress as it is stored."""

    user_id: str
    course_id: str
    lesson_id: str
    status: Status
    progress_percentage: float
    video_position_seconds: float
    quiz_score: float | None
    quiz_attempts: int
    quiz_passed: bool
    time_spent_minutes: float
    user_notes: str | None
    is_bookmarked: bool
    metadata: dict[str, Any]
    id: str
    completed_at: str | None
    created_at: str
    updated_at: str
    version: int
    written_by: str | None
    """Who wrote it last for the learner; null: the learner."""
    worked_at: str | None
    """When the learner's own work last changed it."""
    completed_by: str | None
    """Who completed it although a condition is not met."""


class HeldDay(TypedDict):
    """What the learner did on one day. Days are in the course's time zone."""

    date: str
    lessons_started: int
    lessons_completed: int
    time_spent_minutes: float
    course_completions: int


class HeldSource(TypedDict):
    """What enrols a learner: an own enrolment (`group_id` is null) or a group, with its dates."""

    group_id: NotRequired[str | None]
    starts_at: NotRequired[str | None]
    due_at: NotRequired[str | None]


class HeldCourseProgress(TypedDict):
    """A learner's progress in a course as it is stored, under the course's version of that time."""

    course_id: str
    completed_lessons: int
    in_progress_lessons: int
    total_time_spent_minutes: float
    last_accessed: str | None
    started_at: str | None
    completed_at: str | None
    at_lesson: str | None
    """The last lesson, in the course's order, that the learner has started."""
    course_version: int
    revision: int
    last_day: HeldDay | None
    """`null` where only others have written."""
    enrolled_at: str | None
    ended_at: str | None
    """When the enrolment ended."""
    due_at: str | None
    """Until when the course is to be completed."""
    enrolled_by: list[HeldSource]
    """What enrols the learner; empty where the first write did."""
    run: int
    """The present run of the course."""
    run_began_at: str | None
    """When it began; null for the first run."""


class HeldCourseDay(TypedDict):
    """A finished day in a course."""

    date: str
    lessons_started: int
    lessons_completed: int
    time_spent_minutes: float
    course_completions: int
    course_id: str


class Completion(TypedDict):
    """A completion of a course. Headway keeps each one."""

    course_id: str
    completed_at: str
    course_version: int
    """The version of the course document then."""
    completion_percentage: float
    score: float | None
    """The mean of the scores then, at most two decimals; null: no score."""
    expires_at: str | None
    """Until when it counts; null: always."""


class HeldGroup(TypedDict):
    """A group that the learner is in."""

    id: str
    title: str


class HeldRun(TypedDict):
    """A run of a course that has ended, with its lesson progress as it was."""

    course_id: str
    number: int
    began_at: str | None
    started_at: str | None
    completed_at: str | None
    ended_at: str
    due_at: str | None
    last_accessed: str | None
    course_version: int
    total_lessons: int
    completed_lessons: int
    in_progress_lessons: int
    total_time_spent_minutes: float
    lesson_progress: list[HeldLessonProgress]


class HeldContentState(TypedDict):
    """What the content of a lesson has stored for the learner."""

    course_id: str
    lesson_id: str
    run: int
    opened_at: str
    """When the learner last opened the content."""
    reported_at: str | None
    """When it first reported after that."""
    time_spent_seconds: float
    attempts: int
    """The attempts that had a result."""
    is_counted: bool
    """Whether the present attempt is among them."""
    is_over: bool
    """Whether the present attempt has ended."""
    made_at: str | None
    """When the content made the state."""
    scorm: ScormVersion | None
    """The version of SCORM of the state."""
    cmi: dict[str, Any] | None
    """The state, as the content reads it when it resumes."""


class LearnerExport(TypedDict):
    """All data of a learner: profile, goal, progress, days, completions, groups, runs, states of content."""

    user_id: str
    profile: ProfileDocument | None
    goal: HeldGoal | None
    lesson_progress: list[HeldLessonProgress]
    course_progress: list[HeldCourseProgress]
    days: list[HeldCourseDay]
    completions: list[Completion]
    groups: list[HeldGroup]
    runs: list[HeldRun]
    """The runs of courses that have ended."""
    content_states: list[HeldContentState]


class DatedProgressUpdate(TypedDict):
    """What to write for a learner, with the times of the work, in the past and in their order."""

    status: NotRequired[Status | None]
    """Merged: the highest of stored, sent and implied."""
    progress_percentage: NotRequired[float | None]
    """Merged: the highest."""
    video_position_seconds: NotRequired[float | None]
    """The resume point; the last writer's."""
    quiz_score: NotRequired[float | None]
    """Merged: the best attempt."""
    quiz_attempts: NotRequired[int | None]
    """Merged: the highest."""
    quiz_passed: NotRequired[bool | None]
    """Merged: once passed, passed."""
    time_spent_minutes: NotRequired[float | None]
    """A total. Merged: the highest."""
    user_notes: NotRequired[str | None]
    """The last writer's; an empty text clears them."""
    is_bookmarked: NotRequired[bool | None]
    """The last writer's."""
    metadata: NotRequired[dict[str, Any] | None]
    """Merged key by key: at most 16 KiB as JSON, 32 levels deep, no U+0000."""
    created_at: NotRequired[str | None]
    """When the lesson was started. Merged: the earliest."""
    completed_at: NotRequired[str | None]
    """When it was completed. Merged: the earliest."""
    updated_at: NotRequired[str | None]
    """When the learner worked on it last. Merged: the latest."""


class LineFault(TypedDict):
    """One fault of a line: the line's number, where in the line (`loc`), a message, and a stable name of the fault."""

    line: int
    loc: list[str | int]
    msg: str
    type: str


class ImportReport(TypedDict):
    """How many lines were written, unchanged and refused, and why."""

    lines: int
    """Without the header and empty lines."""
    written: int
    unchanged: int
    """Lines that change nothing in the stored progress."""
    refused: int
    held_back: int
    """Lines with `completed` for a lesson that has a condition which is not met."""
    errors: list[LineFault]
    """The first 1,000."""
    ignored: list[str]
    """Fields that were ignored, the first 100."""
    encoding: Literal["utf-8", "utf-16"]
    """The file's encoding."""
    separator: Literal[",", ";", "\t"] | None
    """The CSV file's separator; else null."""


class PersonLine(TypedDict):
    """A learner in a list of people: the id and the profile."""

    name: NotRequired[str | None]
    email: NotRequired[str | None]
    external_id: NotRequired[str | None]
    """The platform's own number of the learner."""
    locale: NotRequired[str | None]
    """A language tag (BCP 47), such as pt-BR."""
    time_zone: NotRequired[str | None]
    """The IANA name of a time zone."""
    user_id: str


class People(TypedDict):
    """A page of people."""

    learners: list[PersonLine]
    next: str | None
    """The cursor of the next page; null at the end."""


class PeopleImportReport(TypedDict):
    """What the import has changed, or would change with `dry_run`."""

    people_new: int
    """Learners who get a profile."""
    people_changed: int
    """Learners whose profile changes."""
    people_unchanged: int
    """Learners whose profile stays as it is."""
    people_missing: int
    """Members of the file's groups whom a OneRoster bundle leaves out."""
    groups_added: int
    groups_renamed: int
    memberships_added: int
    """Learners who become members of groups."""
    memberships_ended: int
    """Members who leave groups."""
    enrolments_added: int
    enrolments_changed: int
    """Enrolments that get another due date."""
    group_enrolments_added: int
    """Courses in which groups enrol their members."""
    group_enrolments_changed: int
    """Enrolments of groups that get other dates."""
    courses_unknown: int
    """Courses of classes that are not in the catalogue."""
    new: list[str]
    """The ids of those learners; here and below, the first 1,000."""
    changed: list[str]
    missing: list[str]
    """They stay members."""


class CourseLine(TypedDict):
    """A course in the catalogue's list."""

    id: str
    title: str
    lessons: int
    required_lessons: int


OnEdit = Literal["keep", "reopen"]
"""What an edit does where a learner has completed the course before it, but not all its lessons after it."""


class LessonDocument(TypedDict):
    """A lesson in a course document."""

    id: str
    title: str
    content_id: NotRequired[str | None]
    """By default the lesson's id."""
    section: NotRequired[str | None]
    """The heading above the lesson."""
    kind: NotRequired[LessonKind]
    duration_seconds: NotRequired[float | None]
    required: NotRequired[bool]
    """Whether the lesson counts towards completing the course."""
    pass_mark: NotRequired[float | None]
    """The lowest score that passes; only for quizzes and assignments."""
    complete_at: NotRequired[float | None]
    """The progress percentage at which the lesson is completed; null: no percentage is needed. By default 100, or
    null where there is a pass mark."""
    requires: NotRequired[list[str]]
    """The ids of the lessons that come first."""
    due_at: NotRequired[str | None]
    """Until when the lesson is to be completed."""
    due_after_days: NotRequired[int | None]
    """The same, in days from the beginning of the learner's enrolment."""


class RecalculationProgress(TypedDict):
    """The progress of the recalculation after an edit: the learners to recalculate, and those who are done."""

    learners: int
    done: int


class CourseDocument(TypedDict):
    """A whole course: its title, and its lessons in order."""

    id: NotRequired[str | None]
    """The course's id; over HTTP it is in the path."""
    title: str
    time_zone: NotRequired[str]
    """The time zone of the course's days, by its IANA name."""
    on_edit: NotRequired[OnEdit]
    """Whether a learner who had completed the course before an edit keeps the completion (keep), or loses it where
    the edit asks for more (reopen)."""
    valid_for_days: NotRequired[int | None]
    """How many days a completion of the course counts; null: always."""
    lessons: list[LessonDocument]
    version: NotRequired[int | None]
    """In answers only, ignored in requests. It changes with every change of the course."""
    recalculation: NotRequired[RecalculationProgress | None]
    """In answers only, ignored in requests. How far the recalculation after the last edit is; null where it is
    finished."""


class CourseImpact(TypedDict):
    """What storing a course would change, and how many learners would gain or lose the completion of the course."""

    course_id: str
    created: bool
    added: list[str]
    removed: list[str]
    changed: list[str]
    reordered: bool
    renamed: bool
    time_zone_changed: bool
    on_edit_changed: bool
    valid_for_days_changed: bool
    learners: int
    """Learners who have progress in the course."""
    gain_completion: int
    lose_completion: int


class CourseChange(TypedDict):
    """What storing a course document has changed. `changed` lists lessons whose definition has changed."""

    course_id: str
    created: bool
    added: list[str]
    removed: list[str]
    changed: list[str]
    reordered: bool
    renamed: bool
    time_zone_changed: bool
    on_edit_changed: bool
    valid_for_days_changed: bool


class PackageLesson(TypedDict):
    """A lesson that an item of the package has become. `identifier` is the item's in the manifest."""

    id: str
    identifier: str
    title: str
    section: str | None
    kind: LessonKind
    pass_mark: float | None
    is_sco: bool
    """Whether its content reports what the learner does."""


class PackageReport(TypedDict):
    """What a package has become, and what was in it that is not used."""

    course_id: str
    title: str
    scorm: ScormVersion
    package: str
    """The SHA-256 of the package's content."""
    files: int
    bytes: int
    """The size of all files, unpacked."""
    lessons: list[PackageLesson]
    warnings: list[str]
    change: CourseImpact | CourseChange
    """As the answer to Put Course."""


EnrolmentStatus = Literal["not_started", "in_progress", "completed"]
"""How far a learner is in a course."""


class OwnEnrolment(TypedDict):
    """An enrolment of the caller, with the course's title."""

    user_id: str
    course_id: str
    enrolled_at: str
    starts_at: str | None
    """From when the learner may begin; null: at once."""
    due_at: str | None
    """Until when the course is to be completed; null: any time."""
    groups: list[str]
    """The groups by which the learner is enrolled."""
    run: int
    """The learner's present run of the course."""
    status: EnrolmentStatus
    completion_percentage: float
    completed_at: str | None
    late: bool
    """Not completed, and the due date is past."""
    completed_late: bool
    """Completed after the due date."""
    expires_at: str | None
    """Until when the completion counts; null: always."""
    title: str


class Enrolment(TypedDict):
    """A learner's enrolment in a course, and how far the learner is."""

    user_id: str
    course_id: str
    enrolled_at: str
    starts_at: str | None
    """From when the learner may begin; null: at once."""
    due_at: str | None
    """Until when the course is to be completed; null: any time."""
    groups: list[str]
    """The groups by which the learner is enrolled."""
    run: int
    """The learner's present run of the course."""
    status: EnrolmentStatus
    completion_percentage: float
    completed_at: str | None
    late: bool
    """Not completed, and the due date is past."""
    completed_late: bool
    """Completed after the due date."""
    expires_at: str | None
    """Until when the completion counts; null: always."""


class Enrolments(TypedDict):
    """A page of a course's enrolments, by the learners' ids."""

    enrolments: list[Enrolment]
    next: str | None
    """The cursor of the next page; null at the end."""


class EnrolmentDates(TypedDict):
    """The dates of an enrolment. A date that is absent or null is none."""

    starts_at: NotRequired[str | None]
    """From when the learner may begin."""
    due_at: NotRequired[str | None]
    """Until when the learner is to complete the course."""


class NewRun(TypedDict):
    """The dates of a learner's next run of a course, and its number."""

    starts_at: NotRequired[str | None]
    """From when the learner may begin."""
    due_at: NotRequired[str | None]
    """Until when the learner is to complete the course."""
    number: NotRequired[int | None]
    """The number of the new run: a request that is sent twice then begins one run."""


class RunOutline(TypedDict):
    """A run of a course by a learner, without its lesson progress."""

    number: int
    began_at: str | None
    started_at: str | None
    """The first write."""
    completed_at: str | None
    ended_at: str | None
    """When the next run began; null: it is the present run."""
    due_at: str | None
    late: bool
    """Not completed, and the due date is past, or was past at the end."""
    completed_late: bool
    """Completed after the due date."""
    status: EnrolmentStatus
    course_version: int
    """The version of the course document at the end of the run."""
    total_lessons: int
    completed_lessons: int
    in_progress_lessons: int
    completion_percentage: float
    total_time_spent_minutes: float
    last_accessed: str | None


class RunLessonProgress(TypedDict):
    """Lesson progress in a run."""

    user_id: str
    course_id: str
    lesson_id: str
    status: Status
    progress_percentage: float
    video_position_seconds: float
    quiz_score: float | None
    quiz_attempts: int
    quiz_passed: bool
    time_spent_minutes: float
    user_notes: str | None
    is_bookmarked: bool
    metadata: dict[str, Any]
    id: str
    completed_at: str | None
    created_at: str
    updated_at: str


class Run(TypedDict):
    """A run of a course by a learner. A run that has ended is as it was at its end."""

    number: int
    began_at: str | None
    started_at: str | None
    """The first write."""
    completed_at: str | None
    ended_at: str | None
    """When the next run began; null: it is the present run."""
    due_at: str | None
    late: bool
    """Not completed, and the due date is past, or was past at the end."""
    completed_late: bool
    """Completed after the due date."""
    status: EnrolmentStatus
    course_version: int
    """The version of the course document at the end of the run."""
    total_lessons: int
    completed_lessons: int
    in_progress_lessons: int
    completion_percentage: float
    total_time_spent_minutes: float
    last_accessed: str | None
    lesson_progress: list[RunLessonProgress]
    """In the order of the present course. Other lessons come last."""


class GroupEnrolment(TypedDict):
    """A course in which a group enrols its members, from when and until when."""

    course_id: str
    starts_at: NotRequired[str | None]
    due_at: NotRequired[str | None]


class AttentionCount(TypedDict):
    """How many lines a list has. With `has_more`, it has more than `count`."""

    count: int
    has_more: bool


class AttentionCounts(TypedDict):
    """How many learners need attention, by reason. A learner counts once in each course, and once for each quiz."""

    inactive: AttentionCount
    """Started, not completed, not seen for `inactive_days`."""
    late: AttentionCount
    """Not completed, and the due date is past."""
    failing: AttentionCount
    """At least two attempts at a quiz that is not passed."""
    not_started: AttentionCount
    """Enrolled, and not started."""


Reason = Literal["inactive", "late", "failing", "not_started"]
"""Why a learner needs attention in a course."""


class AttentionLine(TypedDict):
    """A learner who needs attention in a course."""

    user_id: str
    name: str | None
    course_id: str
    course_title: str
    lesson_id: str | None
    """The failed quiz, or the lesson that the learner is at."""
    lesson_title: str | None
    """Null where the lesson is not in the course now."""
    reason: Reason
    since: str | None
    """When the learner was last seen, was due, last worked on the quiz, or was enrolled."""
    attempts: int
    """At the failed quiz; 0 for the other reasons."""


class AttentionList(TypedDict):
    """A page of the learners who need attention for a reason."""

    learners: list[AttentionLine]
    next: str | None
    """The cursor of the next page; null at the end."""
    previous: str | None
    """For `before`: the cursor of the page before; null on the first page."""


class CourseFigures(TypedDict):
    """A course's figures, over all learners who wrote in it."""

    course_id: str
    title: str
    time_zone: str
    learners: int
    """Learners who started it."""
    active_last_7_days: int
    active_last_30_days: int
    completed: int
    completion_rate: float | None
    """A percentage; null where there are no such learners."""
    mean_completion_percentage: float | None
    """A percentage; null where there are no such learners."""
    total_time_spent_minutes: float
    mean_time_spent_minutes: float | None
    """At most two decimals; null where there are no such learners."""
    enrolled: int
    """Learners who are enrolled now."""
    not_started: int
    """Enrolled learners who have not started."""
    started: int
    """Enrolled learners who have started."""
    enrolled_completion_rate: float | None
    """A percentage; null where there are no such learners."""


class Change(TypedDict):
    """How many learners there were in the last 7 days, today included (`now`), and in the 7 days before (`before`)."""

    now: int
    before: int


class MeanChange(TypedDict):
    """The mean of a day of the last 7 days, today included (`now`), and of the 7 days before (`before`)."""

    now: float
    before: float


class Changes(TypedDict):
    """How figures have changed in a week. Days are in the course's time zone."""

    enrolled: Change
    """Enrolled learners, by when they were enrolled."""
    started: Change
    """Enrolled learners, by when they started."""
    completed: Change
    """Learners, by when they completed the course."""
    late: Change
    """Enrolled learners who are late now, and who were late 7 days ago."""
    active: MeanChange
    """Learners who were active on a day."""


class ScoreCount(TypedDict):
    """How many learners have this best score, in whole points, rounded down."""

    score: int
    learners: int


class LessonStatistics(TypedDict):
    """A lesson's figures, over all learners who started the lesson."""

    lesson_id: str
    title: str
    required: bool
    pass_mark: float | None
    started: int
    completed: int
    in_progress: int
    completion_rate: float | None
    """A percentage; null where there are no such learners."""
    stopped_here: int
    """Learners who started it, no lesson after it, and have not completed the course."""
    drop_off: float | None
    """`stopped_here` as a percentage of `started`; null where nobody started it."""
    attempted: int
    """Learners with a score, an attempt or a pass."""
    passed: int
    pass_rate: float | None
    """A percentage; null where there are no such learners."""
    mean_attempts: float | None
    """At most two decimals; null where there are no such learners."""
    mean_score: float | None
    """At most two decimals; null where there are no such learners."""
    median_score: int | None
    """In whole points, rounded down."""
    score_distribution: list[ScoreCount]
    mean_time_spent_minutes: float | None
    """At most two decimals; null where there are no such learners."""
    bookmarks: int


class CourseStatistics(TypedDict):
    """A course's figures, and its lessons' figures in the course's order."""

    course_id: str
    title: str
    time_zone: str
    learners: int
    """Learners who started it."""
    active_last_7_days: int
    active_last_30_days: int
    completed: int
    completion_rate: float | None
    """A percentage; null where there are no such learners."""
    mean_completion_percentage: float | None
    """A percentage; null where there are no such learners."""
    total_time_spent_minutes: float
    mean_time_spent_minutes: float | None
    """At most two decimals; null where there are no such learners."""
    enrolled: int
    """Learners who are enrolled now."""
    not_started: int
    """Enrolled learners who have not started."""
    started: int
    """Enrolled learners who have started."""
    enrolled_completion_rate: float | None
    """A percentage; null where there are no such learners."""
    late: int
    """Enrolled learners who have not completed it by their due date."""
    changes: Changes
    lessons: list[LessonStatistics]


class GroupName(TypedDict):
    """A group by its id and title."""

    id: str
    title: str


class ComparedStatistics(TypedDict):
    """A course's figures beside others. `group` is the group whose members are counted; null: all learners."""

    course_id: str
    title: str
    time_zone: str
    learners: int
    """Learners who started it."""
    active_last_7_days: int
    active_last_30_days: int
    completed: int
    completion_rate: float | None
    """A percentage; null where there are no such learners."""
    mean_completion_percentage: float | None
    """A percentage; null where there are no such learners."""
    total_time_spent_minutes: float
    mean_time_spent_minutes: float | None
    """At most two decimals; null where there are no such learners."""
    enrolled: int
    """Learners who are enrolled now."""
    not_started: int
    """Enrolled learners who have not started."""
    started: int
    """Enrolled learners who have started."""
    enrolled_completion_rate: float | None
    """A percentage; null where there are no such learners."""
    late: int
    """Enrolled learners who have not completed it by their due date."""
    changes: Changes
    lessons: list[LessonStatistics]
    group: GroupName | None


Interval = Literal["day", "week", "month"]
"""How long a stretch of an activity is."""


class DayActivity(TypedDict):
    """What learners did in a course on one day."""

    date: str
    active_learners: int
    lessons_started: int
    lessons_completed: int
    time_spent_minutes: float
    course_completions: int


PeriodActivity = TypedDict(
    "PeriodActivity",
    {
        "from": str,
        "to": str,
        "active_learners_a_day": float,
        "lessons_started": int,
        "lessons_completed": int,
        "time_spent_minutes": float,
        "course_completions": int,
    },
)
"""What learners did in a course in a week or a month. At the ends of the days asked for, it may be cut off."""


Activity = TypedDict(
    "Activity",
    {
        "course_id": str,
        "time_zone": str,
        "from": str,
        "to": str,
        "days": list[DayActivity],
        "periods": NotRequired[list[PeriodActivity]],
    },
)
"""What learners did in a course on each day. Days are in the course's time zone."""


RosterOrder = Literal["progress", "last_seen", "completed", "name"]
"""What a roster is sorted by: lessons completed, the day last seen, when the course was completed, or the name."""


Direction = Literal["asc", "desc"]
"""The direction of a roster's order."""


Format = Literal["json", "csv", "parquet"]
"""The formats of a roster."""


class RosterTotal(TypedDict):
    """How many learners there are on all pages."""

    count: int
    has_more: bool
    """Whether there are more than `count`."""


class RosterLine(TypedDict):
    """A learner's progress in a course, over the lessons that are in it now."""

    user_id: str
    name: str | None
    """The name in the learner's profile; null where there is none."""
    total_lessons: int
    completed_lessons: int
    in_progress_lessons: int
    completion_percentage: float
    total_time_spent_minutes: float
    last_accessed: str | None
    started_at: str | None
    last_seen: str | None
    """The last day on which the learner wrote, in the course's time zone; null before that."""
    completed_at: str | None
    enrolled_at: str | None
    ended_at: str | None
    """When the enrolment ended; null: it has not."""
    due_at: str | None
    """Until when the course is to be completed."""
    late: bool
    """Not completed, and the due date is past."""
    completed_late: bool
    """Completed after the due date."""


class Roster(TypedDict):
    """A page of a course's learners."""

    previous: str | None
    """The cursor (`before`) of the page before; null at the start."""
    next: str | None
    """The cursor of the next page; null at the end."""
    total: NotRequired[RosterTotal]
    """Where it was asked for."""
    learners: list[RosterLine]


class GridLesson(TypedDict):
    """A lesson of a grid."""

    lesson_id: str
    title: str
    section: str | None
    required: bool


class GridResult(TypedDict):
    """A learner's result in a lesson. `score` is the best one."""

    status: Status
    score: float | None
    attempts: int
    passed: bool


class GridLine(TypedDict):
    """A learner's results, in the order of the lessons. A result is null where the learner has no progress in it."""

    user_id: str
    name: str | None
    results: list[GridResult | None]


class Grid(TypedDict):
    """A page of a course's learners with their result in each lesson."""

    previous: str | None
    """The cursor (`before`) of the page before; null at the start."""
    next: str | None
    """The cursor of the next page; null at the end."""
    total: NotRequired[RosterTotal]
    """Where it was asked for."""
    lessons: list[GridLesson]
    learners: list[GridLine]


class LearnerLesson(TypedDict):
    """A learner's progress in a lesson, without the learner's private fields."""

    user_id: str
    course_id: str
    lesson_id: str
    content_id: str
    status: Status
    progress_percentage: float
    video_position_seconds: float
    quiz_score: float | None
    quiz_attempts: int
    quiz_passed: bool
    time_spent_minutes: float
    is_bookmarked: bool
    id: str
    completed_at: str | None
    created_at: str
    updated_at: str
    written_by: str | None
    """Who wrote it last on the learner's behalf, if anybody."""
    completed_by: str | None
    """Who completed it against the lesson's conditions."""
    due_at: str | None
    """Until when it is to be completed; null: any time."""
    late: bool
    """Not completed, and the due date is past."""
    completed_late: bool
    """Completed after the due date."""


class LearnerDetail(TypedDict):
    """A learner's progress in a course and in each lesson. `explanation` is there where it was asked for."""

    user_id: str
    name: str | None
    """The name in the learner's profile; null where there is none."""
    total_lessons: int
    completed_lessons: int
    in_progress_lessons: int
    completion_percentage: float
    total_time_spent_minutes: float
    last_accessed: str | None
    started_at: str | None
    last_seen: str | None
    """The last day on which the learner wrote, in the course's time zone; null before that."""
    completed_at: str | None
    enrolled_at: str | None
    ended_at: str | None
    """When the enrolment ended; null: it has not."""
    due_at: str | None
    """Until when the course is to be completed."""
    late: bool
    """Not completed, and the due date is past."""
    completed_late: bool
    """Completed after the due date."""
    course_id: str
    lessons: list[LearnerLesson]
    late_lessons: list[str]
    """The lessons that are late, also those that the learner has not started."""
    explanation: NotRequired[Explanation]
    """Where it was asked for."""


class GroupLine(TypedDict):
    """A group in a list."""

    id: str
    title: str
    members: int | None
    """How many members it has; null for a learner who is only a member."""


class Group(TypedDict):
    """A group with the ids of its members, in ascending order, and the courses in which it enrols them."""

    id: str
    title: str
    members: list[str]
    version: int
    courses: list[GroupEnrolment]


class GroupDocument(TypedDict):
    """A whole group: its title and its members."""

    id: NotRequired[str | None]
    """The group's id; over HTTP it is in the path."""
    title: str
    members: list[str]
    version: NotRequired[int | None]
    """In answers only, ignored in requests. It changes with every change of the group."""
    courses: NotRequired[list[GroupEnrolment]]
    """In answers only, ignored in requests. The courses in which the group enrols its members."""


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
"""A day of the week."""


class Goal(TypedDict):
    """A learner's goal, and how the learner is doing."""

    days_per_week: int
    since: str
    """Weeks count from the one with this day on."""
    week: str
    """The first day of this week."""
    active_days: int
    """Active days of this week so far."""
    met: bool
    """Whether this week has met the goal already."""
    streak_weeks: int
    """How many weeks in a row met the goal, up to now."""


class NewGoal(TypedDict):
    """What a learner sets."""

    days_per_week: int
    """Active days that a week is to have."""


class SignInCode(TypedDict):
    """A code that signs a browser in to the pages, once."""

    code: str
    url: str
    """The address to open. `&next=` and a path of the pages may be appended."""
    expires_at: str
    """When the code expires."""


EventType = Literal[
    "lesson.started",
    "lesson.completed",
    "lesson.passed",
    "lesson.reset",
    "course.started",
    "course.completed",
    "course.reopened",
    "course.restarted",
    "enrolment.created",
    "enrolment.changed",
    "enrolment.ended",
    "run.started",
    "course.published",
    "course.edited",
    "course.removed",
    "learner.erased",
    "progress.updated",
    "webhook.test",
]
"""What happened."""


ActorKind = Literal["learner", "on_behalf", "import", "edit"]
"""Who made a change: the learner, somebody for the learner, an import, or an edit of the course."""


class EventActor(TypedDict):
    """Who made the change: the learner, somebody for the learner, an import, or an edit of the course."""

    kind: ActorKind
    user_id: str | None
    """Who acted for the learner, where that is known."""


class EventData(TypedDict):
    """What happened to whom. `old` and `new` have the values that changed, before and after."""

    user_id: str | None
    """The learner; null where a course's document changed."""
    course_id: str | None
    lesson_id: str | None
    by: EventActor
    old: dict[str, str | int | float | bool | None]
    new: dict[str, str | int | float | bool | None]


class EventDocument(TypedDict):
    """An event: a CloudEvents 1.0 document in JSON."""

    specversion: Literal["1.0"]
    id: str
    """Names the event: who gets it twice knows it by this."""
    source: Literal["/api/v1/education"]
    type: EventType
    subject: str
    """`learners/…/courses/…/lessons/…`, as far as it goes."""
    time: str
    """When the change was stored, in UTC."""
    datacontenttype: Literal["application/json"]
    data: EventData


class EventPage(TypedDict):
    """A part of the feed."""

    events: list[EventDocument]
    next: str
    """The cursor to go on from (`after`). It is there without events, too."""
    more: bool
    """Whether there are later events already."""


DisabledBecause = Literal["by_request", "gone", "failing"]
"""Why nothing is sent to a webhook: an administrator, an answer 410, or five days without a success."""


class WebhookSecret(TypedDict):
    """A secret that signs what is sent. Its text is shown once, when it is made."""

    valid_until: str | None
    """Null for the present secret."""


class Webhook(TypedDict):
    """An address, which events are sent there, and how the receiver does."""

    id: str
    address: str
    types: (
        list[
            Literal[
                "lesson.started",
                "lesson.completed",
                "lesson.passed",
                "lesson.reset",
                "course.started",
                "course.completed",
                "course.reopened",
                "course.restarted",
                "enrolment.created",
                "enrolment.changed",
                "enrolment.ended",
                "run.started",
                "course.published",
                "course.edited",
                "course.removed",
                "learner.erased",
                "progress.updated",
            ]
        ]
        | None
    )
    """Events of these types; null: of all types."""
    courses: list[str] | None
    """Events of these courses; null: of all courses."""
    groups: list[str] | None
    """Events of members of these groups; null: of everybody."""
    enabled: bool
    disabled_because: DisabledBecause | None
    """Why nothing is sent."""
    failing_since: str | None
    """When the first attempt failed after the last success."""
    resume_at: str | None
    """Until then nothing is sent: the receiver has a pause."""
    waiting: int
    """Deliveries that wait; 1,000: so many or more."""
    secrets: list[WebhookSecret]
    """The secrets, the present one first."""
    created_at: str


class NewWebhook(TypedDict):
    """What a webhook is to be."""

    address: str
    """An address of https."""
    types: NotRequired[
        list[
            Literal[
                "lesson.started",
                "lesson.completed",
                "lesson.passed",
                "lesson.reset",
                "course.started",
                "course.completed",
                "course.reopened",
                "course.restarted",
                "enrolment.created",
                "enrolment.changed",
                "enrolment.ended",
                "run.started",
                "course.published",
                "course.edited",
                "course.removed",
                "learner.erased",
                "progress.updated",
            ]
        ]
        | None
    ]
    """Events of these types; null: of all types."""
    courses: NotRequired[list[str] | None]
    """Events of these courses; null: of all courses."""
    groups: NotRequired[list[str] | None]
    """Events of members of these groups; null: of everybody."""
    enabled: NotRequired[bool]
    """Whether events are sent to it."""


class PutWebhook(TypedDict):
    """A webhook with the secret that the request has made."""

    id: str
    address: str
    types: (
        list[
            Literal[
                "lesson.started",
                "lesson.completed",
                "lesson.passed",
                "lesson.reset",
                "course.started",
                "course.completed",
                "course.reopened",
                "course.restarted",
                "enrolment.created",
                "enrolment.changed",
                "enrolment.ended",
                "run.started",
                "course.published",
                "course.edited",
                "course.removed",
                "learner.erased",
                "progress.updated",
            ]
        ]
        | None
    )
    """Events of these types; null: of all types."""
    courses: list[str] | None
    """Events of these courses; null: of all courses."""
    groups: list[str] | None
    """Events of members of these groups; null: of everybody."""
    enabled: bool
    disabled_because: DisabledBecause | None
    """Why nothing is sent."""
    failing_since: str | None
    """When the first attempt failed after the last success."""
    resume_at: str | None
    """Until then nothing is sent: the receiver has a pause."""
    waiting: int
    """Deliveries that wait; 1,000: so many or more."""
    secrets: list[WebhookSecret]
    """The secrets, the present one first."""
    created_at: str
    secret: str | None
    """The new secret, shown this once; null where the request made none."""


Outcome = Literal[
    "answered", "timed_out", "name_not_found", "address_refused", "connection_failed", "tls_failed", "bad_answer"
]
"""What came of a delivery attempt."""


class WebhookTest(TypedDict):
    """What came of sending `webhook.test`."""

    outcome: Outcome
    """`answered`, or why there is no answer."""
    status: int | None
    """The status of the answer."""
    taken: bool
    """Whether the receiver took the event: a status from 200 to 299."""


DeliveryState = Literal["waiting", "delivered", "failed"]
"""Whether a delivery is attempted again (`waiting`), or how it ended."""


class WebhookDelivery(TypedDict):
    """An event on its way to a webhook."""

    id: int
    """The number of the event in the feed."""
    event_id: str
    state: DeliveryState
    """Whether it is attempted again, or how it ended."""
    attempts: int
    first_attempt_at: str | None
    last_attempt_at: str | None
    next_attempt_at: str | None
    """Null where no attempt follows."""
    last_result: str | None
    """The status of the last answer, or what came of the attempt without an answer."""
