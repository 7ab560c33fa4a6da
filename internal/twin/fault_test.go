package twin

import (
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/wire"
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

func TestFaultPlansAreReadStrictly(t *testing.T) {
	t.Parallel()
	good := `[{"service":"ssm","operation":"PutParameter","nth":2,"times":-1,"match":"/golden","error":{"code":"InternalServerError","status":500},"latency":"1m30s","lostResponse":true}]`
	rules, err := ParseRules([]byte(good))
	if err != nil || len(rules) != 1 || time.Duration(rules[0].Latency) != 90*time.Second || rules[0].Error.Status != 500 {
		t.Errorf("%+v, %v", rules, err)
	}
	for bad, want := range map[string]string{
		`{}`: "cannot unmarshal", `[{}]`: "rule 1: nothing goes wrong", `[{"errors":{}}]`: "unknown field", `[{"error":{}}]`: "no code",
		`[{"lostResponse":true},{"latency":"x"}]`: "invalid duration", `[{"latency":5}]`: "is a text", `[{"latency":"-1s"}]`: "negative",
		`[{"lostResponse":true,"times":-2}]`: "negative", `[{"error":{"code":"X","status":200}}]`: "no error status", ``: "EOF",
	} {
		if _, err := ParseRules([]byte(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", bad, err, want)
		}
	}
}

func FuzzParseRules(f *testing.F) {
	f.Add([]byte(`[{"service":"ec2","error":{"code":"X"}}]`))
	f.Add([]byte(`[{"latency":"1s"}]`))
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
