//go:build linux

package rpm

import (
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

func TestALargeWorldAgreesWithDNFRowByRow(t *testing.T) {
	r := world(t, rpmworld.Large(1200))
	node, _ := collect(t, r.FS(t), reading.Options{})
	rows := advised(node, all)
	if len(rows) < 1000 || len(node.Inventory.Installed) < 390 {
		t.Fatalf("%d rows of %d installed packages are no large world", len(rows), len(node.Inventory.Installed))
	}
	t.Logf("%d rows", len(rows))
	same(t, "updateinfo list", rows, dnfAdvised(t, r))
	same(t, "updateinfo list --security", advised(node, security), dnfAdvised(t, r, "--security"))
	same(t, "updateinfo list --bugfix", advised(node, func(n baseline.Notice) bool { return n.Type == "bugfix" }), dnfAdvised(t, r, "--bugfix"))
	same(t, "repoquery --upgrades", upgrades(node), dnfUpgrades(t, r))
	same(t, "check-update", check(node), dnfCheck(t, r))
}
