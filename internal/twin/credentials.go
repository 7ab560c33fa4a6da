package twin

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Credentials are the access keys that a twin knows.
type Credentials struct {
	Secrets  map[string]string // by access key
	Accounts map[string]string // by access key, of those that name one
}

const (
	maxCredentials = 1 << 20 // bytes of a file
	shortestSecret = 16      // characters; a shorter one is soon guessed
)

var (
	accessKeyForm = regexp.MustCompile(`^\w{16,128}$`) // AccessKeyId, IAM API Reference
	accountForm   = regexp.MustCompile(`^\d{12}$`)
)

// ReadCredentials reads a file of access keys in the form of AWS's shared credentials
// file, so that a client can be given the same file: sections with aws_access_key_id,
// aws_secret_access_key and, if wanted, aws_account_id. A file that others may read is
// refused, and so is everything else in it; no error shows a secret.
func ReadCredentials(name string) (Credentials, error) {
	c, err := readCredentials(name)
	if err != nil {
		return c, fault.As(fmt.Errorf("read credentials %s: %w", name, err), fault.Usage, "")
	}
	return c, nil
}

func readCredentials(name string) (Credentials, error) {
	f, err := os.Open(name)
	if err != nil {
		return Credentials{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return Credentials{}, err
	}
	if !st.Mode().IsRegular() {
		return Credentials{}, fault.New(fault.Usage, "", "it is not a file")
	}
	if m := st.Mode().Perm(); m&0o077 != 0 && runtime.GOOS != "windows" {
		return Credentials{}, fault.New(fault.Usage, "chmod 600 "+name, "others may read it (mode %04o)", m)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxCredentials+1))
	if err != nil {
		return Credentials{}, err
	}
	if len(text) > maxCredentials {
		return Credentials{}, fault.New(fault.Usage, "", "it is larger than %d bytes", maxCredentials)
	}
	return ParseCredentials(text)
}

// ParseCredentials is ReadCredentials of a file's text.
func ParseCredentials(text []byte) (Credentials, error) {
	c := Credentials{Secrets: map[string]string{}, Accounts: map[string]string{}}
	section, at, begun := map[string]string{}, 0, false
	n := 0
	for raw := range bytes.Lines(text) {
		n++
		line := strings.TrimSpace(string(raw))
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			if len(line) < 3 || line[len(line)-1] != ']' {
				return c, fmt.Errorf("line %d: write a section as [name]", n)
			}
			if begun {
				if err := c.add(section, at); err != nil {
					return c, err
				}
			}
			section, at, begun = map[string]string{}, n, true
		default:
			key, value, ok := strings.Cut(line, "=")
			key, value = strings.TrimSpace(key), strings.TrimSpace(value)
			switch key {
			case "aws_access_key_id", "aws_secret_access_key", "aws_account_id":
			default:
				ok = false
			}
			if _, twice := section[key]; !ok || !begun || twice || value == "" {
				// The line may be a secret: it is not shown.
				return c, fmt.Errorf("line %d: in a section, aws_access_key_id, aws_secret_access_key and aws_account_id may stand, once each, as key = value", n)
			}
			section[key] = value
		}
	}
	if !begun {
		return c, fmt.Errorf("there is no access key in it")
	}
	return c, c.add(section, at)
}

// add takes in a section that begins at a line.
func (c Credentials) add(section map[string]string, line int) error {
	key, secret, account := section["aws_access_key_id"], section["aws_secret_access_key"], section["aws_account_id"]
	switch {
	case !accessKeyForm.MatchString(key):
		return fmt.Errorf("section at line %d: aws_access_key_id is 16 to 128 letters, digits and underscores", line)
	case len(secret) < shortestSecret:
		return fmt.Errorf("section at line %d: aws_secret_access_key is at least %d characters", line, shortestSecret)
	case account != "" && !accountForm.MatchString(account):
		return fmt.Errorf("section at line %d: aws_account_id is twelve digits", line)
	case c.Secrets[key] != "":
		return fmt.Errorf("section at line %d: the access key is there twice", line)
	}
	c.Secrets[key] = secret
	if account != "" {
		c.Accounts[key] = account
	}
	return nil
}
