package witness

import (
	"slices"
	"testing"
)

func TestPending_reads_what_apt_would_install(t *testing.T) {
	const said = `Reading package lists...
The following packages have been kept back:
  kept
The following packages will be upgraded:
  demo-tool demo-agent
Inst demo-tool [1.1] (1.2 Rehydrate-Demo:demo [amd64])
Remv gone [1]
Inst demo-agent [1.0] (1.1 Rehydrate-Demo:demo [amd64])
Conf demo-tool (1.2 Rehydrate-Demo:demo [amd64])
`
	if got := Pending(said); !slices.Equal(got, []string{"demo-agent", "demo-tool"}) {
		t.Errorf("pending are %v", got)
	}
}
