package bake

import (
	"strings"
	"testing"
)

func TestRedactor_takes_out_what_the_environment_calls_secret(t *testing.T) {
	r := newRedactor([]string{
		"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI", "AWS_SESSION_TOKEN=wJalrXUtnFEMIlonger", "GITHUB_TOKEN=ghp_12345678", "DB_PASSWORD=correct horse",
		"HOME=/home/builder", "AWS_SECRET_ACCESS_KEY_SHORT=test", "BROKEN",
	})
	for in, want := range map[string]string{
		"key wJalrXUtnFEMI!":               "key <redacted>!",
		"longest wJalrXUtnFEMIlonger":      "longest <redacted>",
		"ghp_12345678 correct horse":       "<redacted> <redacted>",
		"/home/builder runs a test":        "/home/builder runs a test",
		"GET /?X-Amz-Security-Token=abc&a": "GET /?X-Amz-Security-Token=<redacted>&a",
		`"SecretAccessKey": "abc", "x"`:    `"SecretAccessKey": "<redacted>", "x"`,
		"<SessionToken>abc</SessionToken>": "<SessionToken><redacted></SessionToken>",
	} {
		if got, keep := r.line(in); got != want || !keep {
			t.Errorf("%q became %q, keep %v", in, got, keep)
		}
	}
}

func TestRedactor_drops_private_keys_over_many_lines(t *testing.T) {
	r := newRedactor(nil)
	var out []string
	for l := range strings.SplitSeq("before\nkey: -----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nafter\n-----BEGIN CERTIFICATE-----", "\n") {
		if s, keep := r.line(l); keep {
			out = append(out, s)
		}
	}
	if got := strings.Join(out, "|"); got != "before|key: <redacted>|after|-----BEGIN CERTIFICATE-----" {
		t.Errorf("%q", got)
	}
}

func FuzzRedactor_never_lets_a_secret_through(f *testing.F) {
	f.Add("a", "b")
	f.Add("-----BEGIN PRIVATE KEY-----", "-----END")
	f.Add("X-Amz-Signature=", "")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "s3cr3t-v4lue"
		got, _ := newRedactor([]string{"API_TOKEN=" + secret}).line(before + secret + after)
		if strings.Contains(got, secret) {
			t.Errorf("%q", got)
		}
	})
}
