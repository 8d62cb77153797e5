package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/crm/crmtest"
)

func TestTour(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, ""))
	text := out.String()
	for _, want := range []string{
		`"value": "ada@analytical.example"`, `"hidden": [`, `"title": "A condition is not met"`, `"title": "条件未满足"`,
		`"rule": "amount >= money(\"1000.00 EUR\")"`, `"name": "Engine no. 7"`, `"name": "Engine no. 1"`, "application/problem+json",
	} {
		require.Contains(t, text, want)
	}
	require.Equal(t, 1, strings.Count(text, "ada@analytical.example"), "the viewer does not see it")
	require.Equal(t, 2, strings.Count(text, "/opportunities?"), "two pages")
}

func TestRefusals(t *testing.T) {
	t.Parallel()

	s := &server{crm: crmtest.Open(t, nil).CRM}
	made, err := s.seed(t.Context())
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		method, path, body, token string
		status                    int
		code                      string
	}{
		"nobody":         {"GET", "/opportunities", "", "mallory", 401, ""},
		"no id":          {"GET", "/customers/42", "", "sam", 422, "invalid"},
		"another id":     {"GET", "/customers/0190e6a2-7b1c-7def-8a34-0123456789ab", "", "sam", 404, "not_found"},
		"forged cursor":  {"GET", "/opportunities?cursor=xyz", "", "sam", 422, "invalid"},
		"no limit":       {"GET", "/opportunities?limit=x", "", "sam", 422, "invalid"},
		"too much":       {"GET", "/opportunities?limit=1001", "", "sam", 422, "invalid"},
		"no JSON":        {"POST", "/opportunities/" + made.opportunity.String() + "/move", "{", "sam", 422, "invalid"},
		"no such stage":  {"POST", "/opportunities/" + made.opportunity.String() + "/move", `{"stage": "x"}`, "sam", 422, "invalid"},
		"a viewer moves": {"POST", "/opportunities/" + made.opportunity.String() + "/move", `{"stage": "won"}`, "vera", 403, "denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			req := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body))
			req.Header.Set("Authorization", "Bearer "+tt.token)
			w := httptest.NewRecorder()
			s.routes().ServeHTTP(w, req)
			require.Equal(t, tt.status, w.Code, w.Body)
			if tt.code == "" {
				return
			}
			var p struct{ Code, Title string }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			require.Equal(t, tt.code, p.Code)
			require.NotEmpty(t, p.Title)
		})
	}
}
