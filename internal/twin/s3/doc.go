// Package s3 is the twin's S3, thin: buckets and objects with conditional writes,
// ranges, checksums and lists, in path style or virtual-host style. There are no
// versions, policies or multipart uploads: a bucket belongs to its account alone.
package s3
