package main

import (
	"context"
	"errors"
	"slices"
	"time"
)

// turn runs one operation over and over until its time is up.
func (s *server) turn(ctx context.Context, req *request) (reply, error) {
	o := s.ops[req.Op]
	if o == nil || len(o.programs) == 0 {
		return reply{}, errors.New("no scripts are loaded")
	}
	db := s.db
	if req.Far {
		db = s.far
	}
	if db == nil {
		return reply{}, errors.New("there is no proxy")
	}
	r, err := db.runner(req.Peer)
	if err != nil {
		return reply{}, err
	}
	var rep reply
	var took []time.Duration
	for begin := time.Now(); ; {
		start := time.Now()
		steps, err := s.prepare(o)
		if err == nil {
			err = r.run(ctx, steps)
		}
		if err != nil {
			return rep, err
		}
		end := time.Now()
		took = append(took, end.Sub(start))
		if len(took) == req.Calls || end.Sub(begin) >= time.Duration(req.ForNS) && req.Calls == 0 {
			break
		}
	}
	slices.Sort(took)
	rep.Calls, rep.P50NS = len(took), took[len(took)/2].Nanoseconds()
	return rep, nil
}
