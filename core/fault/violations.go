package fault

import "fmt"

// Violations collects every breach of a value, so that a caller mends them all at once.
// The zero value is ready for use.
type Violations struct{ list []Violation }

// Add records a breach of one field.
func (v *Violations) Add(field, format string, args ...any) {
	v.list = append(v.list, Violation{Field: field, Message: fmt.Sprintf(format, args...)})
}

// AddAll records what err holds under a path prefix, such as "points[0]". A nil err adds nothing.
func (v *Violations) AddAll(prefix string, err error) {
	if err == nil {
		return
	}
	f, ok := err.(*Error) //nolint:errorlint // only a bare Invalid error has violations to lift
	if !ok || f.Code != Invalid {
		v.Add(prefix, "%v", err)
		return
	}
	if len(f.Violations) == 0 {
		v.Add(join(prefix, f.Field), "%s", f.Message)
	}
	for _, x := range f.Violations {
		v.Add(join(prefix, x.Field), "%s", x.Message)
	}
}

func join(prefix, field string) string {
	switch {
	case prefix == "":
		return field
	case field == "":
		return prefix
	case field[0] == '[':
		return prefix + field
	}
	return prefix + "." + field
}

// Err returns nil without breaches, else one Invalid [*Error] that holds them all.
func (v *Violations) Err() error {
	if len(v.list) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Field: v.list[0].Field, Message: v.list[0].Message, Violations: v.list}
}
