package baseline

// valueIDs remembers the ids of the values seen: repositories repeat a handful.
type valueIDs struct {
	last   string
	lastID int32
	ids    map[string]int32
}

func (v *valueIDs) id(c *Compiled, k *keyMasks, key, value string) int32 {
	switch {
	case value == "":
		return idAbsent
	case value == v.last:
		return v.lastID
	}
	id, ok := v.ids[value]
	if !ok {
		id = c.id(k, key, value)
		if v.ids == nil {
			v.ids = map[string]int32{}
		}
		v.ids[value] = id
	}
	v.last, v.lastID = value, id
	return id
}

// keyMasks answers, for one filter key, which rules a value passes: one bit a
// rule, and globalBit. Values that no filter names share one answer.
type keyMasks struct {
	ids   map[string]int32 // folded value → index in masks
	masks []uint32
}

func (c *Compiled) masks(key string) keyMasks {
	k := keyMasks{ids: map[string]int32{}}
	groups := c.groups()
	for _, g := range groups {
		for _, f := range g.filters {
			if f.Key != key {
				continue
			}
			for _, v := range f.Values {
				v = c.foldValue(key, v)
				if _, ok := k.ids[v]; !ok {
					k.ids[v] = int32(len(k.ids)) + 2
				}
			}
		}
	}
	k.masks = make([]uint32, len(k.ids)+2)
	values := make([]string, len(k.masks)) // "" stands for absent and for other
	for v, id := range k.ids {
		values[id] = v
	}
	for id, v := range values {
		for _, g := range groups {
			if c.passes(key, v, g.filters) {
				k.masks[id] |= g.bit
			}
		}
	}
	return k
}

// ruleFilters are the filters of one rule, or the global ones.
type ruleFilters struct {
	bit     uint32
	filters []PatchFilter
}

func (c *Compiled) groups() []ruleFilters {
	out := []ruleFilters{{globalBit, c.baseline.GlobalFilters.filters()}}
	for i, r := range c.baseline.rules() {
		out = append(out, ruleFilters{1 << i, r.PatchFilterGroup.filters()})
	}
	return out
}

// passes tests every filter of one key: values are ORed, filters ANDed, a
// repeated key is ANDed too (§3). The empty value passes only "*".
func (c *Compiled) passes(key, value string, filters []PatchFilter) bool {
	for _, f := range filters {
		if f.Key == key && !c.test(f, value) {
			return false
		}
	}
	return true
}

func (c *Compiled) test(f PatchFilter, value string) bool {
	for _, v := range f.Values {
		if v == "*" || (value != "" && c.foldValue(f.Key, v) == value) {
			return true
		}
	}
	return false
}

// foldValue brings a value to the form in which it is compared: without case
// (AMB-06), Moderate as Medium on Amazon Linux 2022 and 2023 (AMB-07).
func (c *Compiled) foldValue(key, v string) string {
	v = foldString(v)
	if key == "SEVERITY" && v == "moderate" && (c.os == AmazonLinux2022 || c.os == AmazonLinux2023) {
		return "medium"
	}
	return v
}

func (c *Compiled) id(k *keyMasks, key, value string) int32 {
	if id, ok := k.ids[value]; ok { // the usual spelling needs no folding
		return id
	}
	if id, ok := k.ids[c.foldValue(key, value)]; ok {
		return id
	}
	return idOther
}
