-- The scripts about one credential go on with this.
--
-- KEYS: 1 what readers read, 2 the state, 3 the lease, 4 a reader's report.

-- What a daemon can have written. Everything else counts as absent, here and
-- nowhere else: whoever decides, decides on what observe.lua says.
local COUNT = 999999999999
local HOUR = 3600000
local MONTH = 30 * 24 * HOUR
-- The end of the year 9999.
local ENDS = 253402300799999
local LONGEST_LEASE = HOUR

-- The fields of the state: the most characters of a text, the most that a
-- number can be, and how far a time can lie beyond the save that wrote it. The
-- configuration allows no longer times than these.
local TEXTS = {
  appid = 128, issuer = 300, api = 16, token = 512, attempt = 64, last_error = 4096,
  secret = 8, refused = 8, force_for = 8, exits = 1024,
}
local NUMBERS = {
  schema = COUNT, expires_in = MONTH, life = MONTH, expires_at = ENDS, minted_at = ENDS, asked_at = ENDS,
  generation = COUNT, settled = COUNT, failures = COUNT, day = COUNT, calls = COUNT, outside_draws = COUNT, force = 2,
  quota_day = COUNT, quota_limit = COUNT, quota_used = COUNT, quota_base = COUNT, outside_today = COUNT,
}
local TIMES = {
  begun_at = 0, verified_at = 0, suspect_at = 0, outside_at = 0, forced_at = 0, wished_at = 0,
  -- Twice the longest backoff_max, and a fifth for jitter.
  next_attempt_at = 3 * HOUR,
  unknown_until = LONGEST_LEASE, watch_until = 2 * HOUR, verify_at = 24 * HOUR,
  no_answer_until = 2 * HOUR, no_force_until = 25 * HOUR,
  questions_at = HOUR, requests_at = HOUR, secrets_at = HOUR, quota_ask_at = 24 * HOUR,
}

-- What stands still until somebody saves by the clock that went back, and
-- what such a save waits for: it is over. It costs a mint and a question at most.
local STANDS = {
  begun_at = true, next_attempt_at = true, verify_at = true, no_answer_until = true, questions_at = true,
}

-- A whole number in the one way in which save writes it, up to `most`.
local function number(text, most)
  if not text or text == '0' then return 0 end
  local n = tonumber(text)
  -- `nan` is a number to Redis' Lua, and compares with none.
  if not (n and n >= 0 and n <= most and string.format('%.0f', n) == text) then return 0 end
  return n
end

-- What WeChat may send as a token, or somebody call an account.
local function printable(text) return string.find(text, '^[!-~]+$') and text or '' end

-- The addresses that the platform does not let in, the newest first: address=time,
-- divided by blanks. There may be many behind a NAT, and a person whitelists them
-- within days.
local EXITS = 16
local WEEK = 7 * 24 * HOUR
local ADDRESS = '[%x.:]+'

-- Those of them that are news, by a clock that went back by so much.
local function news(text, version, back)
  local all, kept = {}, {}
  for address, at in string.gmatch(text, '(' .. ADDRESS .. ')=(%d+)') do
    all[#all + 1] = address .. '=' .. at
    local seen = number(at, version) - back
    if seen > now - WEEK then kept[#kept + 1] = address .. '=' .. string.format('%.0f', seen) end
  end
  if #all > EXITS or table.concat(all, ' ') ~= text then return '' end
  return table.concat(kept, ' ')
end

-- The platform has named this one, which is the newest; the oldest has no room.
local function named(exits, address)
  if #address > 39 or not string.find(address, '^' .. ADDRESS .. '$') then return exits end
  local all = { address .. '=' .. string.format('%.0f', now) }
  for other, at in string.gmatch(exits, '(%S+)=(%d+)') do
    if other ~= address and #all < EXITS then all[#all + 1] = other .. '=' .. at end
  end
  return table.concat(all, ' ')
end

-- A state without a token, and without a past.
local function blank()
  local s = {}
  for field in pairs(TEXTS) do s[field] = '' end
  for field in pairs(NUMBERS) do s[field] = 0 end
  for field in pairs(TIMES) do s[field] = 0 end
  return s
end

-- `version` tells one save from any other, whoever's state it is. `other` is
-- whose state lies here instead of ours, `turned` says that the clock went back.
local version, other, turned = 0, nil, false
local function load_state()
  local flat, raw, s = expect(redis.pcall('HGETALL', KEYS[2])) or {}, {}, {}
  for i = 1, #flat, 2 do raw[flat[i]] = flat[i + 1] end
  version = number(raw.saved_at, ENDS)
  -- A clock that went back (a failover to a node whose clock is behind) takes
  -- all times along: what was a minute away at the last save still is.
  local back = version > now + 1000 and version - now or 0
  turned = back > 0
  for field, most in pairs(TEXTS) do
    local text = raw[field]
    s[field] = text and #text <= most and text or ''
  end
  for field, most in pairs(NUMBERS) do s[field] = number(raw[field], most) end
  for field, ahead in pairs(TIMES) do
    s[field] = turned and STANDS[field] and 0 or math.max(number(raw[field], version + ahead) - back, 0)
  end
  s.token = printable(s.token)
  s.exits = news(s.exits, version, back)
  -- Of all that WeChat issues nothing lives longer than a month.
  if s.expires_at > math.max(version, now) + MONTH then s.expires_at = 0 end
  -- Settled in advance, the next lost mint would be no outstanding one.
  s.settled = math.min(s.settled, s.generation)
  if s.appid == a.appid and s.issuer == a.issuer then return s end
  local mine = blank()
  -- Nobody's, if it names no account: what a daemon writes does.
  if printable(s.appid) == '' or printable(s.issuer) == '' then return mine end
  other = s
  -- The day's calls are those of the key, or two accounts that take it from
  -- each other would never come to a limit.
  mine.day, mine.calls = s.day, s.calls
  return mine
end

-- Writes all of the state, and numbers it: two saves are never alike.
local function save(s)
  -- A blank state is one that replaces another account's.
  local ours = s.appid ~= ''
  version = turned and now or math.max(now, version + 1)
  -- PEXPIRE in place of DEL: one right less, and begin has tried it.
  if not ours then redis.call('PEXPIRE', KEYS[2], 0) end
  redis.call('HSET', KEYS[2], 'schema', a.schema, 'appid', a.appid, 'issuer', a.issuer, 'api', s.api,
    'saved_at', version,
    'token', s.token, 'expires_in', s.expires_in, 'life', s.life, 'expires_at', s.expires_at, 'minted_at', s.minted_at,
    'generation', s.generation, 'settled', s.settled, 'attempt', s.attempt, 'begun_at', s.begun_at,
    'failures', s.failures, 'next_attempt_at', s.next_attempt_at, 'unknown_until', s.unknown_until,
    'last_error', s.last_error, 'exits', s.exits, 'secret', s.secret, 'secrets_at', s.secrets_at,
    'day', s.day, 'calls', s.calls,
    'verify_at', s.verify_at, 'verified_at', s.verified_at, 'watch_until', s.watch_until, 'suspect_at', s.suspect_at,
    'questions_at', s.questions_at, 'refused', s.refused, 'outside_at', s.outside_at, 'outside_draws', s.outside_draws,
    'force', s.force, 'force_for', s.force_for, 'forced_at', s.forced_at, 'no_force_until', s.no_force_until,
    'quota_ask_at', s.quota_ask_at, 'quota_day', s.quota_day, 'quota_limit', s.quota_limit, 'quota_used', s.quota_used,
    'quota_base', s.quota_base, 'outside_today', s.outside_today,
    'no_answer_until', s.no_answer_until, 'asked_at', s.asked_at,
    'wished_at', s.wished_at, 'requests_at', s.requests_at)
end

-- What lies under the key, and a short name of it to compare by. Another type,
-- or a value too long to be ours, is named without being read.
local function peek()
  local length = expect(redis.pcall('STRLEN', KEYS[1]))
  if not length then return false, 'wrongtype' end
  if length > 4096 then return false, 'long:' .. length end
  local value = redis.call('GET', KEYS[1])
  return value, value and redis.sha1hex(value) or ''
end

-- What a reader reports, as far as a token is long; '' if nothing.
local function reported() return expect(redis.pcall('GETRANGE', KEYS[4], 0, 1023)) or '' end

-- The live lease, or nil. One that ends later than any process asked for, or
-- never, is nobody's.
local function lease()
  local value, ttl = expect(redis.pcall('GET', KEYS[3])), redis.call('PTTL', KEYS[3])
  local attempt, n, clean, length = string.match(value or '', '^(%x+):(%d+):([01]):(%d+)$')
  local most = number(length, LONGEST_LEASE)
  if not attempt or ttl <= 0 or ttl > most + 1000 then return nil end
  return { attempt = attempt, n = number(n, COUNT), clean = clean == '1', length = most }
end

-- Compare-and-swap: the decision was made in Go, on what was observed.
local function changed()
  local _, name = peek()
  return version ~= a.seen.version or name ~= a.seen.value
end

local function outstanding(s) return s.generation > s.settled end

-- Somebody may have drawn a token that nobody stored. Nor may the count of our
-- draws be right then, so that what WeChat has counted is compared anew (Q3).
local function mark(s) s.generation, s.quota_base = s.generation + 1, 0 end

-- If the state was lost (deleted, or evicted), the count goes on from the number
-- of the lease: from less, `settled` would already cover later marks.
local function recount(s, held) s.generation = math.max(s.generation, held.n) end

-- A question that is due already stays so: whoever breaks the key at each poll
-- must not put it off.
local function ask_by(s, at)
  if s.verify_at == 0 or s.verify_at > at then s.verify_at = at end
end

-- Something doubtful happened: verify often until the overlap must be over.
local function watch(s)
  s.watch_until = now + a.overlap + a.lease
  ask_by(s, now + a.often)
end

-- One refusal waits for its confirmation.
local function suspected(s) return s.suspect_at > now - a.soon end

-- How long until the next verification: often under watch, at once after a refusal.
local function verify_wait(s)
  if suspected(s) then return a.poll end
  return s.watch_until > now and a.often or a.calm
end

-- Of what people and readers ask for, one each `every`, and up to an hour's
-- share at once: whether there is room was decided in Go, this counts it.
-- Beyond the hour there is nothing to count.
local function count(t, every) return math.min(math.max(t, now) + every, now + HOUR) end
