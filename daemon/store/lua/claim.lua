-- claim: of all replicas one asks WeChat about the token. If it dies, or WeChat
-- says nothing, the next one asks soon.
local s = load_state()
if version ~= a.seen.version then return { 'changed' } end
s.questions_at = count(s.questions_at, a.questions_every)
s.verified_at, s.verify_at = now, now + math.min(verify_wait(s), a.soon)
save(s)
return { 'claimed', now }
