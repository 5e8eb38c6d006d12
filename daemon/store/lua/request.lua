-- request: a person wants a refresh now. Ends every wait but the daily limits
-- and that for a mint whose outcome is unknown: WeChat would process it later.
local s = load_state()
if other or s.schema > a.schema then return { 'changed' } end
s.requests_at = count(s.requests_at, a.requests_every)
-- Where each draw replaces, two within an overlap would kill the token that
-- readers got before them, so only the waits end then.
local again = a.replaces and s.wished_at > now - a.overlap
s.next_attempt_at, s.outside_at, s.asked_at = 0, 0, now
if a.force > 0 then
  s.force, s.force_for = a.force, ''
elseif not again then
  s.wished_at = now
  mark(s)
end
save(s)
return { 'accepted' }
