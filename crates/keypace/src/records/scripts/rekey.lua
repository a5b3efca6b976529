-- Begins, holds and ends the move of a namespace to another version of its owner key. One mover at a time holds it.
-- KEYS: meta. ARGV: 1 begin, hold or end, 2 who moves (random text), 3 for how long it is held in ms,
--       4 the version to move from, 5 its fingerprint, 6 the version to move to, 7 its fingerprint.
-- Gives {ok}; {busy, ms until another mover's hold is over}; {lost} where it is not held by this one or is none of these.
if redis.replicate_commands then redis.replicate_commands() end
local meta, step, who = KEYS[1], ARGV[1], ARGV[2]
local function int(number) return string.format('%.0f', number) end
local function field(name) return redis.call('HGET', meta, name) or '' end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local by, from = field('rekeying_by'), field('rekeying_from')
if step == 'begin' then
  local left = (tonumber(field('rekeying_until')) or 0) - now
  if by ~= '' and by ~= who and left > 0 then return {'busy', left} end
  local is_new = from == '' and field('key_version') == ARGV[4] and field('fingerprint') == ARGV[5]
  local goes_on = from == ARGV[4] and field('key_version') == ARGV[6] and field('fingerprint') == ARGV[7]
  if not is_new and not goes_on then return {'lost'} end
  redis.call('HMSET', meta, 'key_version', ARGV[6], 'fingerprint', ARGV[7], 'rekeying_from', ARGV[4])
elseif by ~= who or from == '' then
  return {'lost'}
end
if step == 'end' then
  redis.call('HDEL', meta, 'rekeying_from', 'rekeying_by', 'rekeying_until')
else
  redis.call('HMSET', meta, 'rekeying_by', who, 'rekeying_until', int(now + ARGV[3]))
end
return {'ok'}
