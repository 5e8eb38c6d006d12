// Package testnet is a network for tests: in memory, in virtual time, and with
// a switchboard that breaks it on purpose.
//
// Inside a bubble of testing/synctest a real socket stops the clock: while a
// goroutine waits for the kernel, virtual time does not advance. The
// connections here block on nothing but condition variables and channels, so a
// timeout of an hour costs no time. Three rules come with that:
//
//   - make Listener and Faults inside the bubble that uses them;
//   - dial IP literals: a name would go to the resolver, whose channels belong
//     to whichever bubble came first;
//   - close every connection before the bubble ends.
//
// Faults also wraps real TCP connections, for tests against real servers.
package testnet
