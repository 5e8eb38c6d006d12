-- begin: takes the lease, counts the call and writes the outcome down as a
-- failure before anything is asked of WeChat. Dying right after it costs one
-- backoff, and the next begin knows that a mint may be outstanding.
local s, held = load_state(), lease()

-- The life of a token counts from the begin. The order of tokens never goes
-- back, even if the clock does, however far: a replica that remembers the token
-- of the other clock would restore it over each new one.
local function begun() return { 'begun', s.begun_at, math.max(s.begun_at, s.minted_at + 1), s.failures } end

-- B2: the reply was lost and the same attempt asks again.
if held and held.attempt == a.attempt then
  redis.call('PEXPIRE', KEYS[3], held.length)
  return begun()
end
-- B3: one mint at a time.
if held then return { 'leased' } end
-- B5: the world is still the one that was decided on. Every wait and every limit
-- was looked at there, and whatever lengthens one is a save.
if changed() then return { 'changed' } end

local n, clean = s.generation + 1, outstanding(s) and 0 or 1
-- B10: the state can be written, or a lease would stay that nobody uses. It is
-- the number that is there; what is no hash is replaced below. The first write is
-- one that a full Redis refuses, and all that commit needs is tried before a call
-- is spent.
expect(redis.pcall('HSET', KEYS[2], 'saved_at', version))
redis.call('SET', KEYS[3], table.concat({ a.attempt, n, clean, a.lease }, ':'))
redis.call('PEXPIRE', KEYS[3], a.lease)
s.generation = n
-- B8: WeChat may still process the earlier request, after this one.
if s.unknown_until > now then mark(s) end
if s.day ~= a.day then s.day, s.calls = a.day, 0 end
s.api, s.begun_at, s.calls, s.failures = a.api, now, s.calls + 1, s.failures + 1
s.next_attempt_at, s.secret = now + a.wait, a.secret
if a.new_secret then s.secrets_at = count(s.secrets_at, a.secrets_every) end
if a.forced then s.forced_at = now end
-- B12: who reports a ticket in a loop must not use up the day's draws.
if a.answers then s.questions_at, s.verified_at = count(s.questions_at, a.questions_every), now end
save(s)
return begun()
