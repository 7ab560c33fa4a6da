package twinsdk

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

var constructorLine = regexp.MustCompile(`(?m)^func New(\w+)(Paginator|Waiter)\(`)

// TestTheTablesAreWhole holds the tables against the sources of the SDK's modules: for
// every operation that the twin has, every paginator and waiter stands in them.
func TestTheTablesAreWhole(t *testing.T) {
	have := map[string]bool{}
	for _, c := range paginators() {
		have[nameOf(c, "Paginator")+" Paginator"] = true
	}
	for _, w := range waiters() {
		have[nameOf(w.constructor, "Waiter")+" Waiter"] = true
	}
	found := 0
	for _, s := range newRig(t, world.Manual).wire {
		module := map[string]string{"elasticloadbalancing": "elasticloadbalancingv2", "monitoring": "cloudwatch"}[s.Name]
		if module == "" {
			module = s.Name
		}
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+module).Output()
		if err != nil {
			if os.Getenv("REQUIRE_ALL") == "1" {
				t.Fatalf("find the module of %s: %v", module, err)
			}
			t.Skipf("the go command cannot tell where the module of %s is: %v", module, err)
		}
		dir := strings.TrimSpace(string(out))
		// Some of S3's paginators are not made from the model, and stand together.
		byHand, err := os.ReadFile(filepath.Join(dir, "handwritten_paginators.go"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		for _, op := range s.Operations() {
			text, err := os.ReadFile(filepath.Join(dir, "api_op_"+op+".go"))
			if err != nil {
				t.Error(err)
			}
			all := constructorLine.FindAllStringSubmatch(string(text), -1)
			for _, m := range constructorLine.FindAllStringSubmatch(string(byHand), -1) {
				if m[1] == op {
					all = append(all, m)
				}
			}
			for _, m := range all {
				found++
				if name := module + " " + m[1] + " " + m[2]; !have[name] {
					t.Errorf("%s is not tried", name)
				}
			}
		}
	}
	if found != len(have) {
		t.Errorf("the SDK has %d paginators and waiters for the twin's operations, the tables %d", found, len(have))
	}
}
