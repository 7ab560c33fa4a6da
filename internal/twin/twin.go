package twin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/gofrs/flock"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ParseClock reads how time is to pass: auto, real, manual, or rate=N for N seconds a
// second.
func ParseClock(text string) (m world.Mode, rate float64, err error) {
	name, value, isRate := strings.Cut(text, "=")
	switch m = world.Mode(name); {
	case isRate && m == world.Rate:
		rate, err = strconv.ParseFloat(value, 64)
		if err != nil || !(rate > 0) || rate > world.MaxRate {
			return "", 0, fault.New(fault.Usage, "rate=3600 makes an hour of a second", "clock %q: the rate is a number above 0, at most %d", text, world.MaxRate)
		}
		return m, rate, nil
	case !isRate && (text == "" || m == world.Auto || m == world.Real || m == world.Manual):
		return m, 0, nil
	}
	return "", 0, fault.New(fault.Usage, "", "unknown clock %q: auto, real, manual or rate=N", text)
}

// Options say what a twin is.
type Options struct {
	// Dir is the state folder; empty keeps the state in memory, and files in a
	// temporary folder that goes with the twin.
	Dir  string
	Seed int64
	// Start is the virtual time of a new world; zero is the wall's.
	Start time.Time
	Mode  world.Mode // empty is auto
	Rate  float64    // seconds a second, of mode rate
	// Account is whose the unknown access keys are; empty is wire.DefaultAccount.
	Account string
	// Keys gives access keys accounts of their own.
	Keys map[string]string
	// Secrets, if not empty, are the only access keys accepted, with their secrets.
	Secrets map[string]string
	Faults  []Rule
	Version string
	// Build makes the services over the world, before it is started. dir is the
	// folder of their files.
	Build func(w *world.World, dir string) (Services, error)
	// Fill puts the first things into a new world, in one transaction: after a kill
	// in the middle of it the world is still new.
	Fill func(tx *world.Tx) error
}

// Services are what Build has made.
type Services struct {
	Wire []*wire.Service
	// Admin are further answers of the admin endpoint, by the patterns of
	// http.ServeMux below /_twin/.
	Admin map[string]http.Handler
	// Resume takes up what the end of the process interrupted; nil: nothing.
	Resume func() error
	// Close ends what the services run besides the world; nil: nothing.
	Close func() error
}

// Twin is a running world with its services.
type Twin struct {
	o       Options
	dir     string
	temp    bool
	lock    *flock.Flock
	log     *os.File
	world   *world.World
	built   Services
	aws     *wire.Handler
	faults  *faultPlan
	admin   http.Handler
	started time.Time
	stop    chan struct{} // closed by POST /_twin/stop
	halt    sync.Once
	holds   holds
	busy    busy

	presence *presence
}

// New opens the world and starts it. A state folder that another twin uses is an
// error of kind Conflict.
func New(o Options) (*Twin, error) {
	t := &Twin{o: o, dir: o.Dir, faults: &faultPlan{rules: o.Faults}, started: time.Now(), stop: make(chan struct{})}
	if err := t.openSaved(); err != nil {
		return nil, errors.Join(fmt.Errorf("open twin: %w", err), t.Close())
	}
	return t, nil
}

// openSaved is open, with a state that is not this program's for an error.
func (t *Twin) openSaved() (err error) {
	defer func() {
		bad := recover()
		row, ok := bad.(*world.BadRowError)
		switch {
		case ok:
			err = fault.As(fmt.Errorf("%s is of another version of this program, or damaged: %w", t.dir, row), fault.Usage, "take another --state folder, or remove this one")
		case bad != nil:
			panic(bad)
		}
	}()
	return t.open()
}

func (t *Twin) open() error {
	if err := t.openDir(); err != nil {
		return err
	}
	w, err := world.Open(world.Options{Dir: t.o.Dir, Seed: t.o.Seed, Start: t.o.Start, Mode: t.o.Mode, Rate: t.o.Rate})
	if err != nil {
		return err
	}
	t.world = w
	w.SetFaults(t.faults)
	w.OnTimer(outageKind, t.outageDue)
	t.presence = &presence{clock: w.Clock(), conns: map[string]int{}}
	if t.log != nil {
		w.LogTo(t.log)
	}
	if t.o.Build != nil {
		if t.built, err = t.o.Build(w, t.dir); err != nil {
			return err
		}
	}
	t.aws, err = wire.NewHandler(wire.Options{World: w, Services: t.built.Wire, Account: t.o.Account, Keys: t.o.Keys, Secrets: t.o.Secrets, Faults: t.faults})
	if err != nil {
		return err
	}
	if err := checkNames(t.aws, t.o.Faults); err != nil {
		return err
	}
	t.admin = t.newAdmin()
	if err := t.fill(); err != nil {
		return fmt.Errorf("fill the new world: %w", err)
	}
	w.Start()
	if err := t.plan(t.o.Faults); err != nil {
		return fmt.Errorf("take up the fault plan: %w", err)
	}
	if t.built.Resume != nil {
		return t.built.Resume()
	}
	return nil
}

func (t *Twin) openDir() error {
	if t.o.Dir == "" {
		dir, err := os.MkdirTemp("", "twin")
		if err != nil {
			return err
		}
		t.dir, t.temp = dir, true
		return nil
	}
	abs, err := filepath.Abs(t.o.Dir)
	if err != nil {
		return err
	}
	t.o.Dir, t.dir = abs, abs // clients in other folders compare it
	if st, err := os.Stat(t.dir); err == nil && !st.IsDir() {
		return fault.New(fault.Usage, "", "%s is no folder", t.dir)
	}
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return err
	}
	t.lock = flock.New(filepath.Join(t.dir, "lock"))
	wait, end := context.WithTimeout(context.Background(), lockLimit)
	defer end()
	ok, err := t.lock.TryLockContext(wait, lockEvery)
	if err != nil && wait.Err() == nil {
		return fmt.Errorf("lock %s: %w", t.dir, err)
	}
	if !ok {
		t.lock = nil
		return fault.New(fault.Conflict, "stop it with: rehydrate twin stop --state "+t.dir, "lock %s: another twin uses it", t.dir)
	}
	t.log, err = os.OpenFile(filepath.Join(t.dir, "events.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return err
}

// meta says what has been done to the world itself.
type meta struct {
	Filled time.Time `json:"filled"`
}

func (t *Twin) fill() error {
	return t.world.Do("-", "-", func(tx *world.Tx) error {
		rows := world.Table[meta](tx, "twin/meta")
		if m, _ := rows.Get("world"); !m.Filled.IsZero() {
			return nil
		}
		rows.Put("world", meta{Filled: tx.Now})
		if t.o.Fill == nil {
			return nil
		}
		return t.o.Fill(tx)
	})
}

// Close ends the twin: time stops, background work is cancelled and waited for,
// the state file is closed.
func (t *Twin) Close() error {
	t.halt.Do(func() { close(t.stop) })
	t.holds.releaseAll()
	var errs []error
	if t.world != nil {
		errs = append(errs, t.world.Close())
	}
	if t.built.Close != nil {
		errs = append(errs, t.built.Close())
		t.built.Close = nil
	}
	if t.log != nil {
		if t.world != nil {
			t.world.LogTo(io.Discard)
		}
		errs = append(errs, t.log.Close())
		t.log = nil
	}
	if t.lock != nil {
		errs = append(errs, t.lock.Unlock())
		t.lock = nil
	}
	if t.temp {
		errs = append(errs, os.RemoveAll(t.dir))
	}
	return errors.Join(errs...)
}

// World is the twin's kernel.
func (t *Twin) World() *world.World { return t.world }

// Stopped is closed when the twin is to end.
func (t *Twin) Stopped() <-chan struct{} { return t.stop }

// ServeHTTP answers AWS requests, and those of the admin endpoint below /_twin/.
func (t *Twin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer t.busy.enter()()
	t.presence.note(r)
	if strings.HasPrefix(r.URL.Path, adminPrefix) {
		t.admin.ServeHTTP(w, r)
		return
	}
	t.aws.ServeHTTP(w, r)
}

// Client is an HTTP client that calls the twin without a socket. The empty id is a
// client with a clock of its own.
func (t *Twin) Client(id string) *http.Client {
	return &http.Client{Transport: wire.Transport{Handler: t, Client: id}}
}

// Config is a configuration for the SDK's clients that calls the twin without a
// socket, as the default account.
func (t *Twin) Config(region, client string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String("http://127.0.0.1"), HTTPClient: t.Client(client),
		Credentials: credentials.NewStaticCredentialsProvider("twin", "twin", ""),
	}
}

// busy knows when the last request ended, for the idle end.
type busy struct {
	mu     sync.Mutex
	active int
	last   time.Time
}

func (b *busy) enter() (leave func()) {
	b.mu.Lock()
	b.active++
	b.mu.Unlock()
	return func() {
		b.mu.Lock()
		b.active--
		b.last = time.Now()
		b.mu.Unlock()
	}
}

// idle is how long nobody has asked anything.
func (b *busy) idle(since time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.active > 0 {
		return 0
	}
	if b.last.After(since) {
		since = b.last
	}
	return time.Since(since)
}
