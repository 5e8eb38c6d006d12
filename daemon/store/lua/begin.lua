-- begin: takes the lease, counts the call and writes the outcome down as a
-- failure before anything is asked of WeChat. Dying right after it costs one
-- backoff, and the next begin knows that a mint may be outstanding.
local s = load_state()
local held = lease()

-- B2: the reply was lost and the same attempt asks again.
if held and held.attempt == a.attempt then
  redis.call('PEXPIRE', LEASE, held.length)
  return { 'begun', num(s.begun_at), math.max(num(s.begun_at), num(s.minted_at) + 1), num(s.failures) }
end
-- B3: one mint at a time.
if held then return { 'leased' } end
-- B4: failures wait, whoever they happened to; a changed secret ends the wait,
-- but not for ever where replicas with different secrets crash in a loop. While
-- the outcome of a mint is unknown nobody mints over a token that readers get.
if sane(s.next_attempt_at, s.wait) > now and not (a.past_backoff and hourly(s, 'secrets', 6)) then return { 'backoff' } end
local unknown = sane(s.unknown_until, s.unknown_wait) > now
if unknown and not a.urgent then return { 'backoff' } end
-- B5: the world is still the one that was observed.
if changed(s) then return { 'changed' } end
-- B6: the day's calls, counted before they are made.
if num(s.day) ~= a.day then s.day, s.calls = a.day, 0 end
s.calls = math.max(num(s.calls), a.calls_floor)
if s.calls >= a.limit then return { 'quota' } end
-- B7: never two calls in one breath; with classic a rival who draws tokens is
-- answered once an overlap, as each answer kills what the rival drew.
if sane(s.begun_at, 0) > now - a.spacing then return { 'spacing' } end
if a.rival and a.api == 'classic' and sane(s.rival_at, 0) > now - a.overlap then return { 'spacing' } end
-- B9: WeChat ignores a forced refresh too soon after the last, and counts them.
-- With classic every call replaces: only the spacing is kept.
if num(s.forced_day) ~= a.day then s.forced_day, s.forced = a.day, 0 end
if a.forced then
  if sane(s.forced_at, 0) > now - a.force_spacing then return { 'spacing' } end
  if a.api == 'stable' and num(s.forced) >= a.force_limit then return { 'quota' } end
end

local n = num(s.generation) + 1
-- This write comes first, as it is one that a full Redis refuses.
redis.call('SET', LEASE, table.concat({ a.attempt, int(n), outstanding(s) and '0' or '1', int(a.lease) }, ':'), 'PX', int(a.lease))
s.generation = n
-- B8: WeChat may still process the earlier request, after this one.
if unknown then mark(s) end
s.api, s.begun_at, s.calls, s.failures = a.api, now, s.calls + 1, num(s.failures) + 1
s.next_attempt_at, s.wait, s.secret = now + a.wait, a.wait, a.secret
if a.forced then s.forced, s.forced_at = num(s.forced) + 1, now end
save(s)
-- The token's life counts from now; the order of tokens never goes back, even
-- if the clock does, however far: a replica that remembers the token of that
-- clock would restore it over each new one.
return { 'begun', now, math.max(now, num(s.minted_at) + 1), s.failures }
