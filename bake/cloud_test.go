package bake

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// cloud is an account as a folder of files, so that a fake Packer in another
// process and the test see the same resources.
type cloud struct{ dir string }

type thing struct {
	Resource
	Name      string
	Snapshots []string
	CreatedAt time.Time
}

func (c cloud) file(id string) string { return filepath.Join(c.dir, id+".json") }

func (c cloud) put(r thing) error { return writeJSON(c.file(r.ID), r) }

func (c cloud) all() ([]thing, error) {
	names, err := filepath.Glob(filepath.Join(c.dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []thing
	for _, n := range names {
		b, err := os.ReadFile(n)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var r thing
		if err := errors.Join(err, json.Unmarshal(b, &r)); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (c cloud) Find(_ context.Context, f ImageFilter) ([]Image, error) {
	all, err := c.all()
	var out []Image
	for _, r := range all {
		if r.Kind != KindImage {
			continue
		}
		if ok, _ := path.Match(f.Name, r.Name); f.ID != "" && f.ID != r.ID || f.Name != "" && !ok {
			continue
		}
		if r.State == ImagePending && time.Since(r.CreatedAt) > 100*time.Millisecond {
			r.State = ImageAvailable // AWS goes on, whoever asked for it
		}
		out = append(out, Image{ID: r.ID, Name: r.Name, State: r.State, Arch: "x86_64", Snapshots: r.Snapshots, Tags: r.Tags, CreatedAt: r.CreatedAt})
	}
	slices.SortFunc(out, func(a, b Image) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out, err
}

func (c cloud) Tag(_ context.Context, ids []string, tags map[string]string) error {
	for _, id := range ids {
		var r thing
		if err := readJSON(c.file(id), &r); err != nil {
			return err
		}
		if r.Tags == nil {
			r.Tags = map[string]string{}
		}
		maps.Copy(r.Tags, tags)
		if err := c.put(r); err != nil {
			return err
		}
	}
	return nil
}

func (c cloud) List(_ context.Context, key, value string) ([]Resource, error) {
	all, err := c.all()
	var out []Resource
	for _, r := range all {
		if r.Tags[key] == value && r.State != "terminated" {
			out = append(out, r.Resource)
		}
	}
	return out, err
}

// Delete holds back a security group while an instance lives, and a snapshot while
// its image does.
func (c cloud) Delete(_ context.Context, r Resource) error {
	all, err := c.all()
	if err != nil {
		return err
	}
	for _, o := range all {
		if r.Kind == KindSecurityGroup && o.Kind == KindInstance && o.State != "terminated" ||
			r.Kind == KindSnapshot && slices.Contains(o.Snapshots, r.ID) {
			return fault.New(fault.Conflict, "", "%s is in use by %s", r.ID, o.ID)
		}
	}
	if err := os.Remove(c.file(r.ID)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// left names everything but images that are complete, with their snapshots, and the
// source image.
func (c cloud) left(t *testing.T) (images []Image, rest []string) {
	t.Helper()
	all, err := c.all()
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.Find(t.Context(), ImageFilter{})
	if err != nil {
		t.Fatal(err)
	}
	keep := map[string]bool{"ami-source": true}
	for _, i := range found {
		if Complete(i) {
			images = append(images, i)
			keep[i.ID] = true
			for _, s := range i.Snapshots {
				keep[s] = true
			}
		}
	}
	for _, r := range all {
		if !keep[r.ID] {
			rest = append(rest, string(r.Kind)+" "+r.ID)
		}
	}
	return images, rest
}

// testClock is the wall's time, hurried so that limits of hours pass in a test.
type testClock struct{ offset func() time.Duration }

func (c testClock) Now() time.Time {
	if c.offset != nil {
		return time.Now().Add(c.offset())
	}
	return time.Now().UTC()
}

func (c testClock) Sleep(ctx context.Context, until time.Time) error {
	return wait.Wall{}.Sleep(ctx, until)
}

// recorder keeps events.
type recorder struct{ lines []string }

func (r *recorder) Emit(e event.Event) { r.lines = append(r.lines, string(e.Kind)+": "+e.Text) }

func (r *recorder) has(part string) bool {
	return slices.ContainsFunc(r.lines, func(l string) bool { return strings.Contains(l, part) })
}
