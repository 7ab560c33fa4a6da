package files

import (
	"io/fs"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/goldenami/rehydrate/internal/record"
)

// printable says whether a text can stand in any report.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func FuzzPasswd(f *testing.F) {
	f.Add([]byte("root:x:0:0:root:/root:/bin/bash\n# remark\n+::::::\nbad\n"), []byte("root:$6$salt$hash:19000:0:99999:7:::\n"))
	f.Add([]byte("a:$1$SECRET:4294967295:4294967296::\x1b[2J:/bin/sh\r\n"), []byte("a::\nb:!:\nc\n"))
	f.Add([]byte(":x:0:0:::\n\xff:x:1:1:::\n"), []byte(""))
	f.Fuzz(func(t *testing.T, passwd, shadow []byte) {
		users, bad := parsePasswd(passwd, passwords(shadow))
		if n := strings.Count(string(passwd), "\n") + 1; len(users)+bad > n {
			t.Errorf("%d users and %d bad lines of %d", len(users), bad, n)
		}
		for _, u := range users {
			if u.Name == "" || !printable(u.Name) || !printable(u.Home) || !printable(u.Shell) {
				t.Errorf("%+v", u)
			}
			switch u.Password {
			case record.PasswordSet, record.PasswordLocked, record.PasswordNone, record.PasswordUnknown:
			default:
				t.Errorf("password %q", u.Password)
			}
		}
	})
}

func FuzzGroup(f *testing.F) {
	f.Add([]byte("root:x:0:\nsudo:x:27:b,a\nx:x:-1:\n"))
	f.Add([]byte("\n-nis\n+@x:::\na:b:3: a , ,b\x00\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		groups, _ := parseGroup(text)
		for _, g := range groups {
			if g.Name == "" || !printable(g.Name) || !printable(strings.Join(g.Members, "")) {
				t.Errorf("%+v", g)
			}
		}
	})
}

func FuzzClean(f *testing.F) {
	f.Add("plain", "pl\\x61in")
	f.Add("\x1b[2J\n", "\\x1b[2J\\x0a")
	f.Add("\xff", "\u202e")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !printable(clean(a)) {
			t.Errorf("%q becomes %q", a, clean(a))
		}
		if (a == b) != (clean(a) == clean(b)) {
			t.Errorf("%q and %q become %q and %q", a, b, clean(a), clean(b))
		}
	})
}

func FuzzUnits(f *testing.F) {
	for _, dir := range []string{"etc/systemd/system/multi-user.target.wants", "usr/lib/systemd/system/a.requires", "etc/rc3.d", "etc/rcS.d", "etc/rc.d/rc5.d", ".wants", "etc/systemd/system/.wants"} {
		f.Add(dir, "ssh.service")
	}
	f.Fuzz(func(t *testing.T, dir, name string) {
		if by, how, _, ok := pulledBy(dir); ok && (by == "" || how != "wants" && how != "requires" || !strings.HasSuffix(dir, by+"."+how)) {
			t.Errorf("%q: %q %q", dir, by, how)
		}
		if by, ok := runlevel(dir); ok && !strings.HasSuffix(dir, "/"+by) {
			t.Errorf("%q: %q", dir, by)
		}
		if isUnit(name) && strings.IndexByte(name, '.') < 0 {
			t.Errorf("%q is no unit", name)
		}
	})
}

func FuzzBoot(f *testing.F) {
	f.Add([]byte("set default=\"0\"\n\tlinux /boot/vmlinuz-6.1 root=x\n"))
	f.Add([]byte("title x\nlinux /vmlinuz-5.14\nsaved_entry=abc-5.14\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, v := range []string{grubFirst(text), blsKernel(text), setting(text, "saved_entry")} {
			if v != "" && !strings.Contains(string(text), v) {
				t.Errorf("%q is not in the text", v)
			}
		}
	})
}

func FuzzCapabilities(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x02\x00\x30\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x03aaaabbbbccccddddeeee"))
	f.Add([]byte("\x00\x00\x00\x01aaaabbbb"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if text, err := capabilityText(b); err == nil && !printable(text) {
			t.Errorf("%q", text)
		}
	})
}

func FuzzSums(f *testing.F) {
	f.Add([]byte("d41d8cd98f00b204e9800998ecf8427e  usr/bin/x\nd41d8cd98f00b204e9800998ecf8427e *./a b\nbad\n"))
	f.Add([]byte("d41d8cd98f00b204e9800998ecf8427e  ../../etc/passwd\nzz1d8cd98f00b204e9800998ecf8427e  x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		n := 0
		bad := parseSums(text, func(_ [16]byte, name string) {
			n++
			if !fs.ValidPath(name) {
				t.Errorf("path %q", name)
			}
		})
		if n+bad > strings.Count(string(text), "\n")+1 {
			t.Errorf("%d files and %d bad lines", n, bad)
		}
	})
}
