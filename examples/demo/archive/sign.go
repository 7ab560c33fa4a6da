package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// builder builds in its work folder.
type builder struct {
	work, arch string
	home       string // of gpg, temporary
}

const identity = "Rehydrate Demo Archive <demo@example.invalid>"

// signer makes the archive's key, once, in dir, and a gpg home that has it.
func (b *builder) signer(dir string) (err error) {
	// gpg's agent listens on a socket in its home, and socket names are short.
	if b.home, err = os.MkdirTemp("", "demo-gpg-"); err != nil {
		return err
	}
	secret, public := filepath.Join(dir, "secret.asc"), filepath.Join(dir, "public.gpg")
	if _, err := os.Stat(secret); err == nil {
		_, err := b.gpg("--import", secret)
		return err
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if _, err := b.gpg("--passphrase", "", "--quick-generate-key", identity, "ed25519", "sign", "never"); err != nil {
		return err
	}
	text, err := b.gpg("--export", identity)
	if err != nil {
		return err
	}
	if err := os.WriteFile(public, []byte(text), 0o644); err != nil {
		return err
	}
	if text, err = b.gpg("--armor", "--export-secret-keys", identity); err != nil {
		return err
	}
	return os.WriteFile(secret, []byte(text), 0o600)
}

func (b *builder) gpg(args ...string) (string, error) {
	return run("", []string{"GNUPGHOME=" + b.home}, "gpg", append([]string{"--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"}, args...)...)
}

func (b *builder) close() {
	// An agent that stays would keep nothing but itself alive.
	_, _ = run("", []string{"GNUPGHOME=" + b.home}, "gpgconf", "--kill", "gpg-agent")
	_ = os.RemoveAll(b.home)
}

// index writes Packages, Release and InRelease of the archive in root.
func (b *builder) index(root string, now time.Time) error {
	lists := filepath.Join(root, "dists/demo/main/binary-"+b.arch)
	if err := os.MkdirAll(lists, 0o755); err != nil {
		return err
	}
	packages, err := run(root, nil, "apt-ftparchive", "--arch", b.arch, "packages", "pool/main")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(lists, "Packages"), []byte(packages), 0o644); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(lists, "Packages.gz"))
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	_, err = z.Write([]byte(packages))
	if err := errors.Join(err, z.Close(), f.Close()); err != nil {
		return err
	}
	dist := filepath.Join(root, "dists/demo")
	args := []string{}
	for _, field := range []string{"Origin=Rehydrate-Demo", "Label=Rehydrate-Demo", "Suite=demo", "Codename=demo", "Components=main", "Architectures=" + b.arch} {
		args = append(args, "-o", "APT::FTPArchive::Release::"+field)
	}
	release, err := run(root, []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", now.Unix())}, "apt-ftparchive", append(args, "release", "dists/demo")...)
	if err != nil {
		return err
	}
	name := filepath.Join(dist, "Release")
	if err := os.WriteFile(name, []byte(release), 0o644); err != nil {
		return err
	}
	if _, err := b.gpg("--local-user", identity, "--clearsign", "--output", filepath.Join(dist, "InRelease"), name); err != nil {
		return err
	}
	_, err = b.gpg("--local-user", identity, "--armor", "--detach-sign", "--output", name+".gpg", name)
	return err
}
