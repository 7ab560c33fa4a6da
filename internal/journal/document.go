package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Document is an object of a bucket that changes. Who writes it must have read what
// stands there: a change by somebody else in between is an error.
type Document struct {
	bucket Bucket
	key    string
	tag    string // of the version that was read or written last
	tried  []byte // of a Save whose end is unknown
}

// Document is the one of that key, not read yet.
func (b Bucket) Document(key string) *Document { return &Document{bucket: b, key: key} }

// Load reads it; kind fault.NotFound when there is none.
func (d *Document) Load(ctx context.Context) ([]byte, error) {
	body, tag, err := d.bucket.objects.Read(ctx, d.bucket.prefix+d.key, maxObject)
	if err != nil {
		return nil, err
	}
	d.tag = tag
	return body, nil
}

// Save writes it over the version that was loaded or saved last, or creates it. Kind
// fault.Conflict when somebody else has written in between.
func (d *Document) Save(ctx context.Context, body []byte) error {
	tag, err := d.write(ctx, body)
	if conflict(err) && d.tried != nil {
		// What stands there may be what we wrote when we heard no answer.
		there, now, rerr := d.bucket.objects.Read(ctx, d.bucket.prefix+d.key, maxObject)
		if rerr == nil && bytes.Equal(there, d.tried) {
			d.tag = now
			tag, err = d.write(ctx, body)
		}
	}
	switch {
	case conflict(err):
		return fault.As(fmt.Errorf("write %s: somebody else has changed it", d.key), fault.Conflict, "look who works on it: rehydrate history")
	case err != nil:
		d.tried = body
		return fmt.Errorf("write %s: %w", d.key, err)
	}
	d.tag, d.tried = tag, nil
	return nil
}

func conflict(err error) bool {
	return errors.Is(err, ErrExists) || fault.KindOf(err) == fault.Conflict
}

func (d *Document) write(ctx context.Context, body []byte) (tag string, err error) {
	if d.tag == "" {
		return d.bucket.create(ctx, d.key, body)
	}
	return d.bucket.replace(ctx, d.key, d.tag, body)
}

// replace is Objects.Replace that knows its own write when the answer to it was lost.
func (b Bucket) replace(ctx context.Context, key, tag string, body []byte) (string, error) {
	now, err := b.objects.Replace(ctx, b.prefix+key, tag, body)
	if fault.KindOf(err) != fault.Conflict {
		return now, err
	}
	there, now, rerr := b.objects.Read(ctx, b.prefix+key, maxObject)
	switch {
	case rerr == nil && bytes.Equal(there, body):
		return now, nil
	case rerr != nil && fault.KindOf(rerr) != fault.NotFound:
		return "", fmt.Errorf("%w; and who wrote it is unknown: %w", err, rerr)
	}
	return "", err
}
