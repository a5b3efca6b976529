-- Gives a record another time to live, and its members of both indexes with it, in one step.
-- KEYS: record, index by expiry, index by creation, seal, tombstone (may be left out).
-- ARGV: 1 id, 2 TTL in ms (0: none), 3 how long a trace of this stays in ms, where the namespace follows an old layout (else
--       empty or left out). A record that a rebuild brought then gets a version of its own, so that no rebuild undoes this.
-- Gives {ok, expiry in unix ms or -1}, {missing}, or {sealed, key version}.
if redis.replicate_commands then redis.replicate_commands() end
local record, by_expiry, by_created = KEYS[1], KEYS[2], KEYS[3]
local id = ARGV[1]
local function int(number) return string.format('%.0f', number) end

-- Every key is read before the first write, so that one of another type stops this before anything happened.
local seal = redis.call('GET', KEYS[4])
if seal then return {'sealed', tonumber(seal)} end
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)
local head = redis.call('GETRANGE', record, 0, 63)
redis.call('ZCARD', by_expiry)
redis.call('ZCARD', by_created)
local follows = KEYS[5] and (ARGV[3] or '') ~= ''
local buried = follows and tonumber(redis.call('GET', KEYS[5]) or 0) or 0
if redis.call('EXISTS', record) == 0 then return {'missing'} end

local expiry = -1
if ARGV[2] ~= '0' then expiry = now + ARGV[2] end
local version, created = string.match(head, '^k1 (%d+) (%-?%d+) %-?%d+\n')
if created then redis.call('ZADD', by_created, int(0 - created), id) end
redis.call('ZADD', by_expiry, expiry < 0 and '+inf' or int(expiry), id)
if follows and version and tonumber(version) <= 999999999999 then
  local rest = redis.call('GETRANGE', record, 3 + #version, -1)
  redis.call('SET', record, 'k1 ' .. int(math.max(now_us, buried + 1)) .. rest)
end
if follows and expiry >= 0 then
  -- When it has expired nothing else tells a rebuild that it was here. The last version that a rebuild gives is buried.
  local left = math.max(redis.call('PTTL', KEYS[5]), expiry - now + ARGV[3])
  redis.call('SET', KEYS[5], int(math.max(buried, 999999999999)), 'PX', int(left))
end
if expiry < 0 then
  redis.call('PERSIST', record)
else
  redis.call('PEXPIREAT', record, int(expiry))
end
-- Both indexes live as long as the last record.
-- A score that is no time, as only others write it, is left alone; one behind all calendars is for ever, as +inf is.
local last = tonumber(redis.call('ZREVRANGE', by_expiry, 0, 0, 'WITHSCORES')[2])
for _, index in ipairs({by_created, by_expiry}) do
  if last and last > 9e15 then
    redis.call('PERSIST', index)
  elseif last and last > 0 then
    redis.call('PEXPIREAT', index, int(last))
  end
end
return {'ok', expiry}
