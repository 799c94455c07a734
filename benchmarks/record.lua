-- A heartbeat of a random learner in a random lesson, as an update of a record of PocketBase.

local common = require("common")

function init(arguments)
  common.read_arguments(arguments)
end

function request()
  return common.record_update(common.any_learner())
end

function done(summary, latency)
  common.print_figures(summary, latency)
end
