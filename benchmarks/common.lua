-- What heartbeat.lua and read.lua share: reading lines, and printing the figures for load.py.

local common = {}

function common.read_lines(path)
  local lines = {}
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  return lines
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
