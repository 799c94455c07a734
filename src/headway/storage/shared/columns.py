"""The columns of the learners' tables, in the order in which statements name them and rows are read."""

from typing import Final

LESSON_PROGRESS: Final = (
    "user_id", "course_id", "lesson_id", "status", "progress_percentage", "video_position_seconds", "quiz_score",
    "quiz_attempts", "quiz_passed", "time_spent_minutes", "user_notes", "is_bookmarked", "metadata", "id",
    "completed_at", "created_at", "updated_at", "version", "written_by", "worked_at", "completed_by",
)  # fmt: skip
COURSE_PROGRESS: Final = (
    "user_id", "course_id", "completed_lessons", "in_progress_lessons", "micro_minutes", "last_accessed",
    "course_version", "revision", "started_at", "completed_at", "day", "day_lessons_started", "day_lessons_completed",
    "day_micro_minutes", "day_completions", "at_lesson",
)  # fmt: skip
LEARNER_DAYS: Final = (
    "user_id", "course_id", "day", "lessons_started", "lessons_completed", "micro_minutes", "completions",
)  # fmt: skip
