-- re-assert: somebody deleted or overwrote what readers read; the state still
-- has the token. No mint.
local s = load_state()
if changed() then return { 'changed' } end
-- S2
if left(s.expires_at) <= 0 then return { 'expired' } end
redis.call('SET', KEYS[1], a.value, 'PX', left(s.expires_at))
-- S5: outstanding stays outstanding.
watch(s)
ask_by(s, math.max(now, s.verified_at + a.soon))
save(s)
return { 'restored', version }
