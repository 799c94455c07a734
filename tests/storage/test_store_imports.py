"""The state of imports in both stores: taken, noted, released, removed."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from headway.domain.errors import InvalidValueError, PeopleImportUnderWayError
from headway.domain.identifiers import LearnerId
from headway.domain.imports import KEPT, LEASE, Fault, ImportKey, ImportState, Report
from headway.domain.people import LONGEST_PAGE_OF_PEOPLE, LearnerProfile
from headway.domain.people_import import PeopleFile, PersonLine, imported_group_id
from headway.domain.ports import Store
from headway.domain.principal import ENROLMENTS_WRITE, GROUPS_WRITE, LEARNERS_ADMIN, Principal
from headway.service import PeopleImportService, people_import
from headway.service.people_plan import portions
from storage.stores import Clock, MakeStore, new_course, new_learner, opened

MINE, THEIRS = "one holder", "another holder"
FILE, OTHER_FILE = "digest", "another digest"
REPORT = Report(9, 4, 2, 3, (Fault(2, (), 'a "reason" ✎', "kind"), Fault(7, ("metadata", 0), "another", "kind")))
A_SECOND = timedelta(seconds=1)


def new_key(caller: LearnerId | None = None) -> ImportKey:
    return ImportKey(caller or new_learner(), f"key {uuid4()}")


async def test_a_new_import_belongs_to_its_holder(store: Store) -> None:
    taken = await store.imports.take(new_key(), FILE, MINE)
    assert taken == ImportState(FILE, MINE, 0, Report(), finished=False)


async def test_an_import_continues_from_its_last_note(make_store: MakeStore) -> None:
    key = new_key()
    async with opened(make_store()) as store:
        await store.imports.take(key, FILE, MINE)
        assert await store.imports.note(key, MINE, 12, REPORT, finished=False)
        await store.imports.release(key, MINE)
    async with opened(make_store()) as store:
        assert await store.imports.take(key, FILE, THEIRS) == ImportState(FILE, THEIRS, 12, REPORT, finished=False)


async def test_an_import_of_another_holder_can_not_be_taken(store: Store) -> None:
    key = new_key()
    await store.imports.take(key, FILE, MINE)
    assert (await store.imports.take(key, FILE, THEIRS)).holder == MINE
    assert not await store.imports.note(key, THEIRS, 5, REPORT, finished=True)
    await store.imports.release(key, THEIRS)
    assert await store.imports.take(key, FILE, THEIRS) == ImportState(FILE, MINE, 0, Report(), finished=False)


async def test_an_import_key_can_not_be_used_for_another_file(store: Store) -> None:
    key = new_key()
    await store.imports.take(key, FILE, MINE)
    await store.imports.release(key, MINE)
    found = await store.imports.take(key, OTHER_FILE, THEIRS)
    assert (found.digest, found.holder) == (FILE, None)


async def test_a_finished_import_can_not_be_taken_again(store: Store) -> None:
    key = new_key()
    await store.imports.take(key, FILE, MINE)
    assert await store.imports.note(key, MINE, 0, REPORT, finished=True)
    found = await store.imports.take(key, FILE, THEIRS)
    assert (found.finished, found.report, found.holder) == (True, REPORT, MINE)


async def test_a_holder_that_notes_nothing_for_long_loses_the_import(make_store: MakeStore) -> None:
    clock, key = Clock(), new_key()
    async with opened(make_store(clock=clock)) as store:
        await store.imports.take(key, FILE, MINE)
        clock.now += LEASE - 3 * A_SECOND
        assert await store.imports.note(key, MINE, 3, REPORT, finished=False)
        clock.now += LEASE - 3 * A_SECOND
        assert (await store.imports.take(key, FILE, THEIRS)).holder == MINE
        clock.now += 3 * A_SECOND
        taken = await store.imports.take(key, FILE, THEIRS)
        assert (taken.holder, taken.line) == (THEIRS, 3)
        assert not await store.imports.note(key, MINE, 4, REPORT, finished=False)
        assert (await store.imports.take(key, FILE, MINE)).line == 3


async def test_an_import_without_changes_for_long_is_removed(make_store: MakeStore) -> None:
    clock, old, young = Clock(), new_key(), new_key()
    async with opened(make_store(clock=clock)) as store:
        await store.imports.take(old, FILE, MINE)
        await store.imports.note(old, MINE, 3, REPORT, finished=True)
        clock.now += KEPT - LEASE
        assert (await store.imports.take(young, FILE, MINE)).line == 0
        await store.imports.note(young, MINE, 5, REPORT, finished=True)
        await store.sweep()
        assert (await store.imports.take(old, FILE, THEIRS)).finished
        clock.now += LEASE
        await store.sweep()
        assert await store.imports.take(old, OTHER_FILE, THEIRS) == ImportState(
            OTHER_FILE, THEIRS, 0, Report(), finished=False
        )
        assert (await store.imports.take(young, FILE, THEIRS)).finished


@pytest.mark.parametrize("finished", [False, True])
async def test_a_removed_import_begins_again(store: Store, finished: bool) -> None:
    caller = new_learner()
    keys = [new_key(caller), new_key(caller), new_key(caller), new_key()]
    for key in keys:
        await store.imports.take(key, FILE, MINE)
        await store.imports.note(key, MINE, 3, REPORT, finished=finished)
    await store.imports.forget(keys[0])
    assert [(await store.imports.take(key, FILE, MINE)).line for key in keys] == [0, 3, 3, 3]
    await store.imports.forget_all(caller)
    assert [(await store.imports.take(key, FILE, MINE)).line for key in keys] == [0, 0, 0, 3]
    await store.imports.forget(new_key())
    await store.imports.forget_all(new_learner())


@pytest.mark.parametrize("portions", range(1, 4))
async def test_an_interrupted_import_of_people_is_completed_by_another(store: Store, portions: int) -> None:
    course, title = await new_course(store), f"Class {uuid4()}"
    learners = [new_learner() for _ in range(300)]
    lines = [
        PersonLine(number, learner, {"name": f"Name {number}"}, joins=(title,), courses=(course.id,))
        for number, learner in enumerate(learners, 2)
    ]
    importer = PeopleImportService(store, LearnerId, keeps_profiles=True)
    admin = Principal(new_learner(), frozenset({LEARNERS_ADMIN, GROUPS_WRITE, ENROLMENTS_WRITE}))
    left = [None] * portions

    def stop(_count: int) -> None:
        if left:
            left.pop()
        if not left:  # portions that are stored side by side say so one after the other
            raise InterruptedError

    with pytest.raises(InterruptedError):
        async with importer.alone() as lease:
            await importer.carry_out(admin, await importer.plan(admin, PeopleFile(lines)), lease, stop)
    rest = await importer.plan(admin, PeopleFile(lines))
    assert rest.size
    async with importer.alone() as lease:
        await importer.carry_out(admin, rest, lease)
    assert (await importer.plan(admin, PeopleFile(lines))).size == 0
    assert len(await store.profiles.find_many(learners)) == len(learners)
    assert len(await store.enrolments_in(course.id, None, 400)) == len(learners)


def _importer(store: Store) -> tuple[PeopleImportService, Principal]:
    admin = Principal(new_learner(), frozenset({LEARNERS_ADMIN, GROUPS_WRITE, ENROLMENTS_WRITE}))
    return PeopleImportService(store, LearnerId, keeps_profiles=True), admin


async def test_one_import_of_people_is_under_way_at_a_time(store: Store) -> None:
    first, second = _importer(store)[0], _importer(store)[0]
    async with first.alone():
        with pytest.raises(PeopleImportUnderWayError):
            async with second.alone():
                pytest.fail("Two imports are under way.")
    async with second.alone():
        pass
    with pytest.raises(InterruptedError):
        async with first.alone():
            raise InterruptedError
    async with second.alone():
        pass


async def test_two_imports_at_once_store_all_of_one_file_and_nothing_of_the_other(store: Store) -> None:
    learners, title = [new_learner() for _ in range(300)], f"Class {uuid4()}"

    async def imported(name: str) -> bool:
        importer, admin = _importer(store)
        lines = [PersonLine(number, learner, {"name": name}, (title,)) for number, learner in enumerate(learners, 2)]
        try:
            async with importer.alone() as lease:
                plan = await importer.plan(admin, PeopleFile(lines))
                await importer.carry_out(admin, plan, lease)
        except PeopleImportUnderWayError:
            return False
        return True

    names = ("Ada", "Bo")
    done = await asyncio.gather(*map(imported, names))
    assert sorted(done) == [False, True]
    found = await store.profiles.find_many(learners)
    assert {profile.name for profile in found.values()} == {names[done.index(True)]}
    assert len(found) == len(learners)


async def test_an_import_of_people_that_was_silent_too_long_stores_no_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_import, "_SECONDS_BETWEEN_NOTES", 0)
    importer, admin = _importer(store)
    lines = [PersonLine(number, new_learner(), {"name": "Ada"}) for number in range(2, 402)]
    async with importer.alone() as lease:
        plan = await importer.plan(admin, PeopleFile(lines))
        await store.imports.forget(people_import._KEY)  # as if the lease had ended
        async with _importer(store)[0].alone():
            await lease.extend()
            with pytest.raises(PeopleImportUnderWayError):
                await importer.carry_out(admin, plan, lease)
    assert not await store.profiles.find_many([*plan.profiles])


async def test_a_learner_is_found_by_the_external_id_among_more_than_a_page_of_people(store: Store) -> None:
    importer, admin = _importer(store)
    external_id = f"S-{uuid4()}"
    others = {
        new_learner(): LearnerProfile(name=f"A {number}", external_id=f"{external_id}{number}")
        for number in range(LONGEST_PAGE_OF_PEOPLE + 1)
    }
    for some in portions(list(others.items()), 256):
        await store.profiles.put_all(dict(some))
    wanted, group_id = new_learner(), imported_group_id(external_id)
    await store.profiles.put_all({wanted: LearnerProfile(name="Z", external_id=external_id)})
    lines = [PersonLine(2, joins=(group_id,), external_id=external_id), PersonLine(3, external_id=f"{external_id} no")]
    with pytest.raises(InvalidValueError) as refused:
        await importer.plan(admin, PeopleFile(lines, {group_id: "7b"}))
    assert [problem.location for problem in refused.value.problems] == [(3, "userSourcedId")]
    plan = await importer.plan(admin, PeopleFile(lines[:1], {group_id: "7b"}))
    assert [change.joins for change in plan.groups] == [{wanted}]
