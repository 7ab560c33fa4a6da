package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/estimate"
)

// Stages are the names of the stages in order.
var Stages = []string{"bake", "validate", "publish", "roll", "patch"}

// Request asks for an execution of the pipeline, or of a part of it.
type Request struct {
	Config *config.Config
	Image  *config.Image
	State  State
	Cloud  *Cloud
	Events event.Sink
	Tools  Tools

	Run     string // resume this run; empty: a new one
	From    string // first stage; empty: the first
	Until   string // last stage; empty: the last
	MaxWait time.Duration
	Force   bool // bake even if nothing would change
	// Modelled bakes and patches through the twin's modelled patch agent.
	Modelled bool
	// Plan is the only plan by which the run may roll; nil: one is made then.
	Plan *rollout.Plan
	// Keep has a plan be of the roll to what the channel holds, whatever a run would bake
	// first: it is to be kept, for roll --plan.
	Keep bool
	// Prices are for the cost of surge in plans; nil: none is stated.
	Prices *estimate.Prices
	// Store replaces the folder store of the journal; tests crash in it.
	Store journal.Store

	fresh bool // Run is a new one
}

// Tools are the programs that a run drives.
type Tools struct {
	Packer       string
	AmazonPlugin string
	Plugin       string // packer-plugin-rehydrate
	Node         string // rehydrate-node for linux
	PluginFolder string // where Packer's plugins are installed
}

// pipeline is a run in progress.
type pipeline struct {
	Request
	doc    *record.Run
	local  *engine.Local
	parts  *parts
	units  map[string][]string // stage to the units it ran
	closer []func(context.Context)
	heard  listeners
	back   []string // what became of the channels when the roll was taken back
}

// Run executes the stages from From to Until and returns the run document, also
// beside an error.
func Run(ctx context.Context, in Request) (*record.Run, error) {
	first, last, err := in.stages()
	if err != nil {
		return nil, err
	}
	if in.Run == "" {
		if in.Run, err = NewRunID(time.Now()); err != nil {
			return nil, err
		}
		in.fresh = true
	}
	// The lease comes first: whoever has it may be about to change the document.
	release, err := in.State.Lease(ctx, in.Image.Label, in.Run)
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := begin(in)
	if err != nil {
		return nil, err
	}
	defer p.close(ctx)
	if err := localMachines().forBake(in, p.doc, first); err != nil {
		return nil, err
	}
	if err := in.preflight(p.doc, first); err != nil {
		return nil, err
	}
	if in.fresh { // from here on the run can be seen, and resumed if this process dies
		p.goesOn()
		if err := in.State.Save(p.doc); err != nil {
			return nil, err
		}
	}
	if err := p.header(ctx); err != nil {
		return p.doc, err
	}
	if err := p.samePlan(ctx); err != nil {
		return p.doc, err
	}
	if !in.fresh { // only now is it sure that it is asked for as it was begun
		p.goesOn()
		if err := in.State.Save(p.doc); err != nil {
			return nil, err
		}
	}
	for _, s := range Stages[first : last+1] {
		if err := p.stage(ctx, s); err != nil {
			return p.doc, p.end(err)
		}
	}
	return p.doc, p.end(nil)
}

func (in *Request) stages() (first, last int, err error) {
	last = len(Stages) - 1
	for _, x := range []struct {
		name string
		at   *int
	}{{in.From, &first}, {in.Until, &last}} {
		if x.name == "" {
			continue
		}
		if *x.at = slices.Index(Stages, x.name); *x.at < 0 {
			return 0, 0, fault.New(fault.Usage, "", "unknown stage %q: one of %s", x.name, strings.Join(Stages, ", "))
		}
	}
	if first > last {
		return 0, 0, fault.New(fault.Usage, "", "stage %s comes after stage %s", in.From, in.Until)
	}
	return first, last, nil
}

func begin(in Request) (*pipeline, error) {
	p := &pipeline{Request: in, units: map[string][]string{}}
	if in.fresh {
		p.doc = &record.Run{Schema: record.Schema, ID: p.Run, Line: in.Image.Label, StartedAt: in.Cloud.Clock.Now()}
	} else {
		doc, err := in.State.Load(p.Run)
		if err != nil {
			return nil, err
		}
		p.doc = doc
	}
	if p.doc.Line != in.Image.Label {
		return nil, fault.New(fault.Usage, "", "run %s is of image %s, not %s", p.Run, p.doc.Line, in.Image.Label)
	}
	if p.doc.Kind != "" {
		return nil, fault.New(fault.Usage, "`rehydrate run --resume "+p.Run+"` goes on with it", "run %s moves a channel only (%s)", p.Run, p.doc.Kind)
	}
	if p.Store == nil {
		p.Store = in.State.Store()
	}
	p.local = &engine.Local{Journal: journal.Open(p.Store, p.Run), Clock: in.Cloud.Clock, MaxWait: in.MaxWait}
	heard, err := listen(in.Config, in.Cloud, event.Stamp(in.Events, p.Run, in.Cloud.Clock.Now), p.Run)
	if err != nil {
		return nil, err
	}
	p.heard, p.Events = heard, heard.events
	p.parts = newParts(p.Request)
	p.closer = append(p.closer, p.parts.close)
	return p, nil
}

// goesOn notes how the run is asked for, and in which world.
func (p *pipeline) goesOn() {
	p.doc.Until, p.doc.Going = p.Until, true
	p.doc.Account, p.doc.Region, p.doc.Twin = p.Cloud.Account, p.Cloud.Region, p.Cloud.Twin
	p.doc.Modelled, p.doc.Real = whatIsModelled(p.Request)
}

// whatIsModelled says in words what is not AWS in this run, and what is real all the
// same.
func whatIsModelled(in Request) (modelled, real []string) {
	switch {
	case in.Cloud.Twin == "":
		return nil, nil
	case in.Modelled:
		return []string{"EC2, Auto Scaling, Systems Manager, EBS and S3 by the embedded twin", "packages and instances: package data stands in for roots, no Packer and no package manager ran"},
			[]string{"the evaluation, the lock, the disk image that the gate read, the wire protocol"}
	}
	return []string{"EC2, Auto Scaling, Systems Manager, EBS and S3 by the embedded twin"},
		[]string{"Packer and its amazon-ebs builder, the packages, apt and dpkg, the disk image, the wire protocol"}
}

// header is the journal's first record of a run: what it is of, and with which
// configuration. A resume with another configuration is refused.
type header struct {
	Line     string `json:"line"`
	Config   string `json:"config"` // digest of the resolved image line
	Modelled bool   `json:"modelled,omitempty"`
}

func (p *pipeline) header(ctx context.Context) error {
	want := header{Line: p.Image.Label, Config: digestOf(p.Image), Modelled: p.Modelled}
	raw, err := p.local.Run(ctx, "run", unit.Func("run.header", func(_ context.Context, h *header) (unit.Next, error) {
		*h = want
		return unit.Done(), nil
	}))
	if err != nil {
		return err
	}
	var have header
	if err := json.Unmarshal(raw, &have); err != nil {
		return err
	}
	if have.Modelled != want.Modelled {
		return fault.New(fault.Conflict, "give or leave out --modelled as then", "run %s was begun %s", p.Run, map[bool]string{true: "with --modelled", false: "without --modelled"}[have.Modelled])
	}
	if have != want {
		return fault.New(fault.Conflict, "start a new run, or put the configuration back", "run %s was begun with another configuration of image %s", p.Run, p.Image.Label)
	}
	return nil
}

// stage runs one stage and writes down when, and how it ended.
func (p *pipeline) stage(ctx context.Context, name string) error {
	run := map[string]func(context.Context) (string, string, error){
		"bake": p.bake, "validate": p.validate, "publish": p.publish, "roll": p.roll, "patch": p.patch,
	}[name]
	outcome, text, err := run(ctx)
	if err != nil && outcome == "" {
		outcome = unfinished(err)
	}
	if err != nil && text == "" {
		text = firstLine(told(err, ""))
	}
	s := record.Stage{Name: name, Outcome: outcome, Text: text}
	if s.StartedAt, s.EndedAt, s.WallMS, err = p.times(ctx, name, err); s.StartedAt.IsZero() {
		s.StartedAt = p.Cloud.Clock.Now()
		s.EndedAt = s.StartedAt
	}
	at := slices.IndexFunc(p.doc.Stages, func(have record.Stage) bool { return have.Name == name })
	if at < 0 {
		p.doc.Stages = append(p.doc.Stages, s)
	} else {
		p.doc.Stages[at] = s
	}
	return errors.Join(err, p.State.Save(p.doc))
}

// unfinished is the outcome of a stage that ended with an error and said none itself.
func unfinished(err error) string {
	switch fault.KindOf(err) {
	case fault.Waiting:
		return "waiting"
	case fault.Interrupted:
		return "interrupted"
	}
	return "failed"
}

// times reads from the journal when the stage's units began and ended.
func (p *pipeline) times(ctx context.Context, stage string, err error) (begun, ended time.Time, wallMS int64, _ error) {
	var w0, w1 time.Time
	if stage == "roll" {
		begun, ended = rollSpan(p.doc.Roll)
	}
	for _, u := range p.units[stage] {
		records, rerr := p.local.Journal.Records(context.WithoutCancel(ctx), u)
		if rerr != nil {
			return begun, ended, 0, errors.Join(err, rerr)
		}
		for _, r := range records {
			if begun.IsZero() || r.At.Before(begun) {
				begun, w0 = r.At, r.Wall
			}
			if r.At.After(ended) {
				ended = r.At
			}
			if r.Wall.After(w1) {
				w1 = r.Wall
			}
		}
	}
	if stage == "roll" && !w0.IsZero() {
		// The records of its groups are not read again: it goes on until now, unless an
		// earlier process has seen its end.
		for _, s := range p.doc.Stages {
			if s.Name == stage && s.EndedAt.Equal(ended) {
				return begun, ended, s.WallMS, err
			}
		}
		w1 = time.Now()
	}
	return begun, ended, w1.Sub(w0).Milliseconds(), err
}

// advance runs a unit of a stage through the engine.
func (p *pipeline) advance(ctx context.Context, stage, name string, u unit.Unit) (json.RawMessage, error) {
	p.units[stage] = append(p.units[stage], name)
	return p.local.Run(ctx, name, u)
}

// planned makes a plan once and keeps it in the journal, so that a resume applies
// the plan that was made, not a new one.
func planned[P any](ctx context.Context, p *pipeline, stage string, plan func(context.Context) (P, error)) (P, error) {
	return plannedAs(ctx, p, stage, stage+"/plan", plan)
}

// plannedAs is planned under a unit name of its own, for stages with several plans.
func plannedAs[P any](ctx context.Context, p *pipeline, stage, name string, plan func(context.Context) (P, error)) (P, error) {
	var out P
	raw, err := p.advance(ctx, stage, name, unit.Func(stage+".plan", func(ctx context.Context, s *P) (unit.Next, error) {
		made, err := plan(ctx)
		*s = made
		return unit.Done(), err
	}))
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	return out, err
}

// end closes the document and writes the reports.
func (p *pipeline) end(err error) error {
	p.doc.EndedAt, p.doc.Going = p.Cloud.Clock.Now(), false
	p.doc.Outcome, p.doc.Message, p.doc.Due = outcomeFor(err), "", time.Time{}
	var waiting *engine.Waiting
	if errors.As(err, &waiting) {
		p.doc.Due = waiting.Due()
	}
	if err != nil {
		p.doc.Message = told(err, p.Run)
	} else if p.nothing() {
		p.doc.Outcome = "nothing-to-do"
	}
	p.heard.tellEnd(p.doc, err)
	return errors.Join(err, p.State.Save(p.doc), p.reports())
}

// outcomeFor is the outcome of a run that ends with an error, or without one.
func outcomeFor(err error) string {
	if err == nil {
		return "done"
	}
	out := map[fault.Kind]string{
		fault.Waiting: "waiting", fault.GateSaysNo: "gate", fault.Conflict: "conflict", fault.Interrupted: "interrupted",
		fault.RolledBack: "rolled-back", fault.Halted: "halted", fault.Partial: "partial",
	}[fault.KindOf(err)]
	if out == "" {
		return "failed"
	}
	return out
}

func (p *pipeline) nothing() bool {
	for _, s := range p.doc.Stages {
		if s.Outcome != "nothing-to-do" && s.Name != "validate" {
			return false
		}
	}
	return true
}

func (p *pipeline) reports() error {
	for _, x := range []struct{ name, format string }{{"report.md", "md"}, {"report.html", "html"}} {
		var b strings.Builder
		if err := report.Write(&b, x.format, p.doc); err != nil {
			return err
		}
		if err := writeFile(p.artifact(x.name), []byte(b.String())); err != nil {
			return fmt.Errorf("write %s: %w", x.name, err)
		}
	}
	return nil
}

func (p *pipeline) close(ctx context.Context) {
	for _, f := range p.closer {
		f(context.WithoutCancel(ctx))
	}
	p.heard.end() // last: the others may say something
}
