package crm_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
)

// Whatever ranges over kinds reaches the records of each, and no more of them than the façades show.
func TestTheRecordsOfEveryKind(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		var names []string
		for _, k := range crm.Kinds() {
			names = append(names, k.Name())
			require.Contains(t, crm.Modules(), crm.Module(k.Module), k.Name())
		}
		var used []string
		for _, k := range h.Kinds() {
			used = append(used, k.Name())
			records, err := x.s.Records(k.Name())
			require.NoError(t, err)
			list, err := records.Page(t.Context(), page.Query{})
			if k.WithSubject {
				require.ErrorIs(t, err, fault.ErrInvalid, k.Name())
				list, err = records.PageOf(t.Context(), x.person.ID, page.Query{})
			}
			require.NoError(t, err, k.Name())
			var ids []ident.ID
			for _, rec := range list.Items {
				ids = append(ids, rec.Base().ID)
				one, err := records.Get(t.Context(), rec.Base().ID)
				require.NoError(t, err, k.Name())
				require.Equal(t, rec.Base(), one.Base(), k.Name())
			}
			many, err := records.GetMany(t.Context(), ids...)
			require.NoError(t, err, k.Name())
			require.Len(t, many, len(ids), k.Name())
			theirs, err := x.strangers.Records(k.Name())
			require.NoError(t, err)
			many, err = theirs.GetMany(t.Context(), ids...)
			require.NoError(t, err, k.Name())
			if k.Module != work.Foundation { // settings have the same id in every tenant
				require.Empty(t, many, k.Name())
			}
		}
		slices.Sort(names)
		require.Equal(t, names, used)
		_, err := x.s.Records("consents")
		f, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.Equal(t, "kind", f.Field)
	})
}
