package eventbridge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/eventbridge"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func entry(source, detail, bus string) types.PutEventsRequestEntry {
	e := types.PutEventsRequestEntry{Source: &source, DetailType: aws.String("Ring Halted"), Detail: &detail}
	if bus != "" {
		e.EventBusName = &bus
	}
	return e
}

func TestEachEventIsJudgedByItself(t *testing.T) {
	w := wiretest.World(t)
	var put []string
	w.OnEvent(func(e world.Event) {
		if e.Kind == "events.put" {
			put = append(put, fmt.Sprint(e.Data["bus"], " ", e.Data["source"]))
		}
	})
	c := sdk.NewFromConfig(wiretest.Client(t, w, eventbridge.New()))
	b, err := c.CreateEventBus(t.Context(), &sdk.CreateEventBusInput{Name: aws.String("fleet")})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.PutEvents(t.Context(), &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		entry("rehydrate", `{"ring":"dev"}`, ""),
		entry("aws.autoscaling", `{}`, ""),
		entry("rehydrate", `no object`, ""),
		entry("rehydrate", `{}`, "nowhere"),
		entry("", `{}`, ""),
		entry("rehydrate", `{}`, *b.EventBusArn),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, e := range out.Entries {
		codes = append(codes, aws.ToString(e.ErrorCode))
	}
	if got := strings.Join(codes, ","); got != ",NotAuthorizedForSourceException,MalformedDetail,ResourceNotFoundException,InvalidArgument," || out.FailedEntryCount != 4 {
		t.Errorf("%d failed: %s", out.FailedEntryCount, got)
	}
	if got := fmt.Sprint(put); got != "[default rehydrate fleet rehydrate]" {
		t.Errorf("put %s", got)
	}
}

func TestWhatEventBridgeRefuses(t *testing.T) {
	c := sdk.NewFromConfig(wiretest.Client(t, wiretest.World(t), eventbridge.New()))
	many := make([]types.PutEventsRequestEntry, 11)
	for i := range many {
		many[i] = entry("rehydrate", "{}", "")
	}
	for _, tt := range []struct {
		name, code string
		call       func() error
	}{
		{"eleven entries", "ValidationException", func() error { _, err := c.PutEvents(t.Context(), &sdk.PutEventsInput{Entries: many}); return err }},
		{"too much", "ValidationException", func() error {
			_, err := c.PutEvents(t.Context(), &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry("rehydrate", `{"a":"`+strings.Repeat("x", 256<<10)+`"}`, "")}})
			return err
		}},
		{"a second default bus", "ResourceAlreadyExistsException", func() error {
			_, err := c.CreateEventBus(t.Context(), &sdk.CreateEventBusInput{Name: aws.String("default")})
			return err
		}},
		{"an unknown bus", "ResourceNotFoundException", func() error {
			_, err := c.DescribeEventBus(t.Context(), &sdk.DescribeEventBusInput{Name: aws.String("x")})
			return err
		}},
	} {
		var e smithy.APIError
		if err := tt.call(); !errors.As(err, &e) || e.ErrorCode() != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	out, err := c.DescribeEventBus(t.Context(), &sdk.DescribeEventBusInput{})
	if err != nil || *out.Name != "default" {
		t.Errorf("%+v, %v", out, err)
	}
}
