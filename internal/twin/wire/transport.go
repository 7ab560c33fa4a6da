package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// Transport calls a handler without a socket: the SDK's own serializer, signer,
// retries and deserializer run all the same. It is an http.RoundTripper.
type Transport struct {
	Handler http.Handler
	// Client is sent as ClientHeader if it is not empty.
	Client string
}

// errCut is what a client sees when the connection breaks after the request.
var errCut = errors.New("connection reset by the twin before an answer")

// RoundTrip runs the handler. A handler that aborts looks like a broken connection.
func (t Transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	in := r.Clone(r.Context())
	if t.Client != "" && in.Header.Get(ClientHeader) == "" {
		in.Header.Set(ClientHeader, t.Client)
	}
	in.Host = or(r.Host, r.URL.Host)
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &recorder{header: http.Header{}}
	defer func() {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		if bad := recover(); bad != nil {
			if bad == http.ErrAbortHandler { //nolint:errorlint // recovered, not returned
				resp, err = nil, errCut
				return
			}
			panic(bad)
		}
	}()
	t.Handler.ServeHTTP(w, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if w.status == 0 {
		w.status = http.StatusOK
	}
	body := w.body
	if r.Method == http.MethodHead {
		body = nil
	}
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}, nil
}

type recorder struct {
	header http.Header
	body   []byte
	status int
}

func (w *recorder) Header() http.Header { return w.header }
func (w *recorder) Write(b []byte) (int, error) {
	w.body = append(w.body, b...)
	return len(b), nil
}

// keep is Write of what nobody else will use.
func (w *recorder) keep(b []byte) {
	if w.body != nil {
		b = append(w.body, b...)
	}
	w.body = b
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}
func (w *recorder) Flush() {}
