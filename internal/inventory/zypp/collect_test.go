//go:build linux

package zypp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// revision is the date of rpmworld's repositories.
var revision = time.Unix(1735700000, 0).UTC()

// small is a world with one repository and one pending update.
func small(t *testing.T, settings map[string]string) *world {
	t.Helper()
	tool := parse("tool-2-1.x86_64")
	return newWorld(t, rpmworld.World{
		Installed: []rpmworld.Package{parse("tool-1-1.x86_64"), parse("held-1-1.x86_64")},
		Repositories: []rpmworld.Repository{{
			ID: "updates", Packages: []rpmworld.Package{tool}, Settings: settings,
			UpdateInfo: notices(notice("1", "security", "important", "stable", "SUSE-1", "1748736000", "", nil, tool)),
		}},
	})
}

// raw is a file of the repository in zypper's raw cache.
func (w *world) raw(pattern string) string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.dir, "var/cache/zypp/raw/updates", pattern))
	if err != nil || len(found) != 1 {
		w.t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	// zypper links the files of a local repository, which are shared: what a test may
	// spoil must be its own.
	if info, err := os.Stat(found[0]); err == nil && info.Mode().IsRegular() {
		whole, err := os.ReadFile(found[0])
		w.must(err)
		w.must(os.Remove(found[0]))
		w.must(os.WriteFile(found[0], whole, 0o600))
	}
	return found[0]
}

func TestWhatIsSaidOfARepositoryIsWhereItWasSeen(t *testing.T) {
	w := small(t, nil)
	n, remarks := collect(t, w, reading.Options{})
	if len(n.Available.Repositories) != 1 {
		t.Fatalf("repositories = %+v", n.Available.Repositories)
	}
	r := n.Available.Repositories[0]
	if r.ID != "updates" || r.URL != "file:"+w.rpm.Repos["updates"]+"/" || len(r.IndexSHA256) != 64 || !r.Date.Equal(revision) ||
		r.SeenFrom != "/var/cache/zypp/raw/updates/repodata/repomd.xml" || r.Verified || r.SignedBy != "" {
		t.Errorf("repository = %+v", r)
	}
	if !slices.Contains(remarks, "repository updates: the index signature was not verified: it carries no signature") {
		t.Errorf("remarks = %q", remarks)
	}
	if p := n.Available.Packages[0]; p.Filename != "Packages/tool-2-1.x86_64.rpm" || p.Notices[0].ID != "SUSE-1" || p.Notices[0].Type != "security" || *p.Notices[0].Severity != "important" {
		t.Errorf("package = %+v", p)
	}
}

func TestWhatCannotBeReadIsAnErrorThatNamesTheRepository(t *testing.T) {
	w := small(t, nil)
	now := revision.Add(48 * time.Hour)
	for _, c := range []struct {
		name, want string
		spoil      func()
		options    reading.Options
	}{
		{"too old", "more than the 24h0m0s that are accepted", func() {}, reading.Options{MaxAge: 24 * time.Hour}},
		{"primary cut off", "not the file that its index names", func() { w.must(os.Truncate(w.raw("repodata/*primary.xml.gz"), 100)) }, reading.Options{}},
		{"no primary", "was not downloaded", func() { w.must(os.Remove(w.raw("repodata/*primary.xml.gz"))) }, reading.Options{}},
		{"updateinfo cut off", "not the file that its index names", func() { w.must(os.Truncate(w.raw("repodata/*updateinfo.xml.gz"), 10)) }, reading.Options{}},
		{"no updateinfo", "was not downloaded", func() { w.must(os.Remove(w.raw("repodata/*updateinfo.xml.gz"))) }, reading.Options{}},
		{"no date", "states no date", func() {
			w.rewrite(func(s string) string {
				return strings.ReplaceAll(strings.ReplaceAll(s, "1735700000", "1"), "timestamp>", "stamp>")
			})
		}, reading.Options{MaxAge: time.Hour}},
		{"a file elsewhere", "outside of the repository", func() {
			w.rewrite(func(s string) string { return strings.Replace(s, `href="repodata/`, `href="../../../../repodata/`, 1) })
		}, reading.Options{}},
		{"no index", "was not downloaded: run zypper refresh", func() {
			w.must(os.Remove(w.raw("repodata/repomd.xml")))
			w.put("etc/zypp/repos.d/updates.repo", "[updates]\nbaseurl=https://127.0.0.1:1/\n")
		}, reading.Options{}},
		{"a folder", "a plain folder of packages", func() { w.put("var/cache/zypp/raw/updates/cookie", "") }, reading.Options{}},
		{"SUSE tags", "in the form of SUSE tags", func() { w.put("var/cache/zypp/raw/updates/content", "") }, reading.Options{}},
		{"switched off", "none is enabled", func() { w.put("etc/zypp/repos.d/updates.repo", "[updates]\nenabled=0\n") }, reading.Options{}},
		{"service", "service more", func() {
			w.put("etc/zypp/services.d/more.service", "[more]\nenabled=1\n")
		}, reading.Options{}},
	} {
		saved := filepath.Join(t.TempDir(), "raw")
		w.must(exec.Command("cp", "-a", filepath.Join(w.dir, "var/cache/zypp/raw"), saved).Run())
		c.spoil()
		c.options.Now = now
		_, _, err := Collect(w.fs(), c.options)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error = %v, want %q", c.name, err, c.want)
		} else if c.name != "switched off" && c.name != "service" && !strings.Contains(err.Error(), "updates (/etc/zypp/repos.d/updates.repo)") {
			t.Errorf("%s: %v does not name the repository", c.name, err)
		}
		switch c.name { // these stay as they are: no metadata is there any more
		case "no index", "a folder", "SUSE tags":
			w.must(os.RemoveAll(filepath.Join(w.dir, "var/cache/zypp/raw/updates/content")))
			continue
		}
		w.must(os.RemoveAll(filepath.Join(w.dir, "var/cache/zypp/raw")))
		w.must(os.Rename(saved, filepath.Join(w.dir, "var/cache/zypp/raw")))
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// rewrite changes the cached index.
func (w *world) rewrite(change func(string) string) {
	w.t.Helper()
	name := w.raw("repodata/repomd.xml")
	text, err := os.ReadFile(name)
	w.must(err)
	w.must(os.WriteFile(name, []byte(change(string(text))), 0o600))
}

func TestAnIndexIsVerifiedByTrustedKeysOnly(t *testing.T) {
	w := small(t, nil)
	then := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return revision }}
	key, err := openpgp.NewEntity("a", "", "a@example.com", then)
	w.must(err)
	public := func() []byte {
		var b bytes.Buffer
		out, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
		w.must(err)
		w.must(key.Serialize(out))
		w.must(out.Close())
		return b.Bytes()
	}()
	// The publisher signs, and zypper fetches: a copy, because the fixture is shared.
	archive := filepath.Join(t.TempDir(), "archive")
	w.must(exec.Command("cp", "-a", w.rpm.Repos["updates"], archive).Run())
	index, err := os.ReadFile(filepath.Join(archive, repomd))
	w.must(err)
	var signature bytes.Buffer
	w.must(openpgp.ArmoredDetachSign(&signature, key, bytes.NewReader(index), then))
	put(t, filepath.Join(archive, repomd+".asc"), signature.String())
	put(t, filepath.Join(archive, repomd+".key"), string(public))
	w.put("etc/zypp/repos.d/updates.repo", "[updates]\nbaseurl=file:"+archive+"\n")
	w.must(os.RemoveAll(filepath.Join(w.dir, "var/cache/zypp")))
	w.zypper("--non-interactive", "--gpg-auto-import-keys", "refresh")

	other, err := openpgp.NewEntity("b", "", "b@example.com", then)
	w.must(err)
	var stranger bytes.Buffer
	w.must(other.Serialize(&stranger))
	print := fmt.Sprintf("%X", key.PrimaryKey.Fingerprint)
	verified := func(name string, want bool, o reading.Options) {
		t.Helper()
		if o.Now.IsZero() {
			o.Now = time.Unix(1750000000, 0)
		}
		n, _, err := Collect(w.fs(), o)
		switch {
		case want && (err != nil || !n.Available.Repositories[0].Verified || n.Available.Repositories[0].SignedBy != print):
			t.Errorf("%s: %+v, %v", name, n.Available.Repositories, err)
		case !want && (err == nil || !strings.Contains(err.Error(), "repository updates (/etc/zypp/repos.d/updates.repo): the index signature was not verified") || fault.HintOf(err) == ""):
			t.Errorf("%s: %+v, error %v", name, n.Available.Repositories, err)
		}
	}
	verified("the key that came along", false, reading.Options{})
	verified("pinned", true, reading.Options{Keyrings: [][]byte{public}})
	verified("another one pinned", false, reading.Options{Keyrings: [][]byte{stranger.Bytes()}})
	verified("before it was signed", false, reading.Options{Keyrings: [][]byte{public}, Now: revision.Add(-time.Hour)})
	w.put("usr/lib/rpm/gnupg/keys/gpg-pubkey-1.asc", string(public))
	verified("trusted by the root", true, reading.Options{})
	verified("trusted by the root, another one pinned", false, reading.Options{Keyrings: [][]byte{stranger.Bytes()}})
	w.must(os.Remove(filepath.Join(w.dir, "usr/lib/rpm/gnupg/keys/gpg-pubkey-1.asc")))
	w.put("etc/keys/own.asc", string(public))
	w.put("etc/zypp/repos.d/updates.repo", "[updates]\nbaseurl=file:"+archive+"\ngpgkey=https://example.com/k\n  file:///etc/keys/own.asc\n")
	verified("trusted for the repository", true, reading.Options{})
	w.rewrite(func(s string) string { return s + "\n" })
	verified("changed since", false, reading.Options{})
	w.must(os.Remove(w.raw("repodata/repomd.xml.asc")))
	if n, remarks := collect(t, w, reading.Options{}); n.Available.Repositories[0].Verified || !strings.Contains(strings.Join(remarks, "\n"), "it carries no signature") {
		t.Errorf("unsigned, as nobody minds: %+v, %q", n.Available.Repositories, remarks)
	}
	w.put("etc/zypp/repos.d/updates.repo", "[updates]\nbaseurl=file:"+archive+"\nrepo_gpgcheck=1\n")
	verified("unsigned, though a signature is demanded", false, reading.Options{})
}

func TestTheCacheAnswersOnlyForFilesThatAreAsTheyWere(t *testing.T) {
	w := small(t, nil)
	o := reading.Options{Cache: t.TempDir()}
	primary := w.raw("repodata/*primary.xml.gz")
	<-time.After(2 * time.Second) // what was written a moment ago is not kept
	want, _ := collect(t, w, o)
	kept, err := filepath.Glob(o.Cache + "/rpmmd-*")
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept: %q, %v", kept, err)
	}
	if got, _ := collect(t, w, o); !reflect.DeepEqual(got, want) {
		t.Errorf("from the cache %+v, want %+v", got, want)
	}
	for name, spoil := range map[string]func() error{
		"cut off": func() error { return os.Truncate(primary, 100) },
		"emptied": func() error { return os.Truncate(primary, 0) },
		"a folder": func() error {
			return errors.Join(os.Remove(primary), os.Mkdir(primary, 0o755))
		},
	} {
		whole, err := os.ReadFile(primary)
		w.must(err)
		w.must(spoil())
		if n, _, err := Collect(w.fs(), o); err == nil {
			t.Errorf("%s: %+v", name, n.Available)
		}
		w.must(os.RemoveAll(primary))
		w.must(os.WriteFile(primary, whole, 0o600))
	}
}

func TestARepositoryOnTheRootIsReadWhereItLies(t *testing.T) {
	w := small(t, nil)
	w.must(os.MkdirAll(filepath.Join(w.dir, "srv"), 0o755))
	w.must(exec.Command("cp", "-a", w.rpm.Repos["updates"], filepath.Join(w.dir, "srv/repo")).Run())
	w.must(os.RemoveAll(filepath.Join(w.dir, "var/cache/zypp")))
	for _, text := range []string{"baseurl=file:///srv/repo", "baseurl=dir:/srv/\npath=repo", "baseurl=file:/srv/nothing\n  file:/srv/repo/"} {
		w.put("etc/zypp/repos.d/updates.repo", "[updates]\n"+text+"\n")
		if strings.Contains(text, "nothing") {
			if _, _, err := Collect(w.fs(), reading.Options{}); err == nil {
				t.Error("a folder that is not the first one was read")
			}
			continue
		}
		n, _ := collect(t, w, reading.Options{})
		if r := n.Available.Repositories[0]; r.SeenFrom != "/srv/repo/"+repomd || len(n.Available.Packages) != 1 {
			t.Errorf("%s: %+v", text, n.Available)
		}
	}
}

func TestAnAddressIsFetchedOnlyWhenThatIsAllowed(t *testing.T) {
	w := small(t, nil)
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(w.rpm.Repos["updates"]))))
	defer server.Close()
	base := server.URL + "/" + filepath.Base(w.rpm.Repos["updates"])
	w.must(os.RemoveAll(filepath.Join(w.dir, "var/cache/zypp")))
	fetch := func(address string) (io.ReadCloser, error) {
		if address == "https://example.com/mirrors" {
			return io.NopCloser(strings.NewReader("# mirrors\nhttp://127.0.0.1:1/gone/\n" + base + "/\n")), nil
		}
		if !strings.HasPrefix(address, server.URL) {
			return nil, fmt.Errorf("%s: refused", address)
		}
		res, err := http.Get(address)
		if err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusOK {
			_ = res.Body.Close()
			return nil, fs.ErrNotExist
		}
		return res.Body, nil
	}
	for _, text := range []string{"baseurl=" + base, "mirrorlist=https://example.com/mirrors"} {
		w.put("etc/zypp/repos.d/updates.repo", "[updates]\n"+text+"\n")
		if _, _, err := Collect(w.fs(), reading.Options{}); err == nil || !strings.Contains(err.Error(), "run zypper refresh") {
			t.Errorf("%s: without fetching: %v", text, err)
		}
		n, _ := collect(t, w, reading.Options{Fetch: fetch})
		if r := n.Available.Repositories[0]; r.SeenFrom != base+"/"+repomd || len(n.Available.Packages) != 1 || len(n.Available.Packages[0].Notices) != 1 {
			t.Errorf("%s: %+v", text, n.Available)
		}
	}
	w.put("etc/zypp/repos.d/updates.repo", "[updates]\nbaseurl=http://127.0.0.1:1/x\n")
	if _, _, err := Collect(w.fs(), reading.Options{Fetch: fetch}); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("an address that does not answer: %v", err)
	}
}

func TestTheRepositoryThatZypperPrefersGivesTheFile(t *testing.T) {
	tool, other := parse("tool-2-1.x86_64"), parse("tool-2-1.x86_64")
	other.BuildTime = 1_700_000_000 // other contents
	note := notices(notice("1", "security", "important", "stable", "SUSE-1", "1748736000", "", nil, tool))
	w := newWorld(t, rpmworld.World{
		Installed: []rpmworld.Package{parse("tool-1-1.x86_64")},
		Repositories: []rpmworld.Repository{
			{ID: "a", Packages: []rpmworld.Package{tool}, UpdateInfo: note},
			{ID: "b", Packages: []rpmworld.Package{other}, UpdateInfo: note, Settings: map[string]string{"priority": "10"}},
		},
	})
	n, remarks := collect(t, w, reading.Options{})
	if len(n.Available.Packages) != 1 || n.Available.Packages[0].Repository != "b" || len(n.Available.Packages[0].Notices) != 1 {
		t.Errorf("packages = %+v", n.Available.Packages)
	}
	all := strings.Join(remarks, "\n")
	for _, want := range []string{"different contents by b and a", "different priorities"} {
		if !strings.Contains(all, want) {
			t.Errorf("remarks lack %q: %q", want, remarks)
		}
	}
	// zypper's own choice.
	for _, u := range w.updates("list-updates") {
		if u.Name == "tool" && u.Source.Alias != "b" {
			t.Errorf("zypper takes it from %s", u.Source.Alias)
		}
	}
}

func TestInstalledPackagesAreRpmsOwnList(t *testing.T) {
	w := cases(t)
	inv, _, err := Installed(w.fs(), reading.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, p := range inv.Installed {
		ours = append(ours, p.Name+" "+full(p.Package)+" "+p.Arch)
	}
	theirs := w.rpm.Query(t, "%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}")
	slices.Sort(ours)
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) {
		t.Errorf("ours %q, rpm's %q", ours, theirs)
	}
}
