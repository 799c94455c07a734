"""The use cases, one transaction each, and the only callers of storage from above."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NamedTuple, Self

from headway.domain.identifiers import LearnerId
from headway.domain.networks import Networks
from headway.domain.package_ports import PackageStore
from headway.domain.ports import Store
from headway.domain.sign_in import SignIn
from headway.service.attention import AttentionFilters, AttentionLine, AttentionPage, AttentionService
from headway.service.catalogue import CatalogueEntry, CatalogueService
from headway.service.course_list import CourseList, CourseListLine, CourseListQuery, CourseListService
from headway.service.course_progress import ExplainedSummary, LearnerReading, LessonAndProgress
from headway.service.enrolments import Enrolled, EnrolmentsService
from headway.service.events import EventQuery, EventsService
from headway.service.finding import FindingService, Found, FoundLesson
from headway.service.finishing import Finish
from headway.service.goals import GoalsService
from headway.service.groups import GroupPage, GroupsService
from headway.service.launches import LaunchesService, Playing, SilentLearner
from headway.service.learners import LearnersService
from headway.service.notes import NotesService, OwnNotes, PlacedNote
from headway.service.one_learner import OneLearner, OneLearnerService, OpenedCourse
from headway.service.overview import Home, Offer, OverviewService, OwnCourse, OwnedCourse
from headway.service.packages import ImportedPackage, PackagesService
from headway.service.people import PeoplePage, PeopleService, Person
from headway.service.people_import import PeopleImportService
from headway.service.progress import DeviceWrite, ProgressService, Recorded
from headway.service.results import GridLine, GridPage, LessonDetail, LessonLearners, ResultsService
from headway.service.signing_in import IssuedCode, SignInService
from headway.service.statistics import Activity, Compared, LearnerDetail, RosterLine, RosterPage, StatisticsService
from headway.service.webhooks import Send, WebhookReading, WebhookRequest, WebhooksService

__all__ = [
    "Activity",
    "AttentionFilters",
    "AttentionLine",
    "AttentionPage",
    "AttentionService",
    "CatalogueEntry",
    "CatalogueService",
    "Compared",
    "CourseList",
    "CourseListLine",
    "CourseListQuery",
    "CourseListService",
    "DeviceWrite",
    "Enrolled",
    "EnrolmentsService",
    "EventQuery",
    "EventsService",
    "ExplainedSummary",
    "FindingService",
    "Finish",
    "Found",
    "FoundLesson",
    "GoalsService",
    "GridLine",
    "GridPage",
    "GroupPage",
    "GroupsService",
    "Home",
    "ImportedPackage",
    "IssuedCode",
    "LaunchesService",
    "LearnerDetail",
    "LearnerReading",
    "LearnersService",
    "LessonAndProgress",
    "LessonDetail",
    "LessonLearners",
    "NotesService",
    "Offer",
    "OneLearner",
    "OneLearnerService",
    "OpenedCourse",
    "OverviewService",
    "OwnCourse",
    "OwnNotes",
    "OwnedCourse",
    "PackagesService",
    "PeopleImportService",
    "PeoplePage",
    "PeopleService",
    "Person",
    "PlacedNote",
    "Playing",
    "ProgressService",
    "Recorded",
    "ResultsService",
    "RosterLine",
    "RosterPage",
    "Services",
    "SignInService",
    "SilentLearner",
    "StatisticsService",
    "WebhookReading",
    "WebhookRequest",
    "WebhooksService",
]


class Services(NamedTuple):
    """The services of the application, over one store."""

    catalogue: CatalogueService
    progress: ProgressService
    statistics: StatisticsService
    learners: LearnersService
    overview: OverviewService
    sign_in: SignInService
    enrolments: EnrolmentsService
    groups: GroupsService
    people: PeopleService
    people_import: PeopleImportService
    results: ResultsService
    one_learner: OneLearnerService
    finding: FindingService
    goals: GoalsService
    attention: AttentionService
    notes: NotesService
    course_list: CourseListService
    events: EventsService
    webhooks: WebhooksService
    launches: LaunchesService
    packages: PackagesService

    @classmethod
    def over(  # noqa: PLR0913 - what the composition root knows and the services do not
        cls,
        store: Store,
        course_changed: Callable[[], None],
        learner_of: Callable[[str], LearnerId],
        permanent_codes: Mapping[str, SignIn],
        send: Send,
        allowed: Networks,
        *,
        offline: timedelta,
        launch_lifetime: timedelta,
        keeps_profiles: bool = True,
        packages: PackageStore | None = None,
        largest_package: int = 0,
    ) -> Self:
        """Return the services over a store. `course_changed` is called after a course document was stored.

        `learner_of` returns the id of a learner who is named as in a token's `sub`. `send` attempts to deliver an event
        to a webhook, and `allowed` are networks that webhooks may reach though they are not public. With
        `keeps_profiles=False`, the operations of learner profiles are refused. `offline` is as in `ProgressService`.
        `launch_lifetime` is as in `LaunchesService`. `packages` keeps SCORM packages (`None`: nothing does). None of
        them has more than `largest_package` bytes.
        """
        people = PeopleService(store, learner_of, is_on=keeps_profiles)
        statistics = StatisticsService(store, people)
        enrolments = EnrolmentsService(store)
        catalogue = CatalogueService(store, course_changed)
        packages_service = PackagesService(store, catalogue, packages, largest_package)
        return cls(
            catalogue,
            ProgressService(store, offline=offline),
            statistics,
            LearnersService(store, keeps_profiles=keeps_profiles),
            OverviewService(store),
            SignInService(store, permanent_codes),
            enrolments,
            GroupsService(store, learner_of),
            people,
            PeopleImportService(store, learner_of, keeps_profiles=keeps_profiles),
            ResultsService(store, statistics),
            OneLearnerService(store, people, statistics, enrolments),
            FindingService(catalogue, enrolments, people),
            GoalsService(store),
            AttentionService(store, people),
            NotesService(store),
            CourseListService(store),
            EventsService(store),
            WebhooksService(store, send, allowed),
            LaunchesService(store, packages_service, people, launch_lifetime),
            packages_service,
        )
