package ec2

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

func contents(tx *world.Tx) *world.Rows[Content] {
	return world.Table[Content](tx.In("-", "-"), "ec2/contents")
}

// addContent keeps a new content and gives it its key.
func addContent(tx *world.Tx, c Content) string {
	c.Key = "content-" + tx.Hex(12)
	contents(tx).Put(c.Key, c)
	return c.Key
}

// sweep removes the contents that no image, snapshot or instance of the region's
// world refers to, and in the background their folders. A folder also stays while
// another content has a layer or disk in it: an image baked from our image does.
func (s *Service) sweep(tx *world.Tx) {
	used := map[string]bool{}
	for _, p := range places(tx).All() {
		at := tx.In(p.Account, p.Region)
		for _, i := range images(at).All() {
			used[i.Content] = true
		}
		for _, n := range snapshots(at).All() {
			used[n.Content] = true
		}
		for _, i := range instances(at).All() {
			if i.State != stateTerminated {
				used[i.Content] = true
			}
		}
		for _, t := range rootTasks(at).All() {
			if t.Completed.IsZero() {
				used[t.Content] = true
			}
		}
	}
	var gone []Content
	var paths []string
	for key, c := range contents(tx).All() {
		if used[key] {
			paths = append(append(paths, c.Image.Layers...), c.Image.Disk)
		} else {
			gone = append(gone, c)
		}
	}
	for _, c := range gone {
		if c.Dir != "" && slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(p, c.Dir+"/") }) {
			continue
		}
		contents(tx).Delete(c.Key)
		ours := c.Dir
		if d := filepath.Join(s.dir, "disks"); ours == "" && filepath.Dir(c.Image.Disk) == d {
			ours = c.Image.Disk
		}
		if ours == "" {
			continue
		}
		tx.Go("remove "+ours, func(context.Context) {
			if err := os.RemoveAll(ours); err != nil {
				s.w.Log(world.Event{Time: s.w.Clock().Now(), Kind: "ec2.content.left", Data: map[string]any{"path": ours, "error": err.Error()}})
			}
		})
	}
}
