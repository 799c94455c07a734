-- What the scripts share: who learns what, the requests, and printing the figures for load.py.
-- Arguments of every script: folder, path below the course, seed, number of the first heartbeat.

local common = {}

local HEARTBEAT_SECONDS = 15
local LESSON_SECONDS = 1800
local PROGRESS = "/api/v1/education/progress/"
local RECORDS = "/api/collections/lesson_progress/records/"

local tokens, lessons, courses, below, beat

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
end

function common.any_learner()
  return math.random(#tokens)
end

function common.learner_at(place)
  return place % #tokens + 1
end

-- messages.py makes the same requests, population.py has the same lines in course_path and heartbeat_values.
local function head(method, learner, rest)
  return method .. " " .. PROGRESS .. courses[(learner - 1) % #courses + 1] .. rest .. " HTTP/1.1\r\n" ..
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
  return head("PUT", learner, "/lessons/" .. lessons[math.random(#lessons)]) ..
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
  return head("PUT", learner, "/lessons/" .. lessons[math.floor(pass / 2) % #lessons + 1]) ..
    "Content-Type: application/json\r\n" ..
    "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function common.reading(learner)
  return head("GET", learner, below) .. "\r\n"
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
