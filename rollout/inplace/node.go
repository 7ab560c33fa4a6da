package inplace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

const (
	pollEvery = 5 * time.Second
	lookEvery = 3 * time.Second
	// doubt is how long a command may stay unlisted that a process which died may
	// have sent.
	doubt = 15 * time.Second
	// maxLooks bounds how long a new document or command may stay unseen, and how
	// long the output may take to reach the bucket.
	maxLooks = 40
	// startWithin is how long a command may wait for the agent, in seconds, and
	// patchWithin how long its patch step may run.
	startWithin = 600
	patchWithin = 7200
	// endWithin is longer than a command lasts: the margin is for the download of the
	// kit and for reboots.
	endWithin = (startWithin+patchWithin)*time.Second + time.Hour
)

// nodeState is the whole memory of a node's unit; the report is in its result.
type nodeState struct {
	Step   nodeStep       `json:"step,omitempty"`
	Looks  int            `json:"looks,omitempty"`
	Status string         `json:"status,omitempty"`
	Since  time.Time      `json:"since,omitzero"` // when we began to watch the command
	Result record.Patched `json:"result"`
}

type nodeStep string

const (
	stepUpload   nodeStep = ""
	stepDocument nodeStep = "document"
	stepSend     nodeStep = "send"
	stepWatch    nodeStep = "watch"
	stepRead     nodeStep = "read"
)

// NodeUnit patches one node of the plan. Each Advance reads first and then makes at
// most one mutating call, so that it may be repeated from the last saved state.
func (s *Stage) NodeUnit(p *Plan, n Node) unit.Unit {
	m := &nodeMover{Stage: s, run: p.Run, name: p.Fleet, node: n, kit: p.Kits[n.Arch]}
	return unit.Func("patch.node", m.advance)
}

// Result reads the unit's final state. The error, of kind Failed, tells a node that
// is not patched.
func Result(raw json.RawMessage) (record.Patched, error) {
	var st nodeState
	if err := json.Unmarshal(raw, &st); err != nil {
		return record.Patched{}, fmt.Errorf("read the state of a patched node: %w", err)
	}
	r := st.Result
	if r.Outcome == Done || r.Outcome == NothingToDo {
		return r, nil
	}
	if r.Outcome == "" {
		r.Text = "it has not ended"
	}
	return r, fault.New(fault.Failed, "", "patch node %s of fleet %s: %s", r.Instance, r.Fleet, r.Text)
}

type nodeMover struct {
	*Stage
	run, name string // of the unit: run and fleet
	node      Node
	kit       Kit
}

func (m *nodeMover) advance(ctx context.Context, st *nodeState) (unit.Next, error) {
	st.Result.Fleet, st.Result.Instance = m.name, m.node.ID
	switch st.Step {
	case stepUpload:
		return m.upload(ctx, st)
	case stepDocument:
		return m.document(ctx, st)
	case stepSend:
		return m.send(ctx, st)
	case stepWatch:
		return m.watch(ctx, st)
	case stepRead:
		return m.read(ctx, st)
	}
	return unit.Next{}, fault.New(fault.Failed, "", "patch node %s: unknown step %q in the saved state", m.node.ID, st.Step)
}

// upload puts the next file of the kit that the bucket does not have.
func (m *nodeMover) upload(ctx context.Context, st *nodeState) (unit.Next, error) {
	have, err := m.Store.List(ctx, m.kit.Prefix)
	if err != nil {
		return unit.Next{}, fmt.Errorf("look for the kit of node %s: %w", m.node.ID, err)
	}
	for _, f := range m.kit.Files {
		if _, there := have[f.Key]; !there {
			return unit.Again(0), m.put(ctx, f)
		}
	}
	st.Step = stepDocument
	return unit.Again(0), nil
}

func (m *nodeMover) put(ctx context.Context, f File) error {
	body, err := f.open()
	if err != nil {
		return fmt.Errorf("send %s: %w", f.Key, err)
	}
	defer body.Close()
	if err := m.Store.Put(ctx, f.Key, body, f.SHA256); err != nil {
		return fmt.Errorf("send %s to bucket %s: %w", f.Key, m.Store.Bucket(), err)
	}
	return nil
}

// document makes the command document unless it is there. Its name holds its digest,
// so one with this name and other content was tampered with.
func (m *nodeMover) document(ctx context.Context, st *nodeState) (unit.Next, error) {
	st.Step, st.Looks = stepSend, 0
	name, content, hash := Document()
	have, err := m.Documents.Hash(ctx, name)
	switch {
	case err == nil && have != hash:
		return unit.Next{}, fault.New(fault.Conflict, "find out who changed it, and delete it",
			"use document %s: its content is not ours (SHA-256 %s, not %s)", name, have, hash)
	case err == nil:
		return unit.Again(0), nil
	case fault.KindOf(err) != fault.NotFound:
		return unit.Next{}, fmt.Errorf("look for document %s: %w", name, err)
	}
	if err := m.Documents.Create(ctx, name, content); err != nil {
		if fault.KindOf(err) == fault.Conflict { // another node's unit was first
			st.Step = stepDocument
			return unit.Again(lookEvery), nil
		}
		return unit.Next{}, fmt.Errorf("create document %s: %w", name, err)
	}
	m.say(event.Changed, "created document %s", name)
	return unit.Again(0), nil
}

// comment is the natural key of the command: SendCommand has no client token.
func (m *nodeMover) comment() string {
	c := "rehydrate " + m.run + "/patch/" + m.name
	if len(c) > 100 {
		c = "rehydrate " + digest(m.run, m.name)
	}
	return c
}

// send sends the command, or adopts one of this run that was not recorded.
func (m *nodeMover) send(ctx context.Context, st *nodeState) (unit.Next, error) {
	id, err := m.Commands.Find(ctx, m.node.ID, m.comment())
	if err != nil {
		return unit.Next{}, fmt.Errorf("look for the command to node %s: %w", m.node.ID, err)
	}
	if id == "" && unit.Repeated(ctx) && st.Looks == 0 {
		st.Looks++
		return unit.Again(doubt), nil
	}
	if id == "" {
		name, _, hash := Document()
		id, err = m.Commands.Send(ctx, Command{Instance: m.node.ID, Document: name, DocumentHash: hash, Comment: m.comment(),
			Parameters: map[string]string{paramSource: m.address(), paramFolder: m.kit.Folder,
				paramNode: m.kit.Node, paramRequest: m.kit.Request},
			Bucket: m.Store.Bucket(), Prefix: m.outputs(), StartWithin: startWithin})
		if fault.KindOf(err) == fault.NotFound && st.Looks < maxLooks { // the document does not show yet
			st.Looks++
			return unit.Again(lookEvery), nil
		}
		if err != nil {
			return unit.Next{}, fmt.Errorf("send the patch command to node %s: %w", m.node.ID, err)
		}
		m.say(event.Changed, "sent command %s to %s", id, m.label())
	}
	st.Step, st.Looks, st.Since, st.Result.Command = stepWatch, 0, m.now(), id
	return unit.Again(lookEvery), nil
}

// address is the kit's folder as aws:downloadContent wants it.
func (m *nodeMover) address() string {
	return "https://s3." + m.Store.Region() + ".amazonaws.com/" + m.Store.Bucket() + "/" + m.kit.Prefix
}

func (m *nodeMover) outputs() string { return path.Join(m.Prefix, "outputs", m.run) }

// watch waits for the patch step to end. An invocation does not show right after
// SendCommand.
func (m *nodeMover) watch(ctx context.Context, st *nodeState) (unit.Next, error) {
	inv, err := m.Commands.Invocation(ctx, st.Result.Command, m.node.ID, stepPatch)
	if fault.KindOf(err) == fault.NotFound {
		if st.Looks++; st.Looks < maxLooks {
			return unit.Again(lookEvery), nil
		}
		return m.giveUp(st, "command %s was sent and does not show", st.Result.Command), nil
	}
	if err != nil {
		return unit.Next{}, fmt.Errorf("follow command %s on node %s: %w", st.Result.Command, m.node.ID, err)
	}
	if inv.Status != st.Status {
		st.Status = inv.Status
		m.say(event.Progress, "%s: command %s", m.label(), strings.ToLower(or(inv.Detail, inv.Status)))
	}
	switch inv.Status {
	case "Success", "Failed", "TimedOut", "Cancelled":
		st.Step, st.Looks = stepRead, 0
		return unit.Again(0), nil
	}
	// Pending, InProgress, Delayed, Cancelling, or a new word.
	if m.now().Sub(st.Since) > endWithin && !st.Since.IsZero() {
		return m.giveUp(st, "command %s has not ended after %s (%s) and may still be at work", st.Result.Command, endWithin, or(inv.Detail, inv.Status)), nil
	}
	return unit.Again(pollEvery), nil
}

// giveUp ends a node of which nothing is known.
func (m *nodeMover) giveUp(st *nodeState, format string, args ...any) unit.Next {
	st.Result.Outcome, st.Result.Lock, st.Result.Today = Failed, record.Unknown, record.Unknown
	st.Result.Text = fmt.Sprintf(format, args...)
	m.say(event.Failed, "%s: %s: %s", m.label(), st.Result.Outcome, st.Result.Text)
	return unit.Done()
}

func (m *nodeMover) now() time.Time {
	if m.Clock == nil {
		return time.Now()
	}
	return m.Clock.Now()
}

// read fetches the report and judges. The whole output is in the bucket; the API's
// own copy is cut off, so a report counts only when it is whole.
func (m *nodeMover) read(ctx context.Context, st *nodeState) (unit.Next, error) {
	r, inv, err := m.report(ctx, st.Result.Command)
	if errors.Is(err, errNoReport) && inv.Status == "Success" && st.Looks < maxLooks {
		st.Looks++ // the agent uploads its output after the step has ended
		return unit.Again(lookEvery), nil
	}
	if err != nil && !errors.Is(err, errNoReport) {
		return unit.Next{}, err
	}
	req, err := requestOf(m.kit)
	if err != nil {
		return unit.Next{}, err
	}
	if r == nil {
		st.Result.Outcome, st.Result.Lock, st.Result.Today = Failed, record.Unknown, record.Unknown
		why, err := m.notFetched(ctx, st.Result.Command)
		if err != nil {
			return unit.Next{}, err
		}
		st.Result.Text = fmt.Sprintf("command %s ended %s without a report%s", st.Result.Command, or(inv.Detail, inv.Status), or(why, tail(inv.Stderr)))
	} else {
		judge(&st.Result, r, req.Lock)
	}
	kind := event.Ended
	if st.Result.Outcome == Failed {
		kind = event.Failed
	}
	m.say(kind, "%s: %s: %s (lock: %s, baseline today: %s)", m.label(), st.Result.Outcome, st.Result.Text, st.Result.Lock, st.Result.Today)
	return unit.Done(), nil
}

// report reads the patch step's output, the whole one first.
func (m *nodeMover) report(ctx context.Context, command string) (*record.NodeReport, Invocation, error) {
	inv, err := m.Commands.Invocation(ctx, command, m.node.ID, stepPatch)
	if err != nil {
		return nil, inv, fmt.Errorf("read command %s on node %s: %w", command, m.node.ID, err)
	}
	if inv.StdoutKey != "" {
		out, err := m.Store.Get(ctx, inv.StdoutKey, maxReport)
		if err == nil {
			r, err := ParseReport(out)
			if err == nil || !errors.Is(err, errNoReport) {
				return r, inv, err
			}
		} else if fault.KindOf(err) != fault.NotFound {
			return nil, inv, fmt.Errorf("read the output of command %s: %w", command, err)
		}
	}
	r, err := ParseReport([]byte(inv.Stdout))
	return r, inv, err
}

// notFetched tells why the files did not come to the node, of which the patch step, that
// then never began or failed for want of them, says nothing; "" when they came.
func (m *nodeMover) notFetched(ctx context.Context, command string) (string, error) {
	inv, err := m.Commands.Invocation(ctx, command, m.node.ID, stepFetch)
	if fault.KindOf(err) == fault.NotFound {
		return "", nil // it never began: the command was cancelled, or not delivered
	}
	if err != nil {
		return "", fmt.Errorf("read step %s of command %s on node %s: %w", stepFetch, command, m.node.ID, err)
	}
	switch inv.Status {
	case "Failed", "TimedOut", "Cancelled":
	default:
		return "", nil
	}
	said := tail(inv.Stderr)
	if said == "" {
		said = tail(inv.Stdout)
	}
	return fmt.Sprintf(": the files could not be fetched (step %s ended %s)%s", stepFetch, or(inv.Detail, inv.Status), said), nil
}

func (m *nodeMover) label() string {
	if m.node.Name != "" {
		return m.node.Name + " (" + m.node.ID + ")"
	}
	return m.node.ID
}

func (m *nodeMover) say(k event.Kind, format string, args ...any) {
	m.Events.Emit(event.Event{Stage: "patch", Unit: "patch/" + m.node.ID, Kind: k, Text: fmt.Sprintf(format, args...)})
}

// tail is the end of what the node said, for people.
func tail(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if len(s) > 400 {
		s = "…" + s[len(s)-400:]
	}
	return ": " + s
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
