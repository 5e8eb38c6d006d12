-- claim: of all replicas one asks WeChat about the token, when it is time. If it
-- dies, or WeChat says nothing, the next one asks soon.
local s = load_state()
if not same(s) or num(s.verify_at) ~= a.verify_at then return { 'changed' } end
s.verified_at, s.verify_at = now, now + math.min(verify_wait(s), soon())
save(s)
return { 'claimed' }
