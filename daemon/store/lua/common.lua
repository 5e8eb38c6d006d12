-- Every script but observe has its guards numbered. Every script starts with this. KEYS: what readers read, state, lease.
-- ARGV[1]: a JSON object, `a`. A script is atomic: nobody else's write falls
-- between its lines, and a process that dies never leaves half of it.
local K, STATE, LEASE = KEYS[1], KEYS[2], KEYS[3]
local a = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A number that no script could have written counts as absent: Go and Lua
-- would read it differently, and their compare-and-swap never agree again.
local function num(x)
  if type(x) == 'string' and not string.find(x, '^%-?%d+$') then return 0 end
  local n = tonumber(x) or 0
  if n ~= n or math.abs(n) > 9e15 then return 0 end
  return n
end
local function int(x) return string.format('%.0f', x) end

-- A time further ahead than anybody could have set it was written by another
-- clock (a failover to a node whose time differs): it counts as passed.
local function sane(t, max)
  if num(t) > now + num(max) + 1000 then return 0 end
  return num(t)
end

-- Longer than any watch, whatever the lease of the replica that began it.
local HOUR = 3600000

-- The reply of a read; nil if the key has another type. Any other error ends
-- the script: a missing right, taken for an empty state, would start a mint
-- at each poll.
local function read(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then error(reply.err) end
  return nil
end

-- What lies at K, and a short name of it to compare by. Another type, or a
-- value too long to be ours, is named without being read.
local function peek()
  local length = read('STRLEN', K)
  if not length then return false, 'wrongtype' end
  if length > 4096 then return false, 'long:' .. int(length) end
  local value = redis.call('GET', K)
  return value, value and redis.sha1hex(value) or ''
end

-- The state as a table; empty when there is none, when the key has another
-- type, or when it is another credential's. `fresh` says that save must begin
-- from nothing.
local fresh = true
local function load_state()
  local s, flat = {}, read('HGETALL', STATE) or {}
  for i = 1, #flat, 2 do s[flat[i]] = flat[i + 1] end
  if s.appid ~= a.appid or s.issuer ~= a.issuer then return {} end
  fresh = false
  return s
end

local function save(s)
  s.schema, s.appid, s.issuer = a.schema, a.appid, a.issuer
  local flat = {}
  for field, value in pairs(s) do
    flat[#flat + 1] = field
    flat[#flat + 1] = type(value) == 'number' and int(value) or value
  end
  if fresh then redis.call('DEL', STATE) end
  redis.call('HSET', STATE, unpack(flat))
end

-- The live lease, or nil. Without a TTL, or with one longer than it was given,
-- it is nobody's: no process would ever see it end.
local function lease()
  local value, ttl = read('GET', LEASE), redis.call('PTTL', LEASE)
  if not value then return nil end
  local attempt, n, clean, length = string.match(value, '^(%x+):(%d+):([01]):(%d+)$')
  if not attempt or ttl <= 0 or ttl > num(length) + 1000 then return nil end
  return { attempt = attempt, n = num(n), clean = clean == '1', length = length }
end

-- The state still has the token that was observed, and no newer version has
-- taken it over.
local function same(s) return num(s.schema) == a.seen.schema and redis.sha1hex(s.token or '') == a.seen.token end

-- Compare-and-swap: the decision was made in Go, on what was observed.
local function changed(s)
  local _, name = peek()
  return not same(s) or num(s.generation) ~= a.seen.generation or num(s.settled) ~= a.seen.settled or name ~= a.seen.value
end

local function outstanding(s) return num(s.generation) > num(s.settled) end

-- Somebody may have drawn a token that nobody stored.
local function mark(s) s.generation = num(s.generation) + 1 end

-- Somebody may have deleted the state alone, or Redis evicted it: the begin
-- that the lease names happened all the same. Counted from less, the next marks
-- would be settled in advance.
local function recount(s, held) s.generation = math.max(num(s.generation), held.n) end

-- How often WeChat is asked about a token that nobody doubts: never slower than
-- promised, although ticks and the mint take their time.
local function calm() return a.verify_every * 3 / 4 end

-- How soon WeChat may be asked about the token once more, whatever happens.
local function soon() return a.verify_every / 10 end
-- A question that is due already stays so: whoever breaks the key at each poll
-- must not put it off.
local function ask_soon(s)
  local at = math.max(now, sane(s.verified_at, 0) + soon())
  if num(s.verify_at) == 0 or num(s.verify_at) > at then s.verify_at = at end
end

-- Something doubtful happened: verify often until the overlap must be over.
local function watch(s)
  s.watch_until = now + a.overlap + a.lease
  s.verify_at = math.min(num(s.verify_at), now + calm() / 10)
end

-- Of what readers and people ask for, so many an hour.
local function hourly(s, what, limit)
  local hour = math.floor(now / HOUR)
  if num(s[what .. '_hour']) ~= hour then s[what .. '_hour'], s[what] = hour, 0 end
  if num(s[what]) >= limit then return false end
  s[what] = num(s[what]) + 1
  return true
end

-- One refusal waits for its confirmation.
local function suspected(s) return sane(s.suspect_at, 0) > now - soon() end

-- How long until the next verification: often under watch, at once after a refusal.
local function verify_wait(s)
  if suspected(s) then return a.poll end
  if sane(s.watch_until, HOUR) > now then return calm() / 10 end
  return calm()
end
