package bake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
)

const testPackage = "a package file"

func testLock() *baseline.Lock {
	sum := sha256.Sum256([]byte(testPackage))
	return &baseline.Lock{
		Schema: baseline.LockSchema, Baseline: "b", BaselineDigest: "sha256:00", OS: baseline.Debian, Product: "Debian12", Arch: "amd64",
		EvaluatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Packages: []baseline.LockedPackage{{
			Package: baseline.Package{Name: "hello", Arch: "amd64", Version: "2"}, From: "1",
			Repository: "r", Filename: "pool/hello.deb", Size: int64(len(testPackage)), SHA256: hex.EncodeToString(sum[:]),
			Rule: "approval_rule[0]", ComplianceLevel: "CRITICAL",
		}},
	}
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func joinLines(l []string) string { return strings.Join(l, "\n") }
