package app

import (
	"path"

	"github.com/goldenami/rehydrate/internal/config"
)

// archOf is the architecture of an image that has a line with others; "" for a line of
// its own, whose names do not tell it.
func archOf(i *config.Image) string {
	if i.Line == "" {
		return ""
	}
	return i.Architecture
}

// members are the same request of every architecture of the line, this one's first.
func (in ChannelRequest) members() []ChannelRequest {
	out := []ChannelRequest{in}
	for _, i := range in.Config.Members(in.Image) {
		if i != in.Image {
			m := in
			m.Image = i
			out = append(out, m)
		}
	}
	return out
}

// like is this architecture's channel for one of another architecture of the line.
func (in ChannelRequest) like(other ChannelRequest, channel string) string {
	if in.Image == other.Image {
		return channel
	}
	return path.Join(path.Dir(path.Dir(channel)), in.Image.Architecture, path.Base(channel))
}
