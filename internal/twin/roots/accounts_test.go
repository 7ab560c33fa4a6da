package roots

import (
	"reflect"
	"strings"
	"testing"
)

const (
	passwdFile = "# comment\nroot:x:0:0:root:/root:/bin/bash\nbroken line\nadmin:x:abc:0::/:/bin/sh\nadmin:x:1000:1001:A,,,:/home/admin:/bin/bash\nbare:x:7:7:::\n\n+nis::::::\n"
	groupFile  = "root:x:0:\nadmin:x:1001:\nsudo:x:27:other,admin\nadm:x:4:admin\nbad:x:nope:admin\nshort:x\nadmin2:x:1001:admin\nnear:x:9:admins\n"
)

func TestAccountsAreReadAsTheCLibraryReadsThem(t *testing.T) {
	for name, want := range map[string]account{
		"root":  {Name: "root", Groups: []uint32{0}, Home: "/root", Shell: "/bin/bash"},
		"admin": {Name: "admin", UID: 1000, GID: 1001, Groups: []uint32{1001, 27, 4}, Home: "/home/admin", Shell: "/bin/bash"},
		"bare":  {Name: "bare", UID: 7, GID: 7, Groups: []uint32{7}, Home: "/", Shell: "/bin/sh"},
	} {
		got, err := findAccount(name, strings.NewReader(passwdFile), strings.NewReader(groupFile))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	for _, name := range []string{"eve", "", "+nis", "broken line", "x"} {
		if got, err := findAccount(name, strings.NewReader(passwdFile), strings.NewReader(groupFile)); err == nil || !strings.Contains(err.Error(), "not in the root's passwd file") {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
}

func TestAnEndlessPasswdFileIsAnError(t *testing.T) {
	if _, err := findAccount("root", strings.NewReader(strings.Repeat("x", maxAccountFile+1)), strings.NewReader("")); err == nil {
		t.Error("no error")
	}
}

func FuzzFindAccount(f *testing.F) {
	f.Add("admin", passwdFile, groupFile)
	f.Add("a", "a:x:4294967295:4294967296::/:", "g:x:-1:a")
	f.Add("", ":::::::", ":::")
	f.Fuzz(func(t *testing.T, name, passwd, group string) {
		a, err := findAccount(name, strings.NewReader(passwd), strings.NewReader(group))
		if err != nil {
			return
		}
		if a.Name != name || name == "" || a.Home == "" || a.Shell == "" || len(a.Groups) == 0 || a.Groups[0] != a.GID {
			t.Errorf("%+v", a)
		}
	})
}
