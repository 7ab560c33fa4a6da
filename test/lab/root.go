package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
)

// RootOptions say which root is wanted.
type RootOptions struct {
	Archive string // address where the demo archive is served, such as 127.81.0.1:8080
	// OwnOnly leaves Debian's own archives out, so that the demo archive decides
	// alone what is pending and nothing is fetched from elsewhere.
	OwnOnly bool
}

// Archive builds the demo archive, or finds it: a folder with state-1, state-2.
func (k *Kit) Archive(t testing.TB) string {
	t.Helper()
	return k.tool(t, "go", "run", "-buildvcs=false", "./examples/demo/archive", "-out", filepath.Join(k.Cache, "archive"))
}

// Root makes the demo's root, or finds it in the cache, by what it is made from.
// Nothing may write to it: labs run on layers above it.
func (k *Kit) Root(t testing.TB, o RootOptions) string {
	t.Helper()
	archive := k.Archive(t)
	base := k.tool(t, filepath.Join(k.Demo, "base-root.sh"), filepath.Join(k.Cache, "roots"))
	h := sha256.New()
	for _, name := range []string{filepath.Join(archive, "key/public.gpg"), filepath.Join(k.Demo, "demo-root.sh")} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(text)
	}
	h.Write([]byte(base + "\x00" + o.Archive))
	name := "lab-" + hex.EncodeToString(h.Sum(nil))[:12]
	if o.OwnOnly {
		name += "-own"
	}
	out := filepath.Join(k.Cache, "roots", name)
	lock := flock.New(filepath.Join(k.Cache, "roots", "."+name+".lock"))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if _, err := os.Stat(out); err == nil {
		return out
	}
	fresh := out + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		t.Fatal(err)
	}
	k.tool(t, filepath.Join(k.Demo, "demo-root.sh"), base, archive, fresh, "http://"+o.Archive)
	if o.OwnOnly {
		if err := os.Remove(filepath.Join(fresh, "etc/apt/sources.list")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(fresh, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// CopyArchive copies a state of the demo archive, for a test that breaks it.
func (k *Kit) CopyArchive(t testing.TB, state string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), state)
	if err := os.CopyFS(out, os.DirFS(filepath.Join(k.Archive(t), state))); err != nil {
		t.Fatal(err)
	}
	return out
}

// environment is this process's, without what would lead the programs to another
// AWS, configuration or state.
func (k *Kit) environment() []string {
	var out []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "REHYDRATE_") && !strings.HasPrefix(v, "PACKER_") && !strings.HasPrefix(v, "PKR_VAR_") {
			out = append(out, v)
		}
	}
	// The plugins folder follows the cache: one of this test's own, so that tests
	// side by side do not exchange plugins under one another.
	return append(out, "REHYDRATE_CACHE="+filepath.Dir(k.Plugins))
}
