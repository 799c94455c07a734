-- A random learner reads the course. Arguments: folder, path, seed.

local common = require("common")

local tokens, head

function init(arguments)
  tokens = common.read_lines(arguments[1] .. "/tokens.txt")
  head = "GET " .. arguments[2] .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
  math.randomseed(tonumber(arguments[3]))
end

function request()
  return head .. tokens[math.random(#tokens)] .. "\r\n\r\n"
end

function done(summary, latency)
  common.print_figures(summary, latency)
end
