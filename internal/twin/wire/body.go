package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	maxBody     = 4 << 20   // of a request that is a document: form, JSON, CBOR, XML
	maxRESTBody = 256 << 20 // of an object or a block

	// bodyMemory bounds what the bodies of all requests together may take at a time; who
	// comes later waits. A small request is not counted.
	bodyMemory = 1 << 30
	smallBody  = 64 << 10
	// grown is how much larger a document may be when it has been taken apart.
	grown = 16

	// A client that has stopped sending is given up after readIdle, one that sends byte by
	// byte after readLimit, and one that does not take its answer after writeLimit: a
	// request in flight keeps the clock from jumping.
	readIdle   = 30 * time.Second
	readLimit  = 10 * time.Minute
	writeLimit = 5 * time.Minute
)

// patience reads a body and gives up on a client that does not send it.
type patience struct {
	body io.Reader
	rc   *http.ResponseController
	end  time.Time
}

func (p patience) Read(b []byte) (int, error) {
	limit := time.Now().Add(readIdle)
	if p.end.Before(limit) {
		limit = p.end
	}
	_ = p.rc.SetReadDeadline(limit) // without a socket there is none
	return p.body.Read(b)
}

// readBody reads the body up to limit bytes. What it takes of the memory for bodies
// is given back by done.
func (r *request) readBody(limit, weight int64) error {
	if r.http.Body == nil || r.http.Body == http.NoBody {
		return nil
	}
	n := r.http.ContentLength
	if n > limit {
		return &problem{what: isTooLarge}
	}
	if err := r.take(n, limit, weight); err != nil {
		return err
	}
	body, err := r.readAll(n, limit)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{what: isSlow}
	case err != nil:
		return &problem{what: isCut, detail: "the body ended early"}
	case int64(len(body)) > limit:
		return &problem{what: isTooLarge}
	}
	if strings.Contains(r.http.Header.Get("Content-Encoding"), "aws-chunked") ||
		strings.HasPrefix(r.http.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		if body, err = dechunk(body, r.http.Header); err != nil {
			return err
		}
	}
	r.body = body
	return nil
}

// take waits for the memory that a body of n bytes, or of an unknown number up to
// limit, and what is made of it can need.
func (r *request) take(n, limit, weight int64) error {
	if n >= 0 && n <= smallBody || r.memory == nil || r.taken > 0 {
		return nil
	}
	if n < 0 {
		n = limit
	}
	n = min(n*weight, bodyMemory)
	ctx, end := context.WithTimeout(r.http.Context(), readLimit)
	defer end()
	if err := r.memory.Acquire(ctx, n); err != nil {
		return &problem{what: isSlow}
	}
	r.taken = n
	return nil
}

// done gives the memory back.
func (r *request) done() {
	if r.taken > 0 {
		r.memory.Release(r.taken)
		r.taken = 0
	}
}

// readAll reads n bytes, or, if that is not known, up to one more than limit.
func (r *request) readAll(n, limit int64) (body []byte, err error) {
	in := io.Reader(r.http.Body)
	if r.rc != nil {
		in = patience{r.http.Body, r.rc, time.Now().Add(readLimit)}
		// After an error it stays: the server would wait for the rest.
		defer func() {
			if err == nil {
				_ = r.rc.SetReadDeadline(time.Time{})
			}
		}()
	}
	if n < 0 {
		return io.ReadAll(io.LimitReader(in, limit+1))
	}
	body = make([]byte, n)
	_, err = io.ReadFull(in, body)
	return body, err
}
