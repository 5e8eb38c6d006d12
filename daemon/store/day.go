package store

import (
	"math"
	"time"
)

// Day numbers the day of t as WeChat counts its quotas: days since 1970 in UTC+8.
func Day(t time.Time) int64 {
	return int64(math.Floor(float64(t.Unix()+8*3600) / 86400))
}

// NextDay is the first instant of the day after t, in UTC+8.
func NextDay(t time.Time) time.Time {
	return time.Unix((Day(t)+1)*86400-8*3600, 0).UTC()
}
