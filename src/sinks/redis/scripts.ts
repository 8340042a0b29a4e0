/** What is done in Redis, each whole or not at all. Beside the key stands another, by which we know what is ours. */

/**
 * KEYS: the key, our note beside it, and two more for a moment, in which both are made. `content()`: what is there, as one list: its type, and then
 * the text, or the names and values of its fields.
 */
const reading = `
local key, ours, fresh, note = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function content()
  local kind = redis.call('TYPE', key).ok
  if kind == 'string' then return { kind, redis.call('GET', key) } end
  if kind ~= 'hash' then return { kind } end
  local all = redis.call('HGETALL', key)
  table.insert(all, 1, kind)
  return all
end
local function is_same(a, b)
  if #a ~= #b or a[1] ~= b[1] then return false end
  if a[1] ~= 'hash' then return a[2] == b[2] end
  local fields = {}
  for i = 2, #a, 2 do fields[a[i]] = a[i + 1] end
  for i = 2, #b, 2 do if fields[b[i]] ~= b[i + 1] then return false end end
  return true
end
local function arguments(from)
  local all = {}
  for i = from, #ARGV do all[#all + 1] = ARGV[i] end
  return all
end
local function is_foreign(kind)
  return kind ~= 'none' and kind ~= 'hash' and kind ~= 'string'
end
local answer
local function try(...)
  if type(answer) ~= 'table' or not answer.err then answer = redis.pcall(...) end
end
local function ended(word)
  if type(answer) == 'table' and answer.err then
    redis.pcall('DEL', fresh, note)
    return answer
  end
  return { word }
end
`;

/** Answers with our mark (or ''), and what is there. */
export const read = `${reading}
return { redis.call('HGET', ours, 'mark') or '', content() }
`;

/** Answers with what kind of thing is there, and with our mark (or ''). */
export const look = `
return { redis.call('TYPE', KEYS[1]).ok, redis.call('HGET', KEYS[2], 'mark') or '' }
`;

/**
 * ARGV: the sequence, the mark, milliseconds to live (or ''), the channel (or ''), and the content as `read` answers it.
 * Answers with 'written' or 'present'; or with 'later' and the sequence that is there, or 'other' and what kind of thing is.
 *
 * Values are written under another name, which takes the key's place last: whatever is refused to us before, what was
 * there is untouched.
 */
export const write = `${reading}
local sequence, mark, ttl, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local wanted = arguments(5)
local present = content()
if is_foreign(present[1]) then return { 'other', present[1] } end
local last = redis.call('HGET', ours, 'sequence')
if last and tonumber(last) and tonumber(last) > tonumber(sequence) then return { 'later', last } end
if last == sequence and redis.call('HGET', ours, 'mark') == mark and is_same(present, wanted) then
  if ttl ~= '' then
    redis.call('PEXPIRE', key, ttl)
    redis.call('PEXPIRE', ours, ttl)
  end
  return { 'present' }
end
try('DEL', fresh, note)
if wanted[1] == 'string' then
  try('SET', fresh, wanted[2])
else
  for i = 2, #wanted, 2 do try('HSET', fresh, wanted[i], wanted[i + 1]) end
end
try('HSET', note, 'sequence', sequence, 'mark', mark)
if ttl ~= '' then
  try('PEXPIRE', fresh, ttl)
  try('PEXPIRE', note, ttl)
end
if channel ~= '' then try('PUBLISH', channel, sequence) end
try('RENAME', fresh, key)
try('RENAME', note, ours)
return ended('written')
`;

/** ARGV: the kind of thing that will be written. Does all of it but under another name, and leaves nothing. */
export const check = `${reading}
local present = content()
if is_foreign(present[1]) then return { 'other', present[1] } end
redis.call('HGET', ours, 'mark')
try('DEL', fresh)
if ARGV[1] == 'string' then try('SET', fresh, '') else try('HSET', fresh, 'a', '') end
try('PEXPIRE', fresh, 1000)
try('RENAME', fresh, fresh)
try('DEL', fresh)
return ended('well')
`;

/** ARGV: milliseconds to live, our mark as it was read. What is still there lives for so long again. */
export const prolong = `
if redis.call('HGET', KEYS[2], 'mark') ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('PEXPIRE', KEYS[2], ARGV[1])
`;

/** ARGV: our mark and the content, as they were read. What became another meanwhile stays. */
export const remove = `${reading}
if redis.call('HGET', ours, 'mark') ~= ARGV[1] then return 0 end
if is_same(content(), arguments(2)) then redis.call('DEL', key) end
return redis.call('DEL', ours)
`;
