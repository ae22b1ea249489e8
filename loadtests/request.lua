-- wrk: one POST, the same each time or with a mark of 16 digits that never repeats. Arguments: body file, key, "same" or a seed.
local body, before, after
local count = 0

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    body = file:read("*a")
    file:close()
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer " .. arguments[2]
    wrk.body = body
    if arguments[3] == "same" then
        local fixed = wrk.format()
        request = function() return fixed end
    else
        local at = assert(body:find("0000000000000000", 1, true))
        before, after = body:sub(1, at - 1), body:sub(at + 16)
        local seed = tonumber(arguments[3]) * 1000000000
        request = function()
            count = count + 1
            return wrk.format(nil, nil, nil, before .. string.format("%016.0f", seed + count) .. after)
        end
    end
end

function done(summary, latency)
    io.write(string.format(
        '\nJSON {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"status_errors":%d,"socket_errors":%d}\n', summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), summary.errors.status,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
