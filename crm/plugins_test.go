package crm_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// looker is an extension that looks at customers for marketing, with their consent only. Its action tells what it sees.
func looker(id personal.Purpose, seen chan<- string) *plugin.Plugin {
	ext := plugin.New(plugin.Info{ID: "com.example.looker", Namespace: "look", Version: "0.1.0"})
	ext.Purpose(plugin.Purpose{ID: id, Basis: plugin.Consent, Text: map[string]string{"en": "looking"}})
	ext.Reads("customer", id, "name", "lifecycle")
	ext.Action(plugin.Action{
		Name: "look__at", Purpose: id, Roles: []string{"sales", "marketing"},
		Input:  []plugin.Param{{Name: "who", Type: rule.TypeID}, {Name: "where", Type: rule.TypeText}},
		Output: []plugin.Param{{Name: "seen", Type: rule.TypeTexts}},
	}, func(ctx context.Context, h plugin.Host, r plugin.Request) (plugin.Reply, error) {
		q := plugin.Query{Entity: "customer", Where: page.Where{Expr: r.Input.Text("where")}}
		if id := r.Input.ID("who"); !id.IsZero() {
			q = plugin.Query{Entity: "customer", IDs: []ident.ID{id}}
		}
		got, err := h.Query(ctx, q)
		var seen []string
		for _, rec := range got.Items {
			seen = append(seen, look(rec))
		}
		return plugin.Reply{Output: plugin.Values{"seen": rule.Texts(seen)}}, err
	})
	ext.On(plugin.Subscription{Kind: customer.Created, Purpose: id, Project: []string{"name", "lifecycle"}},
		func(_ context.Context, _ plugin.Host, e plugin.Event) error {
			seen <- look(e.Data)
			return nil
		})
	return ext
}

func look(r plugin.Record) string {
	return r.Value("name").Text() + "," + r.Value("lifecycle").Text() + "," + strings.Join(r.Hidden(), " ")
}

// withExtension opens a CRM with an extension and starts it.
func withExtension(t *testing.T, b dbtest.Backend, ext plugin.Extension) *crm.CRM {
	t.Helper()
	c, err := crm.NewPools(t.Context(), crm.Pools{Write: b.Write, Read: b.Read}, b.Dialect, &crm.Config{
		KMS: keys.NewMemory(), Logger: slog.New(slog.DiscardHandler), Extensions: []plugin.Extension{ext},
	})
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
	return c
}

func TestPluginOnConsentSeesWhoAgreed(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		seen := make(chan string, 10)
		c := withExtension(t, b, looker(privacy.Marketing, seen))
		s := c.As(ident.User("acme", "u-1", "sales"), privacy.Marketing)
		ada, err := s.Customers.Create(t.Context(), customer.PersonDraft{Given: "Ada", Family: "Lovelace"})
		require.NoError(t, err)
		select {
		case got := <-seen:
			require.Equal(t, ",potential,name", got, "the event of somebody who has not agreed")
		case <-time.After(30 * time.Second):
			require.Fail(t, "the event was not delivered")
		}

		at := func(in map[string]any) []string {
			t.Helper()
			out, err := s.Plugins.Invoke(t.Context(), "look__at", in)
			require.NoError(t, err)
			return out["seen"].Texts()
		}
		who := map[string]any{"who": ada.ID}
		require.Equal(t, []string{",potential,name"}, at(who))
		agree := func(by personal.Channel, basis privacy.Basis) {
			t.Helper()
			_, err = s.Consents.Give(t.Context(), privacy.ConsentDraft{
				Subject: ada.ID, Channel: by, Basis: basis, Notice: privacy.NoticeOf("n-1", "May we?"), Act: privacy.Ticked,
			})
			require.NoError(t, err)
		}
		agree(privacy.ByPhone, privacy.OnSoftOptIn)
		require.Equal(t, []string{",potential,name"}, at(who), "being told is not agreeing")
		for _, ch := range []personal.Channel{privacy.ByEmail, privacy.ByAnything} {
			agree(ch, privacy.OnConsent)
			require.Equal(t, []string{"Ada Lovelace,potential,"}, at(who))
			_, err = s.Consents.Withdraw(t.Context(), privacy.ChoiceDraft{Subject: ada.ID, Channel: ch})
			require.NoError(t, err)
			require.Equal(t, []string{",potential,name"}, at(who))
		}
		require.Equal(t, []string{",potential,name"}, at(map[string]any{"where": `lifecycle == "potential"`}))
		_, err = s.Plugins.Invoke(t.Context(), "look__at", map[string]any{"where": `name == "Ada Lovelace"`})
		require.ErrorIs(t, err, &fault.Error{Code: fault.Denied, Reason: "consent"})

		audit := c.As(ident.User("acme", "boss", "admin"), privacy.Legal)
		lines, err := audit.Plugins.Disclosed(t.Context(), ident.Ref{Entity: "customer", ID: ada.ID}, page.Query{})
		require.NoError(t, err)
		shown := 0
		for _, l := range lines.Items {
			if len(l.Fields) == 2 {
				shown++
			}
		}
		require.Equal(t, 2, shown, "the ledger tells when the name was shown")
	})
}

func TestConsentForAPurposeNobodyKnowsIsRefused(t *testing.T) {
	t.Parallel()

	b := dbtest.SQLite(t)
	_, err := crm.NewPools(t.Context(), crm.Pools{Write: b.Write, Read: b.Read}, b.Dialect, &crm.Config{
		KMS: keys.NewMemory(), Extensions: []plugin.Extension{looker("look.around", nil)},
	})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "consent")
}
