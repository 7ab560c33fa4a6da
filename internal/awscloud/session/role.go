package session

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/fault"
)

// Role is a role that a session takes on to work in another account.
type Role struct {
	ARN        string
	ExternalID string
	// Run names the session rehydrate-<run>, which the account's CloudTrail then shows.
	Run string
	// Tags of the session, beside tool and run, which are always set.
	Tags map[string]string
	// Now is the time by which the role's session ends; nil: the wall's.
	Now func() time.Time
}

// roleLife is how long a role's session is asked for: the most that a role gives
// without being set to, and that role chaining allows ("AssumeRole", STS API
// Reference, DurationSeconds).
const roleLife = time.Hour

// roleSpare is how long before its end a role's session is renewed.
const roleSpare = 10 * time.Minute

// In is the session in another Region of its account. It makes no call, and both share
// credentials and HTTP client.
func (s *Session) In(region string) *Session {
	cfg := s.cfg.Copy()
	cfg.Region = region
	return &Session{cfg: cfg, path: s.path}
}

// Assume takes a role on. The session that comes back renews itself and shares the
// HTTP client; its Region is that of s. A role that cannot be taken on is an error of
// kind Denied that says what to look at.
func (s *Session) Assume(ctx context.Context, r Role) (*Session, error) {
	p := &assumed{role: r, api: sts.NewFromConfig(s.cfg)}
	if p.role.Now == nil {
		p.role.Now = time.Now
	}
	if _, err := p.Retrieve(ctx); err != nil {
		return nil, err
	}
	cfg := s.cfg.Copy()
	cfg.Credentials = p
	return &Session{cfg: cfg, path: s.path}, nil
}

// assumed gives the credentials of a role. The SDK's own cache goes by the wall, which
// a twin's time does not keep to.
type assumed struct {
	role Role
	api  *sts.Client

	mu   sync.Mutex
	have aws.Credentials
	ends time.Time
	bare bool // the role's trust does not admit tags
}

// Retrieve implements aws.CredentialsProvider.
func (a *assumed) Retrieve(ctx context.Context) (aws.Credentials, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.have.HasKeys() && a.role.Now().Add(roleSpare).Before(a.ends) {
		return a.have, nil
	}
	out, err := a.assume(ctx)
	if err != nil {
		return aws.Credentials{}, a.role.denied(err)
	}
	c := out.Credentials
	a.have = aws.Credentials{AccessKeyID: aws.ToString(c.AccessKeyId), SecretAccessKey: aws.ToString(c.SecretAccessKey),
		SessionToken: aws.ToString(c.SessionToken), Source: "AssumeRole"}
	a.ends = aws.ToTime(c.Expiration)
	return a.have, nil
}

// assume asks STS, without tags where the trust policy does not name sts:TagSession.
func (a *assumed) assume(ctx context.Context) (*sts.AssumeRoleOutput, error) {
	in := &sts.AssumeRoleInput{RoleArn: &a.role.ARN, RoleSessionName: aws.String(a.role.session()),
		DurationSeconds: aws.Int32(int32(roleLife.Seconds()))}
	if a.role.ExternalID != "" {
		in.ExternalId = &a.role.ExternalID
	}
	if !a.bare {
		in.Tags = a.role.tags()
	}
	out, err := a.api.AssumeRole(ctx, in)
	if err != nil && !a.bare && strings.Contains(err.Error(), "sts:TagSession") {
		a.bare = true
		return a.assume(ctx)
	}
	return out, err
}

// denied says whose trust is missing.
func (r Role) denied(err error) error {
	wrapped := awscloud.Wrap(err, "take on role %s", r.ARN)
	if awscloud.Code(err) != "AccessDenied" {
		return wrapped
	}
	account, name := r.parts()
	id := "without an external id, for none is configured"
	if r.ExternalID != "" {
		id = "with the external id of the configuration"
	}
	return fault.As(wrapped, fault.Denied, fmt.Sprintf(
		"account %s needs a role %s whose trust policy lets this caller do sts:AssumeRole and sts:TagSession, %s; and the caller's own policy must allow it", account, name, id))
}

var unsaid = regexp.MustCompile(`[^\w+=,.@-]+`)

// sessionNameLimit is the longest RoleSessionName ("AssumeRole").
const sessionNameLimit = 64

func (r Role) session() string {
	name := "rehydrate"
	if r.Run != "" {
		name += "-" + unsaid.ReplaceAllString(r.Run, "-")
	}
	return name[:min(len(name), sessionNameLimit)]
}

// tags are the session's tags. Their keys are unique whatever their case, and values
// have at most 256 characters.
func (r Role) tags() []types.Tag {
	all := map[string]string{"tool": "rehydrate"}
	if r.Run != "" {
		all["run"] = r.Run
	}
	maps.Copy(all, r.Tags)
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(all)) {
		v := all[k]
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(v[:min(len(v), 256)])})
	}
	return out
}

func (r Role) parts() (account, name string) {
	rest, _ := strings.CutPrefix(r.ARN, "arn:")
	if parts := strings.SplitN(rest, ":", 5); len(parts) == 5 {
		return parts[3], strings.TrimPrefix(parts[4], "role/")
	}
	return "", r.ARN
}
