package changes

import (
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

func sayKernel(k record.Kernel) string {
	var parts []string
	if k.Image {
		parts = append(parts, "image")
	}
	if k.Modules {
		parts = append(parts, "modules")
	}
	if k.Default {
		parts = append(parts, "starts by default")
	}
	return strings.Join(parts, ", ")
}

func sayUser(u record.User) string {
	return fmt.Sprintf("uid %d, gid %d, home %s, shell %s, password %s", u.UID, u.GID, or(u.Home, "none"), or(u.Shell, "none"), u.Password)
}

func sayGroup(g record.Group) string {
	if len(g.Members) == 0 {
		return fmt.Sprintf("gid %d", g.GID)
	}
	return fmt.Sprintf("gid %d, members %s", g.GID, strings.Join(g.Members, " "))
}

func sayService(s record.Service) string {
	out := s.How
	switch s.How {
	case "wants":
		out = "wanted by " + s.By
	case "requires":
		out = "required by " + s.By
	case "alias":
		out = "another name of " + s.By
	case "rc":
		out = "started in " + s.By
	}
	if s.Vendor {
		out += " (by its package)"
	}
	return out
}

func saySpecial(s record.Special) string {
	return fmt.Sprintf("mode %s, uid %d, gid %d", s.Mode, s.UID, s.GID)
}

func sayDigest(d record.Digest) string { return fmt.Sprintf("%d bytes, sha256 %s", d.Size, d.SHA256) }

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
