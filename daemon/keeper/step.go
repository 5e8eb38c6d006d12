package keeper

// Step names a place on a token's path: what is about to be sent, or has just
// been confirmed. Each says what is true if the process dies there, or anywhere
// until the next one.
type Step string

// The steps, in the order in which a refresh comes to them.
const (
	// Observing: nothing has happened; any other replica observes as well.
	Observing Step = "observing"
	// Beginning: nothing is written, the next observation finds the same refresh due.
	Beginning Step = "beginning"
	// Drawing: the lease ends by itself, the call counts as made and failed, and
	// generation > settled has the next attempt mint once more.
	Drawing Step = "drawing"
	// Committing: the same as Drawing, but a token was drawn and is lost. With
	// classic the stored one has the overlap left, which is longer than the
	// lease, a poll and the next mint together.
	Committing Step = "committing"
	// Committed: readers have the token; only this process' memory of it is gone.
	Committed Step = "committed"
	// Aborting: the same as Drawing, as begin has written the failure down.
	Aborting Step = "aborting"
	// Reasserting: the state still has the token, any replica writes it again.
	Reasserting Step = "re-asserting"
	// Restoring: another replica that saw the token restores it; if there is
	// none, it is missing and one is minted.
	Restoring Step = "restoring"
	// Mirroring: targets say what they said before; any replica writes them.
	Mirroring Step = "mirroring"
	// Verifying: this verification is claimed and not made; the claim holds for a
	// tenth of verify_every.
	Verifying Step = "verifying"
	// Judging: what WeChat said is forgotten, and asked again as soon as that.
	Judging Step = "judging"
)
