-- verdict: what WeChat said about the token.
local s = load_state()
if not same(s) then return { 'changed' } end
if not a.refused then
  -- V4: another question came after this one, and WeChat may have changed its mind.
  if num(s.verified_at) ~= a.asked_at then return { 'changed' } end
  local reported = num(s.reported) == 1
  s.suspect_at, s.reported = 0, 0
  -- V2: what is dead stays dead, so it was a mistake to refuse this token.
  if s.refused == a.fingerprint then
    s.refused = ''
    -- Nor is it forced any more for that.
    if s.force_for == a.fingerprint then s.force, s.force_for = 0, '' end
  end
  s.verify_at = now + verify_wait(s)
  save(s)
  return { reported and 'unconfirmed' or 'accepted' }
end
-- V3: known already; asked once more in its turn, as WeChat may have been wrong.
if s.refused == a.fingerprint then
  s.verify_at = now + calm()
  save(s)
  return { 'suspected' }
end
-- V1: one refusal is weak evidence; the second one, a poll later, is believed.
local first = sane(s.suspect_at, 0)
if first == 0 then s.suspect_at = now end
s.verify_at = now + a.poll
if first > 0 and first <= now - a.poll then
  s.refused = a.fingerprint
  watch(s)
  s.verify_at = now + calm()
  save(s)
  return { 'refused' }
end
save(s)
return { 'suspected' }
