-- commit: the token and the state in one step, for the holder of the lease alone.
local s = load_state()
local held = lease()

-- C1: whoever lost the lease, however long it slept, writes nothing below.
if held and held.attempt == a.attempt then
  -- First, as a full Redis allows it, and then what follows it.
  redis.call('PEXPIRE', LEASE, held.length)
  -- C2: the answer took longer than the token lives.
  if a.expires_at <= now then
    redis.call('DEL', LEASE)
    return { 'expired' }
  end
  local unchanged = s.token == a.token
  -- C3: marks made since the begin stay uncovered: those mints may have come after ours.
  recount(s, held)
  s.settled = held.n
  if outstanding(s) or not held.clean or sane(s.unknown_until, s.unknown_wait) > now then watch(s) end
  -- C7: WeChat gave back the very token that it refuses. Only force helps, and if
  -- it does not help for an overlap, WeChat may be wrong about the token.
  if a.fingerprint == s.refused then
    local wait = math.max(a.refused_wait, sane(s.forced_at, 0) + a.overlap - now)
    if num(s.force) == 0 then s.force, s.force_for = 1, a.fingerprint end
    s.next_attempt_at, s.wait = now + wait, wait
    s.attempt = a.attempt
    save(s)
    redis.call('DEL', LEASE)
    return { 'refused' }
  end
  -- C4
  redis.call('SET', K, a.value, 'PX', int(a.expires_at - now))
  s.life = unchanged and s.life or a.expires_in
  s.token, s.expires_in, s.expires_at, s.minted_at, s.attempt = a.token, a.expires_in, a.expires_at, a.minted_at, a.attempt
  s.failures, s.wait, s.next_attempt_at, s.last_error = 0, 0, 0, ''
  if unchanged then s.wait, s.next_attempt_at = a.unchanged_wait, now + a.unchanged_wait end
  s.suspect_at, s.reported = 0, 0
  -- WeChat ignores a forced refresh that comes too soon after the last arrived.
  if a.forced and not unchanged then s.forced_at = now end
  -- Whatever brought a new token, that many fewer have to be drawn by force.
  if not unchanged and num(s.force) > 0 then s.force, s.force_for = num(s.force) - 1, '' end
  if a.rival then
    s.rivals = sane(s.rival_at, 0) > now - 12 * a.overlap and num(s.rivals) + 1 or 1
    s.rival_at = now
    watch(s)
  end
  s.verify_at = now + verify_wait(s)
  save(s)
  redis.call('DEL', LEASE)
  return { 'committed', unchanged and 1 or 0 }
end
-- C5: the first commit's reply was lost.
if s.attempt == a.attempt then return { a.fingerprint == s.refused and 'refused' or 'already' } end
-- C6: our mint may have superseded the stored token. K is not ours to touch.
if not (fresh and redis.call('EXISTS', STATE) == 1) then
  mark(s)
  watch(s)
  save(s)
end
return { 'lost' }
