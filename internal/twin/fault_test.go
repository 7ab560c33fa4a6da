package twin

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestRulesHitTheCallsThatTheyName(t *testing.T) {
	t.Parallel()
	e := &RuleError{Code: "Throttling"}
	call := wire.Call{Service: "ec2", Operation: "RunInstances", Account: "1", Region: "r", Request: []byte("Action=RunInstances&ImageId=ami-1")}
	for name, test := range map[string]struct {
		rule Rule
		want string // of six calls in a row
	}{
		"the first":         {Rule{Error: e}, "x....."},
		"the third":         {Rule{Error: e, Nth: 3}, "..x..."},
		"two from second":   {Rule{Error: e, Nth: 2, Times: 2}, ".xx..."},
		"all from third":    {Rule{Error: e, Nth: 3, Times: -1}, "..xxxx"},
		"by everything":     {Rule{Error: e, Service: "ec2", Operation: "RunInstances", Account: "1", Region: "r", Match: "ami-1", Times: -1}, "xxxxxx"},
		"another service":   {Rule{Error: e, Service: "ssm", Times: -1}, "......"},
		"another operation": {Rule{Error: e, Operation: "StopInstances", Times: -1}, "......"},
		"another account":   {Rule{Error: e, Account: "2", Times: -1}, "......"},
		"another region":    {Rule{Error: e, Region: "s", Times: -1}, "......"},
		"another text":      {Rule{Error: e, Match: "ami-2", Times: -1}, "......"},
	} {
		p := &faultPlan{rules: []Rule{test.rule}}
		var got strings.Builder
		for range 6 {
			if p.Next(call).Error != nil {
				got.WriteByte('x')
			} else {
				got.WriteByte('.')
			}
		}
		if got.String() != test.want {
			t.Errorf("%s: %s, want %s", name, got.String(), test.want)
		}
	}
}

func TestTheFirstRuleDecidesAndEveryRuleCounts(t *testing.T) {
	t.Parallel()
	p := &faultPlan{rules: []Rule{{Latency: Duration(time.Second)}, {LostResponse: true, Nth: 2}}}
	if f := p.Next(wire.Call{}); f.Latency != time.Second || f.LostResponse {
		t.Errorf("first: %+v", f)
	}
	if f := p.Next(wire.Call{}); !f.LostResponse {
		t.Errorf("second: %+v", f)
	}
	if f := p.Next(wire.Call{}); f != (wire.Fault{}) {
		t.Errorf("third: %+v", f)
	}
}

func TestATokenBucketEmptiesAndFills(t *testing.T) {
	t.Parallel()
	p := &faultPlan{rules: []Rule{{Service: "ec2", Throttle: &Throttle{Size: 2, Refill: 0.5}}}}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ask := func(after time.Duration, operation, account string) bool {
		return p.Next(wire.Call{Service: "ec2", Protocol: "ec2", Operation: operation, Account: account, Now: at.Add(after)}).Error == nil
	}
	var got []bool
	for _, call := range []struct {
		after              time.Duration
		operation, account string
	}{
		{0, "RunInstances", "1"}, {0, "RunInstances", "1"}, {0, "RunInstances", "1"}, // two tokens
		{0, "RunInstances", "2"}, {0, "StopInstances", "1"}, // buckets of their own
		{time.Second, "RunInstances", "1"}, {2 * time.Second, "RunInstances", "1"}, {2 * time.Second, "RunInstances", "1"}, // one token after 2 s
		{time.Hour, "RunInstances", "1"}, {time.Hour, "RunInstances", "1"}, {time.Hour, "RunInstances", "1"}, // never more than its size
	} {
		got = append(got, ask(call.after, call.operation, call.account))
	}
	if d := cmp.Diff([]bool{true, true, false, true, true, false, true, false, true, true, false}, got); d != "" {
		t.Error(d)
	}
}

func TestEachProtocolThrottlesInItsOwnWords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		service, protocol, code string
		status                  int
	}{
		{"ec2", "ec2", "RequestLimitExceeded", 503}, {"autoscaling", "query", "Throttling", 400}, {"ssm", "json", "ThrottlingException", 400},
		{"s3", "rest-xml", "SlowDown", 503}, {"ebs", "rest-json", "RequestThrottledException", 400}, {"monitoring", "smithy-rpc-v2-cbor", "Throttling", 400},
		{"servicequotas", "json", "TooManyRequestsException", 400},
	} {
		if e := throttled(wire.Call{Service: test.service, Protocol: test.protocol}); e.Code != test.code || e.Status != test.status {
			t.Errorf("%s: %+v", test.service, e)
		}
	}
}

func TestRulesHoldInTheirTimeAndPlace(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	subject := world.Subject{ID: "i-1", Type: "m5.large", Zone: "ra", Tags: map[string]string{"Name": "a", "empty": ""}}
	window := Rule{From: at, Until: at.Add(time.Minute)}
	with := func(r Rule, f func(*Rule)) Rule { f(&r); return r }
	for name, test := range map[string]struct {
		rule Rule
		want string // asked every 30 s from 30 s before at
	}{
		"once":                {Rule{Fails: world.NoCapacity}, "x...."},
		"the second":          {Rule{Fails: world.NoCapacity, Nth: 2}, ".x..."},
		"two":                 {Rule{Fails: world.NoCapacity, Times: 2}, "xx..."},
		"in a window":         {with(window, func(r *Rule) { r.Fails = world.NoCapacity }), ".xx.."},
		"once in a window":    {with(window, func(r *Rule) { r.Fails, r.Times = world.NoCapacity, 1 }), ".x..."},
		"another kind":        {Rule{Fails: world.CopyFails}, "....."},
		"another place":       {Rule{Fails: world.NoCapacity, Region: "s"}, "....."},
		"of that type":        {Rule{Fails: world.NoCapacity, Where: &Where{Type: "m5.large", Zone: "ra"}}, "x...."},
		"of another type":     {Rule{Fails: world.NoCapacity, Where: &Where{Type: "m5.small"}}, "....."},
		"of that tag":         {Rule{Fails: world.NoCapacity, Where: &Where{Tag: "Name=a"}}, "x...."},
		"of an empty tag":     {Rule{Fails: world.NoCapacity, Where: &Where{Tag: "empty="}}, "x...."},
		"of no such tag":      {Rule{Fails: world.NoCapacity, Where: &Where{Tag: "none="}}, "....."},
		"in a zone that went": {Rule{Fails: world.ZoneLost, From: at, Until: at.Add(time.Minute), Where: &Where{Zone: "ra"}}, ".xx.."},
	} {
		p := &faultPlan{rules: []Rule{test.rule}}
		got := ""
		for k := range 5 {
			if _, hit := p.Fault("1", "r", at.Add(time.Duration(k-1)*30*time.Second), world.NoCapacity, subject); hit {
				got += "x"
			} else {
				got += "."
			}
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestFaultPlansAreReadStrictly(t *testing.T) {
	t.Parallel()
	good := `[{"service":"ssm","operation":"PutParameter","nth":2,"times":-1,"match":"/golden","error":{"code":"InternalServerError","status":500},"latency":"1m30s","lostResponse":true},
		{"throttle":{"size":5,"refill":0.5}}, {"stale":"30s","operation":"DescribeInstances","latency":"1s"},
		{"fails":"spot","from":"2026-03-01T12:00:00Z","where":{"tag":"Name=a"}}]`
	rules, err := ParseRules([]byte(good))
	if err != nil || len(rules) != 4 || time.Duration(rules[0].Latency) != 90*time.Second || rules[0].Error.Status != 500 {
		t.Errorf("%+v, %v", rules, err)
	}
	for bad, want := range map[string]string{
		`{}`: "line 1: a fault plan is a list", `[{}]`: "rule 1: nothing goes wrong", `[{"errors":{}}]`: "errors: unknown field", `[{"error":{}}]`: "no code", `[] []`: "something after",
		`[{"lostResponse":true},{"latency":"x"}]`: "rule 2: latency: a duration is", `[{"latency":5}]`: "is a text", `[{"latency":"-1s"}]`: "negative",
		`[{"lostResponse":true,"times":-2}]`: "negative", `[{"error":{"code":"X","status":200}}]`: "no error status", ``: "line 1: it ends too early",
		`[{"throttle":{"size":0}}]`: "size from 1", `[{"throttle":{"size":1,"refill":-1}}]`: "refill from 0", `[{"throttle":{"size":1},"nth":2}]`: "tokens, not calls",
		`[{"throttle":{"size":1},"stale":"1s"}]`: "rules of their own", `[{"stale":"1s","lostResponse":true}]`: "rules of their own", `[{"stale":"2h"}]`: "at most 1h",
		`[{"stale":"1s","operation":"RunInstances"}]`: "is no read", `[{"stale":"1s","service":"s3"}]`: "never stale", `[{"latency":"1s","where":{}}]`: "belong to rules with fails",
		`[{"latency":"1s","from":"2026-03-01T12:00:00Z","until":"2026-03-01T12:00:00Z"}]`: "not after from", `[{"latency":"1s","from":"noon"}]`: "from: a time is written",
		`[{"fails":"disk"}]`: "unknown fails", `[{"fails":"copy","service":"ec2"}]`: "about no call", `[{"fails":"agent","nth":2}]`: "not counted", `[{"fails":"spot"}]`: "give from",
		`[{"fails":"zone","from":"2026-03-01T12:00:00Z"}]`: "which zone", `[{"fails":"spot","from":"2026-03-01T12:00:00Z","until":"2026-03-02T12:00:00Z"}]`: "does not end",
		`[{"fails":"copy","where":{"zone":"a"}}]`: "where.zone does not apply to copy", `[{"fails":"agent","where":{"tag":"Name"}}]`: "key=value", `[{"fails":"agent","where":{"colour":"a"}}]`: "where.colour: unknown field",
		"[\n{\"latency\":\"1s\"},\n{\n\"nth\":\"two\"}]": "line 4, rule 2: nth: a string is no int", "[\n{\"latency\":,}]": "line 2: invalid character", "[{\"latency\":\"1s\"}": "ends too early",
		`null`: "a list of rules", `[null]`: "rule 1: it is no object", `[{"Latency":"1s"}]`: "Latency: unknown field", `[{"latency":"1s","latency":"2s"}]`: "latency: the field is there twice",
		`[{"error":{"code":"X","code":"Y"}}]`: "error.code: the field is there twice", `[{"error":"X"}]`: "error: it is no object", `[{"throttle":{"size":1.5}}]`: "throttle.size: a number 1.5 is no int",
		`[{"latency":"1s","account":"me"}]`: "twelve digits", `[{"latency":"1s","region":"mars"}]`: "no region", `[{"lostResponse":"yes"}]`: "lostResponse: a string is no bool",
	} {
		if _, err := ParseRules([]byte(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", bad, err, want)
		}
	}
}

func FuzzParseRules(f *testing.F) {
	f.Add([]byte(`[{"service":"ec2","error":{"code":"X"}}]`))
	f.Add([]byte(`[{"latency":"1s"}]`))
	f.Add([]byte(`[{"fails":"zone","from":"2026-03-01T12:00:00Z","where":{"zone":"a"}},{"throttle":{"size":1,"refill":2}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := ParseRules(text)
		if err != nil {
			return
		}
		for _, r := range rules {
			if r.check() != nil {
				t.Errorf("accepted %+v", r)
			}
		}
	})
}
