-- request: a person wants a refresh now. Ends every wait but the daily limits
-- and that for a mint whose outcome is unknown: WeChat would process it later.
local s = load_state()
if fresh and redis.call('EXISTS', STATE) == 1 or num(s.schema) > a.schema then return { 'changed' } end
local today = math.floor((now / 1000 + 8 * 3600) / 86400) -- WeChat counts in UTC+8
if a.force > 0 and a.api == 'stable' and num(s.forced_day) == today and num(s.forced) >= a.force_limit then return { 'limited' } end
if not hourly(s, 'requests', 12) then return { 'limited' } end
-- With classic each answer is a new token. Two within an overlap would kill the
-- one that readers got before them, so only the waits end then.
local again = a.api == 'classic' and sane(s.wished_at, 0) > now - a.overlap
s.next_attempt_at, s.wait, s.rival_at, s.asked_at = 0, 0, 0, now
if a.force > 0 then
  s.force, s.force_for = a.force, ''
elseif not again then
  s.wished_at = now
  mark(s)
end
save(s)
return { 'accepted' }
