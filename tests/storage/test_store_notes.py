"""A learner's notes over all courses in both stores."""

from headway.domain.notes import Note
from storage.stores import Clock, MakeStore, merge_write, new_course, new_learner, opened


async def test_notes_of_all_courses_come_with_their_etags_the_latest_first(make_store: MakeStore) -> None:
    async with opened(make_store(clock=Clock())) as store:
        learner, other = new_learner(), new_learner()
        course, gone = await new_course(store), await new_course(store)
        for writer, of, number, note in (
            (learner, course, 0, "first"), (learner, gone, 1, "second"), (other, course, 0, "not mine"),
            (learner, course, 2, "cleared"), (learner, course, 1, "third"),
        ):  # fmt: skip
            await store.write(merge_write(writer, of, of.lessons[number], user_notes=note))
        await store.write(merge_write(learner, course, course.lessons[2], user_notes=""))
        await store.write(merge_write(learner, gone, gone.lessons[2], is_bookmarked=True))
        await store.remove_course(gone.id)
        found = await store.notes(learner, 10)
        assert [one.text for one in found] == ["third", "second", "first"]
        progress = (await store.lesson(learner, course.id, course.lessons[1].id)).lesson_progress
        assert progress is not None
        assert found[0] == Note(course.id, course.lessons[1].id, "third", progress.etag)
        assert await store.notes(learner, 2) == found[:2]
        assert list(await store.notes(new_learner(), 10)) == []
