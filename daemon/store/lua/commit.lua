-- commit: the token and the state in one step, for the holder of the lease alone.
local s, held = load_state(), lease()

-- C1: whoever lost the lease, however long it slept, writes no token.
if not held or held.attempt ~= a.attempt then
  -- C5: the first commit's reply was lost.
  if s.attempt == a.attempt then return { a.fingerprint == s.refused and 'refused' or 'already' } end
  -- C6: our mint may have superseded the stored token. The key is not ours to touch.
  if not other then
    mark(s)
    watch(s)
    save(s)
  end
  return { 'lost' }
end

-- First, as a full Redis allows it, and then what follows it.
redis.call('PEXPIRE', KEYS[3], held.length)
-- C2: the answer took longer than the token lives.
if left(a.expires_at) <= 0 then
  redis.call('PEXPIRE', KEYS[3], 0)
  return { 'expired' }
end
-- C3: marks made since the begin stay uncovered: those mints may have come after ours.
recount(s, held)
s.settled = held.n
if outstanding(s) or not held.clean or s.unknown_until > now then watch(s) end
s.attempt = a.attempt

-- C7: WeChat gave back the very token that it refuses. Only force helps, and if
-- it does not help for an overlap, WeChat may be wrong about the token.
if a.fingerprint == s.refused then
  if s.force == 0 then s.force, s.force_for = 1, a.fingerprint end
  s.next_attempt_at = now + math.max(a.refused_wait, s.forced_at + a.overlap - now)
  save(s)
  redis.call('PEXPIRE', KEYS[3], 0)
  return { 'refused' }
end

-- C4
local unchanged = s.token == a.token
redis.call('SET', KEYS[1], a.value, 'PX', left(a.expires_at))
if not unchanged then s.life = a.expires_in end
s.token, s.expires_in, s.expires_at, s.minted_at = a.token, a.expires_in, a.expires_at, a.minted_at
s.failures, s.next_attempt_at, s.last_error, s.suspect_at = 0, 0, '', 0
if unchanged then s.next_attempt_at = now + a.unchanged_wait end
-- WeChat ignores a forced refresh that comes too soon after the last arrived.
if a.forced and not unchanged then s.forced_at = now end
-- Whatever brought a new token, that many fewer have to be drawn by force.
if not unchanged and s.force > 0 then s.force, s.force_for = s.force - 1, '' end
if a.outside then
  s.outside_draws = s.outside_at > now - 12 * a.overlap and s.outside_draws + 1 or 1
  s.outside_at = now
  watch(s)
end
s.verify_at = now + verify_wait(s)
save(s)
-- C8: the reader's report is answered, whatever it was that came.
if a.answered ~= '' and redis.sha1hex(reported()) == a.answered then redis.call('PEXPIRE', KEYS[4], 0) end
redis.call('PEXPIRE', KEYS[3], 0)
return { 'committed', unchanged and 1 or 0 }
