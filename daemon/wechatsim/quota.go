package wechatsim

import "time"

// The simulated endpoints.
const (
	PathToken       = "/cgi-bin/token"
	PathStableToken = "/cgi-bin/stable_token"
	PathDomainIP    = "/cgi-bin/get_api_domain_ip"
	PathCallbackIP  = "/cgi-bin/getcallbackip"
	PathQuotaGet    = "/cgi-bin/openapi/quota/get"
	PathClear       = "/cgi-bin/clear_quota"
	PathClearV2     = "/cgi-bin/clear_quota/v2"
	PathTicket      = "/cgi-bin/ticket/getticket"

	// Of WeCom, which has PathDomainIP and PathCallbackIP too.
	PathCorpToken   = "/cgi-bin/gettoken"
	PathCorpTicket  = "/cgi-bin/get_jsapi_ticket"
	PathAgentTicket = "/cgi-bin/ticket/get"
)

// Limits that are not daily quotas of an endpoint.
const (
	// forcedPerDay is how many forced refreshes stable_token takes.
	forcedPerDay = 20
	// clearsPerMonth is how many clears both clear_quota endpoints take together.
	clearsPerMonth = 10
)

// Quota is what an app may call of one endpoint, and what it used of it.
type Quota struct {
	// Limit and Used are those of a day.
	Limit int `json:"limit"`
	Used  int `json:"used"`
	// MinuteLimit 0 is none.
	MinuteLimit int `json:"minute_limit"`
	MinuteUsed  int `json:"minute_used"`
	// HourLimit 0 is none. WeCom alone has it.
	HourLimit int `json:"hour_limit,omitempty"`
	HourUsed  int `json:"hour_used,omitempty"`
}

// meter is a quota together with the day, hour and minute it was counted in.
type meter struct {
	Quota
	day, hour, minute int64
	// barred is until when WeCom refuses every call.
	barred time.Time
}

func meters(kind Kind) map[string]*meter {
	tokens := 2000
	switch kind {
	case Test:
		tokens = 200
	case KindCorp:
		return map[string]*meter{
			PathCorpToken:  {Quota: Quota{Limit: 24 * 150_000, HourLimit: 150_000, MinuteLimit: 10_000}},
			PathDomainIP:   {Quota: Quota{Limit: 24 * 150_000, HourLimit: 150_000, MinuteLimit: 10_000}},
			PathCallbackIP: {Quota: Quota{Limit: 24 * 150_000, HourLimit: 150_000, MinuteLimit: 10_000}},
			PathCorpTicket: {Quota: Quota{Limit: 24 * 400, HourLimit: 400}},
		}
	case KindAgent:
		return map[string]*meter{
			PathCorpTicket:  {Quota: Quota{Limit: 24 * 100, HourLimit: 100}},
			PathAgentTicket: {Quota: Quota{Limit: 24 * 100, HourLimit: 100}},
		}
	}
	return map[string]*meter{
		PathToken:        {Quota: Quota{Limit: tokens}},
		PathStableToken:  {Quota: Quota{Limit: 500_000, MinuteLimit: 10_000}},
		PathDomainIP:     {Quota: Quota{Limit: 1000}},
		PathCallbackIP:   {Quota: Quota{Limit: 1000}},
		PathQuotaGet:     {Quota: Quota{Limit: 10_000}},
		PathTemplateSend: {Quota: Quota{Limit: 100_000}},
		PathTicket:       {Quota: Quota{Limit: 10_000}},
	}
}

// roll forgets what was used in a day, hour or minute that is over.
func (m *meter) roll(p Periods, now time.Time) {
	if day := p.day(now); day != m.day {
		m.day, m.Used = day, 0
	}
	if minute := p.minute(now); minute != m.minute {
		m.minute, m.MinuteUsed = minute, 0
	}
	if hour := p.hour(now); hour != m.hour {
		m.hour, m.HourUsed = hour, 0
	}
}

// take counts one call, or says with which errcode it is refused. Refused
// calls are not counted.
func (m *meter) take(p Periods, now time.Time) int {
	m.roll(p, now)
	switch {
	case m.MinuteLimit > 0 && m.MinuteUsed >= m.MinuteLimit:
		return 45011
	case m.Used >= m.Limit:
		return 45009
	}
	m.Used++
	m.HourUsed++
	m.MinuteUsed++
	return 0
}

func (m *meter) barredAt(now time.Time) bool { return now.Before(m.barred) }

// takeCorp is take at WeCom: whoever comes to a limit is barred for a minute or
// an hour from then on.
func (m *meter) takeCorp(p Periods, now time.Time) bool {
	if m.barredAt(now) {
		return false
	}
	m.roll(p, now)
	switch {
	case m.MinuteLimit > 0 && m.MinuteUsed >= m.MinuteLimit:
		m.barred = now.Add(p.Minute)
	case m.HourLimit > 0 && m.HourUsed >= m.HourLimit:
		m.barred = now.Add(60 * p.Minute)
	default:
		return m.take(p, now) == 0
	}
	return false
}

// perPeriod counts events in a day or a month.
type perPeriod struct {
	period int64
	count  int
}

func (c *perPeriod) take(period int64, limit int) bool {
	if c.period != period {
		c.period, c.count = period, 0
	}
	if c.count >= limit {
		return false
	}
	c.count++
	return true
}
