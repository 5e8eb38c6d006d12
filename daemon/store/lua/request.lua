-- request: a person wants a refresh now. Ends every wait but the daily limit.
local s = load_state()
if fresh and redis.call('EXISTS', STATE) == 1 then return { 'changed' } end
s.next_attempt_at, s.wait, s.unknown_until, s.rival_at, s.asked_at = 0, 0, 0, 0, now
if a.force > 0 then s.force = a.force else mark(s) end
save(s)
return { 'accepted' }
