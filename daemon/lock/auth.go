package lock

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// Handler lets through to next who shows a user's password, or everybody if
// the file names no users.
func (l *Lock) Handler(next http.Handler) http.Handler {
	if l == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k := l.keys.Load(); len(k.users) > 0 && !k.admits(r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="wxtokend"`)
			http.Error(w, "user and password are wanted", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// admits compares the request's password with its user's hash. Somebody who is
// no user waits as long as a user does, and learns nothing of who is one.
func (k *keys) admits(r *http.Request) bool {
	user, password, given := r.BasicAuth()
	if !given {
		return false
	}
	hash, is := k.users[user]
	if is && k.known.has(user, password) {
		return true
	}
	if !is {
		// Any of them takes the time.
		for _, hash = range k.users {
			break
		}
	}
	select {
	case k.known.turn <- struct{}{}:
		defer func() { <-k.known.turn }()
	case <-r.Context().Done():
		return false
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || !is {
		return false
	}
	k.known.add(user, password)
	return true
}

// known remembers which password a user has shown, by its SHA-256: bcrypt takes
// some 60 ms of a core at its usual cost, and a scraper comes every few seconds. Whoever shows
// another one is compared by bcrypt, one at a time, so that a flood of them
// takes one core and keeps none waiting whose password is known.
type known struct {
	turn chan struct{}

	mu   sync.Mutex
	sums map[string][sha256.Size]byte
}

func newKnown() *known {
	return &known{turn: make(chan struct{}, 1), sums: map[string][sha256.Size]byte{}}
}

func (k *known) has(user, password string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	sum, found := k.sums[user]
	shown := sha256.Sum256([]byte(password))
	return found && subtle.ConstantTimeCompare(sum[:], shown[:]) == 1
}

func (k *known) add(user, password string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sums[user] = sha256.Sum256([]byte(password))
}
