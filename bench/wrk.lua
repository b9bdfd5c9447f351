-- Prints what wrk measured as one line of JSON. Where the environment's WRK_PATHS names a file, its lines are requested in turn instead of the URL's path.
local list = os.getenv("WRK_PATHS")

if list then
  local requests, number = {}, 0
  function init()
    for path in io.lines(list) do
      requests[#requests + 1] = wrk.format("GET", path)
    end
  end
  function request()
    number = number % #requests + 1
    return requests[number]
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "errors": %d}\n', summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
