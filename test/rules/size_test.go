package rules

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// nodeLimit is how large rehydrate-node may be, in bytes: it is copied to every node.
const nodeLimit = 10_000_000

func TestTheNodeProgramIsSmallOnEverySystem(t *testing.T) {
	if testing.Short() {
		t.Skip("builds for three systems: left out by -short")
	}
	for _, target := range []struct{ os, arch string }{{"linux", "amd64"}, {"linux", "arm64"}, {"windows", "amd64"}} {
		name := filepath.Join(t.TempDir(), "rehydrate-node")
		cmd := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", name, module+"/cmd/rehydrate-node")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+target.os, "GOARCH="+target.arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s/%s: %v: %s", target.os, target.arch, err, out)
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s/%s: %.1f MB", target.os, target.arch, float64(info.Size())/1e6)
		if info.Size() >= nodeLimit {
			t.Errorf("%s/%s: rehydrate-node has %d bytes, the limit is %d", target.os, target.arch, info.Size(), nodeLimit)
		}
	}
}
