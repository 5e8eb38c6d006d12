-- Tries every command of the daemon's scripts on the keys they use it on, in a
-- form that changes nothing: a SET whose condition does not hold, a DEL of what
-- is not there, and calls that fail for their arguments, which Redis looks at
-- only after rights, role and memory. Nobody writes between two lines of a
-- script, so what EXISTS said still holds in the next one.
--
-- Each call is written as in the daemon's scripts, with the name of the command
-- and KEYS[n] in it, as there are proxies that let no other form pass.
local refusals = {}
local function note(command, reply)
  if type(reply) == 'table' and reply.err then refusals[#refusals + 1] = { command, reply.err } end
  return reply
end

note('TIME', redis.pcall('TIME'))
note('STRLEN', redis.pcall('STRLEN', KEYS[1]))
note('GET', redis.pcall('GET', KEYS[1]))
note('GETRANGE', redis.pcall('GETRANGE', KEYS[4], 0, 0))
note('HGETALL', redis.pcall('HGETALL', KEYS[2]))
note('PTTL', redis.pcall('PTTL', KEYS[3]))
-- Once a script has tried a write that a full Redis allows, it may do the
-- others too: PEXPIRE and DEL come last.
note('HSET', redis.pcall('HSET', KEYS[2], 'field', 'value', 'field without value'))
-- Not "else": where EXISTS is forbidden it answers neither, and SET could write.
local exists = note('EXISTS', redis.pcall('EXISTS', KEYS[1]))
if exists == 1 then note('SET', redis.pcall('SET', KEYS[1], '', 'NX')) end
if exists == 0 then note('SET', redis.pcall('SET', KEYS[1], '', 'XX')) end
note('PEXPIRE', redis.pcall('PEXPIRE', KEYS[3], 'no number'))
if redis.pcall('EXISTS', KEYS[4]) == 0 then
  note('DEL', redis.pcall('DEL', KEYS[4]))
elseif redis.pcall('EXISTS', KEYS[3]) == 0 then
  note('DEL', redis.pcall('DEL', KEYS[3]))
end
return refusals
