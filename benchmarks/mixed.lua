-- In turns: a heartbeat, and the list of a learner whose heartbeat has been answered meanwhile. The learners come one
-- after the other, so that every list has changed since it was last asked for.

local common = require("common")

-- How far behind its heartbeat a learner's list is asked for: by more than there are requests under way.
local BEHIND = 256

local place, writes = 0, false

function init(arguments)
  common.read_arguments(arguments)
  place = common.any_learner()
end

function request()
  writes = not writes
  if writes then
    place = place + 1
    return common.heartbeat(common.learner_at(place))
  end
  return common.reading(common.learner_at(place - BEHIND))
end

function done(summary, latency)
  common.print_figures(summary, latency)
end
