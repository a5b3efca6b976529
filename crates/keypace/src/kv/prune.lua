-- Drops members of the index whose time is over, and says where the others begin.
-- KEYS: the index. ARGV: members to drop at most. Gives the server's time in ms, and how many dead members are left.
-- A server that takes no writes at the moment still answers: what is not dropped is skipped by the reader.
if redis.replicate_commands then redis.replicate_commands() end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local dead = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. now)
if dead > 0 then
  local dropped = redis.pcall('ZREMRANGEBYRANK', KEYS[1], 0, math.min(dead, tonumber(ARGV[1])) - 1)
  if type(dropped) == 'number' then dead = dead - dropped end
end
return {now, dead}
