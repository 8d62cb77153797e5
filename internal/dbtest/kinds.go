package dbtest

import (
	"slices"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

// Kinds lists the kinds of every module, for policies of tests.
func Kinds() []*work.Kind {
	return slices.Concat(
		customer.Kinds(), activity.Kinds(), pipeline.Kinds(), service.Kinds(), privacy.Kinds(), tenant.Kinds(), custom.Kinds(), claim.Kinds(),
	)
}
