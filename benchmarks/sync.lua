-- What a device of a random learner has kept: writes in as many lessons.

local common = require("common")

function init(arguments)
  common.read_arguments(arguments)
end

function request()
  return common.sync(common.rested_learner())
end

function done(summary, latency)
  common.print_figures(summary, latency)
end
