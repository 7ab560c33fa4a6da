package wire

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// dechunk takes the aws-chunked encoding off a body. Trailers (checksums that the
// client has computed while it sent) become headers; chunk signatures are not
// checked. What it returns lies in body, which is used up.
//
// Format: size in hexadecimal, optional ";chunk-signature=...", CR LF, that many
// bytes, CR LF; the last chunk has size 0 and trailer lines follow it.
func dechunk(body []byte, h http.Header) ([]byte, error) {
	out := body[:0] // never overtakes what is still to be read
	for {
		line, rest, ok := bytes.Cut(body, []byte("\r\n"))
		if !ok {
			return nil, cut("an aws-chunked body ended early")
		}
		text, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 16, 31)
		if err != nil {
			return nil, cut("a chunk without a size")
		}
		body = rest
		if n == 0 {
			break
		}
		if uint64(len(body)) < n+2 || !bytes.HasPrefix(body[n:], []byte("\r\n")) {
			return nil, cut("a chunk is shorter than it says")
		}
		out = append(out, body[:n]...)
		body = body[n+2:]
	}
	for _, line := range strings.Split(string(body), "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.HasPrefix(strings.ToLower(name), "x-amz-checksum-") {
			h.Set(name, strings.TrimSpace(value))
		}
	}
	if want := h.Get("X-Amz-Decoded-Content-Length"); want != "" && want != strconv.Itoa(len(out)) {
		return nil, cut("the decoded length is not what the header says")
	}
	return out, nil
}
