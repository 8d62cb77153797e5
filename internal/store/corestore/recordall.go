package corestore

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

// RecordAll implements [work.BulkRecorder] by the dialect's bulk load, one table after the other.
func (s *Store) RecordAll(ctx context.Context, u work.Unit, list []work.Record) error {
	for i := range list {
		if len(list[i].Events) == 0 {
			return fault.New(fault.Internal, "corestore: a write without an event")
		}
	}
	conn := s.db.On(u)
	for _, load := range []struct {
		table   string
		columns []string
		rows    iter.Seq2[[]any, error]
	}{
		{"crm_audit", auditColumns, each(list, auditRow)},
		{"crm_event", eventColumns, events(list)},
		{"crm_dispatch", dispatchColumns, each(list, dispatchRow)},
		{"crm_timeline", lineColumns, lines(list)},
	} {
		if _, err := conn.BulkLoad(ctx, load.table, load.columns, load.rows); err != nil {
			return store.Taken(err)
		}
	}
	for i := range list {
		if err := follow(conn, &list[i]); err != nil {
			return err
		}
		if err := setTimers(conn, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

func each(list []work.Record, row func(t *work.Record) []any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range list {
			if !yield(row(&list[i]), nil) {
				return
			}
		}
	}
}

func events(list []work.Record) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range list {
			for j := range list[i].Events {
				if !yield(eventRow(&list[i].Events[j])) {
					return
				}
			}
		}
	}
}

func lines(list []work.Record) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range list {
			for _, l := range list[i].Timeline {
				if !yield(lineRow(&list[i], l), nil) {
					return
				}
			}
		}
	}
}
