package s3

import (
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Service is S3 with its objects' files in a folder.
type Service struct{ dir string }

// New makes the service; dir is made when it is first needed.
func New(dir string) *Service { return &Service{dir: dir} }

// Wire is the service with its operations. Its calls are logged with bucket and key.
func (s *Service) Wire() *wire.Service {
	w := wire.NewService("s3")
	wire.Op(w, "CreateBucket", s.CreateBucket)
	wire.Op(w, "HeadBucket", s.HeadBucket)
	wire.Op(w, "PutObject", s.PutObject)
	wire.Op(w, "GetObject", s.GetObject)
	wire.Op(w, "HeadObject", s.HeadObject)
	wire.Op(w, "DeleteObject", s.DeleteObject)
	wire.Op(w, "ListObjectsV2", s.ListObjectsV2)
	wire.Op(w, "ListObjects", s.ListObjects)
	wire.Op(w, "CopyObject", s.CopyObject)
	wire.Op(w, "GetBucketLocation", s.GetBucketLocation)
	wire.Op(w, "ListParts", s.ListParts)
	wire.Op(w, "ListMultipartUploads", s.ListMultipartUploads)
	wire.Op(w, "UploadPartCopy", s.UploadPartCopy)
	wire.Op(w, "ListBuckets", s.ListBuckets)
	wire.Op(w, "DeleteBucket", s.DeleteBucket)
	wire.Op(w, "DeleteObjects", s.DeleteObjects)
	wire.Op(w, "PutBucketVersioning", s.PutBucketVersioning)
	wire.Op(w, "GetBucketVersioning", s.GetBucketVersioning)
	wire.Op(w, "ListObjectVersions", s.ListObjectVersions)
	wire.Op(w, "CreateMultipartUpload", s.CreateMultipartUpload)
	wire.Op(w, "UploadPart", s.UploadPart)
	wire.Op(w, "CompleteMultipartUpload", s.CompleteMultipartUpload)
	wire.Op(w, "AbortMultipartUpload", s.AbortMultipartUpload)
	wire.Op(w, "PutBucketPolicy", s.PutBucketPolicy)
	wire.Op(w, "GetBucketPolicy", s.GetBucketPolicy)
	wire.Op(w, "DeleteBucketPolicy", s.DeleteBucketPolicy)
	w.Notes = notes
	return w
}

func notes(_ string, in any) map[string]any {
	switch in := in.(type) {
	case *s3.PutObjectInput:
		return map[string]any{"bucket": aws.ToString(in.Bucket), "key": aws.ToString(in.Key)}
	case *s3.CopyObjectInput:
		return map[string]any{"bucket": aws.ToString(in.Bucket), "key": aws.ToString(in.Key)}
	case *s3.CompleteMultipartUploadInput:
		return map[string]any{"bucket": aws.ToString(in.Bucket), "key": aws.ToString(in.Key)}
	case *s3.GetObjectInput:
		return map[string]any{"bucket": aws.ToString(in.Bucket), "key": aws.ToString(in.Key)}
	case *s3.DeleteObjectInput:
		return map[string]any{"bucket": aws.ToString(in.Bucket), "key": aws.ToString(in.Key)}
	}
	return nil
}

// bucket is a bucket; names are unique in the whole world.
type bucket struct {
	Name    string    `json:"name"`
	Account string    `json:"account"`
	Region  string    `json:"region"`
	Created time.Time `json:"created"`
	// Versioning is Enabled, Suspended, or empty: never enabled.
	Versioning string `json:"versioning,omitempty"`
	// Policy is the bucket policy as it was put, empty without one.
	Policy string `json:"policy,omitempty"`
}

func buckets(tx *world.Tx) *world.Rows[bucket] {
	return world.Table[bucket](tx.In("-", "-"), "s3/buckets")
}

// bucketName: "Bucket naming rules", S3 User Guide.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func checkName(name string) error {
	if !bucketName.MatchString(name) || strings.Contains(name, "..") {
		return wire.Errorf("InvalidBucketName", "The specified bucket is not valid.")
	}
	return nil
}

const homeRegion = "us-east-1" // where a bucket needs no LocationConstraint

// CreateBucket makes a bucket in the request's region.
func (s *Service) CreateBucket(tx *world.Tx, in *s3.CreateBucketInput) (*s3.CreateBucketOutput, error) {
	name := *in.Bucket
	if err := checkName(name); err != nil {
		return nil, err
	}
	place := ""
	if in.CreateBucketConfiguration != nil {
		place = string(in.CreateBucketConfiguration.LocationConstraint)
	}
	switch {
	case place == "" && tx.Region != homeRegion:
		return nil, wire.Errorf("IllegalLocationConstraintException", "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
	case place != "" && place != tx.Region:
		return nil, wire.Errorf("IllegalLocationConstraintException", "The %s location constraint is incompatible for the region specific endpoint this request was sent to.", place)
	}
	if b, ok := buckets(tx).Get(name); ok {
		if b.Account != tx.Account {
			return nil, &wire.Error{Code: "BucketAlreadyExists", Message: "The requested bucket name is not available.", Status: 409}
		}
		if tx.Region != homeRegion || b.Region != homeRegion {
			return nil, &wire.Error{Code: "BucketAlreadyOwnedByYou", Message: "Your previous request to create the named bucket succeeded and you already own it.", Status: 409}
		}
		return &s3.CreateBucketOutput{Location: aws.String("/" + name)}, nil
	}
	buckets(tx).Put(name, bucket{Name: name, Account: tx.Account, Region: tx.Region, Created: tx.Now})
	return &s3.CreateBucketOutput{Location: aws.String("/" + name)}, nil
}

// HeadBucket says whether the caller may use a bucket.
func (s *Service) HeadBucket(tx *world.Tx, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "ListBucket", nil)
	if err != nil {
		return nil, err
	}
	return &s3.HeadBucketOutput{BucketRegion: &h.b.Region}, nil
}

// GetBucketLocation says where a bucket is: nothing for us-east-1, whose buckets had no
// LocationConstraint ("GetBucketLocation", S3 API Reference).
func (s *Service) GetBucketLocation(tx *world.Tx, in *s3.GetBucketLocationInput) (*s3.GetBucketLocationOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "GetBucketLocation", nil)
	if err != nil {
		return nil, err
	}
	out := &s3.GetBucketLocationOutput{}
	if h.b.Region != homeRegion {
		out.LocationConstraint = types.BucketLocationConstraint(h.b.Region)
	}
	return out, nil
}
