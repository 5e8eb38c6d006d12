-- re-assert: somebody deleted or overwrote K; the state still has the token. No mint.
local s = load_state()
if changed(s) then return { 'changed' } end
-- S2
if num(s.expires_at) <= now then return { 'expired' } end
-- S3
if s.refused == a.fingerprint then return { 'refused' } end
redis.call('SET', K, a.value, 'PX', int(num(s.expires_at) - now))
-- S5: outstanding stays outstanding.
watch(s)
ask_soon(s)
save(s)
return { 'restored' }
