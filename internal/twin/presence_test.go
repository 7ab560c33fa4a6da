package twin_test

import (
	"net/http"
	"testing"
	"time"

	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/wait"
)

func TestAClientThatIsGoneDoesNotHoldTheClock(t *testing.T) {
	endpoint, _ := serve(t, small(t.TempDir()), twin.ServeOptions{})
	first, ok := wait.Detect(ctx, endpoint)
	if !ok {
		t.Fatal("not detected")
	}
	// The first client calls, and ends as a process does: its connections go.
	wire := &http.Transport{}
	c := config(endpoint, first)
	c.HTTPClient = &http.Client{Transport: first.Transport(wire)}
	if _, err := awssts.NewFromConfig(c).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{}); err != nil {
		t.Fatal(err)
	}
	second, ok := wait.Detect(ctx, endpoint)
	if !ok {
		t.Fatal("not detected again")
	}
	var clock struct{ Clients []string }
	if admin(t, http.DefaultClient, http.MethodGet, endpoint+"/_twin/clock", "", &clock); len(clock.Clients) != 1 {
		t.Fatalf("the first client is not registered: %v", clock.Clients)
	}
	first.Close()
	wire.CloseIdleConnections()
	begun := time.Now()
	if err := second.Sleep(ctx, second.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 25*time.Second { // one that is silent is waited for 30 s
		t.Errorf("an hour took %s: the clock waited for a client that is gone", took)
	}
}
