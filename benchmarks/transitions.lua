-- One lesson after the other: every learner starts it, then every learner completes it. So each PUT is a transition.
-- The first number says how many were sent before. After all lessons of all learners, nothing is left to complete.

local common = require("common")

function init(arguments)
  common.read_arguments(arguments)
end

function request()
  return common.transition()
end

function done(summary, latency)
  common.print_figures(summary, latency)
end
