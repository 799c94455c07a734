-- A heartbeat of a random learner in a random lesson. Arguments: folder, path of the lessons, seed, first beat.
-- population.py has the same lines in heartbeat_values.

local common = require("common")

local HEARTBEAT_SECONDS = 15
local LESSON_SECONDS = 1800

local tokens, lessons, path, beat, rows

function init(arguments)
  tokens = common.read_lines(arguments[1] .. "/tokens.txt")
  lessons = common.read_lines(arguments[1] .. "/lessons.txt")
  path = arguments[2]
  math.randomseed(tonumber(arguments[3]))
  beat = tonumber(arguments[4])
  rows = #tokens * #lessons
end

function request()
  beat = beat + 1
  local seconds = HEARTBEAT_SECONDS * beat / rows
  local body = string.format(
    '{"status":"in_progress","progress_percentage":%.2f,"video_position_seconds":%.3f,"time_spent_minutes":%.2f}',
    math.min(99, 100 * seconds / LESSON_SECONDS), seconds, seconds / 60)
  return "PUT " .. path .. lessons[math.random(#lessons)] .. " HTTP/1.1\r\n" ..
    "Host: 127.0.0.1\r\n" ..
    "Authorization: Bearer " .. tokens[math.random(#tokens)] .. "\r\n" ..
    "Content-Type: application/json\r\n" ..
    "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  common.print_figures(summary, latency)
end
