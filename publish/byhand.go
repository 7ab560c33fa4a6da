package publish

import "slices"

// unknownRun stands in the envelope of a version that puts back what somebody wrote by
// hand.
const unknownRun = "unknown"

// byHand says that no run published what a version holds: no verdict stands behind it.
func byHand(p Parameter) bool {
	e, ok := ParseEnvelope(p.Description)
	return !ok || e.Run == unknownRun
}

// ByHand are the versions of a channel's history, oldest first, that no run published:
// nothing to go back to.
func ByHand(history []Parameter) map[int64]bool {
	out := map[int64]bool{}
	for _, p := range owned(history) {
		out[p.Version] = byHand(p)
	}
	return out
}

// owned is the history without borrowed descriptions. PutParameter without a description
// keeps that of the version before, so what somebody writes by hand would seem to be
// what a run published: the description then stands beside another image than the one
// that it was written with.
func owned(history []Parameter) []Parameter {
	out, image := slices.Clone(history), map[string]string{}
	for i, p := range out {
		if first, again := image[p.Description]; !again {
			image[p.Description] = p.Value
		} else if first != p.Value {
			out[i].Description = ""
		}
	}
	return out
}

// lastPublished is the newest version that a run published; the zero Parameter is none.
func lastPublished(history []Parameter) Parameter {
	for _, p := range slices.Backward(standing(history)) {
		if !byHand(p) {
			return p
		}
	}
	return Parameter{}
}
