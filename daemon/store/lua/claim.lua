-- claim: of all replicas one asks WeChat about the token, when it is time. If it
-- dies, or WeChat says nothing, the next one asks soon.
local s = load_state()
if not same(s) or num(s.verify_at) ~= a.verify_at then return { 'changed' } end
-- WeChat answers about a thousand such questions a day. Beyond two dozen an hour
-- only those in their turn are asked, whoever breaks or kills what over and over
-- again, and those that a reader or a first refusal is waiting for.
if not hourly(s, 'verifies', 24) and not suspected(s) and num(s.reported) ~= 1 then
  s.watch_until = 0
  local turn = sane(s.verified_at, 0) + calm()
  if turn > now then
    s.verify_at = turn
    save(s)
    return { 'limited' }
  end
end
s.verified_at, s.verify_at = now, now + math.min(verify_wait(s), soon())
save(s)
return { 'claimed', now }
