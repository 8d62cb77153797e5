package work_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

func TestRecordsOfAPermanentKindAreNeverDeleted(t *testing.T) {
	t.Parallel()

	w, s := newWorld(), scope()
	r := work.NewRecords[note](w.Engine, &work.Kind{Entity: notes, Permanent: true}, nil)
	require.ErrorIs(t, r.Delete(t.Context(), &s, ident.New(), 1), fault.ErrInvalid)
	_, err := r.Restore(t.Context(), &s, ident.New())
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.Empty(t, w.log)
}
