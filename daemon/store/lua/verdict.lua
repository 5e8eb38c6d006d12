-- verdict: what WeChat said about the token. A report of it is answered then.
local s = load_state()

-- What WeChat has counted of the day's draws, less ours, are those of somebody else.
local function compare(q)
  s.quota_ask_at = now + q.wait
  -- Q1: a begin of the next day has ended ours, and WeChat counted before it.
  if not q.answered or s.day > q.day then return end
  -- Q2: another day, or the count of another API, says nothing of this one.
  if s.quota_day ~= q.day or s.quota_limit ~= q.limit then s.quota_base, s.outside_today = 0, 0 end
  -- Q3: where a comparison begins, all that WeChat has counted is ours. So it is
  -- when WeChat has begun to count anew, whose hour nobody knows. The base has one
  -- more than what is taken for ours beside our calls, as 0 is none.
  if q.used * 2 < s.quota_used then s.quota_base = 0 end
  if s.quota_base == 0 then s.quota_base = 1 + math.max(0, q.used - q.calls - s.outside_today) end
  -- Q4: whatever was begun until now WeChat may have counted.
  local ours = s.quota_base - 1 + (s.day == q.day and s.calls or 0)
  s.outside_today = math.max(s.outside_today, q.used - ours)
  s.quota_day, s.quota_limit, s.quota_used = q.day, q.limit, q.used
end

if s.schema > a.schema or redis.sha1hex(s.token) ~= a.token then return { 'changed' } end
if a.verdict == 'none' then
  -- Nobody is answered any more today; the first one tells all others.
  s.no_answer_until = now + a.wait
  save(s)
  return { 'blind' }
end
if a.verdict == 'barred' then
  -- V5: nothing was heard of the token, but from where WeChat was asked.
  s.exits = named(s.exits, a.address)
  save(s)
  return { 'barred' }
end
local about = redis.sha1hex(reported()) == a.token
if a.verdict == 'accepted' then
  -- V4: another question came after this one, and WeChat may have changed its mind.
  if s.verified_at ~= a.claimed_at then return { 'changed' } end
  s.suspect_at = 0
  -- V2: what is dead stays dead, so it was a mistake to refuse this token. Nor
  -- is it forced any more for that.
  if s.refused == a.fingerprint then s.refused = '' end
  if s.force_for == a.fingerprint then s.force, s.force_for = 0, '' end
  s.verify_at = now + verify_wait(s)
  if a.count then compare(a.count) end
  save(s)
  if about then redis.call('PEXPIRE', KEYS[4], 0) end
  return { about and 'unconfirmed' or 'accepted' }
end
-- V1: one refusal is weak evidence; the second one, a poll later, is believed.
-- V3: a known one is asked about once more in its turn, as WeChat may have been wrong.
local known = s.refused == a.fingerprint
local confirmed = not known and s.suspect_at > 0 and s.suspect_at <= now - a.poll
if s.suspect_at == 0 then s.suspect_at = now end
if confirmed then
  s.refused = a.fingerprint
  watch(s)
end
s.verify_at = now + ((known or confirmed) and a.calm or a.poll)
save(s)
if about and (known or confirmed) then redis.call('PEXPIRE', KEYS[4], 0) end
return { confirmed and 'refused' or 'suspected' }
