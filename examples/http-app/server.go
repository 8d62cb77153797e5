package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
)

// server is the web service.
type server struct{ crm *crm.CRM }

// users are the host's own, by token.
var users = map[string]ident.Principal{
	"vera": ident.User("shop", "vera", work.RoleViewer),
	"sam":  ident.User("shop", "sam", work.RoleSales).InTeams("emea"),
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /customers/{id}", s.as(s.customer))
	mux.Handle("GET /opportunities", s.as(s.opportunities))
	mux.Handle("POST /opportunities/{id}/move", s.as(s.move))
	return mux
}

// handler answers with something to be written as JSON, or with an error.
type handler func(r *http.Request, s *crm.Session) (any, error)

// as runs a handler with the caller's session. Personal data leaves here, and only here, in clear: as much of it as the
// caller may see.
func (s *server) as(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		who, known := users[token]
		if !known {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		answer, err := h(r, s.crm.As(who, privacy.Sales))
		if err != nil {
			refuse(w, r, err)
			return
		}
		write(w, "application/json", http.StatusOK, personal.Revealed(answer))
	})
}

func (s *server) customer(r *http.Request, as *crm.Session) (any, error) {
	id, err := recordID(r)
	if err != nil {
		return nil, err
	}
	return as.Customers.Get(r.Context(), id)
}

// row is what the list shows of an opportunity.
type row struct {
	ID     ident.ID      `json:"id"`
	Name   personal.Text `json:"name"`
	Stage  string        `json:"stage"`
	Amount string        `json:"amount"`
	Close  date.Date     `json:"close_date,omitzero"`
}

func (s *server) opportunities(r *http.Request, as *crm.Session) (any, error) {
	q := page.Query{Sort: "-amount", Cursor: r.FormValue("cursor")}
	if limit := r.FormValue("limit"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil {
			return nil, fault.Field("limit", "want a number")
		}
		q.Limit = n
	}
	found, err := as.Opportunities.Page(r.Context(), pipeline.OpportunityFilter{Open: new(true), Query: q})
	if err != nil {
		return nil, err
	}
	out := page.Page[row]{Next: found.Next}
	for _, o := range found.Items {
		out.Items = append(out.Items, row{o.ID, o.Name, o.Stage, o.Amount.String(), o.CloseDate})
	}
	return out, nil
}

func (s *server) move(r *http.Request, as *crm.Session) (any, error) {
	id, err := recordID(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		Stage string `json:"stage"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<10)).Decode(&in); err != nil {
		return nil, fault.New(fault.Invalid, `want {"stage": "…"}`)
	}
	o, err := as.Opportunities.Move(r.Context(), id, in.Stage)
	if err != nil {
		return nil, err
	}
	return row{o.ID, o.Name, o.Stage, o.Amount.String(), o.CloseDate}, nil
}

func recordID(r *http.Request) (ident.ID, error) {
	id, err := ident.Parse(r.PathValue("id"))
	if err != nil {
		return id, fault.Field("id", "want an id like 0190e6a2-7b1c-7def-8a34-0123456789ab")
	}
	return id, nil
}

// language returns the first language of Accept-Language that the CRM has words in; browsers list them by preference.
func language(r *http.Request) string {
	for _, part := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if base == "en" || base == "zh" {
			return base
		}
	}
	return "en"
}

// refuse answers with what an end user may know about an error, in their language. The rest goes to the log.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	lang := language(r)
	p := fault.AsProblem(err, lang)
	p.Instance = r.URL.Path
	if p.Status >= http.StatusInternalServerError {
		slog.ErrorContext(r.Context(), "request", "path", r.URL.Path, "error", err)
	}
	w.Header().Set("Content-Language", lang)
	write(w, "application/problem+json", p.Status, p)
}

func write(w http.ResponseWriter, kind string, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it is not HTML, and ">=" is easier to read than its escape
	if err := enc.Encode(v); err != nil {
		slog.Error("answer", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the caller may have gone
}
