package app

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout"
)

const (
	prod   = "222222222222"
	closed = "333333333333"
)

// someCells are the cells of a twin in which account prod trusts home, by an external
// id, and account closed trusts nobody.
func someCells(t *testing.T) (*Cells, *world.World) {
	t.Helper()
	w := wiretest.World(t)
	err := w.Do("-", "-", func(tx *world.Tx) error {
		sts.DeclareRole(tx, sts.Role{Account: prod, Name: "rehydrate", Trusts: []sts.Trust{{Principal: wiretest.Account, ExternalID: "golden"}}})
		sts.DeclareRole(tx, sts.Role{Account: closed, Name: "rehydrate"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cloud := &Cloud{Session: session.Of(wiretest.Client(t, w, sts.New())), Account: wiretest.Account, Region: wiretest.Region, Clock: twinTime{w}}
	return NewCells(cloud, &config.Config{Accounts: []*config.Account{
		{Label: "prod", ID: prod, Role: "arn:aws:iam::" + prod + ":role/rehydrate", ExternalID: "golden"},
		{Label: "closed", ID: closed, Role: "arn:aws:iam::" + closed + ":role/rehydrate"},
		{Label: "bare", ID: "444444444444"},
	}}, "run-1"), w
}

// twinTime is a twin's time.
type twinTime struct{ w *world.World }

func (c twinTime) Now() time.Time { return c.w.Clock().Now() }

func (c twinTime) Sleep(_ context.Context, until time.Time) error {
	c.w.Clock().StepTo(until)
	return nil
}

func assumptions(w *world.World) (n int) {
	events, _ := w.Events()
	for _, e := range events {
		if e.Kind == "role.assumed" {
			n++
		}
	}
	return n
}

func TestCells_takes_a_role_on_once_for_all_its_Regions(t *testing.T) {
	c, w := someCells(t)
	var all sync.WaitGroup
	for _, region := range []string{"eu-west-1", "us-east-1", "eu-west-1", "ap-south-1"} {
		all.Go(func() {
			s, err := c.Session(t.Context(), prod, region)
			if err != nil || s.Region() != region {
				t.Errorf("%s: %v", region, err)
				return
			}
			if account, err := s.Account(t.Context()); err != nil || account != prod {
				t.Errorf("%s is account %s, %v", region, account, err)
			}
		})
	}
	all.Wait()
	if n := assumptions(w); n != 1 {
		t.Errorf("the role was taken on %d times", n)
	}
	w.Clock().Step(55 * time.Minute)
	s, err := c.Session(t.Context(), prod, "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Account(t.Context()); err != nil || assumptions(w) != 2 {
		t.Errorf("taken on %d times, %v", assumptions(w), err)
	}
}

func TestCells_home_is_the_session_itself(t *testing.T) {
	c, w := someCells(t)
	for _, at := range []rollout.Cell{{}, c.Home(), {Account: wiretest.Account, Region: "us-east-1"}} {
		s, err := c.Session(t.Context(), at.Account, at.Region)
		if err != nil {
			t.Fatal(err)
		}
		if want := at.Region; want != "" && s.Region() != want || want == "" && s.Region() != wiretest.Region {
			t.Errorf("%v is in %s", at, s.Region())
		}
	}
	if n := assumptions(w); n > 0 {
		t.Errorf("%d roles were taken on", n)
	}
}

func TestCells_says_why_an_account_cannot_be_opened(t *testing.T) {
	c, _ := someCells(t)
	for account, want := range map[string]struct {
		kind fault.Kind
		says string
	}{
		closed:         {fault.Denied, "take on role arn:aws:iam::" + closed},
		"444444444444": {fault.Usage, `account "bare" (444444444444): it has no role`},
		"555555555555": {fault.Usage, "no account block has this id"},
	} {
		_, err := c.Rollout(t.Context(), rollout.Cell{Account: account, Region: "eu-west-1"})
		if fault.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.says) || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, %q", account, err, fault.HintOf(err))
		}
	}
}

func TestCells_makes_the_adapters_of_a_cell_once(t *testing.T) {
	c, _ := someCells(t)
	at := rollout.Cell{Account: prod, Region: "us-east-1"}
	a, err := c.Rollout(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := c.Rollout(t.Context(), at)
	home, _ := c.Rollout(t.Context(), c.Home())
	zero, _ := c.Rollout(t.Context(), rollout.Cell{})
	if a != b || home != zero || a == home {
		t.Error("the adapters are made anew, or shared by cells")
	}
}

func TestDoctor_says_of_every_account_whether_its_role_can_be_taken_on(t *testing.T) {
	c, _ := someCells(t)
	cfg := &config.Config{}
	for _, id := range []string{prod, closed, "444444444444"} {
		a := *c.accounts[id]
		a.Regions = []string{"eu-west-1", "us-east-1"}
		cfg.Accounts = append(cfg.Accounts, &a)
	}
	in := DoctorRequest{Config: cfg, Cloud: func(context.Context, string) (*Cloud, error) { return c.home, nil }}
	got := in.credentials(t.Context())
	if len(got) != 4 || got[0].Standing != FoundOK {
		t.Fatalf("%+v", got)
	}
	for n, want := range []Finding{
		{Name: "account prod", Standing: FoundOK, Detail: "in eu-west-1, us-east-1"},
		{Name: "account closed", Standing: FoundMissing, Detail: "AccessDenied", Hint: "sts:AssumeRole"},
		{Name: "account bare", Standing: FoundMissing, Detail: "it has no role", Hint: "give its account block a role"},
	} {
		f := got[n+1]
		if f.Name != want.Name || f.Standing != want.Standing || !strings.Contains(f.Detail, want.Detail) || !strings.Contains(f.Hint, want.Hint) {
			t.Errorf("%+v", f)
		}
	}
}
