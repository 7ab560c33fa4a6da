package baseline

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nearTies makes pairs of versions of which one is the other after a few small
// edits, drawn from letters where orders go wrong: tildes, carets, epochs, leading
// zeros, letters beside digits. The same seed gives the same pairs.
func nearTies(seed uint64, n int, alphabet string) [][2]string {
	r := rand.New(rand.NewPCG(seed, 42))
	seeds := []string{
		"1", "1.0", "1.2.3", "2.0~rc1", "1.0+dfsg", "10.1a", "0.9.8zg", "1.18.0", "20240101",
		"3.0.11", "5.10.209", "1.0~~", "007", "1.0.0.0", "1a2b3c", "2.36.9+deb12u4", "1.0git20240101",
	}
	edit := func(s string) string {
		at := r.IntN(len(s) + 1)
		c := string(alphabet[r.IntN(len(alphabet))])
		switch {
		case at == len(s) || r.IntN(3) == 0:
			return s[:at] + c + s[at:]
		case r.IntN(2) == 0:
			return s[:at] + s[at+1:]
		}
		return s[:at] + c + s[at+1:]
	}
	out := make([][2]string, n)
	for i := range out {
		a := seeds[r.IntN(len(seeds))]
		for range r.IntN(3) {
			a = edit(a)
		}
		b := a
		for range 1 + r.IntN(2) {
			b = edit(b)
		}
		out[i] = [2]string{a, b}
	}
	return out
}

// requireTool finds a program; without it the test is skipped, or fails where
// everything is demanded.
func requireTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("REQUIRE_ALL") == "1":
		t.Fatalf("%s is required and not installed", name)
	default:
		t.Skipf("%s is not installed", name)
	}
	return ""
}

// pairCount is how many pairs a real tool is asked about.
func pairCount(few, all int) int {
	if os.Getenv("REQUIRE_ALL") == "1" {
		return all
	}
	return few
}

// debianLegal brings a version to what dpkg accepts: a digit first, no empty
// revision, no caret.
func debianLegal(v string) string {
	v = strings.TrimRight(strings.ReplaceAll(v, "^", "."), "-")
	if v == "" || !isDigit(v[0]) {
		v = "0" + v
	}
	return v
}

// TestDebianOrderIsDpkgs asks dpkg to confirm our answer, one call a pair. Set
// REQUIRE_ALL=1 for twenty thousand pairs.
func TestDebianOrderIsDpkgs(t *testing.T) {
	if testing.Short() {
		t.Skip("starts dpkg hundreds of times")
	}
	dpkg := requireTool(t, "dpkg")
	pairs := nearTies(7, pairCount(400, 20000), "~+.-0019azAZ")
	operator := map[int]string{-1: "lt", 0: "eq", 1: "gt"}
	r := rand.New(rand.NewPCG(1, 1))
	var input strings.Builder
	ties := 0
	for _, p := range pairs {
		a, b := debianLegal(p[0]), debianLegal(p[1])
		switch r.IntN(8) {
		case 0:
			a = "1:" + a
		case 1:
			a = "0:" + a
		case 2:
			a, b = "2:"+a, "10:"+b
		}
		got := CompareVersions(Debian, a, b)
		if got == 0 {
			ties++
		}
		fmt.Fprintln(&input, a, operator[got], b)
	}
	script := `while read -r a op b; do ` + dpkg + ` --compare-versions "$a" "$op" "$b" || echo "$a $op $b"; done`
	cmd := exec.Command("sh", "-c", script)
	cmd.Stdin = strings.NewReader(input.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("running dpkg: %v\n%s", err, out)
	}
	if len(out) > 0 {
		t.Errorf("dpkg disagrees with:\n%.2000s", out)
	}
	t.Logf("%d pairs, %d of them ties", len(pairs), ties)
}

// TestRPMOrderIsRPMs gives all pairs to one run of rpm's own Lua.
func TestRPMOrderIsRPMs(t *testing.T) {
	rpm := requireTool(t, "rpm")
	pairs := nearTies(11, pairCount(20000, 60000), "~^.+_0019azAZ")
	r := rand.New(rand.NewPCG(2, 2))
	var input strings.Builder
	for i := range pairs {
		p := &pairs[i]
		if p[0] == "" || p[1] == "" {
			p[0], p[1] = "0"+p[0], "0"+p[1]
		}
		p[0], p[1] = p[0]+"-1", p[1]+"-1"
		switch r.IntN(6) {
		case 0:
			p[0] = "1:" + p[0]
		case 1:
			p[0] = "0:" + p[0]
		case 2:
			p[0], p[1] = "2:"+p[0], "10:"+p[1]
		case 3:
			p[0] += ".el9"
		case 4:
			p[0], p[1] = p[0]+"~a", p[1]+"^a"
		}
		fmt.Fprintln(&input, p[0], p[1])
	}
	file, answersFile := filepath.Join(t.TempDir(), "pairs"), filepath.Join(t.TempDir(), "answers")
	if err := os.WriteFile(file, []byte(input.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	// Through files: rpm's own buffer for the output of a macro is not made for this much.
	script := `%{lua: local o = io.open("` + answersFile + `", "w");` +
		` for l in io.lines("` + file + `") do local a, b = l:match("(%S+) (%S+)"); o:write(rpm.vercmp(a, b), "\n") end; o:close()}`
	if out, err := exec.Command(rpm, "--eval", script).CombinedOutput(); err != nil {
		t.Fatalf("running rpm: %v\n%.500s", err, out)
	}
	out, err := os.ReadFile(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Fields(string(out))
	if len(answers) != len(pairs) {
		t.Fatalf("rpm gave %d answers for %d pairs", len(answers), len(pairs))
	}
	ties, wrong := 0, 0
	for i, p := range pairs {
		got := CompareVersions(RedHat, p[0], p[1])
		if got == 0 {
			ties++
		}
		if fmt.Sprint(got) != answers[i] {
			if wrong++; wrong <= 20 {
				t.Errorf("%s against %s: got %d, rpm says %s", p[0], p[1], got, answers[i])
			}
		}
	}
	t.Logf("%d pairs, %d of them ties, %d wrong", len(pairs), ties, wrong)
}
