package wechatsim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// adminHandler is the HTTP face of the Go methods. It has no authentication:
// listen on loopback. Requests that a browser sends for a foreign page are
// refused, because everybody's browser reaches loopback.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sim/accepts", s.getAccepts)
	mux.HandleFunc("GET /sim/issued", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Issued()) })
	mux.HandleFunc("GET /sim/apps", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.views()) })
	mux.HandleFunc("POST /sim/apps/{appid...}", s.postApp)
	mux.HandleFunc("POST /sim/draw", s.postDraw)
	mux.HandleFunc("POST /sim/revoke", s.postRevoke)
	mux.HandleFunc("POST /sim/faults", s.postFault)
	mux.HandleFunc("GET /sim/faults", s.getFaults)
	mux.HandleFunc("DELETE /sim/faults", s.deleteFaults)
	mux.HandleFunc("/sim/", func(w http.ResponseWriter, r *http.Request) {
		respond(w, http.StatusNotFound, failure(&FieldError{"path", r.Method + " " + r.URL.Path + " is not served",
			"use GET accepts, issued, apps, faults; POST apps/{appid}, draw, revoke, faults; DELETE faults"}))
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

func (s *Server) getAccepts(w http.ResponseWriter, r *http.Request) {
	appid, token := r.URL.Query().Get("appid"), r.URL.Query().Get("token")
	if appid == "" || token == "" {
		refuse(w, &FieldError{"query", "appid or token is missing", "ask ?appid=…&token=…"})
		return
	}
	answer(w, map[string]bool{"accepted": s.Accepts(appid, token)})
}

func (s *Server) postDraw(w http.ResponseWriter, r *http.Request) {
	d := struct {
		AppID   string  `json:"appid"`
		Channel Channel `json:"channel"`
		Reason  string  `json:"reason"`
	}{Channel: Classic, Reason: "rogue"}
	if err := decode(w, r, &d); err != nil {
		refuse(w, err)
		return
	}
	token, err := s.Draw(d.AppID, d.Channel, d.Reason)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, map[string]string{"access_token": token.Reveal(), "fingerprint": token.Fingerprint()})
}

func (s *Server) postRevoke(w http.ResponseWriter, r *http.Request) {
	var d struct {
		AppID   string  `json:"appid"`
		Channel Channel `json:"channel"`
	}
	err := decode(w, r, &d)
	if err == nil {
		err = s.Revoke(d.AppID, d.Channel)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, map[string]bool{"revoked": true})
}

// decode reads a request's body. The error never quotes it: it may hold a secret.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	if err := strict(http.MaxBytesReader(w, r.Body, bodyLimit), into); err != nil {
		return &FieldError{"body", err.Error(), "send one JSON object; docs/simulator.md lists the fields"}
	}
	return nil
}

// strict decodes one JSON value and nothing behind it, without unknown fields.
func strict(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

func answer(w http.ResponseWriter, value any) { respond(w, http.StatusOK, value) }

func failure(e *FieldError) map[string]*FieldError { return map[string]*FieldError{"error": e} }

// refuse answers 404 for an app that does not exist, 400 otherwise.
func refuse(w http.ResponseWriter, err error) {
	field, ok := errors.AsType[*FieldError](err)
	if !ok {
		field = &FieldError{"request", err.Error(), "try again"}
	}
	status := http.StatusBadRequest
	if field.Field == "appid" {
		status = http.StatusNotFound
	}
	respond(w, status, failure(field))
}

func respond(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// It fails only if the client has gone.
	_ = json.NewEncoder(w).Encode(value)
}
