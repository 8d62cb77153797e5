package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/rapport-crm/rapport/core/page"
)

// tour asks the service what its readers would ask, and prints the answers.
func tour(ctx context.Context, out io.Writer, base string, s sample) error {
	t := &traveller{ctx: ctx, out: out, base: base}
	t.say("One customer, for somebody in sales: contact points are in clear.")
	t.ask("sam", "", "GET", "/customers/"+s.customer.String(), "")
	t.say("The same customer, for a viewer: they are left out, and \"hidden\" says so.")
	t.ask("vera", "", "GET", "/customers/"+s.customer.String(), "")
	t.say("A move that a rule of the pipeline refuses, for a reader of English.")
	t.ask("sam", "en-GB,en;q=0.9", "POST", "/opportunities/"+s.opportunity.String()+"/move", `{"stage": "proposal"}`)
	t.say("And of Chinese.")
	t.ask("sam", "zh-CN,zh;q=0.9,en;q=0.5", "POST", "/opportunities/"+s.opportunity.String()+"/move", `{"stage": "proposal"}`)
	t.say("A list, page by page: each page says where the next begins.")
	t.pages("/opportunities")
	return t.err
}

// traveller makes requests until one fails.
type traveller struct {
	ctx  context.Context //nolint:containedctx // it lives as long as the tour
	out  io.Writer
	base string
	err  error
}

func (t *traveller) say(words string) { fmt.Fprintf(t.out, "\n%s\n", words) }

// ask makes one request, prints it with its answer, and returns the answer.
func (t *traveller) ask(token, lang, method, path, body string) []byte {
	if t.err != nil {
		return nil
	}
	req, err := http.NewRequestWithContext(t.ctx, method, t.base+path, strings.NewReader(body))
	if err != nil {
		t.err = err
		return nil
	}
	req.Header.Set("Authorization", "Bearer "+token)
	fmt.Fprintf(t.out, "  %s\n  as %s", strings.TrimSpace(method+" "+path+" "+body), token)
	if lang != "" {
		req.Header.Set("Accept-Language", lang)
		fmt.Fprintf(t.out, ", Accept-Language: %s", lang)
	}
	answer, err := t.do(req)
	t.err = err
	return answer
}

func (t *traveller) do(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, bytes.TrimSpace(answer), "    ", "  "); err != nil {
		return nil, fmt.Errorf("%s: %w", resp.Status, err)
	}
	fmt.Fprintf(t.out, "\n  %s, %s\n    %s\n", resp.Status, resp.Header.Get("Content-Type"), pretty.String())
	return answer, nil
}

// pages follows the cursors of a list to its end.
func (t *traveller) pages(path string) {
	q := url.Values{"limit": {"4"}}
	for t.err == nil {
		answer := t.ask("sam", "", "GET", path+"?"+q.Encode(), "")
		var p page.Page[json.RawMessage]
		if t.err == nil {
			t.err = json.Unmarshal(answer, &p)
		}
		if p.Next == "" {
			return
		}
		q.Set("cursor", p.Next)
	}
}
