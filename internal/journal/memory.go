package journal

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// Memory keeps a journal in this process alone, for what is not resumed.
type Memory struct {
	mu      sync.Mutex
	objects map[string][]byte
}

var _ Store = (*Memory)(nil)

// NewMemory is an empty store.
func NewMemory() *Memory { return &Memory{objects: map[string][]byte{}} }

// Create implements Store.
func (m *Memory) Create(_ context.Context, key string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.objects[key]; taken {
		return ErrExists
	}
	m.objects[key] = slices.Clone(body)
	return nil
}

// Get implements Store.
func (m *Memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body, ok := m.objects[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(body), nil
}

// List implements Store.
func (m *Memory) List(_ context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for k := range m.objects {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out, nil
}
