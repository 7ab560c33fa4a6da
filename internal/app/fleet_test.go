package app

import (
	"errors"
	"slices"
	"testing"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/publish"
)

func TestFleetsOfALineReadItsChannelOnce(t *testing.T) {
	image := &config.Image{Channel: "/web/latest", Channels: map[string]string{"dev": "/web/dev", "prod": "/web/prod", "qa": "/web/qa"}}
	var asked []string
	read := once(func(channel string) ([]publish.Parameter, error) {
		asked = append(asked, channel)
		switch channel {
		case "/web/qa":
			return nil, errors.New("no answer")
		case "/web/prod":
			return nil, nil
		}
		return []publish.Parameter{{Name: channel, Value: "ami-of" + channel, Version: 1}}, nil
	})
	for range 2 {
		for ring, want := range map[string][2]string{"dev": {"/web/dev", "ami-of/web/latest"}, "prod": {"/web/latest", ""}, "": {"/web/latest", ""}} {
			history, ahead, err := followed(&config.Fleet{Image: image, Ring: ring}, read)
			if err != nil || len(history) != 1 || history[0].Name != want[0] || ahead != want[1] {
				t.Errorf("ring %q: %+v, %q, %v", ring, history, ahead, err)
			}
		}
		if _, _, err := followed(&config.Fleet{Image: image, Ring: "qa"}, read); err == nil {
			t.Error("no error")
		}
	}
	slices.Sort(asked)
	if want := []string{"/web/dev", "/web/latest", "/web/prod", "/web/qa"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q", asked)
	}
}
