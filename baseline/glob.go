package baseline

// glob is a compiled list entry: literal bytes, "*" for any run (including "-",
// ".", ":" and nothing), "?" for one byte, "[a-z]" and "[!a-z]" for one byte of a
// set; anchored at both ends and without regard to ASCII case (§6.1). An
// unclosed "[" is a literal bracket. Matching keeps one point to go back to, so
// its cost is bounded by pattern length × text length however hostile the
// pattern: no backtracking over several stars. Lists bound a pattern to 100
// characters, override lists to 1,024 bytes, so the cost is linear in the text.
type glob struct {
	ops     []globOp
	literal string // the folded pattern when it holds no wildcard
	least   int    // bytes of the shortest match
	// The folded literal bytes that begin and end every match: what stands before
	// the first and after the last wildcard, all of it if there is none.
	head, tail string
}

type globKind uint8

const (
	globByte globKind = iota
	globAny
	globStar
	globSet
)

type globOp struct {
	kind globKind
	c    byte
	set  *[4]uint64
}

// isGlob says whether an entry is a pattern rather than a plain string.
func isGlob(s string) bool {
	for i := range len(s) {
		if s[i] == '*' || s[i] == '?' || (s[i] == '[' && classEnd(s, i) > 0) {
			return true
		}
	}
	return false
}

// classEnd is the index of the "]" that closes the set opened at i; 0 if none.
// A "]" right after the opening is a member, as in every shell.
func classEnd(s string, i int) int {
	j := i + 1
	if j < len(s) && (s[j] == '!' || s[j] == '^') {
		j++
	}
	for first := true; j < len(s); j++ {
		if s[j] == ']' && !first {
			return j
		}
		first = false
	}
	return 0
}

func compileGlob(s string) glob {
	if !isGlob(s) {
		return literalGlob(s)
	}
	g := glob{ops: make([]globOp, 0, len(s))}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '*':
			if n := len(g.ops); n == 0 || g.ops[n-1].kind != globStar {
				g.ops = append(g.ops, globOp{kind: globStar})
			}
		case '?':
			g.ops = append(g.ops, globOp{kind: globAny})
		case '[':
			end := classEnd(s, i)
			if end == 0 {
				g.ops = append(g.ops, globOp{c: c})
				continue
			}
			g.ops = append(g.ops, globOp{kind: globSet, set: compileSet(s[i+1 : end])})
			i = end
		default:
			g.ops = append(g.ops, globOp{c: fold(c)})
		}
	}
	firstWild, lastWild := len(g.ops), -1
	for i, op := range g.ops {
		if op.kind != globStar {
			g.least++
		}
		if op.kind != globByte {
			firstWild, lastWild = min(firstWild, i), i
		}
	}
	g.head, g.tail = literalBytes(g.ops[:firstWild]), literalBytes(g.ops[lastWild+1:])
	return g
}

func literalBytes(ops []globOp) string {
	b := make([]byte, len(ops))
	for i, op := range ops {
		b[i] = op.c
	}
	return string(b)
}

func literalGlob(s string) glob {
	s = foldString(s)
	return glob{literal: s, least: len(s), head: s, tail: s}
}

func compileSet(s string) *[4]uint64 {
	var set [4]uint64
	negate := s != "" && (s[0] == '!' || s[0] == '^')
	if negate {
		s = s[1:]
	}
	for i := 0; i < len(s); i++ {
		lo, hi := s[i], s[i]
		if i+2 < len(s) && s[i+1] == '-' {
			hi = s[i+2]
			i += 2
		}
		for c := int(lo); c <= int(hi); c++ {
			set[fold(byte(c))>>6] |= 1 << (fold(byte(c)) & 63)
		}
	}
	if negate {
		for i := range set {
			set[i] = ^set[i]
		}
	}
	return &set
}

func (o globOp) matches(c byte) bool {
	switch o.kind {
	case globAny:
		return true
	case globSet:
		return o.set[c>>6]&(1<<(c&63)) != 0
	}
	return o.c == c
}

// match reports whether the whole of text fits. text may have any case.
func (g *glob) match(text []byte) bool {
	if g.ops == nil {
		if len(text) != len(g.literal) {
			return false
		}
		for i, c := range text {
			if fold(c) != g.literal[i] {
				return false
			}
		}
		return true
	}
	op, at, star, mark := 0, 0, -1, 0
	for at < len(text) {
		switch {
		case op < len(g.ops) && g.ops[op].kind == globStar:
			star, mark = op, at
			op++
		case op < len(g.ops) && g.ops[op].matches(fold(text[at])):
			op++
			at++
		case star >= 0:
			mark++
			op, at = star+1, mark
		default:
			return false
		}
	}
	for op < len(g.ops) && g.ops[op].kind == globStar {
		op++
	}
	return op == len(g.ops)
}

func fold(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func foldString(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = fold(b[i])
	}
	return string(b)
}
