package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"
)

// table is the rows of one table.
type table struct {
	name    string
	columns []string
	rows    [][]any
}

// bulkLoad is what an import writes: the rows of a sample tenant, to be written again as new rows of another.
type bulkLoad struct {
	sample []*table
	to     string
	mark   string
	offset int64
	began  int64 // milliseconds: when the sample was written
}

// source takes the sample, or reads it. The tables in req.Keep belong to the tenant itself.
func (s *server) source(ctx context.Context, req *request) (rep reply, err error) {
	var tables []*table
	if r, ok := s.db.(reader); ok && req.From != "" {
		if tables, err = r.read(ctx, req.From, req.Keep); err != nil {
			return rep, err
		}
	}
	for i := range req.Tables {
		tables = append(tables, sampled(&req.Tables[i]))
	}
	s.load = &bulkLoad{sample: tables, to: req.To, mark: req.Mark, began: time.Now().UnixMilli()}
	rep.Rows = map[string]int64{}
	for _, t := range tables {
		rep.Rows[t.name] = int64(len(t.rows))
	}
	return rep, nil
}

func sampled(r *rows) *table {
	t := &table{name: r.Table, columns: r.Columns, rows: make([][]any, len(r.Rows))}
	for i, row := range r.Rows {
		t.rows[i] = make([]any, len(row))
		for j := range row {
			t.rows[i][j], _ = value(&row[j]) // a sample has no holes
		}
	}
	return t
}

// bulk writes the sample once more. Making the rows new is not part of the time.
func (s *server) bulk(ctx context.Context) (reply, error) {
	if s.load == nil {
		return reply{}, errors.New("there is no sample")
	}
	fresh := s.load.renew()
	start := time.Now()
	written, err := s.db.write(ctx, fresh)
	if err != nil {
		return reply{}, err
	}
	return reply{Calls: 1, P50NS: time.Since(start).Nanoseconds(), Rows: written}, nil
}

// renew returns the sample with new ids, digests, marks and tenant. What was equal stays equal, so references hold,
// and ids keep the order of time.
func (l *bulkLoad) renew() []*table {
	n := &renewal{load: l, shift: time.Now().UnixMilli() - l.began}
	_, _ = rand.Read(n.key[:]) // it never fails
	most := 0
	for _, t := range l.sample {
		most = max(most, len(t.rows))
	}
	l.offset += int64(most) + 1
	n.offset = firstMark/2 + l.offset
	fresh := make([]*table, len(l.sample))
	for i, t := range l.sample {
		c := &table{name: t.name, columns: t.columns, rows: make([][]any, len(t.rows))}
		for j, row := range t.rows {
			c.rows[j] = make([]any, len(row))
			for k, v := range row {
				if t.columns[k] == "tenant_id" {
					c.rows[j][k] = l.to
				} else {
					c.rows[j][k] = n.value(v)
				}
			}
		}
		fresh[i] = c
	}
	return fresh
}

// renewal is one to one.
type renewal struct {
	load   *bulkLoad
	shift  int64
	offset int64
	key    [16]byte
}

func (n *renewal) value(v any) any {
	switch v := v.(type) {
	case [16]byte:
		return n.id(v)
	case []byte:
		if len(v) == 16 {
			id := n.id([16]byte(v))
			return id[:]
		}
	case string:
		return remark(v, n.load.mark, func(i int64) string { return markText(n.load.mark, n.offset+i) })
	}
	return v
}

// id moves an id of version 7 to the present and changes its random part; it changes every bit of others.
func (n *renewal) id(id [16]byte) [16]byte {
	first := 0
	if id[6]>>4 == 7 && id[8]>>6 == 2 {
		head := binary.BigEndian.Uint64(id[:8])
		binary.BigEndian.PutUint64(id[:8], head+uint64(n.shift)<<16)
		first = 9
	}
	for i := first; i < len(id); i++ {
		id[i] ^= n.key[i]
	}
	return id
}
