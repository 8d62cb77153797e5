package store

import "context"

// Queue runs at once until the queue is here.
func (c Conn) Queue(q SQL, check func(error) error, args ...any) error {
	_, err := c.Exec(context.Background(), q, args...)
	if check != nil {
		return check(err)
	}
	return err
}

// Later is a read under way.
type Later struct {
	run func(ctx context.Context) error
}

// Wait reads.
func (p *Later) Wait(ctx context.Context) error { return p.run(ctx) }

// GetLater is Get.
func (c Conn) GetLater(q SQL, dest any, args ...any) *Later {
	return &Later{func(ctx context.Context) error { return c.Get(ctx, q, dest, args...) }}
}

// SelectLater is Select.
func (c Conn) SelectLater(q SQL, dest any, args ...any) *Later {
	return &Later{func(ctx context.Context) error { return c.Select(ctx, q, dest, args...) }}
}

// QueueOne is Queue for a write that must change a row.
func (c Conn) QueueOne(q SQL, check func(error) error, args ...any) error {
	n, err := c.Exec(context.Background(), q, args...)
	if err == nil && n == 0 {
		err = ErrNoRow
	}
	if check != nil {
		return check(err)
	}
	return err
}
