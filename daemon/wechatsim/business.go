package wechatsim

// PathTemplateSend is the call that apps make most: several SDKs have no call
// that is more harmless.
const PathTemplateSend = "/cgi-bin/message/template/send"

// templateMessage is what a template message needs at least.
type templateMessage struct {
	ToUser     string `json:"touser"`
	TemplateID string `json:"template_id"`
}

// sendTemplate takes a message for any user and of any template, and delivers
// it to nobody. Called with mu held.
func (s *Server) sendTemplate(c call) reply {
	switch {
	case c.problem != 0:
		return s.failBody(c)
	case c.ToUser == "":
		return s.fail(40003, "")
	case c.TemplateID == "":
		return s.fail(40037, "")
	}
	s.messages++
	rep := succeeded()
	rep.MessageID = s.messages
	return rep
}
