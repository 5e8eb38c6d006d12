-- re-assert: somebody deleted or overwrote what readers read; the state still
-- has the token. No mint.
local s = load_state()
if changed() then return { 'changed' } end
-- S2
if s.expires_at <= now then return { 'expired' } end
redis.call('SET', KEYS[1], a.value, 'PX', s.expires_at - now)
-- S5: outstanding stays outstanding.
watch(s)
ask_by(s, math.max(now, s.verified_at + a.soon))
save(s)
return { 'restored', version }
