-- restore: Redis lost the token that a replica still knows. No mint.
local s = load_state()
if changed() then return { 'changed' } end
if left(a.expires_at) <= 0 then return { 'expired' } end
-- R8: another token was stored here, or may be at WeChat: which of them
-- WeChat takes for the newest does not follow from the order of the begins.
if s.token ~= '' or outstanding(s) then mark(s) end
redis.call('SET', KEYS[1], a.value, 'PX', left(a.expires_at))
s.api, s.token, s.expires_in, s.life = a.api, a.token, a.expires_in, a.life
s.expires_at, s.minted_at = a.expires_at, a.minted_at
-- V1: what was said of the other token says nothing of this one.
s.suspect_at = 0
-- R9
watch(s)
ask_by(s, math.max(now, s.verified_at + a.soon))
save(s)
return { 'restored', version }
