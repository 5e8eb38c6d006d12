-- Tries each command of the daemon on a target, in a form that changes nothing;
-- see trial.lua. The first refusal that is not provoked ends it.
local function tried(reply)
  if type(reply) ~= 'table' or not reply.err then return reply end
  for _, provoked in ipairs({ 'WRONGTYPE', 'rong number of arg', 'not an integer' }) do
    if string.find(reply.err, provoked, 1, true) then return nil end
  end
  error(reply.err)
end

tried(redis.pcall('TIME'))
tried(redis.pcall('STRLEN', KEYS[1]))
local value = tried(redis.pcall('GET', KEYS[1]))
tried(redis.pcall('HGETALL', KEYS[1]))
tried(redis.pcall('PTTL', KEYS[1]))
-- What is there is not nothing, and what is nothing is not there.
if value == false then
  tried(redis.pcall('SET', KEYS[1], '', 'XX'))
else
  tried(redis.pcall('SET', KEYS[1], '', 'NX'))
end
tried(redis.pcall('HSET', KEYS[1], 'field', 'value', 'field without value'))
tried(redis.pcall('PEXPIRE', KEYS[1], 'no number'))
return 'OK'
