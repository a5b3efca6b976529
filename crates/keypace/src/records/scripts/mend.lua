-- Makes both indexes say of one record what it says itself, in one step.
-- KEYS: record, index by creation, index by expiry, seal. ARGV: id.
-- Gives {ok}; {gone} where there is no record, and its members are dropped; {foreign} where its header can't be read, and
-- nothing was changed; or {sealed, key version}.
if redis.replicate_commands then redis.replicate_commands() end
local record, by_created, by_expiry = KEYS[1], KEYS[2], KEYS[3]
local id = ARGV[1]
local function int(number) return string.format('%.0f', number) end

-- Every key is read before the first write, so that one of another type stops this before anything happened.
local seal = redis.call('GET', KEYS[4])
if seal then return {'sealed', tonumber(seal)} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local head = redis.call('GETRANGE', record, 0, 63)
local expiry = redis.pcall('PEXPIRETIME', record)
local was_expiry = tonumber(redis.call('ZSCORE', by_expiry, id) or nil)
redis.call('ZCARD', by_created)

local result = 'ok'
-- Servers before 7.0 have no PEXPIRETIME; the score is the time that was set, and the sum of two clocks a little off.
if type(expiry) ~= 'number' then
  expiry = redis.call('PTTL', record)
  if expiry >= 0 then expiry = now + expiry end
  if was_expiry and math.abs(was_expiry - expiry) <= 2 then expiry = was_expiry end
end
if expiry == -2 then
  redis.call('ZREM', by_created, id)
  redis.call('ZREM', by_expiry, id)
  result = 'gone'
else
  local created = tonumber(string.match(head, '^k1 %d+ (%-?%d+) %-?%d+\n') or nil)
  if not created then return {'foreign'} end
  redis.call('ZADD', by_created, int(0 - created), id)
  redis.call('ZADD', by_expiry, expiry < 0 and '+inf' or int(expiry), id)
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
return {result}
