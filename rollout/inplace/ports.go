package inplace

import (
	"context"
	"io"
)

// Nodes finds long-lived instances.
type Nodes interface {
	// Find lists the instances that carry every one of the tags and are not
	// terminated, by id.
	Find(ctx context.Context, tags map[string]string) ([]Node, error)
}

// Node is a long-lived instance.
type Node struct {
	ID    string            `json:"id"`
	Name  string            `json:"name,omitempty"` // the Name tag
	State string            `json:"state"`
	Arch  string            `json:"arch"` // x86_64 or arm64
	Tags  map[string]string `json:"tags,omitempty"`
	// Managed says that Systems Manager sees it online.
	Managed bool `json:"managed"`
}

// Documents keeps the command document.
type Documents interface {
	// Hash is the SHA-256 (lower-case hex) of the document's content; kind
	// fault.NotFound when there is none.
	Hash(ctx context.Context, name string) (string, error)
	// Create makes a command document; kind fault.Conflict when the name is taken.
	Create(ctx context.Context, name, content string) error
}

// Commands sends commands and follows them.
type Commands interface {
	// Send runs a document on one instance and returns the command's id.
	Send(ctx context.Context, in Command) (id string, err error)
	// Find is the newest command to the instance with this comment; "" when there
	// is none.
	Find(ctx context.Context, instance, comment string) (id string, err error)
	// Invocation is how one step of a command stands on an instance; kind
	// fault.NotFound while AWS does not show it yet.
	Invocation(ctx context.Context, id, instance, step string) (Invocation, error)
}

// Command is what Commands.Send sends.
type Command struct {
	Instance     string
	Document     string
	DocumentHash string // SHA-256, lower-case hex
	Parameters   map[string]string
	Comment      string // at most 100 characters
	Bucket       string // where the whole output goes
	Prefix       string // key prefix of the output
	StartWithin  int    // seconds until it must have started
}

// Invocation is a command on one instance.
type Invocation struct {
	Status string // Pending, InProgress, Delayed, Success, Failed, ...
	Detail string // finer than Status
	Stdout string // cut off by the API after 24,000 characters
	Stderr string // likewise after 8,000
	// StdoutKey and StderrKey are the keys of the whole output in the bucket, if
	// the API names them.
	StdoutKey string
	StderrKey string
	Code      int // the step's exit code
}

// Store keeps objects in one bucket.
type Store interface {
	// Bucket and Region say where.
	Bucket() string
	Region() string
	// List is the size of each object under prefix, by key.
	List(ctx context.Context, prefix string) (map[string]int64, error)
	// Put creates an object and has S3 check its SHA-256 (lower-case hex). An object
	// that exists stays as it is, without error.
	Put(ctx context.Context, key string, body io.ReadSeeker, sha256 string) error
	// Get reads an object whole, at most limit bytes; kind fault.NotFound when there
	// is none.
	Get(ctx context.Context, key string, limit int64) ([]byte, error)
}
