-- Every script begins with this. It is atomic: nobody else's write falls
-- between its lines, and a process that dies never leaves half of it.
--
-- ARGV[1]: a JSON object, `a`. Times and durations are milliseconds by the clock
-- of Redis. Some proxies read scripts before they let them through: a command
-- is a literal, a key is written KEYS[n], and no list is unpacked.
local a = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The reply of a read, nil if the key has another type. Any other error ends
-- the script: a missing right, taken for an empty state, would start a mint at
-- each poll.
local function expect(reply)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then error(reply.err) end
  return nil
end

-- How long something that ends then is left to readers. `now` is short of what the
-- clock cut off, less than a millisecond, and by so much would the key outlive it.
local function left(ends) return ends - now - 1 end
