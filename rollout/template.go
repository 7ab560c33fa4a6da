package rollout

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
)

// describe is the description of a version that we make. It names source and image
// and no run, so that groups and runs that want the same version share it.
func describe(source, image string) string {
	return fmt.Sprintf("rehydrate: version %s with image %s", source, image)
}

// token is the client token of a call: what it is for, never chance, so that a
// repeated call is the same call.
func token(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return "rehydrate-" + hex.EncodeToString(h.Sum(nil))[:48]
}

// FieldDiff is one field in which two launch template versions differ.
type FieldDiff struct {
	Path string `json:"path"` // such as ImageId or BlockDeviceMappings[0].Ebs.VolumeSize
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Diff lists the fields in which two JSON values differ, by path.
func Diff(a, b json.RawMessage) ([]FieldDiff, error) {
	var x, y any
	for _, p := range []struct {
		raw json.RawMessage
		to  *any
	}{{a, &x}, {b, &y}} {
		if len(p.raw) == 0 {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(p.raw))
		d.UseNumber()
		if err := d.Decode(p.to); err != nil {
			return nil, fmt.Errorf("compare launch template data: %w", err)
		}
	}
	var out []FieldDiff
	diff("", x, y, &out)
	sort.SliceStable(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out, nil
}

func diff(path string, a, b any, out *[]FieldDiff) {
	if x, ok := a.(map[string]any); ok {
		if y, ok := b.(map[string]any); ok {
			keys := map[string]bool{}
			for k := range x {
				keys[k] = true
			}
			for k := range y {
				keys[k] = true
			}
			for _, k := range slices.Sorted(maps.Keys(keys)) {
				p := k
				if path != "" {
					p = path + "." + k
				}
				diff(p, x[k], y[k], out)
			}
			return
		}
	}
	if x, ok := a.([]any); ok {
		if y, ok := b.([]any); ok && len(x) == len(y) {
			for i := range x {
				diff(fmt.Sprintf("%s[%d]", path, i), x[i], y[i], out)
			}
			return
		}
	}
	if from, to := show(a), show(b); from != to {
		*out = append(*out, FieldDiff{path, from, to})
	}
}

// show is a value as text; absent and null are alike.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	data, err := json.Marshal(v)
	if err != nil { // v was decoded from JSON
		return fmt.Sprint(v)
	}
	return string(data)
}

// onlyImage says whether version b is version a with the image replaced by image.
func onlyImage(a, b TemplateVersion, image string) (bool, []FieldDiff, error) {
	d, err := Diff(a.Data, b.Data)
	if err != nil {
		return false, nil, err
	}
	return len(d) == 1 && d[0].Path == "ImageId" && d[0].To == image && b.Image == image, d, nil
}

// withImage is in what a version with the image replaced would differ from v; nothing
// where it has that image already.
func withImage(v TemplateVersion, image string) ([]FieldDiff, error) {
	if v.Image == image {
		return nil, nil
	}
	fields := map[string]json.RawMessage{}
	if len(v.Data) > 0 {
		if err := json.Unmarshal(v.Data, &fields); err != nil {
			return nil, fmt.Errorf("read launch template data: %w", err)
		}
	}
	id, err := json.Marshal(image)
	if err != nil {
		return nil, err
	}
	fields["ImageId"] = id
	after, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return Diff(v.Data, after)
}

// sameJSON compares two JSON values by content.
func sameJSON(a, b json.RawMessage) bool {
	d, err := Diff(a, b)
	return err == nil && len(d) == 0
}

// same says whether two refreshes go to the same place.
func same(a, b Desired) bool {
	return a.Template.ID == b.Template.ID && a.Template.Version == b.Template.Version && sameJSON(a.Mixed, b.Mixed)
}
