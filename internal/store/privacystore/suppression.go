package privacystore

import (
	"context"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
)

var (
	suppressions = store.TableOf[privacy.Suppression](work.Find(privacy.Kinds(), privacy.EntitySuppression), map[string]string{"Digest": "digest"})
	byDigest     = suppressions.KeyOf("_by_digest", "channel", "digest")
)

// Suppressions implements [privacy.SuppressionStore].
func (s *Store) Suppressions() work.Store[privacy.Suppression] { return s.suppressions }

// Suppression implements [privacy.SuppressionStore].
func (s *Store) Suppression(ctx context.Context, c *work.Call, ch personal.Channel, digest []byte, how work.Fetch) (*privacy.Suppression, error) {
	return s.suppressions.By(ctx, c, &byDigest, how, ch, digest)
}
