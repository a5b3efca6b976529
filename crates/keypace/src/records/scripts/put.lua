-- Writes a record and its members of both indexes in one step.
-- KEYS: record, index by creation, index by expiry, seal, tombstone (may be left out).
-- ARGV: 1 mode (put, create, update, import), 2 id, 3 body, 4 TTL in ms (0: none; keep: as it is),
--       5 created in unix ms (empty: as it is, else now), 6 updated in unix ms (empty: now),
--       7 version (update: the expected one; import: the one to write; else empty),
--       8 expiry in unix ms in place of the TTL (else empty), 9 dead members to drop at most,
--       10 how long a trace of this stays in ms, where the namespace follows an old layout (else empty or left out).
--       11 import: the last moment in unix ms at which it may still be written (empty or left out: any).
-- Gives {ok, version, created, updated, expiry or -1}. Or nothing is written: {exists, version}, {missing},
-- {version, the one there is}, {older, the one there is}, {late}, {sealed, key version}. Or {expired}, and the record is gone.
if redis.replicate_commands then redis.replicate_commands() end
local record, by_created, by_expiry = KEYS[1], KEYS[2], KEYS[3]
local mode, id, body = ARGV[1], ARGV[2], ARGV[3]
local function int(number) return string.format('%.0f', number) end

-- Every key is read before the first write, so that one of another type stops this before anything happened.
local seal = redis.call('GET', KEYS[4])
if seal then return {'sealed', tonumber(seal)} end
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)
local head = redis.call('GETRANGE', record, 0, 63)
local is_there = redis.call('EXISTS', record) == 1
local was_version, was_created = string.match(head, '^k1 (%d+) (%-?%d+) %-?%d+\n')
was_version = tonumber(was_version) or 0
local buried = KEYS[5] and tonumber(redis.call('GET', KEYS[5]) or 0) or 0
local was_expiry = tonumber(redis.call('ZSCORE', by_expiry, id) or nil)
redis.call('ZCARD', by_created)

local version = math.max(now_us, was_version + 1, buried + 1)
if mode == 'create' and is_there then return {'exists', was_version} end
if mode == 'update' then
  if not is_there then return {'missing'} end
  if was_version ~= tonumber(ARGV[7]) then return {'version', was_version} end
end
if mode == 'import' then
  version = tonumber(ARGV[7])
  -- It was on its way for too long: what was deleted meanwhile may be remembered no more.
  if (ARGV[11] or '') ~= '' and now > tonumber(ARGV[11]) then return {'late'} end
  local newest = math.max(was_version, buried)
  -- The same version with another body is the same state with another note of a cache's.
  local is_same = version == was_version
    and redis.call('GETRANGE', record, string.find(head, '\n', 1, true), -1) == body
  if version < newest or version <= buried or is_same then return {'older', newest} end
end

local expiry = -1
if ARGV[8] ~= '' then
  expiry = tonumber(ARGV[8])
elseif ARGV[4] == 'keep' then
  local left = redis.call('PTTL', record)
  if left >= 0 then
    expiry = now + left
    -- The two clocks are read one after the other; the score is the time that was set.
    if was_expiry and math.abs(was_expiry - expiry) <= 2 then expiry = was_expiry end
  end
elseif ARGV[4] ~= '0' then
  expiry = now + ARGV[4]
end
local created = tonumber(ARGV[5]) or tonumber(was_created) or now
local updated = tonumber(ARGV[6]) or now

local result
if expiry >= 0 and expiry <= now then
  redis.call('ZREM', by_created, id)
  redis.call('ZREM', by_expiry, id)
  redis.call('DEL', record)
  result = {'expired'}
else
  redis.call('ZADD', by_created, int(0 - created), id)
  redis.call('ZADD', by_expiry, expiry < 0 and '+inf' or int(expiry), id)
  redis.call('SET', record, 'k1 ' .. int(version) .. ' ' .. int(created) .. ' ' .. int(updated) .. '\n' .. body)
  if expiry >= 0 then redis.call('PEXPIREAT', record, int(expiry)) end
  result = {'ok', version, created, updated, expiry}
end
if KEYS[5] and (ARGV[10] or '') ~= '' and expiry >= 0 then
  -- When it has expired nothing else tells a rebuild that it was here. The last version that a rebuild gives is buried.
  local left = math.max(redis.call('PTTL', KEYS[5]), math.max(expiry - now, 0) + ARGV[10])
  redis.call('SET', KEYS[5], int(math.max(buried, 999999999999)), 'PX', int(left))
end

local dead = redis.call('ZRANGEBYSCORE', by_expiry, '-inf', '(' .. int(now), 'LIMIT', 0, ARGV[9])
if #dead > 0 then
  redis.call('ZREM', by_created, unpack(dead))
  redis.call('ZREM', by_expiry, unpack(dead))
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
return result
