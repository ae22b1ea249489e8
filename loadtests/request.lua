-- wrk: POSTs that differ by a mark of 16 digits and by the key.
-- Arguments: body file, keys file (a key a line, all of one length), order, first mark, count of marks, number of marks to skip,
-- "" or a status and a field that every answer must have, as 429:retry-after.
--   same      the body as it is, with the first key
--   sequence  marks one after the other, each once; from the first again after count of them (0: never again)
--   random    marks by chance
-- The key goes with the mark: the nth mark has the nth key, modulo their number.
local first, count, keys
local number
local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

local function split(text, part)
    local from, to = assert(text:find(part, 1, true))
    return text:sub(1, from - 1), text:sub(to + 1)
end

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    local body = file:read("*a")
    file:close()
    keys = {}
    for key in io.lines(arguments[2]) do keys[#keys + 1] = key end
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer " .. keys[1]
    local fixed = wrk.format("POST", nil, nil, body)
    local order, wanted = arguments[3], arguments[7]
    first, count, number = tonumber(arguments[4]), tonumber(arguments[5]), tonumber(arguments[6])
    if order == "same" then
        request = function() return fixed end
    else
        local before, rest = split(fixed, keys[1])
        local between, after = split(rest, "0000000000000000")
        local random = math.random
        math.randomseed(os.time())
        request = function()
            local index = number
            if order == "random" then
                index = random(0, count - 1)
            else
                number = number + 1
                if number == count then number = 0 end
            end
            return before .. keys[index % #keys + 1] .. between .. string.format("%016.0f", first + index) .. after
        end
    end
    if wanted and wanted ~= "" then
        local code, field = wanted:match("^(%d+):(.+)$")
        wrong_ones = 0
        response = function(status, headers)
            local found = status == tonumber(code)
            if found then
                found = false
                for name in pairs(headers) do found = found or name:lower() == field end
            end
            if not found then wrong_ones = wrong_ones + 1 end
        end
    end
end

function done(summary, latency)
    local wrong = 0
    for _, thread in ipairs(threads) do wrong = wrong + (thread:get("wrong_ones") or 0) end
    io.write(string.format(
        '\nJSON {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"status_errors":%d,"socket_errors":%d,"wrong":%d}\n', summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), summary.errors.status,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, wrong))
end
