package proto

import (
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/plugin"
)

// FromRecord encodes a record; the zero record is nil.
func FromRecord(r plugin.Record) *Record {
	if r.IsZero() {
		return nil
	}
	out := &Record{Ref: FromRef(r.Ref), Version: r.Version, Hidden: r.Hidden()}
	for _, name := range r.Names() {
		f, _ := r.Field(name)
		out.Fields = append(out.Fields, &Field{Name: name, Class: string(f.Class), Value: FromValue(f.Value)})
	}
	return out
}

// ToRecord decodes what FromRecord writes.
func ToRecord(r *Record) (plugin.Record, error) {
	if r == nil {
		return plugin.Record{}, nil
	}
	var v fault.Violations
	ref, err := ToRef(r.GetRef())
	v.AddAll("ref", err)
	fields := make(map[string]plugin.Field, len(r.GetFields()))
	for _, f := range r.GetFields() {
		x, err := ToValue(f.GetValue())
		v.AddAll(f.GetName(), err)
		fields[f.GetName()] = plugin.Field{Class: personal.Class(f.GetClass()), Value: x}
	}
	return plugin.NewRecord(ref, r.GetVersion(), fields, r.GetHidden()...), v.Err()
}

// FromEvent encodes an event.
func FromEvent(e plugin.Event) *Event {
	return &Event{
		Id: FromID(e.ID), Kind: string(e.Kind), Record: FromRef(e.Record), Version: e.Version, Ordinal: int32(e.Ordinal), //nolint:gosec // few events per change
		AtUs: FromTime(e.At), Changed: e.Changed, Refs: each(e.Refs, FromRef), Facts: e.Facts, Data: FromRecord(e.Data),
	}
}

// ToEvent decodes what FromEvent writes.
func ToEvent(e *Event) (plugin.Event, error) {
	var v fault.Violations
	id, err := ToID(e.GetId())
	v.AddAll("id", err)
	rec, err := ToRef(e.GetRecord())
	v.AddAll("record", err)
	refs, err := tryEach(e.GetRefs(), ToRef)
	v.AddAll("refs", err)
	data, err := ToRecord(e.GetData())
	v.AddAll("data", err)
	return plugin.Event{
		ID: id, Kind: event.Kind(e.GetKind()), Record: rec, Version: e.GetVersion(), Ordinal: int(e.GetOrdinal()),
		At: ToTime(e.GetAtUs()), Changed: e.GetChanged(), Refs: refs, Facts: e.GetFacts(), Data: data,
	}, v.Err()
}
