package twin_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
)

const twoKeys = `# for the twin
[ops]
aws_access_key_id = AKIAOPS0000000000001
aws_secret_access_key = not/a+secret=of0anybody
aws_account_id = 777788889999

[default]
aws_access_key_id=AKIADEF0000000000001
aws_secret_access_key=another0that0is0long
`

func credentialsFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCredentialsAreReadFromAFileOfAWSsForm(t *testing.T) {
	t.Parallel()
	c, err := twin.ReadCredentials(credentialsFile(t, twoKeys, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if c.Secrets["AKIAOPS0000000000001"] != "not/a+secret=of0anybody" || c.Secrets["AKIADEF0000000000001"] != "another0that0is0long" || len(c.Secrets) != 2 ||
		c.Accounts["AKIAOPS0000000000001"] != "777788889999" || len(c.Accounts) != 1 {
		t.Errorf("%+v", c)
	}
}

func TestCredentialsThatOthersMayReadAreRefused(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o777} {
		if _, err := twin.ReadCredentials(credentialsFile(t, twoKeys, mode)); fault.KindOf(err) != fault.Usage || !strings.Contains(fmt.Sprint(err), "others may read it") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if _, err := twin.ReadCredentials(t.TempDir()); fault.KindOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestCredentialsThatAreNotUnderstoodAreRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"nothing":            {"# nothing\n", "no access key"},
		"no section":         {"aws_access_key_id = AKIAOPS0000000000001\n", "line 1"},
		"a broken section":   {"[ops\n", "line 1"},
		"no secret":          {"[ops]\naws_access_key_id = AKIAOPS0000000000001\n", "line 1: aws_secret_access_key"},
		"a short secret":     {"[ops]\naws_access_key_id = AKIAOPS0000000000001\naws_secret_access_key = hush\n", "at least 16"},
		"a short key":        {"[ops]\naws_access_key_id = AKIA\naws_secret_access_key = hush0hush0hush0hush\n", "aws_access_key_id"},
		"no account":         {strings.Replace(twoKeys, "777788889999", "7777", 1), "twelve digits"},
		"twice":              {strings.Replace(twoKeys, "AKIADEF", "AKIAOPS", 1), "there twice"},
		"a key twice":        {"[ops]\naws_secret_access_key = hush0hush0hush0hush\naws_secret_access_key = hush0hush0hush0hush\n", "line 3"},
		"a session":          {twoKeys + "aws_session_token = hush0hush0hush0hush\n", "line 10"},
		"a line of a secret": {twoKeys + "hush0hush0hush0hush\n", "line 10"},
	} {
		_, err := twin.ParseCredentials([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOffLoopbackWithCredentials serves on all addresses of the machine: the SDK's own
// loader of credentials files signs, and what is not signed by a known key is refused.
func TestOffLoopbackATwinWithCredentialsAnswersWhoSigns(t *testing.T) {
	file := credentialsFile(t, twoKeys, 0o600)
	c, err := twin.ReadCredentials(file)
	if err != nil {
		t.Fatal(err)
	}
	o := small("")
	o.Secrets, o.Keys = c.Secrets, c.Accounts
	endpoint, _ := serve(t, o, twin.ServeOptions{})
	who := func(profile string, edit func(*aws.Config)) (string, error) {
		cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithSharedCredentialsFiles([]string{file}), awsconfig.WithSharedConfigFiles(nil),
			awsconfig.WithSharedConfigProfile(profile), awsconfig.WithRegion("eu-west-1"), awsconfig.WithBaseEndpoint(endpoint),
			awsconfig.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
		if err != nil {
			t.Fatal(err)
		}
		if edit != nil {
			edit(&cfg)
		}
		me, err := awssts.NewFromConfig(cfg).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
		if err != nil {
			return "", err
		}
		return *me.Account, nil
	}
	for profile, want := range map[string]string{"ops": "777788889999", "default": "111122223333"} {
		if got, err := who(profile, nil); err != nil || got != want {
			t.Errorf("%s is %s, %v", profile, got, err)
		}
	}
	for name, key := range map[string]aws.Credentials{
		"the twin's usual":       {AccessKeyID: "twin", SecretAccessKey: "twin"},
		"an account's number":    {AccessKeyID: "777788889999", SecretAccessKey: "x"},
		"another secret":         {AccessKeyID: "AKIAOPS0000000000001", SecretAccessKey: "x"},
		"a session never issued": {AccessKeyID: "ASIA777788889999000000000000", SecretAccessKey: "x", SessionToken: "x"},
	} {
		_, err := who("ops", func(c *aws.Config) {
			c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil })
		})
		if err == nil || !strings.Contains(err.Error(), "StatusCode: 403") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if h, err := twin.Ask(ctx, endpoint); err != nil || !h.Signed {
		t.Errorf("%+v, %v", h, err)
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add([]byte(twoKeys))
	f.Add([]byte("[a]\naws_access_key_id=\x00\n[b"))
	f.Add([]byte("[]\n=\n;\n#"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := twin.ParseCredentials(text)
		if err != nil {
			return
		}
		for key, secret := range c.Secrets {
			if len(key) < 16 || len(secret) < 16 {
				t.Errorf("took %q", text)
			}
		}
		if len(c.Secrets) == 0 {
			t.Errorf("took nothing out of %q", text)
		}
	})
}
