-- abort: the mint failed, or nobody knows. Readers notice nothing.
local s = load_state()
local held = lease()

-- A1: too late to say more than that a mint may be outstanding.
if not held or held.attempt ~= a.attempt then
  if a.unknown and not (fresh and redis.call('EXISTS', STATE) == 1) then
    mark(s)
    watch(s)
    save(s)
  end
  return { 'lost' }
end
-- A2
recount(s, held)
s.next_attempt_at, s.wait, s.last_error = now + a.wait, a.wait, a.last_error
if a.unknown then
  s.unknown_until, s.unknown_wait = now + a.lease, a.lease
  watch(s)
elseif held.clean then
  -- A3: certainly nothing was issued, and nothing was outstanding before.
  s.settled = held.n
end
-- A5: the day's forced refreshes are used up, whatever was counted here.
if a.spent then s.forced = a.force_limit end
-- A call that never left costs neither of the day's limits.
if a.give_back then
  s.calls = math.max(num(s.calls) - 1, 0)
  if a.forced then s.forced = math.max(num(s.forced) - 1, 0) end
end
save(s)
-- A4
redis.call('DEL', LEASE)
return { 'aborted' }
