-- report: a reader says that WeChat refused its token. It is believed only so
-- far that WeChat is asked.
local s = load_state()
local rejected = read('GETRANGE', KEYS[4], 0, 1023)
if a.rejected ~= '' then
  if redis.sha1hex(rejected) ~= a.rejected then return { 'changed' } end
  redis.call('DEL', KEYS[4])
end
if a.stale or num(s.schema) > a.schema or not same(s) then return { 'stale' } end
-- P1: a thousand reports are one question.
if num(s.reported) == 1 then return { 'accepted' } end
if sane(s.verified_at, 0) > now - soon() or not hourly(s, 'reports', 12) then return { 'limited' } end
s.reported, s.verify_at = 1, now
save(s)
return { 'accepted' }
