package worldfile

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Bucket is an S3 bucket: a name, or an object with a policy.
type Bucket struct {
	Name string `json:"name"`
	// Policy is the bucket policy in IAM's JSON, for other accounts to read and write.
	Policy json.RawMessage `json:"policy"`
}

// UnmarshalJSON reads either form.
func (b *Bucket) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &b.Name) == nil {
		return nil
	}
	type plain Bucket
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode((*plain)(b)); err != nil {
		return fmt.Errorf("buckets: a bucket is a name, or an object with name and policy: %w", err)
	}
	return nil
}
