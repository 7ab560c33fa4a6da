package baseline

// form is one rendering of a package's name and version, compiled from a template:
// n name, a arch, e epoch, v version, r release, R the letters rpm; anything else
// stands for itself.
type form struct {
	template string
	fixed    int     // bytes that stand for themselves
	parts    partSet // which parts occur
	// start and end are the parts that the rendering begins and ends with.
	start, end partSet
}

// partSet is a set of the letters n, a, e, v, r and R.
type partSet uint8

const (
	partName partSet = 1 << iota
	partArch
	partEpoch
	partVersion
	partRelease
	partSuffix
)

func partOf(c byte) partSet {
	switch c {
	case 'n':
		return partName
	case 'a':
		return partArch
	case 'e':
		return partEpoch
	case 'v':
		return partVersion
	case 'r':
		return partRelease
	case 'R':
		return partSuffix
	}
	return 0
}

var (
	rpmForms = forms( // §6.1, the twelve
		"n", "n.a", "n-v", "n-v-r", "n-v-r.a", "v", "v-r", "e:v-r",
		"n-e:v-r", "n-e:v-r.a", "e:n-v-r.a", "n.a:e:v-r")
	suseForms = append(rpmForms[:12:12], forms("n-v-r.a.R")...) // §6.3
	debForms  = forms("n", "v", "n.a", "n-v", "a:v", "n.a:v")   // §6.2
	macForms  = forms("n", "n.v")                               // §6.4
	nameForm  = forms("n")
)

// forms compiles templates. None begins or ends with a byte that stands for itself.
func forms(templates ...string) []form {
	out := make([]form, len(templates))
	for i, t := range templates {
		f := &out[i]
		f.template, f.start, f.end = t, partOf(t[0]), partOf(t[len(t)-1])
		for _, c := range []byte(t) {
			part := partOf(c)
			f.parts |= part
			switch part {
			case 0:
				f.fixed++
			case partSuffix:
				f.fixed += len("rpm")
			}
		}
	}
	return out
}

func formsOf(w world, suse bool) []form {
	switch {
	case suse:
		return suseForms
	case w == worldRPM:
		return rpmForms
	case w == worldDeb:
		return debForms
	case w == worldMac:
		return macForms
	}
	return nameForm
}

// part is what a template's letter stands for; the letter itself if it is none.
func (f *form) part(i int, p *Package) string {
	switch f.template[i] {
	case 'n':
		return p.Name
	case 'a':
		return p.Arch
	case 'e':
		return epochOf(p.Epoch)
	case 'v':
		return p.Version
	case 'r':
		return p.Release
	case 'R':
		return "rpm"
	}
	return f.template[i : i+1]
}

// length is the number of bytes of the rendering. No template has a part twice.
func (f *form) length(p *Package) int {
	n := f.fixed
	if f.parts&partName != 0 {
		n += len(p.Name)
	}
	if f.parts&partArch != 0 {
		n += len(p.Arch)
	}
	if f.parts&partEpoch != 0 {
		n += len(epochOf(p.Epoch))
	}
	if f.parts&partVersion != 0 {
		n += len(p.Version)
	}
	if f.parts&partRelease != 0 {
		n += len(p.Release)
	}
	return n
}

// startingParts are the parts with which a rendering can begin that shall begin
// with head: as far as both reach, they agree. head is folded.
func startingParts(p *Package, head string) partSet {
	if head == "" {
		return partName | partArch | partEpoch | partVersion
	}
	var out partSet
	if beginAlike(p.Name, head) {
		out |= partName
	}
	if beginAlike(p.Version, head) {
		out |= partVersion
	}
	if beginAlike(epochOf(p.Epoch), head) {
		out |= partEpoch
	}
	if beginAlike(p.Arch, head) {
		out |= partArch
	}
	return out
}

// endingParts is startingParts for the end.
func endingParts(p *Package, tail string) partSet {
	if tail == "" {
		return partName | partArch | partVersion | partRelease | partSuffix
	}
	var out partSet
	if endAlike(p.Name, tail) {
		out |= partName
	}
	if endAlike(p.Arch, tail) {
		out |= partArch
	}
	if endAlike(p.Version, tail) {
		out |= partVersion
	}
	if endAlike(p.Release, tail) {
		out |= partRelease
	}
	if endAlike("rpm", tail) {
		out |= partSuffix
	}
	return out
}

// endsWith says whether the rendering, without regard to case, ends with tail,
// which is folded.
func (f *form) endsWith(p *Package, tail string) bool {
	for i := len(f.template) - 1; i >= 0 && tail != ""; i-- {
		s := f.part(i, p)
		if !endAlike(s, tail) {
			return false
		}
		tail = tail[:max(0, len(tail)-len(s))]
	}
	return tail == ""
}

func beginAlike(s, folded string) bool {
	for i := range min(len(s), len(folded)) {
		if fold(s[i]) != folded[i] {
			return false
		}
	}
	return true
}

func endAlike(s, folded string) bool {
	for i := 1; i <= len(s) && i <= len(folded); i++ {
		if fold(s[len(s)-i]) != folded[len(folded)-i] {
			return false
		}
	}
	return true
}

func (f *form) render(b []byte, p *Package) []byte {
	for i := range len(f.template) {
		b = append(b, f.part(i, p)...)
	}
	return b
}
