//go:build linux

package rpm

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// core is a repository with one update, an advisory for it, and more.
func core() rpmworld.Repository {
	fixed := nevras("curl-8.1-1.x86_64")
	return rpmworld.Repository{ID: "core", Packages: fixed, Advisories: []rpmworld.Advisory{advisory("A-1", "security", "Important", fixed...)}}
}

func put(t *testing.T, r *rpmworld.Root, name, text string) {
	t.Helper()
	at := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// into copies a repository folder to a path under the root.
func into(t *testing.T, r *rpmworld.Root, from, name string) {
	t.Helper()
	at := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from, at).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v: %s", err, out)
	}
}

func cacheOf(t *testing.T, r *rpmworld.Root, id string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(r.Dir, "var/cache/dnf", id+"-*", "repodata"))
	if err != nil || len(list) != 1 {
		t.Fatalf("caches of %s: %q, %v", id, list, err)
	}
	return list[0]
}

func TestACollectedOfferHasAllThatTheMetadataSays(t *testing.T) {
	c := core()
	c.Packages[0].BuildTime = 1735000000
	c.Advisories[0].Bugzillas = []string{"42"}
	r := world(t, rpmworld.World{Installed: nevras("curl-8.0-1.x86_64"), Repositories: []rpmworld.Repository{c}})
	node, findings := collect(t, r.FS(t), reading.Options{})
	if len(node.Available.Packages) != 1 || len(node.Available.Repositories) != 1 {
		t.Fatalf("%+v", node.Available)
	}
	important := "Important"
	want := baseline.AvailablePackage{
		Package: baseline.Package{Name: "curl", Arch: "x86_64", Epoch: "0", Version: "8.1", Release: "1"},
		Notices: []baseline.Notice{{ID: "A-1", Type: "security", Severity: &important, Status: "final", Issued: "2025-01-02", Updated: "2025-01-03",
			CVEs: []string{"CVE-2025-A-1"}, Bugzillas: []string{"42"}}},
		BuildTime: time.Unix(1735000000, 0).UTC(), Repository: "core", Filename: "Packages/curl-8.1-1.x86_64.rpm",
	}
	got := node.Available.Packages[0]
	file := filepath.Join(r.Repos["core"], got.Filename)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := exec.Command("sha256sum", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	want.Size, want.SHA256 = info.Size(), strings.Fields(string(sum))[0]
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("offer\n%s", d)
	}
	re := node.Available.Repositories[0]
	if re.ID != "core" || re.URL != "file://"+r.Repos["core"] || len(re.IndexSHA256) != 64 || re.Verified || re.Date.Unix() != 1735700000 ||
		!strings.HasPrefix(re.SeenFrom, "var/cache/dnf/core-") {
		t.Errorf("repository %+v", re)
	}
	if !strings.Contains(strings.Join(findings, "\n"), "repository core: the index signature was not verified: it carries no signature") {
		t.Errorf("findings %q", findings)
	}
}

func TestARepositoryThatCannotBeReadIsAnErrorThatNamesIt(t *testing.T) {
	r := world(t, rpmworld.World{Installed: nevras("curl-8.0-1.x86_64"), Repositories: []rpmworld.Repository{core()}})
	cache := cacheOf(t, r, "core")
	fails := func(want string, o reading.Options) {
		t.Helper()
		o.Now = now
		node, _, err := Collect(r.FS(t), o)
		if err == nil || !strings.Contains(err.Error(), want) || (!strings.Contains(err.Error(), "core") && !strings.Contains(err.Error(), "none is enabled")) {
			t.Errorf("%v, want %q (%+v)", err, want, node.Available)
		}
	}
	fails("old, more than the", reading.Options{MaxAge: 24 * time.Hour})
	primary, err := filepath.Glob(cache + "/*primary.xml.gz")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(primary[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "garbage", string(whole[:len(whole)/2])} {
		if err := os.WriteFile(primary[0], []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		fails("not the file that its index names", reading.Options{})
	}
	if err := os.Remove(primary[0]); err != nil {
		t.Fatal(err)
	}
	fails("was not downloaded", reading.Options{})
	if err := os.RemoveAll(filepath.Dir(cache)); err != nil {
		t.Fatal(err)
	}
	fails("its metadata was not downloaded", reading.Options{})
	put(t, r, "etc/yum.repos.d/core.repo", "[core]\nbaseurl=http://127.0.0.1:1/$nobody/\nskip_if_unavailable=1\n")
	fails("nothing says what $nobody is", reading.Options{})
	put(t, r, "etc/yum.repos.d/core.repo", "[core]\nbaseurl=http://127.0.0.1:1/\nskip_if_unavailable=1\n")
	fails("its metadata was not downloaded", reading.Options{})
	broken := errors.New("the network is down")
	fails("the network is down", reading.Options{Fetch: func(string) (io.ReadCloser, error) { return nil, broken }})
	put(t, r, "etc/yum.repos.d/core.repo", "[core]\nbaseurl=ftp://host/\n")
	fails("addresses such as", reading.Options{})
	put(t, r, "etc/yum.repos.d/core.repo", "[core]\nbaseurl=http://x/\nenabled=0\n")
	fails("none is enabled", reading.Options{})
}

func TestACacheOfAnotherAddressIsNotTaken(t *testing.T) {
	r := world(t, rpmworld.World{Installed: nevras("curl-8.0-1.x86_64"), Repositories: []rpmworld.Repository{core()}})
	put(t, r, "etc/yum.repos.d/core.repo", "[core]\nbaseurl=http://elsewhere.invalid/\n")
	if _, _, err := Collect(r.FS(t), reading.Options{Now: now}); err == nil {
		t.Error("the cache of another address was taken")
	}
	// One that depends on the release may have been made for another one.
	put(t, r, "etc/yum.repos.d/core.repo", "[core]\nbaseurl=http://elsewhere.invalid/$releasever/\n")
	_, findings := collect(t, r.FS(t), reading.Options{})
	if !strings.Contains(strings.Join(findings, "\n"), "of another address") {
		t.Errorf("findings %q", findings)
	}
}

func TestFoldersOfTheRootAndTheNetworkAreReadAlike(t *testing.T) {
	r := world(t, rpmworld.World{Installed: nevras("curl-8.0-1.x86_64"), Repositories: []rpmworld.Repository{core()}})
	want, _ := collect(t, r.FS(t), reading.Options{})
	if err := os.RemoveAll(filepath.Join(r.Dir, "var/cache")); err != nil {
		t.Fatal(err)
	}
	into(t, r, r.Repos["core"], "srv/repo")
	var asked atomic.Int32
	mux := http.NewServeMux()
	mux.Handle("/repo/", http.StripPrefix("/repo", http.FileServer(http.Dir(r.Repos["core"]))))
	server := httptest.NewServer(mux)
	defer server.Close()
	sum := want.Available.Repositories[0].IndexSHA256
	mux.HandleFunc("/mirrors", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "# mirrors\n"+server.URL+"/gone/\n"+server.URL+"/repo/\n")
	})
	mux.HandleFunc("/metalink", func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.WriteString(w, `<metalink xmlns="m"><files><file name="repomd.xml"><verification><hash type="sha256">`+req.URL.Query().Get("sum")+`</hash></verification><resources>
<url preference="1">`+server.URL+`/gone/repodata/repomd.xml</url><url preference="100">`+server.URL+`/repo/repodata/repomd.xml</url></resources></file></files></metalink>`)
	})
	fetch := func(address string) (io.ReadCloser, error) {
		asked.Add(1)
		resp, err := http.Get(address)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusOK {
			resp.Body.Close()
			return nil, fs.ErrNotExist
		}
		return resp.Body, nil
	}
	for name, c := range map[string]struct{ config, seen string }{
		"folder":      {"baseurl=file:///srv/repo", "srv/repo"},
		"http":        {"baseurl=" + server.URL + "/repo", server.URL + "/repo"},
		"second base": {"baseurl=" + server.URL + "/gone " + server.URL + "/repo", server.URL + "/repo"},
		"mirrorlist":  {"mirrorlist=" + server.URL + "/mirrors", server.URL + "/repo/"},
		"metalink":    {"metalink=" + server.URL + "/metalink?sum=" + sum, server.URL + "/repo/"},
	} {
		put(t, r, "etc/yum.repos.d/core.repo", "[core]\n"+c.config+"\n")
		asked.Store(0)
		got, _ := collect(t, r.FS(t), reading.Options{Fetch: fetch})
		if d := cmp.Diff(want.Available.Packages, got.Available.Packages); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
		if seen := got.Available.Repositories[0].SeenFrom; seen != c.seen || (asked.Load() == 0) != (name == "folder") {
			t.Errorf("%s: seen from %s, %d requests", name, seen, asked.Load())
		}
	}
	put(t, r, "etc/yum.repos.d/core.repo", "[core]\nmetalink="+server.URL+"/metalink?sum=00\n")
	if _, _, err := Collect(r.FS(t), reading.Options{Now: now, Fetch: fetch}); err == nil || !strings.Contains(err.Error(), "metalink") {
		t.Errorf("an index that the metalink does not know: %v", err)
	}
}

func TestYumsCacheIsRead(t *testing.T) {
	c := core()
	r := world(t, rpmworld.World{ID: "amzn", VersionID: "2", Installed: nevras("curl-8.0-1.x86_64"), Repositories: []rpmworld.Repository{c}, NoCache: true})
	put(t, r, "etc/yum.repos.d/core.repo", "[core]\nmirrorlist=http://nowhere.invalid/$releasever/$basearch\n")
	at := "var/cache/yum/x86_64/2/core"
	into(t, r, filepath.Join(r.Repos["core"], "repodata"), at)
	put(t, r, at+"/mirrorlist.txt", "http://mirror.invalid/core/\n")
	node, _ := collect(t, r.FS(t), reading.Options{})
	if re := node.Available.Repositories[0]; re.SeenFrom != at || re.URL != "http://mirror.invalid/core/" || len(advised(node, all)) != 1 {
		t.Errorf("%+v, %q", re, advised(node, all))
	}
}

func TestASignatureIsCheckedByTheRootsKeysOrThePinnedOnes(t *testing.T) {
	if _, err := exec.LookPath("gpg"); err != nil {
		testkit.Missing(t, "%v: `make tools` installs gnupg", err)
	}
	r := world(t, rpmworld.World{Installed: nevras("curl-8.0-1.x86_64"), Repositories: []rpmworld.Repository{core()}})
	cache := cacheOf(t, r, "core")
	home := t.TempDir()
	gpg := func(args ...string) []byte {
		t.Helper()
		out, err := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--yes", "--faked-system-time", "20250101T000000", "--passphrase", ""}, args...)...).Output()
		if err != nil {
			t.Fatalf("gpg %q: %v", args, err)
		}
		return out
	}
	gpg("--quick-generate-key", "good@example.com", "ed25519", "sign", "never")
	gpg("--quick-generate-key", "other@example.com", "ed25519", "sign", "never")
	gpg("--local-user", "good@example.com", "--armor", "--detach-sign", filepath.Join(cache, "repomd.xml"))
	good, other := gpg("--armor", "--export", "good@example.com"), gpg("--export", "other@example.com")
	section := "[core]\nbaseurl=file://" + r.Repos["core"] + "\ngpgkey=file:///etc/pki/key https://keys.invalid/key\n"
	put(t, r, "etc/yum.repos.d/core.repo", section)
	verified := func(o reading.Options) bool {
		t.Helper()
		o.Now = now
		node, _, err := Collect(r.FS(t), o)
		if err != nil {
			if !strings.Contains(err.Error(), "repository core (/etc/yum.repos.d/core.repo): the index signature was not verified") || fault.HintOf(err) == "" {
				t.Error(err)
			}
			return false
		}
		re := node.Available.Repositories[0]
		if re.Verified != (len(re.SignedBy) == 40) {
			t.Errorf("verified %v by %q", re.Verified, re.SignedBy)
		}
		return re.Verified
	}
	if verified(reading.Options{}) {
		t.Error("verified without a key")
	}
	put(t, r, "etc/pki/key", string(good))
	if !verified(reading.Options{}) {
		t.Error("not verified by the root's key")
	}
	if verified(reading.Options{Keyrings: [][]byte{other}}) {
		t.Error("the root's key counted beside a pinned one")
	}
	if !verified(reading.Options{Keyrings: [][]byte{other, good}}) {
		t.Error("not verified by a pinned key")
	}
	text, err := os.ReadFile(filepath.Join(cache, "repomd.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cache, "repomd.xml"), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	if verified(reading.Options{}) {
		t.Error("a signature counted over another text")
	}
	if err := os.Remove(filepath.Join(cache, "repomd.xml.asc")); err != nil {
		t.Fatal(err)
	}
	if node, findings := collect(t, r.FS(t), reading.Options{}); node.Available.Repositories[0].Verified || !strings.Contains(strings.Join(findings, "\n"), "it carries no signature") {
		t.Errorf("unsigned, as nobody minds: %+v, %q", node.Available.Repositories, findings)
	}
	put(t, r, "etc/yum.repos.d/core.repo", section+"repo_gpgcheck=1\n")
	if verified(reading.Options{}) {
		t.Error("unsigned, though a signature is demanded")
	}
	put(t, r, "etc/yum.repos.d/core.repo", section)
	put(t, r, "etc/dnf/dnf.conf", "[main]\nrepo_gpgcheck=1\n")
	if verified(reading.Options{}) {
		t.Error("unsigned, though signatures are demanded of all")
	}
}
