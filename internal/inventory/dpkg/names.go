package dpkg

import (
	"fmt"
	"strings"
)

func slashed(uri string) string {
	if strings.HasSuffix(uri, "/") {
		return uri
	}
	return uri + "/"
}

// plain is uri without user and password.
func plain(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri
	}
	host, tail, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	return scheme + "://" + host + "/" + tail
}

// listName is the name under which apt keeps the file at uri in its lists folder.
func listName(uri string) string {
	if scheme, rest, ok := strings.Cut(plain(uri), ":"); ok && !strings.ContainsAny(scheme, "/") {
		uri = strings.TrimPrefix(rest, "//")
	}
	var b strings.Builder
	for i := range len(uri) {
		switch c := uri[i]; {
		case c == '/':
			b.WriteByte('_')
		case c <= 0x20 || c >= 0x7f || strings.IndexByte("\\|{}[]<>\"^~_=!@#$%^&*", c) >= 0:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
