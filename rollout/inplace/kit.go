package inplace

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// Kit is what a node gets: our program, the request and the bundle, under one prefix
// of the bucket that ends in the kit's digest.
type Kit struct {
	Prefix  string `json:"prefix"` // ends in /
	Folder  string `json:"folder"` // where it lies on the node
	Node    string `json:"node"`   // SHA-256 of rehydrate-node
	Request string `json:"request"`
	Files   []File `json:"files"`
}

// File is one file of a kit.
type File struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"`
	// Path is where the file lies here; without it Body is the file.
	Path string `json:"path,omitempty"`
	Body []byte `json:"body,omitempty"`
}

// pack puts together what a node of that run needs. bundle is the local folder of
// package files, each named by its SHA-256; only those of the request's lock go, and
// only if they are there, for the node tries the sources first.
func (s *Stage) pack(run, name, binary string, req record.NodeRequest, bundle string) (Kit, error) {
	k := Kit{Folder: "/var/lib/rehydrate/" + digest(run, name)[:24]}
	var packages []File
	if req.Lock != nil && bundle != "" {
		for _, p := range req.Lock.Packages {
			file := filepath.Join(bundle, p.SHA256)
			if _, err := os.Stat(file); err == nil && p.SHA256 != "" {
				packages = append(packages, File{Key: "bundle/" + p.SHA256, SHA256: p.SHA256, Path: file})
			}
		}
		req.Bundle = path.Join(k.Folder, "bundle")
	}
	slices.SortFunc(packages, func(a, b File) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) })
	packages = slices.CompactFunc(packages, func(a, b File) bool { return a.Key == b.Key })
	body, err := json.Marshal(req)
	if err != nil {
		return Kit{}, fmt.Errorf("write the request for %s: %w", name, err)
	}
	k.Request = digest(string(body))
	if k.Node, err = fileDigest(binary); err != nil {
		return Kit{}, fault.As(fmt.Errorf("read the node program: %w", err), fault.Usage, "build rehydrate-node first: make build")
	}
	k.Files = append([]File{{Key: "rehydrate-node", SHA256: k.Node, Path: binary}, {Key: "request.json", SHA256: k.Request, Body: body}}, packages...)
	var all []string
	for _, f := range k.Files {
		all = append(all, f.Key, f.SHA256)
	}
	// Not under runs/: that is the journal's.
	k.Prefix = path.Join(s.Prefix, "kits", run, digest(all...)[:16]) + "/"
	for i := range k.Files {
		k.Files[i].Key = k.Prefix + k.Files[i].Key
	}
	return k, nil
}

// open is the file's content.
func (f File) open() (io.ReadSeekCloser, error) {
	if f.Path == "" {
		return nopCloser{bytes.NewReader(f.Body)}, nil
	}
	return os.Open(f.Path)
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

// digest is the SHA-256 in hex of one text, or of several kept apart.
func digest(parts ...string) string {
	h := sha256.New()
	if len(parts) == 1 {
		h.Write([]byte(parts[0]))
		return hex.EncodeToString(h.Sum(nil))
	}
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func fileDigest(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
