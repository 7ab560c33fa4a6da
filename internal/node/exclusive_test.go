package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

func TestTwoRunsNeverWorkOnOneNode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	release, err := Exclusive(t.Context(), wait.Wall{}, dir, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Exclusive(t.Context(), wait.Wall{}, dir, 10*time.Millisecond); fault.KindOf(err) != fault.Conflict || fault.HintOf(err) == "" {
		t.Errorf("second lock: %v, want Conflict with a hint", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Exclusive(ctx, wait.Wall{}, dir, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if release, err = Exclusive(t.Context(), wait.Wall{}, dir, time.Second); err != nil {
		t.Fatalf("after the release: %v", err)
	}
	_ = release()
}

func TestMemoryIsKeptAndDamageIsNoticed(t *testing.T) {
	m := fileMemory(filepath.Join(t.TempDir(), "pending.json"))
	if p, err := m.Load(); p != nil || err != nil {
		t.Errorf("Load of nothing = %v, %v", p, err)
	}
	if err := m.Save(&baseline.Prior{Pending: []string{"a.all"}, LastNoRebootInstall: day}); err != nil {
		t.Fatal(err)
	}
	if p, err := m.Load(); err != nil || len(p.Pending) != 1 || !p.LastNoRebootInstall.Equal(day) {
		t.Errorf("Load = %+v, %v", p, err)
	}
	if err := os.WriteFile(string(m), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Load(); err == nil {
		t.Error("a damaged memory was read as nothing pending")
	}
}
