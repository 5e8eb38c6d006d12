-- abort: the mint failed, or nobody knows. Readers notice nothing.
local s, held = load_state(), lease()

-- A1: too late to say more than that a mint may be outstanding.
if not held or held.attempt ~= a.attempt then
  if a.unknown and not other then
    mark(s)
    watch(s)
    save(s)
  end
  return { 'lost' }
end
-- A2
recount(s, held)
s.next_attempt_at, s.last_error = now + a.wait, a.last_error
if a.unknown then
  s.unknown_until = now + a.unknown_wait
  watch(s)
elseif held.clean then
  -- A3: certainly nothing was issued, and nothing was outstanding before.
  s.settled = held.n
end
-- A5: WeChat forces no more today.
if a.no_force_wait > 0 then s.no_force_until = now + a.no_force_wait end
-- A6: where the call came from is kept for the person who whitelists addresses.
s.exits = named(s.exits, a.address)
-- A call that never left does not count for the day.
if a.give_back then s.calls = s.calls - 1 end
save(s)
-- A4
redis.call('PEXPIRE', KEYS[3], 0)
return { 'aborted' }
