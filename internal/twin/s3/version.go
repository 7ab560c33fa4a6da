package s3

import (
	"encoding/base64"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// The versioning of a bucket; without either it never had any.
const (
	enabled   = "Enabled"
	suspended = "Suspended"
	// nullVersion is the id of what was written while versioning was not enabled.
	nullVersion = "null"
)

var (
	errNoVersion  = &wire.Error{Code: "NoSuchVersion", Message: "The specified version does not exist.", Status: 404}
	errBadVersion = &wire.Error{Code: "InvalidArgument", Message: "Invalid version id specified", Status: 400}
	errIsMarker   = &wire.Error{Code: "MethodNotAllowed", Message: "The specified method is not allowed against this resource.", Status: 405}
)

// shelf is a bucket with its objects: what is current of each key, a delete marker
// perhaps, and the versions before it ("How S3 Versioning works", S3 User Guide).
type shelf struct {
	s    *Service
	tx   *world.Tx
	b    bucket
	live *world.Rows[object]
	old  *world.Rows[object] // by key, NUL, version id; each key's oldest first
}

// shelf opens a bucket, in whatever region, for a caller who may do action with the object
// of that key or, without one, with the bucket.
func (s *Service) shelf(tx *world.Tx, name, owner *string, action string, key *string) (shelf, error) {
	b, ok := buckets(tx).Get(aws.ToString(name))
	switch {
	case !ok:
		return shelf{}, &wire.Error{Code: "NoSuchBucket", Message: "The specified bucket does not exist", Status: 404}
	case owner != nil && *owner != b.Account:
		return shelf{}, errDenied
	}
	in := tx.In(b.Account, b.Region)
	h := shelf{s, tx, b, world.Table[object](in, "s3/objects/"+b.Name), world.Table[object](in, "s3/versions/"+b.Name)}
	if !h.may(action, key) {
		return shelf{}, errDenied
	}
	return h, nil
}

func (o object) id() string {
	if o.Version == "" {
		return nullVersion
	}
	return o.Version
}

// checkVersion refuses what no version can be called, before it is looked for ("List of
// error codes", S3 API Reference). Ids are opaque texts; ours and S3's have 32 characters.
func checkVersion(id string) error {
	ok := len(id) == 32
	for _, r := range id {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	}
	if ok || id == nullVersion {
		return nil
	}
	return errBadVersion
}

// shown is the version id that goes over the wire: none of a bucket without versions.
func (h shelf) shown(o object) *string {
	if h.b.Versioning == "" {
		return nil
	}
	return aws.String(o.id())
}

// current is the object that a key names now; a delete marker is none.
func (h shelf) current(key string) (object, bool) {
	o, ok := h.live.Get(key)
	return o, ok && !o.Marker
}

// version is one version of a key, a delete marker perhaps.
func (h shelf) version(key, id string) (object, bool) {
	if o, ok := h.live.Get(key); ok && o.id() == id {
		return o, true
	}
	return h.old.Get(key + "\x00" + id)
}

// put makes an object or marker current. What was current stays as a version where
// versions are kept; a null version replaces the null version. A version's id ends with its
// place among those of its key, so that a list goes on behind one that is gone.
func (h shelf) put(o object) object {
	was, had := h.live.Get(o.Key)
	o.Version = ""
	if had {
		o.Ordinal = was.Ordinal + 1
	}
	if h.b.Versioning == enabled {
		o.Version = h.tx.Hex(24) + fmt.Sprintf("%08x", o.Ordinal)
	}
	switch {
	case !had:
	case was.id() != o.id() && h.b.Versioning != "":
		h.old.Put(o.Key+"\x00"+was.id(), was)
	default:
		h.discard(was)
	}
	if null, ok := h.old.Get(o.Key + "\x00" + nullVersion); ok && o.Version == "" {
		h.old.Delete(o.Key + "\x00" + nullVersion)
		h.discard(null)
	}
	h.live.Put(o.Key, o)
	return o
}

// remove takes one version away for good; the newest of the others becomes current.
func (h shelf) remove(o object) {
	h.discard(o)
	if cur, ok := h.live.Get(o.Key); !ok || cur.id() != o.id() {
		h.old.Delete(o.Key + "\x00" + o.id())
		return
	}
	h.live.Delete(o.Key)
	newest, found := object{}, false
	for _, v := range h.old.All() {
		if v.Key == o.Key {
			newest, found = v, true
		}
	}
	if found {
		h.old.Delete(o.Key + "\x00" + newest.id())
		h.live.Put(o.Key, newest)
	}
}

func (h shelf) discard(o object) {
	if o.File != "" {
		h.s.removeLater(h.tx, o.File)
	}
}

// delete is DeleteObject: of a version for good, of a key by a delete marker where
// versions are kept. It returns the marker or what was removed, and whether that is a
// marker.
func (h shelf) delete(key string, version *string) (id *string, marker bool) {
	if version != nil && *version != "" {
		o, ok := h.version(key, *version)
		if ok {
			h.remove(o)
		}
		return version, ok && o.Marker
	}
	if h.b.Versioning == "" {
		if o, ok := h.live.Get(key); ok {
			h.remove(o)
		}
		return nil, false
	}
	o := h.put(object{Key: key, Marker: true, Modified: h.tx.Now})
	return aws.String(o.id()), true
}

// PutBucketVersioning begins to keep versions, or suspends that; it cannot be undone.
func (s *Service) PutBucketVersioning(tx *world.Tx, in *s3.PutBucketVersioningInput) (*s3.PutBucketVersioningOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "PutBucketVersioning", nil)
	switch {
	case err != nil:
		return nil, err
	case in.MFA != nil || in.VersioningConfiguration.MFADelete == types.MFADeleteEnabled:
		return nil, unmodelled("MFA delete")
	case in.VersioningConfiguration.Status == "":
		return nil, &wire.Error{Code: "IllegalVersioningConfigurationException", Message: "The Versioning element must be specified", Status: 400}
	}
	h.b.Versioning = string(in.VersioningConfiguration.Status)
	buckets(tx).Put(h.b.Name, h.b)
	return &s3.PutBucketVersioningOutput{}, nil
}

// GetBucketVersioning says whether versions are kept; nothing if they never were.
func (s *Service) GetBucketVersioning(tx *world.Tx, in *s3.GetBucketVersioningInput) (*s3.GetBucketVersioningOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "GetBucketVersioning", nil)
	return &s3.GetBucketVersioningOutput{Status: types.BucketVersioningStatus(h.b.Versioning)}, err
}

// ListObjectVersions lists versions and delete markers by key, each key's newest first.
func (s *Service) ListObjectVersions(tx *world.Tx, in *s3.ListObjectVersionsInput) (*s3.ListObjectVersionsOutput, error) {
	h, err := s.shelf(tx, in.Bucket, in.ExpectedBucketOwner, "ListBucketVersions", nil)
	if err != nil {
		return nil, err
	}
	if aws.ToString(in.Delimiter) != "" {
		return nil, unmodelled("delimiters in lists of versions")
	}
	if marker := aws.ToString(in.VersionIdMarker); marker != "" {
		if err := checkVersion(marker); err != nil {
			return nil, err
		}
	}
	if in.VersionIdMarker != nil && in.KeyMarker == nil {
		return nil, wire.Errorf("InvalidArgument", "A version-id marker cannot be specified without a key marker.")
	}
	limit, err := limited(in.MaxKeys, "maxKeys")
	if err != nil {
		return nil, err
	}
	out := &s3.ListObjectVersionsOutput{
		Name: in.Bucket, Prefix: aws.String(aws.ToString(in.Prefix)), KeyMarker: aws.String(aws.ToString(in.KeyMarker)), VersionIdMarker: in.VersionIdMarker,
		MaxKeys: &limit, IsTruncated: aws.Bool(false), EncodingType: in.EncodingType,
	}
	encode := func(s string) string { return s }
	if in.EncodingType == types.EncodingTypeUrl {
		encode = escapeKey
	}
	all := after(h.all(aws.ToString(in.Prefix)), aws.ToString(in.KeyMarker), aws.ToString(in.VersionIdMarker))
	for n, o := range all {
		if n == int(limit) {
			if n > 0 {
				last := all[n-1]
				out.IsTruncated, out.NextKeyMarker, out.NextVersionIdMarker = aws.Bool(true), aws.String(encode(last.Key)), aws.String(last.id())
			}
			break
		}
		cur, _ := h.live.Get(o.Key)
		latest := cur.id() == o.id()
		if o.Marker {
			out.DeleteMarkers = append(out.DeleteMarkers, types.DeleteMarkerEntry{Key: aws.String(encode(o.Key)), VersionId: aws.String(o.id()), IsLatest: &latest, LastModified: &o.Modified})
			continue
		}
		out.Versions = append(out.Versions, types.ObjectVersion{Key: aws.String(encode(o.Key)), VersionId: aws.String(o.id()), IsLatest: &latest, LastModified: &o.Modified,
			ETag: &o.ETag, Size: &o.Size, StorageClass: types.ObjectVersionStorageClassStandard})
	}
	return out, nil
}

// all is every version under a prefix, by key, each key's newest first.
func (h shelf) all(prefix string) []object {
	var all []object
	for _, o := range h.old.All() {
		if strings.HasPrefix(o.Key, prefix) {
			all = append(all, o)
		}
	}
	for _, o := range h.live.All() {
		if strings.HasPrefix(o.Key, prefix) {
			all = append(all, o)
		}
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Key < all[j].Key })
	return all
}

// after is the rest of a list behind a marker, which may be gone: who deletes versions page
// by page has deleted it.
func after(all []object, key, version string) []object {
	if key == "" {
		return all
	}
	ordinal := uint64(0)
	if len(version) == 32 {
		ordinal, _ = strconv.ParseUint(version[24:], 16, 32) // what is not ours has nothing behind it
	}
	for i, o := range all {
		switch {
		case o.Key > key, o.Key == key && version != "" && o.Ordinal < ordinal:
			return all[i:]
		case o.Key == key && version != "" && o.id() == version:
			return all[i+1:]
		}
	}
	return nil
}

// tokenMark tells our tokens from what merely decodes.
const tokenMark = "after:"

// token is a place in a list as a text that clients cannot read into.
func token(s string) *string {
	return aws.String(base64.URLEncoding.EncodeToString([]byte(tokenMark + s)))
}

// place is what token was made of.
func place(token string) (string, error) {
	text, err := base64.URLEncoding.DecodeString(token)
	s, ours := strings.CutPrefix(string(text), tokenMark)
	if err != nil || !ours {
		return "", wire.Errorf("InvalidArgument", "The continuation token provided is incorrect")
	}
	return s, nil
}
