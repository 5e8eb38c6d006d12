-- observe: everything that a decision needs, as of one instant. Writes nothing,
-- so it works on a full or read-only server as well.
local value, name = peek()
local s, held = load_state(), lease()
local fields = {}
for field, content in pairs(s) do
  if content ~= 0 and content ~= '' then
    fields[#fields + 1] = field
    fields[#fields + 1] = content
  end
end
return { now, value, name, redis.call('PTTL', KEYS[1]), version, fields,
  held and held.attempt or '', reported(),
  other and other.appid or '', other and other.issuer or '', other and other.begun_at or 0 }
