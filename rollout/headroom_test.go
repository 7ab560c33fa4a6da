package rollout_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

const standard, spot = "L-1216C47A", "L-34B43A08"

func TestTheQuotaIsHeldAgainstWhatRunsAndWhatTheGroupsOfARingAdd(t *testing.T) {
	for _, c := range []struct {
		name        string
		concurrency int
		limit       int
		want        string // of the finding; empty: none
		surge       int
	}{
		// Two groups of ten t3.small run 40 vCPUs, and each may add five instances.
		{"one group at a time", 1, 50, "", 10},
		{"one vCPU less than that", 1, 49, "40 of 49 vCPUs run of On-Demand Standard (L-1216C47A), and up to 10 more", 10},
		{"both at a time", 2, 60, "", 20},
		{"both, and room for one", 2, 59, "up to 20 more", 20},
		{"more runs than may", 1, 5, "40 of 5 vCPUs run", 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, in := surging(c.concurrency, 0, nil, nil, nil)
			r.limits = map[string]int{standard: c.limit}
			p := planOf(t, world{{}: r}, in)
			if p.Err() != nil || len(p.Quotas) != 1 || p.Quotas[0].Surge != c.surge || *p.Quotas[0].Running != 40 || *p.Quotas[0].Limit != c.limit {
				t.Fatalf("%v, %+v", p.Err(), p.Quotas)
			}
			switch {
			case c.want == "" && len(p.Findings) > 0, c.want != "" && (len(p.Findings) != 1 || !p.Findings[0].Warn || !strings.Contains(p.Findings[0].Text, c.want) || !strings.Contains(p.Findings[0].Hint, standard)):
				t.Errorf("%+v", p.Findings)
			case p.Quotas[0].Fits() != (c.want == ""):
				t.Errorf("%+v", p.Quotas[0])
			}
		})
	}
}

func TestRingsDoNotAddUpAgainstAQuota(t *testing.T) {
	r, in := surging(1, 0, nil, nil, nil)
	in.Rings = append(in.Rings, rollout.Ring{Name: "b"})
	second := in.Fleets[0]
	in.Fleets[0].Groups, second.Groups, second.Name, second.Ring = []string{"g0"}, []string{"g1"}, "second", "b"
	in.Fleets = append(in.Fleets, second)
	if p := planOf(t, world{{}: r}, in); p.Quotas[0].Surge != 10 {
		t.Errorf("%+v", p.Quotas)
	}
}

func TestWhatAGroupMayLaunchSaysWhichQuotaItTakes(t *testing.T) {
	type kinds = map[string]int // vCPUs that five instances may add, by quota
	for name, c := range map[string]struct {
		make func(*region, *rollout.Group)
		want kinds
		why  string // where it cannot be told
	}{
		"its template's type, whatever runs": {func(r *region, g *rollout.Group) { g.Instances[0].Type = "m5.large" }, kinds{standard: 10}, ""},
		"the dearest of its policy's types":  {func(_ *region, g *rollout.Group) { g.Types = []string{"t3.small", "m5.large"} }, kinds{standard: 20}, ""},
		"Spot beside On-Demand":              {func(_ *region, g *rollout.Group) { g.Spot = 50 }, kinds{standard: 10, spot: 10}, ""},
		"Spot over a base of On-Demand":      {func(_ *region, g *rollout.Group) { g.Spot, g.OnDemandBase = 100, 1 }, kinds{standard: 10, spot: 10}, ""},
		"Spot alone":                         {func(_ *region, g *rollout.Group) { g.Spot = 100 }, kinds{spot: 10}, ""},
		"a template that buys Spot": {func(r *region, _ *rollout.Group) {
			r.versions["lt-1"][0].Data = json.RawMessage(`{"ImageId":"ami-old","InstanceType":"c5.large","InstanceMarketOptions":{"MarketType":"spot"}}`)
		}, kinds{spot: 10}, ""},
		"another family":          {func(_ *region, g *rollout.Group) { g.Types = []string{"g5.xlarge"} }, kinds{"L-DB2E81BA": 20}, ""},
		"units of weight":         {func(_ *region, g *rollout.Group) { g.MinWeight, g.MaxWeight, g.Types = 2, 4, []string{"m5.large"} }, kinds{standard: 16}, ""},
		"types that EC2 chooses":  {func(_ *region, g *rollout.Group) { g.ByAttributes = true }, nil, "its instance types are not known"},
		"a type that has no vCPU": {func(_ *region, g *rollout.Group) { g.Types = []string{"m9.huge"} }, nil, "the vCPUs of m9.huge are not known"},
		"a family without quota":  {func(_ *region, g *rollout.Group) { g.Types = []string{"mac2.metal"} }, nil, "no quota is known for the type mac2.metal"},
		"attributes of a template": {func(r *region, _ *rollout.Group) {
			r.versions["lt-1"][0].Data = json.RawMessage(`{"ImageId":"ami-old","InstanceRequirements":{"VCpuCount":{"Min":2}}}`)
		}, nil, "its instance types are not known"},
	} {
		t.Run(name, func(t *testing.T) {
			r, in := surging(1, 0, nil, nil)
			c.make(r, r.groups["g0"])
			p := planOf(t, world{{}: r}, in)
			got := kinds{}
			for _, h := range p.Quotas {
				got[h.Code] = h.Surge
			}
			quota := p.Rings[0].Groups[0].Measured.Room.Quota
			if len(got) != len(c.want) || c.why != "" && quota != "unknown: "+c.why {
				t.Errorf("%v, %q", got, quota)
			}
			for code, cpus := range c.want {
				if got[code] != cpus || !strings.Contains(quota, code) {
					t.Errorf("%s: %v, %q", code, got, quota)
				}
			}
		})
	}
}

func TestAQuotaThatCannotBeReadIsUnknownAndNeverAPass(t *testing.T) {
	for name, break_ := range map[string]func(*region){
		"Service Quotas may not be asked": func(r *region) {
			r.unlisted = fault.New(fault.Denied, "", "get the service quota: AccessDeniedException")
		},
		"the vCPUs of what runs are not known": func(r *region) { r.foreign = map[estimate.Kind]int{{Type: "m9.huge"}: 3} },
	} {
		r, in := surging(1, 0, nil, nil)
		break_(r)
		p := planOf(t, world{{}: r}, in)
		if p.Err() != nil || len(p.Quotas) != 1 || p.Quotas[0].Fits() || p.Quotas[0].Why == "" || p.Quotas[0].Limit != nil {
			t.Fatalf("%s: %v, %+v", name, p.Err(), p.Quotas)
		}
		if len(p.Findings) != 1 || !strings.Contains(p.Findings[0].Text, p.Quotas[0].Why) || !strings.Contains(p.Findings[0].Hint, "servicequotas:GetServiceQuota") ||
			!strings.HasPrefix(p.Rings[0].Groups[0].Measured.Room.Quota, "unknown: ") {
			t.Errorf("%s: %+v", name, p.Findings)
		}
	}
}

func TestAPlanWithoutSurgeAsksForNoQuota(t *testing.T) {
	r, in := surging(1, 0, nil, nil)
	in.Fleets[0].Refresh = rollout.Preferences{}
	p := planOf(t, world{{}: r}, in)
	if len(p.Quotas) != 0 || r.calls["Limits"]+r.calls["Usage"]+r.calls["Running"] != 0 || p.Rings[0].Groups[0].Measured.Room.Quota != "" {
		t.Errorf("%+v, %v", p.Quotas, r.calls)
	}
}

func TestWhatRunsIsCloudWatchsToSayAndElseCounted(t *testing.T) {
	denied := fault.New(fault.Denied, "", "get the usage: AccessDenied")
	for name, c := range map[string]struct {
		make          func(*region, *rollout.Group)
		running       map[string]int // nil value of a code: unknown
		why           string
		asks, counted int
	}{
		// 20 t3.small run, which are 40 vCPUs; CloudWatch says other numbers.
		"by the metric":          {func(r *region, _ *rollout.Group) { r.metered = map[string]int{standard: 36} }, map[string]int{standard: 36}, "", 1, 0},
		"no metric is named":     {func(*region, *rollout.Group) {}, map[string]int{standard: 40}, "", 0, 1},
		"it has no data":         {func(r *region, _ *rollout.Group) { r.metered = map[string]int{} }, map[string]int{standard: 40}, "", 1, 1},
		"it may not be asked":    {func(r *region, _ *rollout.Group) { r.unmetered = denied }, map[string]int{standard: 40}, "", 1, 1},
		"one of two has no data": {func(r *region, g *rollout.Group) { g.Spot = 50; r.metered = map[string]int{standard: 36} }, map[string]int{standard: 36, spot: 0}, "", 1, 1},
		"neither may be asked": {func(r *region, _ *rollout.Group) {
			r.unmetered, r.uncounted = denied, fault.New(fault.Denied, "", "count: no")
		}, nil, "get the usage: AccessDenied, and count: no", 1, 1},
		"no data, and none may count": {func(r *region, _ *rollout.Group) {
			r.metered, r.uncounted = map[string]int{}, fault.New(fault.Denied, "", "count: no")
		}, nil, "count: no", 1, 1},
		"one known, the other not": {func(r *region, g *rollout.Group) {
			g.Spot, r.metered, r.uncounted = 50, map[string]int{standard: 36}, fault.New(fault.Denied, "", "count: no")
		}, map[string]int{standard: 36}, "count: no", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, in := surging(1, 0, nil, nil, nil)
			c.make(r, r.groups["g0"])
			p := planOf(t, world{{}: r}, in)
			if p.Err() != nil || len(p.Quotas) == 0 || r.calls["Usage"] != c.asks || r.calls["Running"] != c.counted {
				t.Fatalf("%v, %+v, %v", p.Err(), p.Quotas, r.calls)
			}
			for _, h := range p.Quotas {
				want, known := c.running[h.Code]
				switch {
				case known && (h.Running == nil || *h.Running != want || !h.Fits()):
					t.Errorf("%+v, want %d", h, want)
				case !known && (h.Running != nil || h.Limit != nil || h.Fits() || h.Why != c.why):
					t.Errorf("%+v, want unknown: %s", h, c.why)
				}
			}
			if told := len(p.Findings) == 1 && strings.Contains(p.Findings[0].Text, c.why) && strings.Contains(p.Findings[0].Hint, "cloudwatch:GetMetricData"); told != (c.why != "") {
				t.Errorf("%+v", p.Findings)
			}
		})
	}
}

func TestADefaultThatIsPassedAlreadyIsNotTheLimit(t *testing.T) {
	for _, c := range []struct {
		name     string
		standard bool
		limit    int
		warn     bool
		unknown  bool
	}{
		{"more runs than AWS's default", true, 39, false, true},
		{"all of the default runs", true, 40, true, false},
		{"the default has room", true, 50, false, false},
		{"more runs than the account's own value", false, 39, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, in := surging(1, 0, nil, nil, nil)
			r.limits, r.standard = map[string]int{standard: c.limit}, c.standard
			p := planOf(t, world{{}: r}, in)
			h := p.Quotas[0]
			if p.Err() != nil || (h.Limit == nil) != c.unknown || *h.Running != 40 || h.Fits() != (!c.warn && !c.unknown) {
				t.Fatalf("%v, %+v", p.Err(), h)
			}
			said := "nothing"
			if len(p.Findings) > 0 {
				said = p.Findings[0].Text
			}
			switch {
			case c.unknown && (len(p.Findings) != 1 || p.Findings[0].Warn || !strings.Contains(said, "is not known: Service Quotas tells only AWS's default of 39 vCPUs of On-Demand Standard (L-1216C47A), and 40 run already: another limit must apply") ||
				!strings.HasPrefix(p.Rings[0].Groups[0].Measured.Room.Quota, "unknown: ")):
				t.Errorf("%s; %q", said, p.Rings[0].Groups[0].Measured.Room.Quota)
			case !c.unknown && c.warn != (len(p.Findings) == 1 && p.Findings[0].Warn):
				t.Error(said)
			}
		})
	}
}
