package apt

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/record"
)

func TestSimulationsAreReadWhole(t *testing.T) {
	got, err := ParseSimulation([]byte(`NOTE: This is only a simulation!
Reading package lists...
The following packages will be upgraded:
  tool
Inst perl-base [5.36.0-7] (5.36.0-8 Debian-Security:12/oldstable-security [amd64])
Inst lib6:i386 [1] (2 Odd (Label):1/x [i386]) [other:i386 ]
Inst fresh (1:1.0 localhost [all])
Inst multi (1.0 A:1/x, B:2/y [amd64])
Remv old [1.0] [x:amd64 ]
Remv gone:i386 [2]
Purg gone2 [3]
Conf perl-base (5.36.0-8 Debian-Security:12/oldstable-security [amd64])
`))
	if err != nil {
		t.Fatal(err)
	}
	want := apply.Simulation{
		Install: []record.Change{
			{Name: "perl-base", Arch: "amd64", From: "5.36.0-7", To: "5.36.0-8"}, {Name: "lib6", Arch: "i386", From: "1", To: "2"},
			{Name: "fresh", Arch: "all", To: "1:1.0"}, {Name: "multi", Arch: "amd64", To: "1.0"},
		},
		Remove: []record.Change{{Name: "old", From: "1.0"}, {Name: "gone", Arch: "i386", From: "2"}, {Name: "gone2", From: "3"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAnUnreadLineOfASimulationIsAnError(t *testing.T) {
	for _, line := range []string{"Inst x", "Inst x [1", "Inst x (1.0)", "Inst x (1.0 [])", "Inst  (1 [all])", "Remv "} {
		if got, err := ParseSimulation([]byte(line + "\n")); err == nil {
			t.Errorf("ParseSimulation(%q) = %+v, want an error", line, got)
		}
	}
}

func FuzzParseSimulation(f *testing.F) {
	f.Add([]byte("Inst a [1] (2 X:1/y [amd64]) [b ]\nRemv c [1]\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		sim, err := ParseSimulation(out)
		if err != nil {
			return
		}
		for _, c := range sim.Install {
			if c.Name == "" || c.To == "" || c.Arch == "" {
				t.Fatalf("half a step: %+v", c)
			}
		}
	})
}
