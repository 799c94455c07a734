from support.running import Running, course


def test_the_main_job(running: Running) -> None:
    document = course()
    course_id = running.put_course(document)
    lesson_id = document["lessons"][0]["id"]
    with running.client() as learner:
        assert learner.get(f"/progress/{course_id}").json() == []
        row = learner.put(f"/progress/{course_id}/lessons/{lesson_id}", json={})
        assert row.status_code == 200
        assert row.json()["status"] == "not_started"
        assert learner.get(f"/progress/{course_id}").json() == [row.json()]
