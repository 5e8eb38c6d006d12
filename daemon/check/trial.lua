-- Tries every command of the daemon's scripts on the keys they use it on, in a
-- form that changes nothing: a SET whose condition does not hold, and calls that fail for
-- their arguments, which Redis looks at only after rights, role and memory.
-- Nobody writes between two lines of a script, so what GET said still holds in
-- the next one.
--
-- Each call is written as in the daemon's scripts, with the name of the command
-- and KEYS[n] in it, as there are proxies that let no other form pass.
local refusals = {}
local function note(command, reply)
  if type(reply) == 'table' and reply.err then
    refusals[#refusals + 1] = command
    refusals[#refusals + 1] = reply.err
  end
  return reply
end

note('TIME', redis.pcall('TIME'))
note('STRLEN', redis.pcall('STRLEN', KEYS[1]))
local value = note('GET', redis.pcall('GET', KEYS[1]))
note('GETRANGE', redis.pcall('GETRANGE', KEYS[4], 0, 0))
note('HGETALL', redis.pcall('HGETALL', KEYS[2]))
note('PTTL', redis.pcall('PTTL', KEYS[3]))
note('HSET', redis.pcall('HSET', KEYS[2], 'field', 'value', 'field without value'))
-- Where GET has failed it is not known whether there is a value, and SET could write.
if type(value) == 'string' then note('SET', redis.pcall('SET', KEYS[1], '', 'NX')) end
if value == false then note('SET', redis.pcall('SET', KEYS[1], '', 'XX')) end
-- Last, as a full Redis allows it, and then what follows it.
note('PEXPIRE', redis.pcall('PEXPIRE', KEYS[3], 'no number'))
return refusals
