package bake

import (
	"context"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// The ports as functions, so that a test says only what matters to it.
type stubImages struct {
	find func(ImageFilter) ([]Image, error)
	tag  func([]string, map[string]string) error
}

func (s stubImages) Find(_ context.Context, f ImageFilter) ([]Image, error) { return s.find(f) }
func (s stubImages) Tag(_ context.Context, ids []string, tags map[string]string) error {
	return s.tag(ids, tags)
}

type stubResources struct {
	list   func() ([]Resource, error)
	delete func(Resource) error
}

func (s stubResources) List(context.Context, string, string) ([]Resource, error) { return s.list() }
func (s stubResources) Delete(_ context.Context, r Resource) error               { return s.delete(r) }

type stubIndexes func(baseline.Repository) (string, error)

func (s stubIndexes) Digest(_ context.Context, r baseline.Repository) (string, error) { return s(r) }

type stubPatcher func(string, record.NodeRequest) (record.NodeReport, error)

func (s stubPatcher) Patch(_ context.Context, id string, r record.NodeRequest) (record.NodeReport, error) {
	return s(id, r)
}
