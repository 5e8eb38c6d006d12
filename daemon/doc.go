// Package daemon keeps WeChat access tokens fresh in Redis, so that readers in
// any language get one from there and never ask WeChat.
//
// # The path of a token
//
// At each beat an observer looks at the credentials whose time has come in the
// registry, a batch in one round trip. [due] decides without a clock or a
// memory of its own, and at most one action per credential is carried out, with
// at most one verification beside it, when there is a place in the pool. It
// waits for that before begin, so that no lease runs meanwhile:
//
//	observe → due → begin → mint → commit, or abort
//	              → re-assert: somebody deleted or overwrote the key
//	              → restore:   Redis lost what this process saw last
//	              → verify:    does WeChat still accept the stored token?
//
// begin takes a lease and writes the outcome down as a failure before WeChat
// is asked; commit is accepted from the holder of the lease alone. Both are
// scripts, atomic in Redis. An attempt ends only with a definite answer of
// Redis, and until then every tick takes it up where it stood.
//
// # Guarantees
//
// Lease, poll and timeouts are those of the configuration.
//
//   - As long as Redis is up, and WeChat answered for half a minute on end
//     within the slack before the expiry (effective ahead less lease, poll and
//     wechat.timeout), a reader of the key gets a token that WeChat accepts.
//   - At most one mint is under way whose lease is valid. A process that lost
//     its lease, however long it was paused, never writes the key.
//   - One refresh costs one call to WeChat, whatever restarts meanwhile. The
//     daily limit counts a call before it is made.
//   - No failure touches the stored token. While Redis is away nothing is minted.
//   - Backoff and quota are kept in Redis: a crash loop backs off as well.
//   - No host's clock is compared with another's; a host's clock that jumps
//     changes nothing, and one of Redis costs a mint at most.
//
// # Why that holds for any number of processes
//
// There is no leader. A refresh is fenced by its attempt, a random id that is
// new for each begin:
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
//     comes too late, and not once more.
//
// Where a process may die stands at each [Step], with what is true then.
//
// # What is not guaranteed
//
//   - classic: after a reply of WeChat was lost, the stored token may be dead
//     from the moment the next one is issued until its commit. WeChat keeps
//     only the newest two, and the lost one was the second.
//   - classic: whoever else draws tokens for the same appid breaks the stored
//     one until the next verification notices; nobody does while WeChat's quota
//     for such questions is used up.
//   - A failover of Redis may lose the newest write. A replica that saw the
//     newer token puts it back; if none did, verification notices.
//   - Quota and backoff are gone after a FLUSHALL; only what this process
//     remembers of them is left.
//   - Redis and the process both gone within one refresh, or a pause between
//     the last look at the deadline and the write of the request, leave a
//     mint that nobody knows of. Verification notices.
package daemon
