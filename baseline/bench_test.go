package baseline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// The bench fleet: nodes that share one product's repositories of 5,000
// candidates, each with 2,000 installed packages chosen at random in random
// versions.
const (
	benchCandidates = 5000
	benchInstalled  = 2000
	benchNames      = 3500
)

// benchBaseline has ten rules, global filters and both lists, with globs.
func benchBaseline() *Baseline {
	b := &Baseline{
		Name: "bench", OperatingSystem: AmazonLinux2023,
		GlobalFilters:   &PatchFilterGroup{PatchFilters: []PatchFilter{filter("PRODUCT", "*")}},
		ApprovalRules:   &PatchRuleGroup{},
		ApprovedPatches: []string{"pkg0001", "pkg00[2-4]?-*", "CVE-2025-77", "*-9.9-1.amzn2023.x86_64", "ALAS2023-2025-13"},
		RejectedPatches: []string{"pkg0100*", "pkg0200-1.*", "*.i686"}, RejectedPatchesAction: Block,
	}
	severities := []string{"Critical", "Important", "Medium", "Low", "None"}
	for i := range 10 {
		class := "Security"
		if i >= 5 {
			class = "Bugfix"
		}
		b.ApprovalRules.PatchRules = append(b.ApprovalRules.PatchRules,
			rule(3*i, filter("PRODUCT", "AmazonLinux2023"), filter("CLASSIFICATION", class), filter("SEVERITY", severities[i%5], "*x")))
		b.ApprovalRules.PatchRules[i].ComplianceLevel = levelNames[1+i%5]
	}
	return b
}

func benchPackage(name, version int) Package {
	return Package{
		Name: fmt.Sprintf("pkg%04d", name), Arch: "x86_64", Epoch: "0",
		Version: fmt.Sprintf("%d.%d", 1+version/10, version%10), Release: "1.amzn2023",
	}
}

func benchAvailable(r *rand.Rand) *Available {
	a := &Available{}
	types := []string{"security", "bugfix", "enhancement"}
	severities := []string{"Critical", "Important", "Medium", "Low", "None"}
	for i := range benchCandidates {
		date := day0.Add(-time.Duration(r.IntN(60*24)) * time.Hour).Format("2006-01-02 15:04:05")
		n := advisory(fmt.Sprintf("ALAS2023-2025-%d", i), types[r.IntN(3)], severities[r.IntN(5)], date)
		n.CVEs = []string{fmt.Sprintf("CVE-2025-%d", i)}
		a.Packages = append(a.Packages, AvailablePackage{
			Package: benchPackage(r.IntN(benchNames), r.IntN(40)), Notices: []Notice{n},
		})
	}
	return a
}

// benchInventory is one node's random inventory; its strings are shared with
// nothing, as those of a real node are not.
func benchInventory(seed uint64) Inventory {
	r := rand.New(rand.NewPCG(seed, 99))
	inv := Inventory{OS: AmazonLinux2023, Product: "AmazonLinux2023", Arch: "x86_64"}
	for i, left := 0, benchInstalled; left > 0; i++ {
		if r.IntN(benchNames-i) < left {
			inv.Installed = append(inv.Installed, Installed{Package: benchPackage(i, r.IntN(40)), InstalledTime: day0})
			left--
		}
	}
	return inv
}

// digestResult folds what an evaluation says into h.
func digestResult(h interface{ Write([]byte) (int, error) }, items []Item, notApplicable int) {
	for i := range items {
		it := &items[i]
		fmt.Fprintln(h, it.ID, it.State, it.Version, it.ComplianceLevel, it.Rule, it.CVEs)
	}
	fmt.Fprintln(h, notApplicable)
}

// liveHeap is what a collection leaves, in bytes.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkDecisions reports decisions a second on one core: one decision is one
// candidate judged against the ten-rule baseline for one node, with everything
// that an evaluation does besides: joining, choosing, comparing versions, naming
// items and counting.
//
//	shared: the repositories are read once for all nodes (Catalog), as a fleet is judged
//	alone:  every node's repositories are read anew, as one node is judged
func BenchmarkDecisions(b *testing.B) {
	c, err := Compile(benchBaseline(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	available := benchAvailable(rand.New(rand.NewPCG(1, 2)))
	for _, mode := range []string{"shared", "alone"} {
		b.Run(mode, func(b *testing.B) {
			cat := c.Catalog("AmazonLinux2023", available)
			e := cat.Evaluator()
			judged, cpu := 0, time.Duration(0)
			var batch [50]Inventory
			first := liveHeap()
			for i := 0; b.Loop(); i++ {
				if i%len(batch) == 0 { // no two nodes are alike, and none is kept
					b.StopTimer()
					for j := range batch {
						batch[j] = benchInventory(uint64(i + j))
					}
					runtime.GC() // making nodes is not what is measured
					b.StartTimer()
				}
				inv := batch[i%len(batch)]
				started := cpuTime()
				if mode == "alone" {
					cat = c.Catalog("AmazonLinux2023", available)
					e = cat.Evaluator()
				}
				p, err := cat.pass(inv, day0)
				if err != nil {
					b.Fatal(err)
				}
				e.scan(p)
				judged += p.judged
				cpu += cpuTime() - started
			}
			b.ReportMetric(float64(judged)/b.Elapsed().Seconds(), "decisions/s")
			if cpu > 0 {
				b.ReportMetric(float64(judged)/cpu.Seconds(), "decisions/cpu-s")
			}
			b.ReportMetric(float64(judged)/float64(b.N), "decisions/node")
			b.Logf("measured %s: %d nodes of %d random installed packages each, %d candidates, 10 rules; one decision is one candidate judged for one node; live heap grew by %d kB over all nodes",
				mode, b.N, benchInstalled, benchCandidates, (int64(liveHeap())-int64(first))/1024)
			runtime.KeepAlive(e)
		})
	}
}

// TestFleetAgreesWithTheSlowPath compares a digest over the results of many random
// nodes with that of the slow path, which shares neither masks nor order nor
// prefilters with the fast one.
func TestFleetAgreesWithTheSlowPath(t *testing.T) {
	b := benchBaseline()
	c, err := Compile(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	available := benchAvailable(rand.New(rand.NewPCG(1, 2)))
	e := c.Catalog("AmazonLinux2023", available).Evaluator()
	fast, slow := sha256.New(), sha256.New()
	states := map[State]int{}
	nodes := uint64(12)
	if testing.Short() {
		nodes = 1
	}
	for seed := range nodes {
		inv := benchInventory(seed)
		r, err := e.Evaluate(inv, day0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Items {
			states[r.Items[i].State]++
		}
		digestResult(fast, r.Items, r.Counts.NotApplicableCount)
		items, notApplicable := slowScan(b, inv, available.Packages)
		digestResult(slow, items, notApplicable)
	}
	if a, b := hex.EncodeToString(fast.Sum(nil)), hex.EncodeToString(slow.Sum(nil)); a != b {
		t.Errorf("fast path %s, slow path %s", a, b)
	}
	if states[StateMissing] == 0 || states[StateInstalled] == 0 || states[StateInstalledOther] == 0 {
		t.Errorf("the fleet does not cover the states: %v", states)
	}
	t.Log(states)
}
