package privacy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/privacy"
)

func TestPurposesNameWhatIsWrong(t *testing.T) {
	t.Parallel()

	_, err := privacy.NewPurposes(
		privacy.Purpose{Name: "", Bases: []privacy.Basis{"whim"}, Classes: []personal.Class{"shoe size"}},
		privacy.Purpose{Name: "ads", Direct: true, Bases: []privacy.Basis{privacy.OnLegitimateInterest}, Assumed: privacy.OnLegitimateInterest},
		privacy.Purpose{Name: "ads", Assumed: privacy.OnConsent},
	)
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, fault.Invalid, f.Code)
	require.Equal(t, "purposes", f.Field)
	require.Len(t, f.Violations, 7)
}

func TestPurposesGrow(t *testing.T) {
	t.Parallel()

	more, err := privacy.DefaultPurposes().With(privacy.Purpose{Name: "loyalty", Bases: []privacy.Basis{privacy.OnConsent}})
	require.NoError(t, err)
	require.Len(t, more.Names(), 10)
	unseen, err := more.Unseen("loyalty", true)
	require.NoError(t, err)
	require.Equal(t, []personal.Class{personal.Financial, personal.Government, personal.Health}, unseen)
	unseen, err = more.Unseen("loyalty", false)
	require.NoError(t, err)
	require.Empty(t, unseen, "a reader who reveals nothing needs no mask for sensitive classes")
	_, err = more.Unseen("lottery", true)
	require.ErrorIs(t, err, fault.ErrInvalid)
}
