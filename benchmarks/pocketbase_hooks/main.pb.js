// What the benchmark sets in PocketBase: a collection for lesson progress, durable commits, no logs. PocketBase has to
// start on an empty folder.

onBootstrap((e) => {
  e.next();

  // PocketBase opens its database with NORMAL, which does not wait for the disk. This is its only writing connection.
  e.app.nonconcurrentDB().newQuery("PRAGMA synchronous = FULL").execute();

  // It writes a row for each request otherwise. Headway logs no successful request.
  const settings = e.app.settings();
  settings.logs.maxDays = 0;
  e.app.save(settings);

  // Without a superuser, PocketBase opens a page in a browser.
  const superuser = new Record(e.app.findCollectionByNameOrId("_superusers"));
  superuser.setEmail("nobody@example.com");
  superuser.setRandomPassword();
  e.app.save(superuser);

  e.app.save(
    new Collection({
      type: "base",
      name: "lesson_progress",
      listRule: "", // everybody may; null would be nobody
      updateRule: "",
      fields: [
        { type: "text", name: "user_id", required: true },
        { type: "text", name: "course_id", required: true },
        { type: "text", name: "lesson_id", required: true },
        { type: "text", name: "content_id" },
        { type: "select", name: "status", values: ["not_started", "in_progress", "completed"] },
        { type: "number", name: "progress_percentage", min: 0, max: 100 },
        { type: "number", name: "video_position_seconds", min: 0 },
        { type: "number", name: "quiz_score", min: 0, max: 100 },
        { type: "number", name: "quiz_attempts", min: 0 },
        { type: "bool", name: "quiz_passed" },
        { type: "number", name: "time_spent_minutes", min: 0 },
        { type: "text", name: "user_notes" },
        { type: "bool", name: "is_bookmarked" },
        { type: "json", name: "metadata" },
        { type: "date", name: "completed_at" },
        { type: "autodate", name: "created_at", onCreate: true },
        { type: "autodate", name: "updated_at", onCreate: true, onUpdate: true },
      ],
      indexes: ["CREATE UNIQUE INDEX lesson_progress_of ON lesson_progress (user_id, course_id, lesson_id)"],
    }),
  );
});

// A connection that is idle for three minutes is closed, and its successor is not durable. Used each minute, it stays.
cronAdd("durable", "* * * * *", () => {
  $app.nonconcurrentDB().newQuery("PRAGMA synchronous = FULL").execute();
});

// Whether it answers, and how durable its commits are: 2 is FULL.
routerAdd("GET", "/healthz", (e) => {
  const found = new DynamicModel({ synchronous: 0 });
  $app.nonconcurrentDB().newQuery("PRAGMA synchronous").one(found);
  return e.json(200, found);
});
