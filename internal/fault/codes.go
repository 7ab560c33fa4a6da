package fault

import "slices"

// meaning says what a kind means for whoever started the program, and what to do.
type meaning struct {
	kind       Kind
	what, then string
}

// done is the exit code of success, which no kind has.
const done = 0

// meanings has every kind; those of one exit code stand together.
var meanings = [...]meaning{
	{Failed, "failed for a reason that has no code of its own", "read the message"},
	{NotFound, "what was named does not exist", "check name, account and region"},
	{Throttled, "asked too often, or AWS had a fault", "try again in a while"},
	{Unsupported, "the endpoint or the system cannot do this", "read the message"},
	{Usage, "arguments or configuration are wrong; nothing was touched", "mend them; the message has the place"},
	{Partial, "done in part: some groups or nodes are done, others failed", "look at the report, then `rehydrate run --resume`"},
	{Denied, "credentials or permissions are missing", "log in, or give the role the permission that is named"},
	{GateSaysNo, "the gate says no, or does not know: the image is not published", "look at the verdict in the report"},
	{Conflict, "somebody else is at work on it, or it has moved since the plan", "wait for the other, or plan again"},
	{RolledBack, "halted and rolled back: the fleet runs what it ran before", "find out why the image fails"},
	{Halted, "halted, not rolled back: a person is needed", "look at the group: it may run two images"},
	{Pending, "`plan --exit-code`: a run would change something", "run it"},
	{Waiting, "waiting for a time or an approval (`--max-wait`)", "`rehydrate run --resume --due` later"},
	{Interrupted, "interrupted, or declined when asked", "`rehydrate run --resume` goes on"},
}

// Code is an exit code with all that it can mean.
type Code struct {
	Code int
	What []string // one sentence a kind
	Then []string // what to do, for each
}

// Codes are the program's exit codes, ascending.
func Codes() []Code {
	out := []Code{{Code: done, What: []string{"done, or nothing to do"}, Then: []string{""}}}
	for _, m := range meanings {
		at := slices.IndexFunc(out, func(c Code) bool { return c.Code == m.kind.ExitCode() })
		if at < 0 {
			out = append(out, Code{Code: m.kind.ExitCode()})
			at = len(out) - 1
		}
		out[at].What, out[at].Then = append(out[at].What, m.what), append(out[at].Then, m.then)
	}
	slices.SortFunc(out, func(a, b Code) int { return a.Code - b.Code })
	return out
}
