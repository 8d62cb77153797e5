package customerstore

import (
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/internal/store"
)

var objects = store.TableOf[object.Object](object.Kinds()[0], nil)

// Objects returns the store of the records of kinds that tenants define.
func (s *Store) Objects() work.Store[object.Object] { return objects.On(s.db, nil) }
