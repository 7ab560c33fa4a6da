package app

import (
	"errors"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

func TestMachines_refuse_a_bake_that_would_find_none(t *testing.T) {
	const here = "http://127.0.0.1:4599"
	none, some := errors.New("real roots need root"), error(nil)
	for name, c := range map[string]struct {
		can     error
		with    func(*Request, *record.Run, *int)
		refused bool
	}{
		"on the twin without root":      {none, nil, true},
		"on the twin as root":           {some, nil, false},
		"on package data":               {none, func(r *Request, _ *record.Run, _ *int) { r.Modelled = true }, false},
		"on AWS":                        {none, func(r *Request, _ *record.Run, _ *int) { r.Cloud.Twin = "" }, false},
		"on somebody else's twin":       {none, func(r *Request, _ *record.Run, _ *int) { r.Cloud.Twin = "http://127.0.0.1:1" }, false},
		"from a later stage":            {none, func(_ *Request, _ *record.Run, first *int) { *first = 2 }, false},
		"after the bake, on its resume": {none, func(_ *Request, d *record.Run, _ *int) { d.Bake = &record.Bake{} }, false},
	} {
		in := Request{Image: &config.Image{Label: "web"}, State: state(t), Cloud: &Cloud{Twin: here}}
		var doc record.Run
		first := 0
		if c.with != nil {
			c.with(&in, &doc, &first)
		}
		m := machines{
			check: func(dir string) error {
				if dir != in.State.Twin() {
					t.Errorf("%s: asked about %s", name, dir)
				}
				return c.can
			},
			find: func(string) (string, bool) { return here, true },
		}
		err := m.forBake(in, &doc, first)
		if (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.refused && (fault.KindOf(err) != fault.Usage || !errors.Is(err, none) || !strings.Contains(fault.HintOf(err), "--modelled")) {
			t.Errorf("%s: %v (%s)", name, err, fault.HintOf(err))
		}
	}
}
