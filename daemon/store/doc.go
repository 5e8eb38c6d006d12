// Package store keeps a credential's token and bookkeeping in Redis. It knows
// no WeChat, and it makes no decision that one process can make for itself.
//
// What two processes at once could get wrong is settled inside Redis, by the
// scripts under lua/, each of which is atomic. Whether to mint is decided in
// package keeper, on an observation; the script then does nothing if the world
// is no longer the one that was observed. Each rule stands in one of the two
// places, never in both.
//
// # Keys
//
// For a key K, all in one hash slot of a Cluster (see [NewKeys]):
//
//	K             what readers read, written in one command with the time at which it ends
//	{K}:state     a hash: the token with its bookkeeping
//	{K}:lease     attempt:n:clean:length, the right to mint once; ends by itself
//	{K}:rejected  a token that a reader says was refused; deleted when WeChat has answered
//
// Mirrors are any other keys, each in a hash slot of its own: what readers of an SDK's
// layout read. They hold no bookkeeping.
//
// # State
//
// Times are Redis server time in milliseconds, 0 is never. See [State].
//
//	number     saved_at, the time of the last save, or later: no two saves have the same
//	whose      schema, appid, issuer (the host of WeChat), api
//	token      token, expires_in, expires_at, life (expires_in of its first answer), minted_at
//	mint       generation counts begins and marks, settled is the begin that the last commit
//	           covered; attempt committed last; begun_at
//	failure    failures, next_attempt_at, unknown_until, last_error, secret (fingerprint)
//	day        day (UTC+8), calls
//	question   verify_at, verified_at, watch_until, suspect_at, refused (fingerprint), no_answer_until
//	outside    outside_at, outside_draws: draws of somebody else that were answered
//	exits      exits: the addresses that the platform did not let in, each with its time
//	count      quota_day, quota_limit, quota_used: what WeChat said last of the day's draws;
//	           quota_base, outside_today: what of it is taken for ours beside calls, and what
//	           is certainly not; quota_ask_at
//	force      force (how many are to do), force_for (which refused token), forced_at, no_force_until
//	person     asked_at, wished_at
//	room       questions_at, requests_at, secrets_at: what an hour has room for, see HasRoom
//
// A mint is outstanding, that is, a token may have been drawn that nobody
// stored, while generation > settled. To mark is to raise generation by one. A
// watch has WeChat asked about the token ten times as often until the overlap
// must be over. The principle behind both: where the truth at WeChat is in
// doubt nothing is inferred. A mark asks for one more mint, a watch asks WeChat.
//
// # The scripts and their guards
//
// A guard has the number under which its script and its tests name it, and
// beside it the trace that it stops. Numbers that are missing were guards that
// nothing needed, or that Go has taken over.
//
// begin takes the lease, raises generation, counts the call, and writes the
// outcome down as a failure: a process that dies in each mint backs off as
// well. Its writes need every right and all the room that commit needs, so
// those are tried before a call is spent.
//
//   - B2, the same attempt asks again: it gets the same answer and the whole
//     lease. Else a lost reply costs a second count, or a wait for one's own lease.
//   - B3, a live lease: two processes that see one refresh due would both mint.
//   - B5, the state's number and what lies under K are as they were observed:
//     between look and begin somebody else's whole refresh can happen. More below.
//   - B8, an earlier outcome is still unknown: WeChat may process that request
//     after this one, and K would hold the older of the two. One mark more, which
//     this attempt's commit does not cover.
//   - B10, the state can be written, which is tried first: a user of Redis who may
//     set a key but no hash would leave a lease that nobody ever uses, and the next
//     look would tell of that lease and not of the right.
//   - B12, the draw answers a report, where WeChat can be asked in no other way:
//     it counts as a question, or who reports in a loop would use up the day's draws.
//
// commit stores the token, for the holder of the lease alone.
//
//   - C1, the lease is this attempt's: stopped for longer than the lease, while
//     another one commits, a process would write its old token over the new one. An
//     attempt is random, as after a FLUSHALL any owner and count come again.
//   - C2, the token still lives: the answer can take longer than the token does.
//   - C3, settled becomes the lease's n, never generation: A sleeps before it
//     sends, B begins and mints, A's request is processed last, its commit is
//     refused and marks. B's commit must not cover that mark.
//   - C4, key and state in one step: a process that dies in between would leave
//     readers a token that no state knows, or a state whose token nobody can read.
//     Whatever was in doubt is watched from here on.
//   - C5, this attempt has committed: the reply was lost, and without an answer a
//     second mint would follow in the same lifetime.
//   - C6, the lease was lost: this mint may have killed the winner's token. K stays
//     untouched, and the mark has the next attempt draw over both.
//   - C7, WeChat gave back the very token that it refuses: stored, it would look
//     fresh to everybody. One forced draw is asked for instead, at most once an overlap.
//   - C8, the report that the draw answers is deleted with its answer, and no other.
//
// abort ends an attempt without a token. Readers notice nothing.
//
//   - A1, the lease was lost: the same as C6 if the outcome is unknown, else nothing.
//   - A2, when the next attempt comes is Go's word; an unknown outcome is watched.
//   - A3, certainly nothing was issued, and nothing was outstanding at begin: only
//     then is the begin settled. Attempt 1 without an answer and attempt 2 with -1
//     would otherwise forget attempt 1.
//   - A4, the lease ends, or a wait of a second would be one of a lease.
//   - A5, WeChat forces no more today: only forced draws wait for the next day.
//   - A6, WeChat names the address that it does not let in: kept for a week with the
//     others, as each failure names one, and a NAT may have many.
//
// restore writes the token back that a replica remembers, after Redis lost it,
// and reassert the state's token, after somebody broke K. No mint; both compare as B5.
//
//   - R8, a token or something outstanding was in the state: a mark. Which one WeChat
//     takes for the newest does not follow from the order of the begins.
//   - R9, a watch, and a question soon, but never before the pace of questions
//     allows: who breaks K at each poll must not use up the day's.
//   - S2, the state's token has not ended between look and script.
//   - S5, a watch, and what is outstanding stays so: to write back settles nothing.
//
// claim makes one replica the one that asks WeChat about the token, for a tenth
// of verify_every. It compares the number alone, as who breaks K at each poll
// must blind nobody. verdict stores the answer, if the token is still the same.
//
//   - V1, a refusal is believed the second time, at least a poll later: one 40001
//     is weak evidence. What was said of one token says nothing of the next.
//   - V2, an accepting answer takes a refusal back, and the forced draw that it asked
//     for: what is dead stays dead, so WeChat was wrong.
//   - V3, a known refusal is not confirmed anew, but asked about again in its turn.
//   - V4, an accepting answer belongs to its question: a process that slept over it
//     would take back what a later one has heard.
//   - V5, WeChat does not let this host ask: that is no verdict, but names an address.
//
// With an accepting answer may come what WeChat has counted of the day's draws. What
// goes beyond ours was somebody else's, which nobody is to be accused of wrongly:
//
//   - Q1, a day that has ended meanwhile: calls are those of the next one.
//   - Q2, another day, or the count of another API: nothing is left of the one before.
//   - Q3, a comparison begins with all that WeChat has counted taken for ours: the
//     first answer after calls were lost (a FLUSHALL, a failover, whatever marks), or
//     after WeChat began to count anew, whose hour nobody knows. There calls are those
//     of the question, as one begun since then may not be counted yet.
//   - Q4, later our calls are those of now, as WeChat may have counted each of them.
//
// discard deletes a report that calls for no question, and only the one that was seen.
//
// mirror looks at one mirror, or writes it. It is the one script that knows nothing
// of the state, which may lie on another server. The order makes up for that: what
// lies at the mirror is looked at first, then the token, and then it is written.
//
//   - M1, it still is what was seen. Whoever wrote that had no newer token than
//     the one that was looked at after it; who wrote since then may have.
//   - M2, that was a lease ago at most, by the clock of the mirror's server: what
//     was seen may have gone, and come again in a newer token's place.
//   - M3, there is something left of the token, by the same clock.
//   - M4, a hash is written anew and whole, and its first write is one that a full
//     Redis refuses.
//
// request is a person's wish: it ends backoff, the wait between answers to outside
// draws and, by asked_at, each process' own bar, but neither an unknown outcome nor
// a limit of the day. It compares nothing, and leaves another account's state and a
// newer version's alone.
//
// # What Go decides, and why that is safe
//
// All waits and limits are decided in package keeper (decide.go, hold.go), on
// what one observation says: backoff and unknown outcomes, the spacing of begins,
// of forced draws and of answers to outside draws, the daily limit, the hour's
// room for questions, wishes and changed secrets, and that a key is taken over
// from another account only an overlap after that one's last begin. A script
// looks at none of them again. B5 is what makes that safe, by one rule:
//
//	What lengthens a wait, or uses up a limit, is a save.
//
// Each save gives the state another number. As long as the number is the one
// that was observed nobody has begun, failed, counted or asked since; only time has
// passed, and time ends waits. A begin of somebody else, a FLUSHALL, a failover and
// a takeover all change the number, so the begin is refused, and the next look decides
// anew. Whoever adds a wait must keep to that: it lies in the state, and nothing but
// save changes it. What concerns one process alone (its address is barred, it
// may not mint) never lies here.
//
// # Telling readers
//
// After a commit of a new token, and also after one that had arrived before, Go
// publishes its expiry and fingerprint (see [Store.Tell]). That is no line of
// commit.lua, although it would be told exactly once there: proxies that read a
// script before they let it pass refuse all of it for its PUBLISH, and then no
// token is stored; and a user of Redis without the right would have each commit
// in the server's log of denials. A hint that is told at most once has readers look
// at the key all the same, which is what a reader that was away has to do anyway.
//
// # Clocks
//
// Only Redis' clock counts. When it has gone back by more than a second since
// the last save (a failover to a node whose clock is behind), all times of waits
// are read as if they had gone back with it: what was a minute away at the last
// save still is, and nothing waits for hours. The next save is numbered by the new
// clock. minted_at, the order of tokens, never goes back: a begin is later than
// any token that was stored, or replicas would restore that one over each new one.
// expires_at stays as well; that the token only seems younger is known to those
// who saw it before, and is their part (memory.go in package keeper).
//
// # What counts as absent
//
// What no daemon can have written is dropped where a script reads it, here and
// nowhere else, so that Go and Lua cannot disagree: a number that is not written
// as save writes it or is larger than its kind can be, a wait that lies further
// ahead of its save than the longest one, a text that is too long, a token that
// is not printable, a lease of another form, without an end or with one later
// than it says, a list of addresses that is not as save writes it, a key of
// another type. A value of more than 4096 bytes is told apart by its length alone.
// A state of another account, or of another host of WeChat, is reported as such
// ([Other]) and counts as no state, but for the calls of the day: two accounts
// that take the key from each other meet one limit. Fields that this version does
// not know stay as they are.
//
// # Asking again
//
// The client library never sends a script twice. An error of Redis itself means
// that nothing was written ([Definite]); any other leaves it open, and the caller asks
// again: begin and commit then repeat their answer (B2, C5), an abort answers that the
// lease is gone, and the others that the world has changed.
//
// # How it is tested
//
// The tests of this package carry the guards' numbers in their names, and run on
// an embedded Redis and on a real one; some of them let each script fail, applied
// or not. TestNamedSchedules of the daemon replays the traces above in a fleet, and
// TestFleet lets fleets live through random faults, two within each refresh.
// .ci/mutate removes each guard in turn and shows which test misses it. What came
// out stands in docs/reliability.md. The form that proxies want of a script, which
// check scripts before they let them pass, is held by a test that parses them all.
package store
