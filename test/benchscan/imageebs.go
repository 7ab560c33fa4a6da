//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/goldenami/rehydrate/internal/awscloud/blocks"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/inventory/ahead"
	"github.com/goldenami/rehydrate/internal/inventory/files"
	"github.com/goldenami/rehydrate/internal/osimage"
	"github.com/goldenami/rehydrate/internal/osimage/ebs"
	"github.com/goldenami/rehydrate/internal/record"
	twin "github.com/goldenami/rehydrate/internal/twin/ebs"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	// callDelay is added to every call of the EBS direct API.
	callDelay = 30 * time.Millisecond
	// callLimit is the most calls in flight that are allowed; the reader's own bound.
	callLimit = 16
)

// oneDisk serves an image as the only snapshot; nothing is written to it.
type oneDisk struct {
	twin.Disks
	path string
}

// SnapshotDisk implements the port of the twin's EBS.
func (d oneDisk) SnapshotDisk(*world.Tx, string) (string, int64, error) {
	return d.path, imageSize, nil
}

// slow adds the delay, and counts calls and how many there are at one time.
type slow struct {
	next http.Handler

	mu              sync.Mutex
	calls, now, max int
}

func (s *slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls++
	s.now++
	s.max = max(s.max, s.now)
	s.mu.Unlock()
	time.Sleep(callDelay)
	s.next.ServeHTTP(w, r)
	s.mu.Lock()
	s.now--
	s.mu.Unlock()
}

// ebsRows read an image as a snapshot, over the real protocol on loopback.
func ebsRows(_ context.Context, env *Env, name, img string, installed Side) ([]Row, error) {
	server, err := serveEBS(env, img)
	if err != nil {
		return nil, err
	}
	read := func(v func(*slow, *ebs.Disk, time.Duration) float64, look func(context.Context, *osimage.Root) ([]string, error)) runner {
		return func(ctx context.Context) (Sample, error) {
			cfg := aws.Config{Region: "eu-central-1", BaseEndpoint: aws.String(server.url), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
			server.reset()
			begun := time.Now()
			d, err := ebs.Open(ctx, blocks.New(session.Of(cfg)), "snap-0123456789abcdef0", ebs.Options{})
			if err != nil {
				return Sample{}, err
			}
			defer d.Close()
			root, err := osimage.Open(d, d.Size())
			if err != nil {
				return Sample{}, err
			}
			read := ahead.Read(root)
			set, err := look(ctx, root)
			took := time.Since(begun)
			read() // what is still under way counts among the calls
			return Sample{v(server.slow, d, took), set}, err
		}
	}
	ms := func(_ *slow, _ *ebs.Disk, d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	flight := func(s *slow, _ *ebs.Disk, _ time.Duration) float64 { return float64(s.max) }
	calls := func(s *slow, _ *ebs.Disk, _ time.Duration) float64 { return float64(s.calls) }
	pkgs := func(_ context.Context, r *osimage.Root) ([]string, error) { return packagesOf(r) }
	meta := func(ctx context.Context, r *osimage.Root) ([]string, error) {
		_, _, err := files.Read(ctx, r, record.DepthMetadata, files.Options{})
		return nil, err
	}
	ours := fmt.Sprintf("EBS direct API (the twin's, on loopback), %d ms added per call", callDelay.Milliseconds())
	also := "lists the snapshot's blocks, verifies every block's checksum; a new connection and no cache each time"
	return []Row{
		{Task: name + " as a snapshot: packages", Unit: "ms", Bar: AtMost(500), Ours: Side{ours, also, read(ms, pkgs)}, Peer: shown(installed)},
		{Task: name + " as a snapshot: packages, calls", Unit: "calls", Runs: 1, Ours: Side{Name: ours, Run: read(calls, pkgs)}},
		{Task: name + " as a snapshot: metadata", Unit: "ms", Ours: Side{Name: ours, Run: read(ms, meta)}, Runs: 3},
		{Task: name + " as a snapshot: metadata, most calls in flight", Unit: "calls", Bar: AtMost(callLimit), Runs: 3, Ours: Side{Name: ours, Run: read(flight, meta)}},
	}, nil
}

type ebsServer struct {
	*slow
	url string
}

func (s *ebsServer) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.max = 0, 0
}

// serveEBS answers the EBS direct API from an image, until the benchmark ends.
func serveEBS(env *Env, img string) (*ebsServer, error) {
	w, err := world.Open(world.Options{Seed: 1, Start: time.Now(), Mode: world.Manual})
	if err != nil {
		return nil, err
	}
	h, err := wire.NewHandler(wire.Options{World: w, Services: []*wire.Service{twin.New(oneDisk{path: img}).Wire()}})
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	s := &ebsServer{slow: &slow{next: h}, url: "http://" + l.Addr().String()}
	server := &http.Server{Handler: s.slow, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }() // it ends by Close
	env.OnExit(func() error { return errors.Join(server.Close(), w.Close()) })
	return s, nil
}
