package outbox

import "github.com/rapport-crm/rapport/internal/store"

// The statements of the queue. tenantsDue is the one statement of the product that looks across tenants: $2 asks for
// those with writes to hand out, $3 for those with deliveries. It reads all that waits, so it does not run for each batch.
var (
	tenantsDue = store.Same("outbox.tenants_due", `
		SELECT tenant_id FROM crm_dispatch WHERE $2 AND at <= $1 GROUP BY tenant_id
		UNION
		SELECT tenant_id FROM crm_delivery WHERE $3 AND state = 'open' AND due_at <= $1 GROUP BY tenant_id`)

	takeDispatch = store.Split("outbox.take_dispatch", `
		SELECT tenant_id, id, entity, record_id, version FROM crm_dispatch
		WHERE tenant_id = $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED`, `
		SELECT tenant_id, id, entity, record_id, version FROM crm_dispatch
		WHERE tenant_id = $1 ORDER BY id LIMIT $2`)

	eventsOf = store.Same("outbox.events_of", `
		SELECT `+eventColumns+` FROM crm_event
		WHERE tenant_id = $1 AND record_id = $2 AND version = $3 AND entity = $4 ORDER BY ordinal`)

	addDelivery = store.Same("outbox.add_delivery", `
		INSERT INTO crm_delivery (tenant_id, consumer, event_id, kind, entity, record_id, order_key, version, ordinal, due_at, attempts, state, timer_key, last_error)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, 0, 'open', '', '')
		ON CONFLICT (tenant_id, consumer, event_id) DO NOTHING`)

	dropDispatch = store.Same("outbox.drop_dispatch", `
		DELETE FROM crm_dispatch WHERE tenant_id = $1 AND id = $2`)

	claimDeliveries = claimOf(claimable)

	getEvent = store.Same("outbox.get_event", `
		SELECT `+eventColumns+` FROM crm_event WHERE tenant_id = $1 AND id = $2`)

	endDelivery = store.Same("outbox.end", `
		DELETE FROM crm_delivery
		WHERE tenant_id = $1 AND consumer = $2 AND event_id = $3 AND lease_id = $4 AND state = 'open'`)

	failDelivery = store.Same("outbox.fail", `
		UPDATE crm_delivery SET state = $5, due_at = $6, last_error = $7, attempts = $8, lease_until = NULL, lease_id = NULL
		WHERE tenant_id = $1 AND consumer = $2 AND event_id = $3 AND lease_id = $4 AND state = 'open'`)

	releaseDelivery = store.Same("outbox.release", `
		UPDATE crm_delivery SET attempts = attempts - 1, lease_until = NULL, lease_id = NULL
		WHERE tenant_id = $1 AND consumer = $2 AND event_id = $3 AND lease_id = $4 AND state = 'open'`)

	deadDeliveries = store.Split("outbox.dead", `
		SELECT `+deliveryColumns+` FROM crm_delivery
		WHERE tenant_id = $1 AND state = 'dead' AND ($2::uuid IS NULL OR event_id > $2) ORDER BY event_id, consumer LIMIT $3`, `
		SELECT `+deliveryColumns+` FROM crm_delivery
		WHERE tenant_id = $1 AND state = 'dead' AND ($2 IS NULL OR event_id > $2) ORDER BY event_id, consumer LIMIT $3`)

	replayDelivery = store.Same("outbox.replay", `
		UPDATE crm_delivery SET state = 'open', due_at = $4, attempts = 0, lease_until = NULL, lease_id = NULL
		WHERE tenant_id = $1 AND consumer = $2 AND event_id = $3 AND state = 'dead'`)

	discardDelivery = store.Same("outbox.discard", `
		DELETE FROM crm_delivery WHERE tenant_id = $1 AND consumer = $2 AND event_id = $3 AND state = 'dead'`)

	openWork = store.Same("outbox.open_work", `
		SELECT (SELECT count(*) FROM crm_dispatch WHERE tenant_id = $1) AS dispatch,
		       (SELECT count(*) FROM crm_delivery WHERE tenant_id = $1 AND state = 'open' AND due_at <= $2) AS due,
		       (SELECT count(*) FROM crm_delivery WHERE tenant_id = $1 AND state = 'open' AND due_at > $2) AS later,
		       (SELECT count(*) FROM crm_delivery WHERE tenant_id = $1 AND state = 'dead') AS dead`)
)

// claimOf leases the deliveries that a query finds.
func claimOf(query string) store.SQL {
	const lease = `
		UPDATE crm_delivery SET lease_until = $4, lease_id = $5, attempts = attempts + 1 WHERE tenant_id = $1 AND consumer = $2`
	return store.Split("outbox.claim",
		lease+` AND event_id = ANY(ARRAY(`+query+` FOR UPDATE OF d SKIP LOCKED)) RETURNING `+deliveryColumns,
		lease+` AND event_id IN (`+query+`) RETURNING `+deliveryColumns)
}

const (
	eventColumns    = `tenant_id, id, kind, entity, record_id, version, ordinal, actor_kind, actor_id, purpose, at, changed, refs, facts`
	deliveryColumns = `tenant_id, consumer, event_id, kind, entity, record_id, version, ordinal, due_at, attempts, timer_key, last_error`

	// claimable finds what may be delivered: due, not leased, and nothing earlier of the same record on the way.
	claimable = `
		SELECT d.event_id FROM crm_delivery d
		WHERE d.tenant_id = $1 AND d.consumer = $2 AND d.state = 'open' AND d.due_at <= $3
		AND (d.lease_until IS NULL OR d.lease_until <= $3)
		AND NOT EXISTS (SELECT 1 FROM crm_delivery p
			WHERE p.tenant_id = $1 AND p.consumer = $2 AND p.order_key = d.order_key AND p.state = 'open'
			AND (p.version < d.version OR (p.version = d.version AND p.ordinal < d.ordinal)))
		AND NOT EXISTS (SELECT 1 FROM crm_dispatch x
			WHERE x.tenant_id = $1 AND x.record_id = d.record_id AND x.version < d.version AND d.timer_key = '')
		ORDER BY d.due_at, d.event_id LIMIT $6`
)

// Statements lists every static statement of the package.
func Statements() []store.SQL {
	return []store.SQL{
		tenantsDue, takeDispatch, eventsOf, addDelivery, dropDispatch, claimDeliveries, getEvent, endDelivery,
		failDelivery, releaseDelivery, deadDeliveries, replayDelivery, discardDelivery, openWork,
	}
}
