package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/buses"
	"github.com/goldenami/rehydrate/internal/awscloud/topics"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/notify"
	"github.com/goldenami/rehydrate/internal/record"
)

const (
	// flushLimit is how long messages may take to be delivered when the run has ended.
	flushLimit = 15 * time.Second
	// maxSecret is the longest secret, in bytes.
	maxSecret = 4 << 10
)

// notifyTargets are the places that the configuration names. A secret that cannot be
// read is an error: an unsigned message would be thrown away where it goes.
func notifyTargets(cfg *config.Config, cloud *Cloud) ([]notify.Target, error) {
	var out []notify.Target
	for _, n := range cfg.Notify {
		t := notify.Target{Name: n.Label, Kinds: n.Kinds}
		switch {
		case n.SNS != "":
			t.Sender = topics.New(cloud.Session, n.SNS)
		case n.EventBus != "":
			t.Sender = buses.New(cloud.Session, n.EventBus)
		default:
			secret, err := webhookSecret(n)
			if err != nil {
				return nil, err
			}
			t.Sender = notify.Webhook{URL: n.Webhook, Secret: secret}
		}
		out = append(out, t)
	}
	return out, nil
}

func webhookSecret(n *config.Notify) ([]byte, error) {
	switch {
	case n.SecretEnv != "":
		if v := os.Getenv(n.SecretEnv); v != "" {
			return []byte(v), nil
		}
		return nil, fault.New(fault.Usage, "set it, or take secret_env out", "sign for notify %q: environment variable %s is not set", n.Label, n.SecretEnv)
	case n.SecretFile != "":
		f, err := os.Open(n.SecretFile)
		if err != nil {
			return nil, fault.New(fault.Usage, "", "sign for notify %q: %w", n.Label, err)
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
		data = bytes.TrimRight(data, "\r\n")
		switch {
		case err != nil:
			return nil, fault.New(fault.Usage, "", "sign for notify %q: %w", n.Label, err)
		case len(data) == 0 || len(data) > maxSecret:
			return nil, fault.New(fault.Usage, "", "sign for notify %q: %s holds %d bytes; a secret has 1 to %d", n.Label, n.SecretFile, len(data), maxSecret)
		}
		return data, nil
	}
	return nil, nil
}

// listeners tell the configuration's targets what happens in a run.
type listeners struct {
	events event.Sink // the run's own, and the targets
	told   event.Sink // the targets alone; nil: there is none
	local  event.Sink
	close  func() []notify.Loss
}

// listen begins to tell them.
func listen(cfg *config.Config, cloud *Cloud, local event.Sink, run string) (listeners, error) {
	targets, err := notifyTargets(cfg, cloud)
	if err != nil || len(targets) == 0 {
		return listeners{events: local}, err
	}
	told := notify.New(context.Background(), targets) // not the run's: the end of an interrupted run is told too
	stamped := event.Stamp(told, run, cloud.Clock.Now)
	return listeners{events: event.All(local, stamped), told: stamped, local: local,
		close: func() []notify.Loss { return told.Close(flushLimit) }}, nil
}

// end waits until they have been told, and says what they were not.
func (l listeners) end() {
	if l.close == nil {
		return
	}
	for _, x := range l.close() {
		if x.Lost() > 0 {
			l.local.Emit(event.Event{Stage: "notify", Unit: "notify/" + x.Target, Kind: event.Warned, Text: lost(x)})
		}
	}
}

func lost(l notify.Loss) string {
	text := fmt.Sprintf("%s did not get %d of %d messages", l.Target, l.Lost(), l.Told)
	if l.Cause != nil {
		text += ": " + l.Cause.Error()
	}
	return text
}

// tellEnd tells the targets, and not the terminal, which shows it in any case, how the
// run ended or what it waits for.
func (l listeners) tellEnd(doc *record.Run, err error) {
	what := "run " + doc.ID + " of " + doc.Line
	if doc.Kind != "" {
		what = fmt.Sprintf("%s of %s (run %s)", doc.Kind, doc.Line, doc.ID)
	}
	l.tell(doc.ID, what, doc.Outcome, err)
}

// tell is tellEnd for what has no document.
func (l listeners) tell(run, what, outcome string, err error) {
	if l.told == nil {
		return
	}
	e := event.Event{Stage: "run", Unit: "run", Kind: event.Ended, Text: what + ": " + outcome}
	var w *engine.Waiting
	switch {
	case errors.As(err, &w) && w.Approval != "":
		e.Kind, e.Text = event.Warned, fmt.Sprintf("%s waits for approval of %s: rehydrate approve --by NAME %s", what, w.Approval, run)
	case errors.As(err, &w):
		e.Kind, e.Text = event.Ended, fmt.Sprintf("%s: %s", what, w.Error())
	case err != nil:
		e.Kind, e.Text = event.Failed, e.Text+": "+strings.TrimSpace(firstLine(err.Error()))
	}
	l.told.Emit(e)
}
