package app

import (
	"context"
	"fmt"
	"net/http"

	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Cloud is an open account and region, real or modelled.
type Cloud struct {
	Session *session.Session
	Account string
	Region  string
	Clock   wait.Clock
	// Twin is the twin's endpoint; empty on AWS.
	Twin string
}

// OpenCloud connects and, if the endpoint is a twin, takes time from it.
func OpenCloud(ctx context.Context, region, endpoint, version string) (*Cloud, error) {
	o := session.Options{Region: region, Endpoint: endpoint, Version: version}
	c := &Cloud{Clock: wait.Wall{}}
	probe, err := session.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if at := probe.Endpoint(); at != "" {
		if t, ok := wait.Detect(ctx, at); ok {
			c.Clock, c.Twin = t, at
			o.HTTP = &http.Client{Transport: t.Transport(http.DefaultTransport)}
			if h, err := twin.Ask(ctx, at); err != nil || !h.Signed { // else it wants the caller's own
				o.Key, o.Secret = "twin", "twin"
			}
		}
	}
	if c.Session, err = session.Open(ctx, o); err != nil {
		return nil, err
	}
	if c.Account, err = c.Session.Account(ctx); err != nil {
		return nil, fmt.Errorf("open AWS: %w", err)
	}
	c.Region = c.Session.Region()
	return c, nil
}
