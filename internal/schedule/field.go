package schedule

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// set is the values of a field: bit n is the value base + n.
type set struct {
	base int
	bits [4]uint64 // 256 values are enough for 230 years
}

func (s *set) add(v int) { s.bits[(v-s.base)/64] |= 1 << ((v - s.base) % 64) }

func (s set) has(v int) bool {
	at := v - s.base
	return at >= 0 && at < 256 && s.bits[at/64]&(1<<(at%64)) != 0
}

// size is how many values the set has.
func (s set) size() int {
	n := 0
	for _, b := range s.bits {
		n += bits.OnesCount64(b)
	}
	return n
}

// field is what one field of cron may hold.
type field struct {
	name      string
	low, high int
	names     []string // of low, low+1, ...
	step      bool     // the field takes a/n
	endless   bool     // the first does not follow on the last
}

// parse reads a list of values, ranges and steps.
func (f field) parse(text string) (set, error) {
	s := set{base: f.low}
	for part := range strings.SplitSeq(text, ",") {
		if err := f.into(&s, part); err != nil {
			return set{}, err
		}
	}
	return s, nil
}

// into adds what a value, a range or a step names.
func (f field) into(s *set, text string) error {
	low, high, step, err := f.part(text)
	if err != nil {
		return err
	}
	for v := low; v <= high; v += step {
		at := v
		if v > f.high {
			at -= f.high - f.low + 1
		}
		s.add(at)
	}
	return nil
}

// part reads a value, a range or a step. A range that goes backwards goes over the end, as
// in AWS's example cron(0/30 20-2 ? * MON-FRI *): its high is beyond the field's. Years have
// no end to go over.
func (f field) part(text string) (low, high, step int, err error) {
	span, every, stepped := strings.Cut(text, "/")
	step = 1
	if stepped {
		if !f.step {
			return 0, 0, 0, fmt.Errorf("%s takes no step; %q has one", f.name, text)
		}
		if step, err = number(every); err != nil || step < 1 || step > f.high {
			return 0, 0, 0, fmt.Errorf("%s: %q has the step %q; write a number from 1 to %d", f.name, text, every, f.high)
		}
	}
	from, to, ranged := strings.Cut(span, "-")
	switch {
	case span == "*":
		return f.low, f.high, step, nil
	case ranged:
		if low, err = f.value(from); err == nil {
			high, err = f.value(to)
		}
		switch {
		case err != nil || low <= high:
		case f.endless:
			err = fmt.Errorf("%s: the range %q goes backwards", f.name, span)
		default:
			high += f.high - f.low + 1
		}
	default:
		if low, err = f.value(span); stepped {
			high = f.high
		} else {
			high = low
		}
	}
	return low, high, step, err
}

// value reads a number or a name.
func (f field) value(text string) (int, error) {
	if at := slices.Index(f.names, strings.ToUpper(text)); at >= 0 {
		return f.low + at, nil
	}
	n, err := number(text)
	if err != nil || n < f.low || n > f.high {
		also := ""
		if len(f.names) > 0 {
			also = fmt.Sprintf(" or %s to %s", f.names[0], f.names[len(f.names)-1])
		}
		return 0, fmt.Errorf("%s is %q; it takes %d to %d%s", f.name, text, f.low, f.high, also)
	}
	return n, nil
}

// number reads digits, and no sign.
func number(text string) (int, error) {
	if text == "" || strings.Trim(text, "0123456789") != "" || len(text) > 4 {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return strconv.Atoi(text)
}
