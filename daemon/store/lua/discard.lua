-- discard: a report of another token, or of one that is known to be refused, calls
-- for no question.
if redis.sha1hex(reported()) ~= a.report then return { 'changed' } end
redis.call('PEXPIRE', KEYS[4], 0)
return { 'discarded' }
