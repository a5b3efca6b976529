-- Checks a bounded batch of keys and removes those that pass, in one step.
-- KEYS: the keys, in a cluster all of one slot.
-- ARGV: the command that removes; `own` where the idle time of a value that keys share is no key's; the conditions, as the
-- guard writes them; the types, where any are asked for.
-- Returns a letter a key: d deleted, g gone, r refused, t refused for its type.
-- Where a command fails: the letters of the keys before, and its error.

-- Before 5.0 replicas would run the script themselves, with idle times of their own.
if redis.replicate_commands then redis.replicate_commands() end

local verb, wants_own, expiry = ARGV[1], ARGV[2] == 'own', ARGV[4]
local idle_over, ttl_over, ttl_under = tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[6])
local size_over, size_under = tonumber(ARGV[7]), tonumber(ARGV[8])
local samples, near_factor, most_elements = ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11])
local types
for i = 12, #ARGV do
  types = types or {}
  types[ARGV[i]] = true
end
local lengths = {
  string = 'STRLEN', list = 'LLEN', set = 'SCARD', zset = 'ZCARD', hash = 'HLEN', stream = 'XLEN',
}
local has_memory = true

-- Commands are called so that their own error is kept: what was removed before has to be told all the same.
local function ask(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then error({ said = reply.err }) end
  return reply
end

local function is_near(bytes, threshold)
  return threshold and bytes >= math.floor(threshold / near_factor) and bytes <= threshold * near_factor
end

-- Bytes; elements where the server can't tell bytes; nothing where it can tell neither; false where the key has gone.
local function size_of(key)
  local bytes
  if has_memory then
    bytes = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', samples)
    if type(bytes) == 'table' and bytes.err then
      if not string.find(bytes.err, 'nknown') then error({ said = bytes.err }) end
      has_memory = false
    end
  end
  if has_memory and (not bytes or most_elements == 0) then return bytes end
  if has_memory and not (is_near(bytes, size_over) or is_near(bytes, size_under)) then return bytes end
  local kind = ask('TYPE', key).ok
  if kind == 'none' then return false end
  local length = lengths[kind] and (kind ~= 'string' or not has_memory) and ask(lengths[kind], key)
  if not has_memory then return length or nil end
  if length and length <= most_elements then return ask('MEMORY', 'USAGE', key, 'SAMPLES', '0') end
  return bytes
end

local function check(key)
  -- Asked before anything that could make the key young.
  if idle_over then
    local idle = ask('OBJECT', 'IDLETIME', key)
    if not idle then return 'g' end
    if idle < idle_over then return 'r' end
    -- Strings that are small numbers may be one value for all keys, as old as the server: a new key is no younger.
    if wants_own and ask('OBJECT', 'REFCOUNT', key) ~= 1 then return 'r' end
  end
  if types then
    local kind = ask('TYPE', key).ok
    if kind == 'none' then return 'g' end
    if not types[string.lower(kind)] then return 't' end
  end
  if expiry ~= '' then
    local left = ask('PTTL', key)
    if left == -2 then return 'g' end
    if (left >= 0) ~= (expiry == 'has') then return 'r' end
    if ttl_over and left <= ttl_over or ttl_under and left >= ttl_under then return 'r' end
  end
  if size_over or size_under then
    local size = size_of(key)
    if size == false then return 'g' end
    if not size or size_over and size <= size_over or size_under and size >= size_under then return 'r' end
  end
  if ask(verb, key) == 1 then return 'd' end
  return 'g'
end

local letters = {}
local is_done, failed = pcall(function()
  for i, key in ipairs(KEYS) do letters[i] = check(key) end
end)
if is_done then return table.concat(letters) end
return { table.concat(letters), type(failed) == 'table' and failed.said or tostring(failed) }
