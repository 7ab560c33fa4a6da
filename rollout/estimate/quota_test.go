package estimate_test

import (
	"testing"

	"github.com/goldenami/rehydrate/rollout/estimate"
)

func TestAFamilyCountsTowardsTheQuotaThatNamesIt(t *testing.T) {
	for kind, want := range map[string]struct{ onDemand, spot string }{
		"a1.large": {"L-1216C47A", "L-34B43A08"}, "t3.small": {"L-1216C47A", "L-34B43A08"}, "m7i-flex.large": {"L-1216C47A", "L-34B43A08"},
		"im4gn.large": {"L-1216C47A", "L-34B43A08"}, "is4gen.large": {"L-1216C47A", "L-34B43A08"}, "d3en.xlarge": {"L-1216C47A", "L-34B43A08"},
		"dl1.24xlarge": {"L-6E869C2A", "L-85EED4F7"}, "f1.2xlarge": {"L-74FC7D96", "L-88CF9481"}, "g5.xlarge": {"L-DB2E81BA", "L-3819A6DF"},
		"gr6.4xlarge": {"L-DB2E81BA", "L-3819A6DF"}, "vt1.3xlarge": {"L-DB2E81BA", "L-3819A6DF"}, "hpc7g.4xlarge": {"L-F7808C92", ""},
		"inf2.xlarge": {"L-1945791B", "L-B5D1601B"}, "p4d.24xlarge": {"L-417A185B", "L-7212CCBC"}, "p5en.48xlarge": {"L-417A185B", "L-C4BD4855"},
		"p6-b200.48xlarge": {"L-417A185B", ""}, "trn1.2xlarge": {"L-2C3B7624", "L-6B0D517C"}, "u-6tb1.112xlarge": {"L-43DA4232", ""},
		"u7i-12tb.224xlarge": {"L-43DA4232", ""}, "x2gd.medium": {"L-7295265B", "L-E3A00192"}, "z1d.large": {"L-1216C47A", "L-34B43A08"},
		"mac2.metal": {"", ""}, "nonsense": {"", ""}, "": {"", ""}, ".": {"", ""}, "5.large": {"", ""},
	} {
		for spot, code := range map[bool]string{false: want.onDemand, true: want.spot} {
			if q, ok := (estimate.Kind{Type: kind, Spot: spot}).Quota(); q.Code != code || ok != (code != "") {
				t.Errorf("%q, spot %v: %+v", kind, spot, q)
			}
		}
	}
}
