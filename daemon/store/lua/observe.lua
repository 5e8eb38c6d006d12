-- Everything the due decision needs, as of one instant. Writes nothing, so it
-- works on a full or read-only server as well.
local value, name = peek()
local state = read('HGETALL', STATE) or {}
local held = lease()
local rejected = read('GETRANGE', KEYS[4], 0, 1023) or ''
return { now, value, name, redis.call('PTTL', K), state,
  held and held.attempt or false, held and redis.call('PTTL', LEASE) or 0, rejected }
