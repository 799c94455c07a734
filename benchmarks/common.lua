-- What the scripts share: who learns what, the requests, and printing the figures for load.py.
-- Arguments of every script: folder, path below the course, seed, number of the first heartbeat, writes in a sync.

local common = {}

local HEARTBEAT_SECONDS = 15
local LESSON_SECONDS = 1800
local PROGRESS = "/api/v1/education/progress/"
local RECORDS = "/api/collections/lesson_progress/records/"

-- How long before its request a device's write was made.
local MADE_BEFORE_SECONDS = 2
-- How many requests of others are between two of one learner, where there are enough learners.
local BETWEEN = 256

local tokens, lessons, courses, below, beat, writes
local requests, last_request = 0, {}
local second, in_second, sent_at, made_at

local function read_lines(path)
  local lines = {}
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  return lines
end

function common.read_arguments(arguments)
  local folder = arguments[1]
  tokens = read_lines(folder .. "/tokens.txt")
  lessons = read_lines(folder .. "/lessons.txt")
  courses = read_lines(folder .. "/courses.txt")
  below = arguments[2]
  math.randomseed(tonumber(arguments[3]))
  beat = tonumber(arguments[4])
  writes = tonumber(arguments[5])
end

function common.any_learner()
  return math.random(#tokens)
end

function common.learner_at(place)
  return place % #tokens + 1
end

-- messages.py makes the same requests, population.py has the same lines in course_path and heartbeat_values.
local function course_of(learner)
  return courses[(learner - 1) % #courses + 1]
end

local function head(method, path, learner)
  return method .. " " .. PROGRESS .. path .. " HTTP/1.1\r\n" ..
    "Host: 127.0.0.1\r\n" ..
    "Authorization: Bearer " .. tokens[learner] .. "\r\n"
end

local function heartbeat_body()
  beat = beat + 1
  local seconds = HEARTBEAT_SECONDS * beat / (#tokens * #lessons)
  return string.format(
    '{"status":"in_progress","progress_percentage":%.2f,"video_position_seconds":%.6f,"time_spent_minutes":%.2f}',
    math.min(99, 100 * seconds / LESSON_SECONDS), seconds, seconds / 60)
end

function common.heartbeat(learner)
  local body = heartbeat_body()
  return head("PUT", course_of(learner) .. "/lessons/" .. lessons[math.random(#lessons)], learner) ..
    "Content-Type: application/json\r\n" ..
    "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

-- The same heartbeat to PocketBase. pocketbase.py gives a record the number of its row as its id.
function common.record_update(learner)
  local body = heartbeat_body()
  local row = (learner - 1) * #lessons + math.random(#lessons) - 1
  return "PATCH " .. RECORDS .. string.format("%015d", row) .. " HTTP/1.1\r\n" ..
    "Host: 127.0.0.1\r\n" ..
    "Content-Type: application/json\r\n" ..
    "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function common.transition()
  local pass = math.floor(beat / #tokens)
  local learner = common.learner_at(beat)
  beat = beat + 1
  local body = pass % 2 == 0 and '{"status":"in_progress","progress_percentage":5}' or '{"status":"completed"}'
  return head("PUT", course_of(learner) .. "/lessons/" .. lessons[math.floor(pass / 2) % #lessons + 1], learner) ..
    "Content-Type: application/json\r\n" ..
    "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

-- A random learner who has not sent any of the last requests: a device waits for an answer before it sends again.
function common.rested_learner()
  local between = math.min(BETWEEN, math.floor(#tokens / 2))
  local learner
  repeat
    learner = math.random(#tokens)
  until not last_request[learner] or requests - last_request[learner] > between
  requests = requests + 1
  last_request[learner] = requests
  return learner
end

-- Each write is made after the one before it, so that the last one is the one to keep.
function common.sync(learner)
  local now = os.time()
  if now ~= second then
    second, in_second = now, 0
    sent_at = os.date("!%Y-%m-%dT%H:%M:%SZ", now)
    made_at = os.date("!%Y-%m-%dT%H:%M:%S", now - MADE_BEFORE_SECONDS)
  end
  local course, first, parts = course_of(learner), math.random(#lessons), {}
  for number = 1, writes do
    in_second = in_second + 1
    parts[number] = string.format(
      '{"key":"%d","course_id":"%s","lesson_id":"%s","made_at":"%s.%06dZ","progress":%s}',
      number, course, lessons[(first + number) % #lessons + 1], made_at, in_second, heartbeat_body())
  end
  local body = '{"sent_at":"' .. sent_at .. '","writes":[' .. table.concat(parts, ",") .. "]}"
  return head("POST", "sync", learner) ..
    "Content-Type: application/json\r\n" ..
    "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function common.reading(learner)
  return head("GET", course_of(learner) .. below, learner) .. "\r\n"
end

-- wrk counts latency in microseconds and an error for each way to fail; a status of 400 and above is one of them.
function common.print_figures(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'figures {"requests":%d,"microseconds":%d,"p50_ms":%.3f,"p99_ms":%.3f,' ..
    '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end

return common
