package vectors

import (
	"os"
	"testing"
)

func specification(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../testdata/patch-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEveryVectorOfTheSpecificationPasses(t *testing.T) {
	s, err := Run(specification(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Failed() {
		t.Error(r)
	}
	if s.Total != 180 {
		t.Errorf("%d vectors, the specification has 180", s.Total)
	}
}

// TestTheExamplePolicyPasses keeps the example that users copy true.
func TestTheExamplePolicyPasses(t *testing.T) {
	data, err := os.ReadFile("testdata/policy.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Run(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Failed() {
		t.Error(r)
	}
	if s.Total != 4 {
		t.Errorf("%d vectors", s.Total)
	}
}

// TestEveryVectorOfOurOwnPasses runs vectors that were written from the text of
// the specification, not from the engine.
func TestEveryVectorOfOurOwnPasses(t *testing.T) {
	data, err := os.ReadFile("testdata/more.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Run(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Failed() {
		t.Error(r)
	}
	if s.Total != 164 || len(s.ByKind) != 5 {
		t.Errorf("%d vectors of kinds %v", s.Total, s.ByKind)
	}
}
