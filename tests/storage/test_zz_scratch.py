import time
from headway.storage.postgres.schema import MIGRATIONS
from support.postgres import session
from headway.storage.shared import statements as sql
from pathlib import Path
import headway.storage.postgres
from datetime import datetime, timedelta, UTC

F = sorted((Path(headway.storage.postgres.__file__).parent / "migrations").glob("*.sql"))


def test_x(databases):
    with databases.empty() as url, session(url) as db:
        db.execute(*(f.read_text() for f in F[:-1]))
        cols = "user_id,course_id,completed_lessons,in_progress_lessons,micro_minutes,last_accessed,course_version,revision,started_at,completed_at,day,day_lessons_started,day_lessons_completed,day_micro_minutes,day_completions,enrolled_at,due_at"
        c = "'7b1f0f6e-2c5a-4f0e-9a50-0d5f0d3c1a01'"
        db.execute(f"""insert into course_progress ({cols})
        select gen_random_uuid(), {c}::uuid, 1,1,1,s,1,1,s, case when d<now() then d end, now()::date-3,0,0,0,0,e,e+interval '60 days' from
        (select e, case when random()<.8 and e+r*interval '30 days'<now() then e+r*interval '30 days' end s, case when r<.5 then e+r*interval '120 days' end d from (select now()-random()*interval '365 days' e, random() r from generate_series(1,1000000)) x) y""")

        def put(n):
            t = time.perf_counter()
            db.execute(
                f"""update course_progress set completed_lessons=completed_lessons+1 where user_id in (select user_id from course_progress limit {n})"""
            )
            return time.perf_counter() - t

        put(1000)
        b = [put(20000) for _ in range(3)]
        t = time.perf_counter()
        db.execute(F[-1].read_text())
        print("\nmigration", time.perf_counter() - t)
        put(1000)
        a = [put(20000) for _ in range(3)]
        print("20k non-HOT updates before", b, "after", a)
        for r in db.rows(
            "select indexrelname, pg_size_pretty(pg_relation_size(indexrelid)) from pg_stat_user_indexes where relname='course_progress'"
        ):
            print(r)
        now = datetime.now(UTC)
        C = "7b1f0f6e-2c5a-4f0e-9a50-0d5f0d3c1a01"

        def q(label):
            for w1, w2 in ((7, 14), (7, 400)):
                for n, s, args in (
                    ("enrolled", sql.COUNT_NEWLY_ENROLLED, (now - timedelta(days=w1), C, now - timedelta(days=w2))),
                    ("started", sql.COUNT_NEWLY_STARTED, (now - timedelta(days=w1), C, now - timedelta(days=w2))),
                    ("completed", sql.COUNT_NEWLY_COMPLETED, (now - timedelta(days=w1), C, now - timedelta(days=w2))),
                    ("late", sql.COUNT_LATE, (now - timedelta(days=7), C, now)),
                    ("no longer", sql.COUNT_NO_LONGER_LATE, (C, now - timedelta(days=7))),
                ):
                    best = 9
                    for _ in range(4):
                        t = time.perf_counter()
                        r = db.rows(s, *args)
                        best = min(best, time.perf_counter() - t)
                    print(label, w2, n, r, round(best * 1000, 1), "ms")

        db.execute("ANALYZE course_progress")
        q("before vacuum")
        db.execute("VACUUM course_progress")
        q("after vacuum")
