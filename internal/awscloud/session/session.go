// Package session opens AWS: region, credentials, endpoint and profile as the SDK's
// own environment says, one HTTP client, adaptive retries.
package session

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/fault"
)

// HTTPClient makes the requests; *http.Client is one.
type HTTPClient interface {
	Do(*http.Request) (*http.Response, error)
}

// Options are what a caller may set over the environment. All may be empty.
type Options struct {
	Profile  string
	Region   string
	Endpoint string // one endpoint for every service, such as the twin's
	HTTP     HTTPClient
	// Version goes into the user agent as rehydrate/<version>.
	Version string
	// Key and Secret replace the credential chain; the twin takes any.
	Key, Secret string
	// MaxAttempts of one call, the first included; 0 is 8.
	MaxAttempts int
}

// Session is an open connection to one account and region.
type Session struct {
	cfg  aws.Config
	path bool // path-style S3 addresses
}

// Open reads the environment; it makes no call. Its error is of kind Usage when
// there is no region or no such profile.
func Open(ctx context.Context, o Options) (*Session, error) {
	attempts := o.MaxAttempts
	if attempts == 0 {
		attempts = 8
	}
	opts := []func(*config.LoadOptions) error{
		config.WithRetryer(func() aws.Retryer {
			return retry.NewAdaptiveMode(func(a *retry.AdaptiveModeOptions) {
				a.StandardOptions = append(a.StandardOptions, func(s *retry.StandardOptions) { s.MaxAttempts = attempts })
			})
		}),
		config.WithAPIOptions(stack(o.Version)),
		// The SDK would write its own remarks to stderr, between our lines of progress;
		// what matters of them comes back as errors.
		config.WithLogger(logging.Nop{}),
	}
	if o.Profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Region != "" {
		opts = append(opts, config.WithRegion(o.Region))
	}
	if o.Endpoint != "" {
		opts = append(opts, config.WithBaseEndpoint(o.Endpoint))
	}
	if o.Key != "" {
		opts = append(opts, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.Key, o.Secret, "")))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, fault.As(awscloud.Wrap(err, "read the AWS configuration"), fault.Usage, "see AWS_PROFILE, ~/.aws/config and ~/.aws/credentials")
	}
	if o.HTTP != nil {
		// Not as a load option: with AWS_CA_BUNDLE set, the SDK refuses clients that it
		// did not make itself.
		cfg.HTTPClient = o.HTTP
	}
	if cfg.Region == "" {
		return nil, fault.New(fault.Usage, "set region in the configuration, or AWS_REGION", "read the AWS configuration: no region")
	}
	return &Session{cfg: cfg, path: cfg.BaseEndpoint != nil}, nil
}

// Of is a session over a ready configuration, for tests.
func Of(cfg aws.Config) *Session { return &Session{cfg: cfg, path: cfg.BaseEndpoint != nil} }

// Config is a copy of the SDK's configuration.
func (s *Session) Config() aws.Config { return s.cfg.Copy() }

// Region is the session's region.
func (s *Session) Region() string { return s.cfg.Region }

// Endpoint is the endpoint that all services share; "" on AWS itself.
func (s *Session) Endpoint() string { return aws.ToString(s.cfg.BaseEndpoint) }

// PathStyle says that S3 is addressed by path, as custom endpoints need it.
func (s *Session) PathStyle() bool { return s.path }

// accountLimit is how long Account may take.
const accountLimit = 30 * time.Second

// Account asks STS who we are and returns the account's id. It is the first call of
// a program: where there is no network, it says so soon, with fewer tries than later
// calls get.
func (s *Session) Account(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, accountLimit)
	defer cancel()
	soon := func(o *sts.Options) {
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) { r.MaxAttempts, r.MaxBackoff = 3, 2*time.Second })
	}
	out, err := sts.NewFromConfig(s.cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, soon)
	if err != nil {
		return "", awscloud.Wrap(err, "ask STS for the account")
	}
	return aws.ToString(out.Account), nil
}
