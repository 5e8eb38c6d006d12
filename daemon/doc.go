// Package daemon keeps WeChat access tokens fresh in Redis, so that readers in
// any language get one from there and never ask WeChat.
//
// # The path of a token
//
// At each tick of the heartbeat the observer takes those credentials from the
// registry whose time has come, and looks at them in one round trip, up to a
// hundred or so; many are spread over the poll in batches. Its keeper takes each
// look in ([keeper.Keeper.Take]) and decides, by a function without a clock or a
// memory, on at most one action, with at most one question to WeChat beside it. Both
// are carried out when there is a place in the pool, which bounds how much happens
// at once. The wait for a place comes before begin, so that no lease runs meanwhile:
//
//	observe → decide → begin → draw → commit, or abort
//	                 → re-assert: somebody deleted or overwrote the key
//	                 → restore:   Redis lost what this process saw last
//	                 → verify:    does WeChat still accept the stored token?
//	                 → mirror:    a target, where readers look besides, says something else
//
// begin, draw, commit and abort are the steps of an attempt, and the whole of it is
// a mint. begin takes a lease and writes the outcome down as a failure before
// WeChat is asked; commit is accepted from the holder of the lease alone. An attempt
// ends only with a definite answer of Redis; until then every look takes it up
// where it stood.
//
// A ticket is a token that is drawn with another credential's, its parent's. What
// WeChat says of that one to such a draw is a report of it.
//
// A report is a reader's word that WeChat refused the token. An outside draw is
// somebody else's for our account: it ends our token, found under the key or by
// a verification. A cohabitant is another account that lives under our key.
//
// # Guarantees
//
// Lease, poll and timeouts are those of the configuration.
//
//   - As long as Redis is up, and WeChat answered for half a minute on end
//     within the slack before the expiry (effective ahead less lease, poll and
//     wechat.timeout), a reader of the key gets a token that WeChat accepts. Where
//     its last failure asked for a longer wait, WeChat has to have answered for
//     that long: a minute near the expiry for what a person mends, an hour for a
//     used-up quota and 89507, a day for 89506. docs/errcodes.md has all of them.
//   - At most one mint is under way whose lease is valid. A process that lost
//     its lease, however long it was paused, never writes the key.
//   - One refresh costs one call to WeChat, whatever restarts meanwhile. The
//     daily limit counts a call before it is made.
//   - No failure touches the stored token. While Redis is away nothing is minted.
//   - Backoff and quota are kept in Redis: a crash loop backs off as well.
//   - An address that WeChat does not let in bars its own process, and makes no
//     other one wait for longer than a failure that passes by itself.
//   - No host's clock is compared with another's; a host's clock that jumps
//     changes nothing, and one of Redis costs a mint at most.
//   - What one credential does wrong, or waits for, is no matter of the others.
//   - A target says what the key says, a poll and a write later at most, and never
//     before; what cannot be written is no matter of the key.
//
// # Why that holds for any number of processes
//
// There is no leader. A refresh is fenced by its attempt, a random id that is
// new for each begin. The scripts, their numbered guards and the trace behind each
// stand in the doc of package store; in short:
//
//   - At most one live mint: begin is atomic in Redis and refused while a lease
//     lives, and the call to WeChat is not written once the time left of the
//     lease is over (the door in package wechat looks at both clocks, right
//     before the write).
//   - Nothing stale is written: commit compares the lease with its attempt in
//     the script that writes the key, so whoever slept over its lease finds
//     another's, or none, and writes nothing. Restore and re-assert are
//     compare-and-swaps on what they were decided on.
//   - Nothing is forgotten: begin raises generation before anything leaves, and
//     only the commit of that begin settles it. A process that dies in between,
//     a refused commit and an answer that never came all leave generation >
//     settled, which every process takes for a mint that is due.
//   - One refresh costs one call: begin is refused when the world is not the
//     one that was observed, so a second process that saw the same refresh due
//     comes too late, and not once more. Waits and limits hold for the same
//     reason, as whatever lengthens one is such a change.
//
// # If the process dies
//
// [keeper.Step] says what is true then, step by step. In short: no step leaves
// anything that another process, or the next look of this one, does not find in
// Redis. What dies is a token that was drawn and not stored, and what this process
// could have restored.
//
// # If the configuration changes
//
// The reloader polls what it was read from, and applies it as a whole or not at
// all. A credential that is configured as before keeps its keeper. One that is
// changed or gone leaves: it begins nothing more, and what is under way ends,
// within its lease, before another keeper takes its place.
//
// # What is not guaranteed
//
//   - classic: after a reply of WeChat was lost, the stored token may be dead
//     from the moment the next one is issued until its commit. WeChat keeps
//     only the newest two, and the lost one was the second.
//   - classic: an outside draw breaks the stored token until the next verification
//     notices; nobody does while WeChat's quota for such questions is used up.
//     It is answered once an overlap and no more: who draws again meanwhile
//     leaves readers without a good token for so long.
//   - Two accounts under one key: each takes it over an overlap after the other's
//     last begin, and neither has readers that it can serve.
//   - A failover of Redis may lose the newest write. A replica that saw the
//     newer token puts it back; if none did, verification notices.
//   - A ticket, or a token of WeCom, that was drawn elsewhere before this fleet
//     first saw it ends earlier than its life from then on. WeChat was seen to take
//     a ticket for an hour more, and ahead is such that the next one is there by then.
//   - A process that ends leaves its files, and nobody removes them then.
//   - Quota and backoff are gone after a FLUSHALL: the calls of the day count from
//     zero, and no failure is waited for. Who remembers the token restores it, so
//     that the loss alone costs no call.
//   - Redis and the process both gone within one refresh, or a pause between
//     the last look at the deadline and the write of the request, leave a
//     mint that nobody knows of. Verification notices.
package daemon
