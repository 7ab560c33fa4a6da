package journal

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Objects is what a shared journal needs of a bucket.
type Objects interface {
	// Create writes an object unless one of that key exists, which is an error of kind
	// fault.Conflict.
	Create(ctx context.Context, key string, body []byte) (tag string, err error)
	// Replace writes over the version with that tag; kind fault.Conflict when another
	// version stands there, or none.
	Replace(ctx context.Context, key, tag string, body []byte) (newTag string, err error)
	// Read returns an object of at most limit bytes and the tag of its version; kind
	// fault.NotFound when there is none.
	Read(ctx context.Context, key string, limit int64) (body []byte, tag string, err error)
	// Keys lists the keys under prefix, in any order.
	Keys(ctx context.Context, prefix string) ([]string, error)
}

// Bucket keeps a journal in a bucket that several machines share.
type Bucket struct {
	objects Objects
	prefix  string // of every key; empty, or ending in a slash
	pause   wait.Clock
}

var _ Store = Bucket{}

// NewBucket is the store in a bucket, under a prefix that may be empty.
func NewBucket(o Objects, prefix string) Bucket {
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return Bucket{objects: o, prefix: prefix, pause: wait.Wall{}}
}

// Bounds of what is read and tried.
const (
	maxObject  = 64 << 20 // bytes of a record or a document
	maxTries   = 5
	tryAgainIn = 200 * time.Millisecond
)

// Create implements Store. The body must be the writer's own, as Journal.Append makes
// it: when the answer to a write that succeeded is lost, the repeated write finds the
// key taken, and only the body that stands there tells by whom.
func (b Bucket) Create(ctx context.Context, key string, body []byte) error {
	_, err := b.create(ctx, key, body)
	return err
}

func (b Bucket) create(ctx context.Context, key string, body []byte) (tag string, err error) {
	for try := 1; ; try++ {
		tag, err = b.objects.Create(ctx, b.prefix+key, body)
		if fault.KindOf(err) != fault.Conflict {
			return tag, err
		}
		there, tag, rerr := b.objects.Read(ctx, b.prefix+key, maxObject)
		switch {
		case rerr == nil && bytes.Equal(there, body):
			return tag, nil // ours, written by a call whose answer was lost
		case rerr == nil:
			return "", ErrExists
		case fault.KindOf(rerr) != fault.NotFound:
			return "", fmt.Errorf("%w; and who wrote it is unknown: %w", err, rerr)
		case try == maxTries: // refused for another reason, time after time
			return "", err
		}
		if err := b.pause.Sleep(ctx, b.pause.Now().Add(tryAgainIn)); err != nil {
			return "", err
		}
	}
}

// Get implements Store.
func (b Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	body, _, err := b.objects.Read(ctx, b.prefix+key, maxObject)
	return body, err
}

// List implements Store. Only .json objects count.
func (b Bucket) List(ctx context.Context, prefix string) ([]string, error) {
	keys, err := b.objects.Keys(ctx, b.prefix+prefix)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(keys))
	for _, k := range keys {
		if k, ok := strings.CutPrefix(k, b.prefix); ok && strings.HasSuffix(k, ".json") {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out, nil
}
