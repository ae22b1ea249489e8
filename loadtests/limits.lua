-- wrk: POSTs that differ by key or metadata. Arguments: body file, "keys" and a file of keys (one at random each time; "paced": ten a second of each
-- connection, "greedy": a thousand), "unknown" (a key that nobody has, another each time) and a first number, or "values", a key and a first number (a
-- metadata value that nobody had, another each time).
local body, following

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    body = file:read("*a")
    file:close()
    local head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n"
    local count = tonumber(arguments[3]) or tonumber(arguments[4])
    local pause = ({paced = 100, greedy = 1})[arguments[2]]
    if pause then delay = function() return pause end end
    if arguments[2] == "keys" or pause then
        local ready = {}
        for key in io.lines(arguments[3]) do ready[#ready + 1] = head .. "Authorization: Bearer " .. key .. "\r\n\r\n" .. body end
        math.randomseed(1)
        following = function() return ready[math.random(#ready)] end
    elseif arguments[2] == "unknown" then
        following = function()
            count = count + 1
            return head .. string.format("Authorization: Bearer wk_%043.0f\r\n\r\n", count) .. body
        end
    else
        head = head .. "Authorization: Bearer " .. arguments[3] .. "\r\n"
        following = function()
            count = count + 1
            return head .. string.format('cf-aig-metadata: {"user":"user-%.0f"}\r\n\r\n', count) .. body
        end
    end
end

function request() return following() end


function done(summary, latency)
    io.write(string.format('\nJSON {"requests":%d,"microseconds":%d,"errors":%d,"p99":%d,"socket_errors":%d}\n', summary.requests, summary.duration,
        summary.errors.status, latency:percentile(99), summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
