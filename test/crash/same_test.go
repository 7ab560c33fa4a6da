package crash

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/record"
)

// volatile are the parts of a text that differ from run to run: times, ids, digests
// over these, and the number of the attempt.
var volatile = []struct {
	kind string
	re   *regexp.Regexp
}{
	{"time", regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)},
	{"run", regexp.MustCompile(`\d{8}-\d{6}-[0-9a-f]{6}`)},
	{"attempt", regexp.MustCompile(`attempt-\d+`)},
	{"uuid", regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)},
	{"digest", regexp.MustCompile(`\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b`)},
	{"id", regexp.MustCompile(`\b(ami|snap|i|vol|sg|lt|content)-[0-9a-f]{8,17}\b`)},
	{"address", regexp.MustCompile(`127(\.\d+){3}(:\d+)?`)},
}

// names gives what is volatile names by order of appearance, so that a text keeps
// which of them are the same.
type names map[string]string

func (n names) in(s string) string {
	for _, v := range volatile {
		s = v.re.ReplaceAllStringFunc(s, func(have string) string {
			if v.kind == "time" || v.kind == "address" || v.kind == "run" || v.kind == "attempt" {
				return "<" + v.kind + ">"
			}
			if n[have] == "" {
				n[have] = fmt.Sprintf("<%s %d>", v.kind, len(n)+1)
			}
			return n[have]
		})
	}
	return s
}

// plain is a run document without what differs from run to run, as indented JSON.
func plain(t testing.TB, doc *record.Run) string {
	t.Helper()
	if doc.Bake == nil || doc.Bake.LockIdentity == "" {
		t.Fatal("the run document has no bake with a lock")
	}
	identity := doc.Bake.LockIdentity // is the same for the same packages, whatever the run
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), identity, "identity of the lock")), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(walk(names{}, v), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return identity + "\n" + string(out)
}

// walk goes through a JSON value in the order of its text: maps by sorted keys.
func walk(n names, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sorted(v) {
			switch k {
			case "wallMs", "ms":
				v[k] = "<ms>"
				continue
			case "minHealthy": // of the looks that were taken, which fall on other moments
				v[k] = "<seen>"
				continue
			}
			v[k] = walk(n, v[k])
		}
	case []any:
		for k := range v {
			v[k] = walk(n, v[k])
		}
	case string:
		return n.in(v)
	}
	return v
}

func sorted(m map[string]any) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// standing is what exists in the account, with the ids taken out. Of what Run Command
// keeps only that counts which concerns machines that exist: a build instance that
// was given up has had its command too.
func standing(resources []string) []string {
	live := map[string]bool{}
	for _, r := range resources {
		if table, id, _ := strings.Cut(r, " "); strings.HasSuffix(table, "/ec2/instances") {
			live[id] = true
		}
	}
	instance := regexp.MustCompile(`\bi-[0-9a-f]{17}\b`)
	var out []string
	for _, r := range resources {
		table, _, _ := strings.Cut(r, " ")
		of := instance.FindString(r)
		switch {
		case strings.HasSuffix(table, "/ssm/commands"): // its invocations tell of which machine
		case strings.HasSuffix(table, "/ssm/invocations") && !live[of]:
		case strings.Contains(table, "/s3/objects/") && !live[of]: // uploads for a machine that is gone, or for all
		default:
			n := names{}
			out = append(out, regexp.MustCompile(`<\w+ \d+>`).ReplaceAllString(n.in(r), "<id>"))
		}
	}
	slices.Sort(out)
	return out
}

func TestStanding_tells_one_more_image_but_not_another_id(t *testing.T) {
	const table, a, b = "111122223333/eu-west-1/ec2/images ", "ami-00000000000000001", "ami-00000000000000002"
	if x, y := standing([]string{table + a}), standing([]string{table + b}); !slices.Equal(x, y) {
		t.Errorf("%q and %q differ", x, y)
	}
	if x, y := standing([]string{table + a}), standing([]string{table + a, table + b}); slices.Equal(x, y) {
		t.Errorf("%q and %q are the same", x, y)
	}
}

func TestPlain_tells_another_image_in_one_place_but_not_in_all(t *testing.T) {
	doc := func(baked, published string) *record.Run {
		return &record.Run{ID: "r1", Bake: &record.Bake{Image: baked, LockIdentity: "x"}, Publish: &record.Publish{Image: published}}
	}
	const a, b = "ami-00000000000000001", "ami-00000000000000002"
	same := plain(t, doc(a, a))
	if got := plain(t, doc(b, b)); got != same {
		t.Errorf("another id looks different:\n%s\n%s", got, same)
	}
	if plain(t, doc(a, b)) == same {
		t.Error("another image published than baked looks the same")
	}
}
