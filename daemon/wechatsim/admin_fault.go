package wechatsim

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// wireFault is a Fault with its durations in words.
type wireFault struct {
	Fault
	Delay string `json:"delay,omitempty"`
	Skew  string `json:"skew,omitempty"`
}

// parse fills in the durations of the Fault.
func (f *wireFault) parse() (err error) {
	if f.Fault.Delay, err = parseDuration("delay", f.Delay); err != nil {
		return err
	}
	f.Fault.Skew, err = parseDuration("skew", f.Skew)
	return err
}

func parseDuration(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, &FieldError{field, fmt.Sprintf("%q is not a duration", text), "give a duration such as 3s"}
	}
	return d, nil
}

func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func (s *Server) postFault(w http.ResponseWriter, r *http.Request) {
	var f wireFault
	err := decode(w, r, &f)
	if err == nil {
		err = f.parse()
	}
	var id int
	if err == nil {
		id, err = s.Inject(f.Fault)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, map[string]int{"id": id})
}

func (s *Server) getFaults(w http.ResponseWriter, _ *http.Request) {
	list := []wireFault{}
	for _, f := range s.Faults() {
		list = append(list, wireFault{Fault: f, Delay: durationText(f.Delay), Skew: durationText(f.Skew)})
	}
	answer(w, list)
}

func (s *Server) deleteFaults(w http.ResponseWriter, r *http.Request) {
	var ids []int
	for _, text := range r.URL.Query()["id"] {
		id, err := strconv.Atoi(text)
		if err != nil {
			refuse(w, &FieldError{"id", fmt.Sprintf("%q is not a number", text), "give the id that POST /sim/faults returned"})
			return
		}
		ids = append(ids, id)
	}
	s.ClearFaults(ids...)
	answer(w, map[string]int{"active": len(s.Faults())})
}
