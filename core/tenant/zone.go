package tenant

import (
	"errors"
	"strings"
	"time"
	_ "time/tzdata" // hosts without zone files, such as scratch images and Windows, know every zone all the same
)

var errZone = errors.New("no IANA time zone")

// loadZone returns the zone of an IANA name. Names that mean something else on each host are refused, and so are the
// copies that count leap seconds.
func loadZone(name string) (*time.Location, error) {
	switch first, _, _ := strings.Cut(name, "/"); first {
	case "", "Local", "localtime", "posixrules", "posix", "right", "Factory":
		return nil, errZone
	}
	return time.LoadLocation(name)
}
