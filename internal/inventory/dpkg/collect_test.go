package dpkg

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/goldenami/rehydrate/baseline"
)

func config(at time.Time) *packet.Config {
	return &packet.Config{Time: func() time.Time { return at }, Algorithm: packet.PubKeyAlgoEdDSA}
}

func collect(t *testing.T, r *testRoot, names ...string) (baseline.Node, []string) {
	t.Helper()
	n, findings, err := Collect(r, Options{Now: now, Names: names})
	must(t, err)
	return n, findings
}

func versions(n baseline.Node, name string) []string {
	var list []string
	for _, p := range n.Available.Packages {
		if p.Name == name {
			list = append(list, p.Version+"/"+p.Arch)
		}
	}
	return list
}

func TestCollectReadsInstalledAndOffers(t *testing.T) {
	r := newRoot(t)
	r.offer(offer("tool", "1.0", "amd64") + offer("tool", "1.1", "amd64") + offer("tool", "1.2", "amd64") + offer("other", "1", "amd64") + offer("data", "2", "all"))
	n, findings := collect(t, r)
	if n.Inventory.OS != baseline.Debian || n.Inventory.Product != "Debian12" || n.Inventory.Arch != "amd64" || len(n.Inventory.Installed) != 3 {
		t.Errorf("inventory = %+v", n.Inventory)
	}
	if got := versions(n, "tool"); !slices.Equal(got, []string{"1.1/amd64", "1.2/amd64"}) {
		t.Errorf("offers of tool = %v, want the installed version and the newer one", got)
	}
	if got := versions(n, "other"); got != nil {
		t.Errorf("offers of a package that is not installed = %v, want none", got)
	}
	if n, _ := collect(t, r, "other"); len(versions(n, "other")) != 1 {
		t.Error("a package that was asked for by name is missing")
	}
	repo := n.Available.Repositories[0]
	if !repo.Verified || !repo.Origin.Trusted || len(repo.IndexSHA256) != 64 || !repo.Date.Equal(signedAt) || repo.URL != "http://archive.test/debian/" || repo.ID != "archive.test/debian demo" {
		t.Errorf("repository = %+v", repo)
	}
	p := n.Available.Packages[0]
	if p.Name != "data" || p.Priority != "optional" || p.Section != "misc" || p.Size != 12 || p.Filename != "pool/data_2_all.deb" || p.Repository != repo.ID ||
		len(p.Origins) != 1 || p.Origins[0].Site != "archive.test" || p.Origins[0].Component != "main" || p.Origins[0].Suite != "demo" {
		t.Errorf("offer = %+v", p)
	}
	if len(findings) != 0 {
		t.Errorf("findings = %q, want none", findings)
	}
}

func TestListsAreReadInEveryPacking(t *testing.T) {
	for _, p := range packings {
		if p.ext == ".bz2" {
			continue // the standard library only reads it
		}
		r := newRoot(t)
		r.offerAs(offer("tool", "1.2", "amd64"), p.ext, r.key, "")
		if n, _ := collect(t, r); len(versions(n, "tool")) != 1 {
			t.Errorf("packing %q: the offer was not read", p.ext)
		}
	}
}

// A scanner that skips what it cannot read reports false compliance.
func TestWhatCannotBeReadIsAnErrorThatNamesTheSource(t *testing.T) {
	for name, spoil := range map[string]func(*testRoot){
		"no Release file":       func(r *testRoot) { delete(r.MapFS, lists+"InRelease") },
		"no list":               func(r *testRoot) { delete(r.MapFS, lists+"main_binary-amd64_Packages") },
		"another list":          func(r *testRoot) { r.put(lists+"main_binary-amd64_Packages", offer("tool", "1.1", "amd64")) },
		"list cut short":        func(r *testRoot) { r.put(lists+"main_binary-amd64_Packages", "") },
		"Release without lists": func(r *testRoot) { r.put(lists+"InRelease", "Origin: Test\n") },
		"damaged packing": func(r *testRoot) {
			delete(r.MapFS, lists+"main_binary-amd64_Packages")
			r.put(lists+"main_binary-amd64_Packages.gz", "no gzip")
		},
	} {
		r := newRoot(t)
		spoil(r)
		_, _, err := Collect(r, Options{Now: now})
		if err == nil || !strings.Contains(err.Error(), "http://archive.test/debian/ demo main") {
			t.Errorf("%s: error = %v, want one that names the source", name, err)
		}
	}
}

func TestARootThatIsNotUnderstoodIsNeverAnEmptyAnswer(t *testing.T) {
	for name, spoil := range map[string]func(*testRoot){
		"no database":         func(r *testRoot) { delete(r.MapFS, statusFile) },
		"empty database":      func(r *testRoot) { r.put(statusFile, "") },
		"no sources":          func(r *testRoot) { r.put("etc/apt/sources.list", "# none\n") },
		"unknown system":      func(r *testRoot) { r.put("usr/lib/os-release", "ID=plan9\nVERSION_ID=4\n") },
		"interrupted dpkg":    func(r *testRoot) { r.put(updatesDir+"/0003", "Package: tool\n") },
		"half-configured":     func(r *testRoot) { r.put(statusFile, halfway("half-configured")) },
		"triggers awaited":    func(r *testRoot) { r.put(statusFile, halfway("triggers-awaited")) },
		"half-installed":      func(r *testRoot) { r.put(statusFile, halfway("half-installed")) },
		"unpacked":            func(r *testRoot) { r.put(statusFile, halfway("unpacked")) },
		"damaged status":      func(r *testRoot) { r.put(statusFile, "Package: a\nno field here\n") },
		"unreadable Status":   func(r *testRoot) { r.put(statusFile, "Package: a\nStatus: what\nVersion: 1\n") },
		"damaged sources":     func(r *testRoot) { r.put("etc/apt/sources.list", "dbe http://x y z\n") },
		"damaged preferences": func(r *testRoot) { r.put("etc/apt/preferences", "nothing\n") },
	} {
		r := newRoot(t)
		spoil(r)
		if n, _, err := Collect(r, Options{Now: now}); err == nil {
			t.Errorf("%s: no error, but %d packages", name, len(n.Inventory.Installed))
		}
	}
}

func TestOnlyAGoodSignatureByATrustedKeyVerifies(t *testing.T) {
	stranger := newKey(t)
	for name, c := range map[string]struct {
		spoil func(*testRoot)
		at    time.Time
		want  bool
	}{
		"signed by the source's key": {func(*testRoot) {}, now, true},
		"signed by a stranger":       {func(r *testRoot) { r.offerAs(offer("tool", "1.2", "amd64"), "", stranger, "") }, now, false},
		"unsigned":                   {func(r *testRoot) { r.offerAs(offer("tool", "1.2", "amd64"), "", nil, "") }, now, false},
		"changed after signing": {func(r *testRoot) {
			text := string(r.MapFS[lists+"InRelease"].Data)
			r.put(lists+"InRelease", strings.Replace(text, "Origin: Test", "Origin: Best", 1))
		}, now, false},
		"keyring missing": {func(r *testRoot) { delete(r.MapFS, "usr/share/keyrings/k.gpg") }, now, false},
		"keyring empty":   {func(r *testRoot) { r.put("usr/share/keyrings/k.gpg", "") }, now, false},
		"keyring damaged": {func(r *testRoot) { r.put("usr/share/keyrings/k.gpg", "junk") }, now, false},
		"key among apt's trusted ones": {func(r *testRoot) {
			r.put("etc/apt/sources.list", "deb http://archive.test/debian demo main\n")
			r.put("etc/apt/trusted.gpg.d/k.gpg", string(r.MapFS["usr/share/keyrings/k.gpg"].Data))
		}, now, true},
		"named by fingerprint": {func(r *testRoot) {
			r.put("etc/apt/sources.list", "deb [signed-by="+fingerprint(r.key)+"] http://archive.test/debian demo main\n")
			r.put("etc/apt/trusted.gpg.d/k.gpg", string(r.MapFS["usr/share/keyrings/k.gpg"].Data))
		}, now, true},
		"another fingerprint": {func(r *testRoot) {
			r.put("etc/apt/sources.list", "deb [signed-by="+fingerprint(stranger)+"] http://archive.test/debian demo main\n")
			r.put("etc/apt/trusted.gpg.d/k.gpg", string(r.MapFS["usr/share/keyrings/k.gpg"].Data))
		}, now, false},
		"key inside the source": {func(r *testRoot) {
			delete(r.MapFS, "etc/apt/sources.list")
			r.put("etc/apt/sources.list.d/x.sources", "Types: deb\nURIs: http://archive.test/debian\nSuites: demo\nComponents: main\nSigned-By:\n"+folded(t, r.key))
		}, now, true},
		"judged before it was signed": {func(*testRoot) {}, signedAt.Add(-24 * time.Hour), false},
	} {
		r := newRoot(t)
		c.spoil(r)
		n, findings, err := Collect(r, Options{Now: c.at})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := n.Available.Repositories[0].Verified; got != c.want || (len(findings) == 0) != c.want {
			t.Errorf("%s: verified = %v with findings %q, want %v", name, got, findings, c.want)
		}
	}
}

func fingerprint(e *openpgp.Entity) string {
	return strings.ToUpper(strings.ReplaceAll(hexOf(e.PrimaryKey.Fingerprint), " ", ""))
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s []byte
	for _, c := range b {
		s = append(s, digits[c>>4], digits[c&15])
	}
	return string(s)
}

// folded is the armoured public key as a deb822 value.
func folded(t *testing.T, e *openpgp.Entity) string {
	t.Helper()
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PublicKeyType, nil)
	must(t, err)
	must(t, e.Serialize(w))
	must(t, w.Close())
	var b strings.Builder
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimRight(line, "\n"); line == "" {
			line = "."
		}
		b.WriteString(" " + line + "\n")
	}
	return b.String()
}

func TestThePeopleAreTold(t *testing.T) {
	r := newRoot(t)
	r.put(statusFile, strings.Replace(string(r.MapFS[statusFile].Data), "Package: tool\nStatus: install", "Package: tool\nStatus: hold", 1))
	r.put("etc/apt/preferences.d/p", "Package: tool\nPin: origin x\nPin-Priority: 900\n")
	r.offerAs(strings.Replace(offer("tool", "1.2", "amd64"), "Description", "Phased-Update-Percentage: 30\nDescription", 1), "", r.key,
		"Valid-Until: "+now.Add(-time.Hour).Format(time.RFC1123)+"\n")
	n, findings := collect(t, r)
	text := strings.Join(findings, "\n")
	for _, want := range []string{"tool is on hold at 1.1", "pin not honoured, as in Patch Manager: package tool, origin x, priority 900", "tool 1.2 is phased: offered to 30 %", "valid until"} {
		if !strings.Contains(text, want) {
			t.Errorf("no finding says %q:\n%s", want, text)
		}
	}
	for _, p := range n.Inventory.Installed {
		if p.Held != (p.Name == "tool") {
			t.Errorf("installed %+v: only tool is held", p)
		}
	}
}

func TestTheSameFileInTwoSourcesIsOneOffer(t *testing.T) {
	r := newRoot(t)
	r.put("etc/apt/sources.list", sourceLine+strings.Replace(sourceLine, "demo main", "demo-two main", 1))
	for _, name := range []string{"InRelease", "main_binary-amd64_Packages"} {
		r.put("var/lib/apt/lists/archive.test_debian_dists_demo-two_"+name, string(r.MapFS[lists+name].Data))
	}
	n, _ := collect(t, r)
	if len(versions(n, "tool")) != 1 || len(n.Available.Repositories) != 2 || n.Available.Packages[0].Repository != "archive.test/debian demo" {
		t.Errorf("offers = %+v", n.Available)
	}
}

func TestDistrolessImagesAreRead(t *testing.T) {
	r := newRoot(t)
	delete(r.MapFS, statusFile)
	r.put(statusDir+"/base", "Package: base\nVersion: 1\nArchitecture: amd64\n")
	r.put(statusDir+"/base.md5sums", "0 x\n")
	inv, _, err := Installed(r, Options{})
	must(t, err)
	if len(inv.Installed) != 1 || inv.Installed[0].Name != "base" || inv.Arch != "amd64" {
		t.Errorf("inventory = %+v", inv)
	}
}

// halfway is a database with a package in a state between.
func halfway(state string) string {
	return status("dpkg", "1", "amd64") + "Package: half\nStatus: install ok " + state + "\nVersion: 1\nArchitecture: amd64\n"
}

// With a snapshot's id, apt reads the lists of the archive as it was then.
func TestASnapshotIsReadWhereItIs(t *testing.T) {
	r := newRoot(t)
	const at = "20261030T000000Z"
	r.put("etc/apt/sources.list", strings.Replace(sourceLine, "[", "[snapshot="+at+" ", 1))
	r.offerAs(offer("tool", "1.2", "amd64"), "", r.key, "")
	then := "var/lib/apt/lists/snapshots.test_x_" + at + "_dists_demo_"
	for _, name := range []string{"InRelease", "main_binary-amd64_Packages"} {
		r.put(then+name, string(r.MapFS[lists+name].Data))
	}
	r.offerAs(offer("tool", "1.3", "amd64"), "", r.key, "Snapshots: https://snapshots.test/x/@SNAPSHOTID@\n")
	n, _ := collect(t, r)
	repo := n.Available.Repositories[0]
	if got := versions(n, "tool"); !slices.Equal(got, []string{"1.2/amd64"}) || repo.URL != "https://snapshots.test/x/"+at+"/" || repo.TimeTravel != repo.URL || !repo.Verified {
		t.Errorf("offers %q of %+v, want those of the snapshot", got, repo)
	}
	for _, name := range []string{"InRelease", "main_binary-amd64_Packages"} {
		delete(r.MapFS, then+name)
	}
	n, _ = collect(t, r)
	if got := versions(n, "tool"); !slices.Equal(got, []string{"1.3/amd64"}) || n.Available.Repositories[0].TimeTravel != "https://snapshots.test/x/"+at+"/" {
		t.Errorf("without the snapshot's lists: offers %q", got)
	}
}

// Ubuntu's extended archives count as security by their suites (specification §13,
// AMB-18): what the Release file and the address state must reach the evaluation.
func TestExtendedArchivesOfUbuntuAreSecurity(t *testing.T) {
	r := newRoot(t)
	r.put("usr/lib/os-release", "ID=ubuntu\nVERSION_ID=\"22.04\"\n")
	list := offer("tool", "1.2", "amd64")
	sum := sha256.Sum256([]byte(list))
	for _, c := range []struct{ archive, label, suite string }{
		{"esm.ubuntu.test_apps_ubuntu", "UbuntuESMApps", "jammy-apps-security"}, {"esm.ubuntu.test_infra_ubuntu", "UbuntuESM", "jammy-infra-security"},
		{"archive.ubuntu.test_ubuntu", "Ubuntu", "jammy-updates"},
	} {
		uri := "http://" + strings.ReplaceAll(c.archive, "_", "/")
		r.put("etc/apt/sources.list", "deb [signed-by=/usr/share/keyrings/k.gpg] "+uri+" "+c.suite+" main\n")
		prefix := "var/lib/apt/lists/" + c.archive + "_dists_" + c.suite + "_"
		r.put(prefix+"main_binary-amd64_Packages", list)
		r.put(prefix+"InRelease", string(clearsigned(t, r.key, fmt.Sprintf("Origin: Ubuntu\nLabel: %s\nSuite: %s\nCodename: jammy\nArchitectures: amd64\nDate: %s\nSHA256:\n %x %d main/binary-amd64/Packages\n",
			c.label, c.suite, signedAt.Format(time.RFC1123), sum, len(list)))))
		n, _ := collect(t, r)
		if o := n.Available.Packages[0].Origins[0]; o.Label != c.label || o.Suite != c.suite || o.Site != strings.SplitN(c.archive, "_", 2)[0] || !o.Trusted {
			t.Errorf("origin = %+v", o)
		}
		b, err := baseline.Parse([]byte(`{"Name": "security", "OperatingSystem": "UBUNTU", "ApprovalRules": {"PatchRules": [{"PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": ["*"]}]}}]}}`))
		must(t, err)
		result, err := baseline.Evaluate(b, n, now, baseline.Options{})
		must(t, err)
		if want := map[bool]int{true: 1}[strings.HasSuffix(c.suite, "-security")]; result.Counts.MissingCount != want {
			t.Errorf("%s: %d missing, want %d", c.suite, result.Counts.MissingCount, want)
		}
	}
}
