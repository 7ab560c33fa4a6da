package ssm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// download fetches an object, or all under a prefix that ends in /, from S3 to the
// node ("aws:downloadContent", command document plugin reference).
func (j *job) download(ctx context.Context, st step) outcome {
	if t := j.text(st, "sourceType"); t != "S3" {
		return failed(1, "the twin does not model aws:downloadContent from %s", t)
	}
	var info struct{ Path string }
	if err := json.Unmarshal([]byte(j.text(st, "sourceInfo")), &info); err != nil {
		return failed(1, "sourceInfo is not valid JSON: %v", err)
	}
	bucket, key, err := location(info.Path)
	if err != nil {
		return failed(1, "%v", err)
	}
	to := j.text(st, "destinationPath")
	folder := to == "" || strings.HasSuffix(to, "/") || key == "" || strings.HasSuffix(key, "/")
	if !path.IsAbs(to) {
		to = path.Join(j.folder, to)
	}
	keys := []string{key}
	if key == "" || strings.HasSuffix(key, "/") {
		if keys, err = j.list(bucket, key); err != nil {
			return failed(1, "list s3://%s/%s: %v", bucket, key, err)
		}
		if len(keys) == 0 {
			return failed(1, "there is nothing under s3://%s/%s", bucket, key)
		}
	}
	base := key[:strings.LastIndex(key, "/")+1]
	for _, k := range keys {
		dest := to
		if folder {
			dest = path.Join(to, path.Clean("/"+strings.TrimPrefix(k, base)))
		}
		if strings.HasSuffix(k, "/") {
			continue // a folder's own marker
		}
		if err := j.fetch(ctx, object{bucket, k}, dest); err != nil {
			return failed(1, "download s3://%s/%s: %v", bucket, k, err)
		}
	}
	return outcome{types.CommandInvocationStatusSuccess, "Success", 0, fmt.Appendf(nil, "Content downloaded to %s\n", to), nil}
}

// fetch brings one object to the node. A modelled node only remembers where its
// files come from.
func (j *job) fetch(ctx context.Context, o object, dest string) error {
	body, err := j.open(o)
	if err != nil {
		return err
	}
	defer body.Close()
	if j.s.Machines.IsModelled(j.p.Instance) {
		j.fetched[dest] = o
		return nil
	}
	return j.s.Machines.Put(ctx, j.p.Instance, dest, 0o600, body)
}

// location takes an S3 address apart, of either style:
// https://s3.region.amazonaws.com/bucket/key or https://bucket.s3.region.amazonaws.com/key.
func location(address string) (bucket, key string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || !(strings.HasSuffix(u.Hostname(), ".amazonaws.com") || strings.HasSuffix(u.Hostname(), ".amazonaws.com.cn")) {
		return "", "", fmt.Errorf("%q is not an address in S3", address)
	}
	p := strings.TrimPrefix(u.Path, "/")
	if bucket, rest, ok := strings.Cut(u.Hostname(), ".s3"); ok && bucket != "" && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "-")) {
		return bucket, p, nil
	}
	bucket, key, _ = strings.Cut(p, "/")
	if bucket == "" {
		return "", "", fmt.Errorf("%q names no bucket", address)
	}
	return bucket, key, nil
}

// outputKey is where the agent puts an output.
func (c command) outputKey(instance, action, name, stream string) string {
	return path.Join(c.Prefix, c.ID, instance, strings.ReplaceAll(action, ":", ""), name, stream)
}

// upload writes a step's outputs to the command's bucket. Like the agent's, a failure
// does not change the step's result.
func (j *job) upload(st step, o outcome) {
	if j.c.Bucket == "" {
		return
	}
	for stream, data := range map[string][]byte{"stdout": o.stdout, "stderr": o.stderr} {
		if len(data) == 0 {
			continue
		}
		key := j.c.outputKey(j.p.Instance, st.Action, st.Name, stream)
		err := j.asNode(func(tx *world.Tx) error {
			_, err := j.s.Objects.PutObject(tx, &s3.PutObjectInput{Bucket: &j.c.Bucket, Key: &key, Body: bytes.NewReader(data)})
			return err
		})
		if err != nil {
			j.s.w.Log(world.Event{Time: j.s.w.Clock().Now(), Account: j.p.Account, Region: j.p.Region, Kind: "command.output.lost",
				Data: map[string]any{"command": j.p.Command, "key": key, "error": err.Error()}})
		}
	}
}

// hostRole is what instances without a profile are managed by ("Default Host Management
// Configuration", Systems Manager User Guide).
const hostRole = "AWSSystemsManagerDefaultEC2InstanceManagementRole"

// asNode asks S3 as the node's role, which policies of buckets in other accounts name. The
// twin has no roles of its own: that of an instance profile has the profile's name.
func (j *job) asNode(f func(tx *world.Tx) error) error {
	return j.s.w.Do(j.p.Account, j.p.Region, func(tx *world.Tx) error {
		role := hostRole
		if i, ok := j.s.EC2.InstanceByID(tx, j.p.Instance); ok && i.Profile != "" {
			role = path.Base(i.Profile)
		}
		tx.Caller = "arn:aws:sts::" + j.p.Account + ":assumed-role/" + role + "/" + j.p.Instance
		return f(tx)
	})
}

// list is the keys under a prefix.
func (j *job) list(bucket, prefix string) (keys []string, err error) {
	err = j.asNode(func(tx *world.Tx) error {
		in := &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix}
		for {
			out, err := j.s.Objects.ListObjectsV2(tx, in)
			if err != nil {
				return err
			}
			for _, o := range out.Contents {
				keys = append(keys, aws.ToString(o.Key))
			}
			if in.ContinuationToken = out.NextContinuationToken; in.ContinuationToken == nil {
				return nil
			}
		}
	})
	return keys, err
}

// open reads an object.
func (j *job) open(o object) (body io.ReadCloser, err error) {
	err = j.asNode(func(tx *world.Tx) error {
		out, err := j.s.Objects.GetObject(tx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.key})
		if err == nil {
			body = out.Body
		}
		return err
	})
	return body, err
}
