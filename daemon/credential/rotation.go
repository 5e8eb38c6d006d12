package credential

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Rotation says at which hours a token is replaced although it is good; the
// zero value never. Two of them are equal if they were written alike.
type Rotation struct {
	text     string
	schedule *cron.SpecSchedule
}

// rotationPause is the least time between two hours: a platform that forces at
// all forces some twenty draws a day, and a leaked token needs two of them.
const rotationPause = 2 * time.Hour

// NewRotation reads the five fields of cron or one of its words, such as @daily,
// behind CRON_TZ=ZONE; without a zone hours are UTC, so that all replicas agree. ""
// is the zero value. The error says what is legal and repeats nothing.
func NewRotation(text string) (Rotation, error) {
	if text == "" {
		return Rotation{}, nil
	}
	zone, fields := "CRON_TZ=UTC", text
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ=") {
		// The library panics where nothing follows the zone.
		zone, fields, _ = strings.Cut(text, " ")
	}
	if strings.TrimSpace(fields) == "" || strings.HasSuffix(zone, "=") {
		return Rotation{}, errors.New(`must be five fields of cron with a zone, such as "CRON_TZ=Asia/Shanghai 30 4 * * *"`)
	}
	if _, err := time.LoadLocation(zone[strings.Index(zone, "=")+1:]); err != nil {
		return Rotation{}, errors.New("names a zone that this host does not know: zones are those of the tz database, " +
			"such as Asia/Shanghai, and a host without it needs the package tzdata")
	}
	parsed, _ := cron.ParseStandard(zone + " " + fields)
	schedule, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Rotation{}, errors.New("must be the five fields of cron: minute, hour, day of month, month, day of week, " +
			"of which Sunday is 0")
	}
	return Rotation{text, schedule}, nil
}

// CheckRotation is what a configuration may say: a rotation that can be read, and whose
// hours come, but do not follow each other too soon on the clock of their zone.
func CheckRotation(text string) error {
	rotation, err := NewRotation(text)
	if err != nil || text == "" {
		return err
	}
	s := rotation.schedule
	// One bit for each, above which the library has one of its own. The hour after the last is the first.
	minutes, hours := s.Minute&(1<<60-1), s.Hour&(1<<24-1)
	switch {
	case bits.OnesCount64(minutes) > 1, hours&(hours<<1|hours>>23) != 0:
		return fmt.Errorf("must leave at least %v between two hours: a platform takes few forced draws a day", rotationPause)
	case s.Next(time.Date(2023, 12, 31, 0, 0, 0, 0, time.UTC)).IsZero():
		return errors.New("never comes: there is no such day")
	}
	return nil
}

// Next is the first of its hours after t, zero if there is none. Where a clock is
// changed, hours come too near to each other, or one comes twice: the later is left out.
func (r Rotation) Next(t time.Time) time.Time {
	if r.schedule == nil {
		return time.Time{}
	}
	next := r.schedule.Next(t)
	if !next.IsZero() && r.schedule.Next(next.Add(-rotationPause)).Before(next) {
		return r.schedule.Next(next)
	}
	return next
}

func (r Rotation) String() string { return r.text }
