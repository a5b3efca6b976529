-- Says where an owner's records are while the owner key is rotated, and leads an owner that has none to the new names.
-- KEYS: index by creation, index by expiry and seal, under the former key; there too, or left out: record, tombstone.
-- ARGV: 1 the key version to lead to (empty: only say), 2 how long the seal stays in ms.
-- Gives {here}: they are under the former key. {empty}: nothing is there, and nothing was sealed. {moving}: ask again in a
-- moment. {sealed, key version, version of the deletion that is remembered under the former key or 0}.
local seal = redis.call('GET', KEYS[3])
local is_there = KEYS[4] and redis.call('EXISTS', KEYS[4]) == 1
local buried = KEYS[5] and tonumber(redis.call('GET', KEYS[5]) or 0) or 0
if not seal then
  local kept = redis.call('EXISTS', KEYS[1]) + redis.call('EXISTS', KEYS[2])
  if is_there or buried > 0 or kept > 0 then return {'here'} end
  if ARGV[1] == '' then return {'empty'} end
  redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
  seal = ARGV[1]
end
-- While records are copied a seal's value is no number. A record that no index named is copied when it is found.
local version = tonumber(seal)
if not version or is_there then return {'moving'} end
return {'sealed', version, buried}
