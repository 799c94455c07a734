-- A random learner reads the course.

local common = require("common")

function init(arguments)
  common.read_arguments(arguments)
end

function request()
  return common.reading(common.any_learner())
end

function done(summary, latency)
  common.print_figures(summary, latency)
end
