package app

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/rollout"
)

func TestWhereAnImageDoesNotGoPublishingItIsNotTheAdvice(t *testing.T) {
	in := channels(t)
	p := &pipeline{Request: Request{Config: in.Config, Image: in.Image, Cloud: in.Cloud}, parts: &parts{cells: NewCells(in.Cloud, in.Config, "")}}
	for region, next := range map[string]string{wiretest.Region: "publish the image to this account and Region first", "us-east-1": "image web does not go there: add the account and Region to its distribute block"} {
		_, err := p.held(t.Context(), rollout.Cell{Account: prod, Region: region})
		if fault.KindOf(err) != fault.NotFound || !strings.Contains(fault.HintOf(err), next) {
			t.Errorf("%s: %v, next: %s", region, err, fault.HintOf(err))
		}
	}
}
