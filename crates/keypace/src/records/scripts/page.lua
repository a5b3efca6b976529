-- One page of an owner's records, newest first and ties by id, after members whose time is over were dropped.
-- KEYS: index by creation, index by expiry, seal.
-- ARGV: 1 members to give at most (0: the counts alone), 2 dead members to drop at most,
--       3 and 4: 'offset' and a rank, or 'after', a score and, in 5, an id.
-- Gives {ok, now in unix ms, live members, dead ones left, members behind the page, then of each member its id, its score
-- and its expiry (empty where the index by expiry lacks it)}, or {sealed, key version}.
-- A server that takes no writes at the moment still answers: what is not dropped is counted as left.
if redis.replicate_commands then redis.replicate_commands() end
local by_created, by_expiry = KEYS[1], KEYS[2]
local function int(number) return string.format('%.0f', number) end

-- The order of bytes, as the index has it. Lua's `<` follows the locale of the server.
local function is_above(a, b)
  for at = 1, math.min(#a, #b) do
    local left, right = string.byte(a, at), string.byte(b, at)
    if left ~= right then return left > right end
  end
  return #a > #b
end

-- The rank of the first member behind a place, whether or not a member is there.
local function behind(score, id)
  local low = redis.call('ZCOUNT', by_created, '-inf', '(' .. score)
  local high = low + redis.call('ZCOUNT', by_created, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_above(redis.call('ZRANGE', by_created, middle, middle)[1], id) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

local seal = redis.call('GET', KEYS[3])
if seal then return {'sealed', tonumber(seal)} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = redis.call('ZCOUNT', by_expiry, '-inf', '(' .. int(now))
if left > 0 then
  local dead = redis.call('ZRANGEBYSCORE', by_expiry, '-inf', '(' .. int(now), 'LIMIT', 0, ARGV[2])
  if #dead > 0 and type(redis.pcall('ZREM', by_created, unpack(dead))) == 'number' then
    local dropped = redis.pcall('ZREM', by_expiry, unpack(dead))
    if type(dropped) == 'number' then left = left - dropped end
  end
end

local total = redis.call('ZCOUNT', by_expiry, int(now), '+inf')
local count = tonumber(ARGV[1])
local page = {'ok', now, total, left, 0}
if count == 0 then return page end
local first = ARGV[3] == 'after' and behind(ARGV[4], ARGV[5]) or tonumber(ARGV[4])
local members = redis.call('ZRANGE', by_created, int(first), int(first + count - 1), 'WITHSCORES')
page[5] = math.max(0, redis.call('ZCARD', by_created) - first - #members / 2)
for at = 1, #members, 2 do
  page[#page + 1] = members[at]
  page[#page + 1] = members[at + 1]
  page[#page + 1] = redis.call('ZSCORE', by_expiry, members[at]) or ''
end
return page
