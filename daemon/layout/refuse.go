package layout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// refuse says why a target of the layout cannot be, nil if it can.
func (t Target) refuse(l sdk, rows []row, s Subject) *Refusal {
	switch {
	case t.Key != "" || t.File != "":
		return &Refusal{"layout", "a layout has its own keys", "leave out key and file, or write a second target"}
	case len(rows) == 0:
		return t.unknownKind(l, s.Kind)
	}
	return cmp.Or(t.refusePrefix(l, rows), t.refuseForm(l, rows), t.refuseSecret(l, rows, s), refuseAgent(l, rows, s))
}

// unknownKind says what is missing where a layout has no key for a kind.
func (t Target) unknownKind(l sdk, kind string) *Refusal {
	switch {
	case len(l.keysOf(kind, !t.Mini)) == 0:
		others := layoutsWith(func(r row) bool { return r.kind == kind })
		return &Refusal{"layout", fmt.Sprintf("%s keeps no %s in Redis", l.name, kind),
			"layouts that do: " + strings.Join(others, ", ")}
	case !t.Mini:
		return &Refusal{"mini", fmt.Sprintf("%s has a %s of mini programs alone", l.name, kind),
			"write mini: true if the account is one"}
	case slices.ContainsFunc(l.rows, func(r row) bool { return r.mini }):
		return &Refusal{"mini", fmt.Sprintf("%s keeps no %s of mini programs", l.name, kind), "leave mini out"}
	}
	return &Refusal{"mini", l.name + " has the same keys for a mini program", "leave mini out"}
}

func (t Target) refusePrefix(l sdk, rows []row) *Refusal {
	place, found := prefixPlace(rows[0].key)
	ends, _, byDefault := strings.Cut(place, "|")
	switch {
	case t.Prefix != "" && !found:
		return &Refusal{"prefix", "the keys of " + l.name + " have none", "leave prefix out"}
	case t.Prefix == NoPrefix && ends == "":
		return &Refusal{"prefix", "the keys of " + l.name + " always have one", "write the prefix of the app"}
	case t.Prefix == "" && found && !byDefault:
		return &Refusal{"prefix", "every app has its own",
			"write the prefix of its Redis connection and that of its cache, in one"}
	}
	return nil
}

func (t Target) refuseForm(l sdk, rows []row) *Refusal {
	if t.Format == "" || t.Format == rows[0].form {
		return nil
	}
	return &Refusal{"format", l.hurts, fmt.Sprintf("leave format out: the layout %s is %s", l.name, rows[0].form)}
}

func (t Target) refuseSecret(l sdk, rows []row, s Subject) *Refusal {
	switch {
	case slices.ContainsFunc(rows, row.showsSecret) && !t.SecretInKey:
		return &Refusal{"layout", l.name + " puts the AppSecret into the name of a key, where KEYS, SCAN and MONITOR show it",
			"give the app a key of its own and write that as key, or write secret_in_key: true"}
	case slices.ContainsFunc(rows, row.hasSecret) && s.Secret == "":
		return &Refusal{"layout", l.name + " makes the key of the AppSecret, which this process does not have",
			"give it the secret, or leave the target to replicas that have it"}
	}
	return nil
}

func refuseAgent(l sdk, rows []row, s Subject) *Refusal {
	needed := slices.ContainsFunc(rows, func(r row) bool { return strings.Contains(r.key, "{agentid}") })
	if needed && s.AgentID == "" {
		return &Refusal{"layout", l.name + " makes the key of the agent's number, which the credential does not name",
			"write its agentid"}
	}
	return nil
}

// free returns the mirror of a target that names a key or a file itself.
func (t Target) free(s Subject) ([]Mirror, error) {
	if refused := t.refuseFree(s); refused != nil {
		return nil, refused
	}
	m := Mirror{File: t.File, Form: t.Format, offset: t.UTCOffset, whose: s.identity()}
	m.holds = freeHolds(t.Format, s.Kind)
	if t.Key != "" {
		m.Key = Key{t.Key, t.ShownKey()}
	}
	return []Mirror{m}, nil
}

// freeHolds is what lies at a free target.
func freeHolds(format Format, kind string) string {
	object := tokenObject
	if kind != official && kind != wecom {
		object = ticketObject
	}
	switch format {
	case JSONObject, PHPArray:
		return object
	case Hash:
		return object + " expires_at=ends"
	}
	return ""
}

func (t Target) refuseFree(s Subject) *Refusal {
	switch {
	case (t.Key == "") == (t.File == ""):
		return &Refusal{"key", "a target is one of layout, key and file", "write one of them"}
	case t.Prefix != "":
		return &Refusal{"prefix", "only a layout has one", "write the whole key, or a layout"}
	case t.Mini:
		return &Refusal{"mini", "only a layout tells mini programs apart", "leave mini out, or write a layout"}
	case t.SecretInKey && t.Key == "":
		return &Refusal{"secret_in_key", "a file is no key", "leave it out"}
	case holdsSecret(t.File, s):
		return &Refusal{"file", "its name holds the AppSecret, which everybody on this host may read", "choose another"}
	case !slices.Contains(Formats(), t.Format):
		return &Refusal{"format", fmt.Sprintf("there is no format %q", string(t.Format)),
			fmt.Sprintf("choose one of %v", Formats())}
	case t.File != "" && t.Format == Hash:
		return &Refusal{"format", "a hash is of Redis, and not of files", "write json_object, which has the same members"}
	case t.Key == "":
		return nil
	}
	if refused := t.refuseKnown(s); refused != nil {
		return refused
	}
	if holdsSecret(t.Key, s) && !t.SecretInKey {
		return &Refusal{"key", "it holds the AppSecret, which KEYS, SCAN and MONITOR show",
			"choose another, or write secret_in_key: true"}
	}
	return nil
}

// holdsSecret says that a place has the AppSecret in its name, if that is as long as any of WeChat's.
func holdsSecret(name string, s Subject) bool {
	return HoldsToken(s.Secret.Reveal()) && strings.Contains(name, s.Secret.Reveal())
}

// refuseKnown refuses a form that breaks the reader of a key: one that a layout has for this credential.
func (t Target) refuseKnown(s Subject) *Refusal {
	var refused *Refusal
	for _, l := range table() {
		for _, r := range l.rows {
			secretless := r.hasSecret() && s.Secret == ""
			if r.kind != s.Kind || secretless || !couldBe(r.key, t.Key, s) || keyOf(r.key, "", s).text != t.Key {
				continue
			}
			if r.reads(t.Format, s.Kind) {
				return nil
			}
			if refused == nil {
				refused = &Refusal{"format", l.hurts, "write layout: " + l.name + " instead of this key"}
			}
		}
	}
	return refused
}

// couldBe says that a key looks like what a template becomes. Most do not, and to
// fill in all of them takes long where there are many targets.
func couldBe(template, key string, s Subject) bool {
	if strings.Contains(strings.ToLower(template), "md5(") {
		return HoldsToken(key)
	}
	before, _, _ := strings.Cut(template, "{")
	after := template[strings.LastIndex(template, "}")+1:]
	named := strings.Contains(template, "{appid}") || strings.Contains(template, "{corpid}")
	return strings.HasPrefix(key, before) && strings.HasSuffix(key, after) && (!named || strings.Contains(key, s.Account))
}

// reads tells whether the SDK of a row understands a free format.
func (r row) reads(format Format, kind string) bool {
	if format == JSON {
		// Its members are these, and one more.
		return r.form == JSONObject && r.holds == tokenObject
	}
	return r.form == format && r.holds == freeHolds(format, kind)
}
