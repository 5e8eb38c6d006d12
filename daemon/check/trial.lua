-- Tries every command of the daemon's scripts on the keys they use it on, in a
-- form that changes nothing: a SET whose condition does not hold, a DEL of what
-- is not there, and calls that fail for their arguments, which Redis looks at
-- only after rights, role and memory. Nobody writes between two lines of a
-- script, so what EXISTS said still holds in the next one.
local K, STATE, LEASE, REJECTED = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local refusals = {}
local function try(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then refusals[#refusals + 1] = { (...), reply.err } end
  return reply
end

try('TIME')
try('STRLEN', K)
try('GET', K)
try('GETRANGE', REJECTED, 0, 0)
try('HGETALL', STATE)
try('PTTL', LEASE)
-- Once a script has tried a write that a full Redis allows, it may do the
-- others too: PEXPIRE and DEL come last.
try('HSET', STATE, 'field', 'value', 'field without value')
-- Not "else": where EXISTS is forbidden it answers neither, and SET could write.
local exists = try('EXISTS', K)
if exists == 1 then try('SET', K, '', 'NX') end
if exists == 0 then try('SET', K, '', 'XX') end
try('PEXPIRE', LEASE, 'no number')
for _, key in ipairs({ REJECTED, LEASE }) do
  if redis.pcall('EXISTS', key) == 0 then
    try('DEL', key)
    break
  end
end
return refusals
