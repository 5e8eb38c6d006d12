// Package wechatsim is a simulated WeChat and WeCom: the endpoints around access
// tokens and tickets with their rules, quotas and errors, an oracle that knows
// which token is accepted, and faults on demand.
//
// It is an http.Handler, so an app tests against it in process:
//
//	sim, err := wechatsim.New(wechatsim.Options{
//		Apps: []wechatsim.App{{AppID: "wx0123456789abcdef", Secret: "any"}},
//	})
//	srv := httptest.NewServer(sim)
//	// point the app's base URL at srv.URL, let it fetch a token, then:
//	if !sim.Accepts("wx0123456789abcdef", token) { … }
//	// and what does the app do when WeChat is in a bad mood?
//	sim.Inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45009, Times: 1})
//
// Two hours pass at once in a bubble of testing/synctest (the simulator knows
// no clock but package time), and in seconds outside of one with
// Periods: DefaultPeriods().Scaled(0.001).
//
// The two token endpoints share nothing but the account. What each rule rests
// on: OFFICIAL is documented by Tencent, OBSERVED was seen by developers,
// ASSUMED is what the simulator does where nothing is known.
//
//	classic: every call draws, old and new both live 5 minutes    OFFICIAL
//	classic: 2000 a day, a test account 200, then 45009           OFFICIAL
//	a token is superseded twice: it dies at once                  ASSUMED  (KeepSuperseded)
//	the overlap never lengthens a life                            ASSUMED
//	stable: the same token with its remaining seconds             OFFICIAL
//	stable: a new token in the last 5 minutes, both live 5        OFFICIAL
//	stable: 10,000 a minute and 500,000 a day                     OFFICIAL
//	stable: the minute limit is 45011, the day's 45009            ASSUMED
//	forced: a new token, at most 20 a day, 30 s apart             OFFICIAL
//	forced too soon: answers as an ordinary call                  ASSUMED
//	forced for the 21st time: 45009                               ASSUMED
//	the channels do not touch each other                          OFFICIAL
//	days end at 00:00 UTC+8, months have 30 days                  ASSUMED
//	refused calls cost no quota                                   ASSUMED
//	errors are HTTP 200, success of a token has no errcode        OFFICIAL
//	Content-Type with "encoding=", rid with the unix time first   OBSERVED
//	a form posted to stable_token: 41002                          OBSERVED (StrictJSON: 47001)
//	an empty body: 44002; a wrong type in it: 47001               ASSUMED
//	wrong method: 43001, 43002; unknown path: 40066               ASSUMED
//	the order of the checks                                       ASSUMED
//	40164 and its text, with the caller's address                 OFFICIAL
//	the whitelist covers calls with a token: 公众号 yes, 小程序 no  OFFICIAL (WhitelistTokens)
//	a new whitelist acts at once                                  ASSUMED
//	a frozen secret: 40243, 10 minutes after (un)freezing         OFFICIAL
//	50004 and 50007 at the token endpoints alone                  ASSUMED
//	a reset secret leaves live tokens alive                       ASSUMED
//	no token 41001, malformed 40014, expired 42001                OFFICIAL
//	superseded, or never issued: 40001                            OFFICIAL, the latter ASSUMED
//	get_api_domain_ip: 1000 a day                                 OBSERVED
//	getcallbackip: 1000 a day; quota/get: 10,000                  ASSUMED
//	quota/get counts a call as soon as it was answered            ASSUMED
//	clear_quota: 10 a month with v2, then 48006                   OFFICIAL
//	clear_quota leaves the count of forced refreshes              ASSUMED
//	tokens: number, underscore, 136 characters in all             OBSERVED (TokenLength)
//	the Date header is right (FaultClockSkew: it is not)          ASSUMED
//
// Tickets, of WeCom too where it says nothing else:
//
//	drawn with an access_token, whose errcodes are those of a call OFFICIAL
//	the same ticket for 2 hours, expires_in always 7200           OBSERVED
//	it works for 3 hours, whatever was drawn since                OBSERVED
//	no new access_token throws a ticket out                       OBSERVED
//	10,000 a day for each type together, as the least that was seen OBSERVED
//	an unknown type: 40097, at WeCom 40058                        ASSUMED
//	86 characters                                                 OBSERVED
//	which accounts may have one is not looked at                  ASSUMED
//	WeCom: one for the whole corp, one for each agent             OFFICIAL
//	WeCom: 400 an hour for a corp, 100 for an agent, then 45009   OFFICIAL, of the agent's ticket ASSUMED
//
// WeCom:
//
//	one token for each secret, apart from all others              OFFICIAL
//	the same token as long as it is valid                         OFFICIAL (an older edition)
//	expires_in is 7200 each time, and that promise is kept, so
//	that a token lives up to 4 hours                              ASSUMED (CorpRemaining: what is left),
//	                                                              the 4 hours OBSERVED
//	a token may end early (Revoke)                                OFFICIAL
//	every success carries errcode 0                               OFFICIAL
//	gettoken answers every address, the other calls only those
//	that the agent trusts: 60020                                  OBSERVED
//	get_api_domain_ip, getcallbackip and tickets are such calls   ASSUMED
//	10,000 calls a minute and 150,000 an hour for a corp and call OFFICIAL, not those for an address
//	over a limit: 45009 for a minute or an hour from then on      OFFICIAL
//	2000 wrong secrets in an hour: 45009 for an hour              OBSERVED, that it meets the corp ASSUMED
//	corpid missing 41002, unknown 40013; secret missing 41004,
//	wrong 40001; no token 41001, expired 42001                    OFFICIAL
//	a token that is not WeCom's, or none any more: 40014          OFFICIAL
//	the texts, with the caller's address in each                  OBSERVED
//
// The paths that both have, get_api_domain_ip and getcallbackip, are WeCom's for
// the tokens of WeCom.
//
// TLS is simulated as a handshake that fails (FaultTLS), where a test serves the
// simulator with
//
//	srv := httptest.NewUnstartedServer(sim)
//	srv.TLS = &tls.Config{GetConfigForClient: sim.ConfigForClient}
//	srv.StartTLS()
package wechatsim
