// Package wiretest lets a test call a twin service through the real SDK, over the
// real wire format, without a socket.
package wiretest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Account and Region are where Client works unless a test says otherwise.
const (
	Account = wire.DefaultAccount
	Region  = "eu-west-1"
)

// Start is the virtual time at which World begins.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// World opens a world in memory that stands still until Clock().Step, and closes
// it with the test. Register timers, then call Start on it before stepping.
func World(t testing.TB) *world.World {
	t.Helper()
	w, err := world.Open(world.Options{Seed: 1, Start: Start, Mode: world.Manual})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close world: %v", err)
		}
	})
	Record(t, w)
	return w
}

// Handler serves the services on the world. An answer that breaks the service's
// model fails the test.
func Handler(t testing.TB, w *world.World, services ...*wire.Service) *wire.Handler {
	t.Helper()
	h, err := wire.NewHandler(wire.Options{World: w, Services: services, Violation: func(err error) {
		t.Errorf("answer breaks the model: %v", err)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Client is a configuration for any SDK client of the services. It is a registered
// client: tx.Registered is true. It does not retry.
func Client(t testing.TB, w *world.World, services ...*wire.Service) aws.Config {
	t.Helper()
	return Config(Handler(t, w, services...), "test")
}

// Config makes a configuration that calls a handler. The empty client id is a
// client with its own clock, such as Packer.
func Config(h http.Handler, client string) aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String("http://127.0.0.1"),
		HTTPClient:   &http.Client{Transport: wire.Transport{Handler: h, Client: client}},
		Credentials:  Key("AKIATEST"),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// Key is a credentials provider with that access key; twelve digits select an
// account.
func Key(accessKey string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: "secret"}, nil
	})
}
