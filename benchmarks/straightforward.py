"""The peer: the three endpoints as a team would write them in an afternoon. FastAPI, SQLAlchemy's ORM, SQLite.

Every library is used as its own tutorial shows it, nothing is held back and nothing is tuned. Two settings differ
from the tutorials: a commit is as durable as Headway's, and the pool of connections has no limit, without which 128
clients bring it to a stop.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import JSON, Engine, Row, UniqueConstraint, case, create_engine, event, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

DATABASE_URL = os.environ.get("STRAIGHTFORWARD_DATABASE_URL", "sqlite:///straightforward.db")
JWT_SECRET = os.environ.get("STRAIGHTFORWARD_JWT_SECRET", "")


class Status(StrEnum):
    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


def utc_now() -> datetime:
    return datetime.now(UTC)


# --- The tables ------------------------------------------------------------------------------------------------


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON}  # noqa: RUF012 - as SQLAlchemy documents it


class Lesson(Base):
    __tablename__ = "lessons"

    course_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    content_id: Mapped[UUID]


class LessonProgress(Base):
    __tablename__ = "lesson_progress"
    __table_args__ = (UniqueConstraint("user_id", "course_id", "lesson_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID]
    course_id: Mapped[UUID]
    lesson_id: Mapped[UUID]
    content_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(default=Status.NOT_STARTED)
    progress_percentage: Mapped[float] = mapped_column(default=0)
    video_position_seconds: Mapped[float] = mapped_column(default=0)
    quiz_score: Mapped[float | None]
    quiz_attempts: Mapped[int] = mapped_column(default=0)
    quiz_passed: Mapped[bool] = mapped_column(default=False)
    time_spent_minutes: Mapped[float] = mapped_column(default=0)
    user_notes: Mapped[str | None]
    is_bookmarked: Mapped[bool] = mapped_column(default=False)
    extra: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    completed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)


def make_engine(url: str) -> Engine:
    # No limit: with the usual fifteen connections, fifteen requests hold one and wait for a thread to write their
    # answer, while all forty threads wait for a connection. With 128 requests at once nothing moves any more.
    engine = create_engine(url, pool_size=0, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def make_durable(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    return engine


SessionFactory = sessionmaker(make_engine(DATABASE_URL))


# --- The bodies ------------------------------------------------------------------------------------------------


def as_utc(value: datetime) -> datetime:
    """SQLite keeps no time zone; all times here are UTC."""
    return value.replace(tzinfo=UTC)


UtcTime = Annotated[datetime, AfterValidator(as_utc)]


class ProgressUpdate(BaseModel):
    status: Status | None = None
    progress_percentage: float | None = Field(None, ge=0, le=100)
    video_position_seconds: float | None = Field(None, ge=0)
    quiz_score: float | None = Field(None, ge=0, le=100)
    quiz_attempts: int | None = Field(None, ge=0)
    quiz_passed: bool | None = None
    time_spent_minutes: float | None = Field(None, ge=0)
    user_notes: str | None = Field(None, max_length=10_000)
    is_bookmarked: bool | None = None
    extra: dict[str, Any] | None = Field(None, alias="metadata")


class ProgressOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    user_id: UUID
    course_id: UUID
    lesson_id: UUID
    content_id: UUID
    status: Status
    progress_percentage: float
    video_position_seconds: float
    quiz_score: float | None
    quiz_attempts: int
    quiz_passed: bool
    time_spent_minutes: float
    user_notes: str | None
    is_bookmarked: bool
    extra: dict[str, Any] = Field(serialization_alias="metadata")
    id: UUID
    completed_at: UtcTime | None
    created_at: UtcTime
    updated_at: UtcTime


class SummaryOut(BaseModel):
    course_id: UUID
    total_lessons: int
    completed_lessons: int
    in_progress_lessons: int
    completion_percentage: float
    total_time_spent_minutes: float
    last_accessed: UtcTime | None


# --- The endpoints ---------------------------------------------------------------------------------------------


def open_session() -> Iterator[Session]:
    with SessionFactory() as session:
        yield session


def verified_learner(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> UUID:
    try:
        claims = jwt.decode(
            credentials.credentials, JWT_SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]}
        )
        return UUID(claims["sub"])
    except (jwt.InvalidTokenError, ValueError) as error:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "The token does not verify.") from error


OpenSession = Annotated[Session, Depends(open_session)]
Learner = Annotated[UUID, Depends(verified_learner)]

application = FastAPI(title="Straightforward")


@application.get("/healthz")
def health() -> dict[str, str]:
    return {"status": "ok"}


@application.put("/api/v1/education/progress/{course_id}/lessons/{lesson_id}", response_model=ProgressOut)
def update_lesson_progress(
    course_id: UUID, lesson_id: UUID, update: ProgressUpdate, learner_id: Learner, session: OpenSession
) -> LessonProgress:
    lesson = session.get(Lesson, (course_id, lesson_id))
    if lesson is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "The lesson is not in the course.")
    progress = session.scalar(
        select(LessonProgress).where(
            LessonProgress.user_id == learner_id,
            LessonProgress.course_id == course_id,
            LessonProgress.lesson_id == lesson_id,
        )
    )
    if progress is None:
        progress = LessonProgress(
            user_id=learner_id, course_id=course_id, lesson_id=lesson_id, content_id=lesson.content_id
        )
        session.add(progress)
    for field, value in update.model_dump(exclude_unset=True, exclude_none=True).items():
        setattr(progress, field, value)
    if progress.status == Status.COMPLETED and progress.completed_at is None:
        progress.completed_at = utc_now()
    session.commit()
    session.refresh(progress)
    return progress


@application.get("/api/v1/education/progress/{course_id}", response_model=list[ProgressOut])
def list_course_progress(course_id: UUID, learner_id: Learner, session: OpenSession) -> list[LessonProgress]:
    query = select(LessonProgress).where(LessonProgress.user_id == learner_id, LessonProgress.course_id == course_id)
    return list(session.scalars(query))


@application.get("/api/v1/education/progress/{course_id}/summary")
def summarise_course_progress(course_id: UUID, learner_id: Learner, session: OpenSession) -> SummaryOut:
    total = session.scalar(select(func.count()).select_from(Lesson).where(Lesson.course_id == course_id)) or 0
    if not total:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "The course is not in the catalogue.")
    figures = session.execute(
        select(
            _count_of(Status.COMPLETED).label("completed"),
            _count_of(Status.IN_PROGRESS).label("in_progress"),
            func.coalesce(func.sum(LessonProgress.time_spent_minutes), 0).label("minutes"),
            func.max(LessonProgress.updated_at).label("last_accessed"),
        ).where(LessonProgress.user_id == learner_id, LessonProgress.course_id == course_id)
    ).one()
    return _summary(course_id, total, figures)


def _count_of(wanted: Status) -> Any:
    return func.coalesce(func.sum(case((LessonProgress.status == wanted, 1), else_=0)), 0)


def _summary(course_id: UUID, total: int, figures: Row[Any]) -> SummaryOut:
    return SummaryOut(
        course_id=course_id,
        total_lessons=total,
        completed_lessons=figures.completed,
        in_progress_lessons=figures.in_progress,
        completion_percentage=round(100 * figures.completed / total, 2),
        total_time_spent_minutes=figures.minutes,
        last_accessed=figures.last_accessed,
    )
