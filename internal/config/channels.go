package config

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// channels reads the ring channels of an image: Parameter Store names by ring. They
// are moved by promotion, so that what follows one moves only then.
func (r *resolver) channels(s *imageSchema, i *Image) {
	if len(s.Channels) == 0 {
		return
	}
	used := map[string]string{i.Channel: "channel"}
	i.Channels = map[string]string{}
	for _, ring := range slices.Sorted(maps.Keys(s.Channels)) {
		name := s.Channels[ring]
		if !slices.Contains(i.Rings, ring) {
			r.fault(s.Range, "Unknown ring", "channels names ring %q, which is not in the rings of image %q.%s", ring, i.Label, nearest(ring, i.Rings))
		}
		switch why := notAChannel(name, i.Label, ring); {
		case why != "":
			r.fault(s.Range, "Wrong channel", "The channel of ring %q is %q; %s.", ring, name, why)
		case used[name] != "":
			r.fault(s.Range, "Duplicate channel", "The channel of ring %q is %q, which is that of %s already.", ring, name, used[name])
		}
		used[name] = "ring " + ring
		i.Channels[ring] = name
	}
}

// notAChannel is why publishing would refuse a channel of that name, after a bake; "" if
// it would not.
func notAChannel(name, label, last string) string {
	switch base := path.Base(name); {
	case !parameterRE().MatchString(name) || !strings.HasPrefix(name, "/") || path.Clean(name) != name || strings.Count(name, "/") < 2 || strings.HasPrefix(name, "/aws"):
		return "write a full Parameter Store name such as /golden/" + label + "/" + last
	case slices.Contains([]string{"envelope", "lease", "builds"}, base) || path.Base(path.Dir(name)) == "builds":
		return "builds, lease and envelope are kept for what stands beside the channels"
	}
	return ""
}

// ChannelNamed finds a channel by its full name, by its ring or, for the one that
// publish moves, by its last name or "latest". ring is empty for that one.
func (i *Image) ChannelNamed(word string) (channel, ring string, ok bool) {
	if name, ok := i.Channels[word]; ok {
		return name, word, true
	}
	for ring, name := range i.Channels {
		if name == word {
			return name, ring, true
		}
	}
	if word == i.Channel || word == path.Base(i.Channel) || word == "latest" {
		return i.Channel, "", true
	}
	return "", "", false
}

// ChannelWords are the words that ChannelNamed takes, in the order of the rings.
func (i *Image) ChannelWords() []string {
	out := []string{path.Base(i.Channel)}
	for _, ring := range i.Rings {
		if i.Channels[ring] != "" {
			out = append(out, ring)
		}
	}
	return out
}
