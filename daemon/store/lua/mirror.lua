-- mirror: another key under which readers look for the token, alone, as it may
-- live in another slot. Says what lies there, and with `seen` writes what should.
--
-- KEYS: 1 that key.

-- What lies there, and a short name of it to compare by, '' for nothing. What is
-- too long to be ours is named without being read.
local function peek()
  local length = expect(redis.pcall('STRLEN', KEYS[1]))
  if length and length > 4096 then return false, 'long:' .. length end
  if length then
    local value = redis.call('GET', KEYS[1])
    return value, value and redis.sha1hex(value) or ''
  end
  local flat, fields, size = expect(redis.pcall('HGETALL', KEYS[1])), {}, 0
  if not flat then return false, 'wrongtype' end
  for i = 1, #flat, 2 do
    fields[#fields + 1] = #flat[i] .. ':' .. flat[i] .. #flat[i + 1] .. ':' .. flat[i + 1]
    size = size + #fields[#fields]
  end
  if size > 4096 then return false, 'long:' .. size end
  -- A hash has no order.
  table.sort(fields)
  return flat, 'hash:' .. redis.sha1hex(table.concat(fields))
end

local found, name = peek()
-- Of what is known already the name is enough.
if not a.seen then return { now, redis.call('PTTL', KEYS[1]), name, name ~= a.known and found } end
-- M1: it is still what was seen. The token was looked at after that, so whoever
-- wrote here before had none that is newer; who did meanwhile may have.
if name ~= a.seen then return { 'changed' } end
-- M2: nor may it have come and gone and come again while this process slept.
if now - a.at > a.limit then return { 'late' } end
-- M3: it ends with the token.
if left(a.ends) <= 0 then return { 'expired' } end
if a.fields then
  -- M4: no field of somebody else's stays. The first write is one that a full
  -- Redis refuses, or what lies there would be gone.
  redis.call('SET', KEYS[1], '', 'PX', 1)
  redis.call('PEXPIRE', KEYS[1], 0)
  for i = 1, #a.fields, 2 do redis.call('HSET', KEYS[1], a.fields[i], a.fields[i + 1]) end
  redis.call('PEXPIRE', KEYS[1], left(a.ends))
else
  redis.call('SET', KEYS[1], a.value, 'PX', left(a.ends))
end
return { 'written' }
